"""A table of a PostgreSQL database as a source: one transaction sees one state of it, from the digest to the last row.

Before the charge the server digests the rows, and sends the digest alone; rows are asked for after it, in the same
REPEATABLE READ transaction, so that what was digested is what is read, whatever others write meanwhile. What a column
may be is decided by its kind, which is the table's and no record's. Only stored rows are read: what is worked out while
it is read (views, virtual columns, policies on rows, other servers' tables) could fail at a record, and so tell of it.
The server's own messages can quote a value: none is passed on.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import polars as pl
import psycopg
import pyarrow.parquet as pq
from psycopg import sql

from release.confidential.boundary import sealed
from release.confidential.sessions import connected
from release.confidential.sources import HeldFile, columns_of, held_file, names_in
from release.config.source import FieldSource, Source
from release.errors import DatabaseError, MirrorsError, NotStoredError, SchemaError

TEXTS = ("text", "varchar", "bpchar", "uuid", "an enumeration")
WHOLE = ("int2", "int4", "int8")
FLOATS = ("float4", "float8")
DATES = ("date", "timestamp")

_BLOCK = 1 << 25
_ESCAPED = {"\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\b": "\b", "\\f": "\f", "\\v": "\v"}
_STORED = frozenset("rpm")
_WORKED_OUT = {"v": "it is a view", "f": "it is a table of another server"}
_BYPASS = " Or give the role BYPASSRLS, with which it sees all rows as they are stored."
_KIND = "SELECT relkind::text FROM pg_class WHERE oid = %s"
_POLICIES = "SELECT row_security_active(%s::oid)"
_PARTS = """
    WITH RECURSIVE tree (oid) AS (
        SELECT %s::oid UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN tree ON i.inhparent = tree.oid
    )
    SELECT c.relkind::text FROM tree JOIN pg_class AS c USING (oid)
"""
_COLUMNS = """
    SELECT a.attname, CASE WHEN coalesce(b.typtype, t.typtype) = 'e' THEN 'an enumeration'
                           ELSE coalesce(b.typname, t.typname) END,
           has_column_privilege(a.attrelid, a.attnum, 'SELECT'), a.attgenerated IN ('', 's')
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
_DIGEST = """
    SELECT sha256(coalesce(string_agg(part, ''::bytea ORDER BY place), ''::bytea)) FROM (
        SELECT substr(hash, 1, 2) AS place, sha256(string_agg(hash, ''::bytea ORDER BY hash)) AS part
        FROM (SELECT sha256(convert_to(ROW({})::text, 'UTF8')) AS hash FROM {}) AS hashed GROUP BY 1
    ) AS parts
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """How a column is read: the expression that the server works out, and the kind that its text becomes here."""

    name: str
    expression: sql.Composable
    kind: pl.DataType | type[pl.DataType]


class HeldTable:
    """A table in a transaction of its own, which is never committed and ends with the connection.

    Where `work` is to be done in the database itself, the transaction may make temporary tables; else it only reads.
    """

    def __init__(self, source: Source, *, work: bool = False) -> None:
        self.connection = sealed("database", lambda: connected(str(source.service), work=work))
        self._source = source
        self.relation = sql.Identifier(*str(source.table).split("."))
        try:
            self._place = sealed("database", self._found)
            self.columns = sealed("schema", self._columns)
        except MirrorsError:
            self.close()
            raise

    def digest(self) -> bytes:
        """Return the SHA-256 over the columns' names and the sorted SHA-256 of all rows; confidential.

        Neither the rows' order nor where they lie decides anything: the same rows, restored elsewhere, have it again.
        """
        whole = hashlib.sha256()
        for column in self.columns:
            whole.update(len(column.name.encode()).to_bytes(8, "big") + column.name.encode())
        whole.update(sealed("digest", self._rows_digest))
        return whole.digest()

    def frames(self) -> Iterator[pl.LazyFrame]:
        """Yield all rows in frames of some thousand each, of the columns' kinds."""
        yield self.empty()
        for block in self._blocks():
            yield _parsed(block, self.columns).lazy()

    def empty(self) -> pl.LazyFrame:
        """Return no rows, with the columns and kinds that all frames have."""
        return pl.LazyFrame(schema={column.name: column.kind for column in self.columns})

    def copied(self, file: BinaryIO) -> HeldFile:
        """Return the rows as a Parquet file, written into an open one; for a private look at them as a whole."""
        schema = self.empty().collect().to_arrow().schema
        with pq.ParquetWriter(file, schema) as writer:
            for frame in self.frames():
                writer.write_table(frame.collect().to_arrow().cast(schema))
        file.flush()
        return held_file(file.fileno(), "table", "the table")

    def query(self) -> sql.Composed:
        """Return the query of all rows, with the columns' names."""
        listed = (sql.SQL("{} AS {}").format(one.expression, sql.Identifier(one.name)) for one in self.columns)
        return sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(listed), self.relation)

    def close(self) -> None:
        """Roll back, and end the connection."""
        self.connection.close()

    def _found(self) -> int:
        """Return which table it is.

        Raises:
            DatabaseError: there is none, or its rows aren't stored, all of them, as they are read.
        """
        service, table = str(self._source.service), str(self._source.table)
        try:
            place = self._one("SELECT to_regclass(%s)::oid", [self.relation.as_string(self.connection)])
            kind = None if place is None else self._one(_KIND, [place])
        except psycopg.Error:
            place = kind = None
        if kind is None:
            raise DatabaseError(service, f"there is no table {table} that the role can see")
        if kind not in _STORED:
            raise NotStoredError(table, _WORKED_OUT.get(kind, "it isn't a table"))
        self._hold_stored(int(place or 0), table)
        return int(place or 0)

    def _hold_stored(self, place: int, table: str) -> None:
        """Refuse a table of whose rows, or of a part's, something is worked out while they are read.

        Raises:
            NotStoredError: with what is.
        """
        if self._one(_POLICIES, [place]):
            raise NotStoredError(table, "the role sees its rows through policies of row-level security", _BYPASS)
        kinds = {kind for (kind,) in self.connection.execute(_PARTS.encode(), [place]).fetchall()}
        if not kinds <= _STORED:
            raise NotStoredError(table, "a part of it is a table of another server")

    def _one(self, query: str, given: Sequence[object]) -> Any:
        found = self.connection.execute(query.encode(), given).fetchone()
        return None if found is None else found[0]

    def _columns(self) -> tuple[Read, ...]:
        """Return how each mapped column is read.

        Raises:
            SchemaError: with every column that is missing, of a kind that isn't read, or worked out while it is read.
        """
        rows = self.connection.execute(_COLUMNS.encode(), [self._place]).fetchall()
        kinds = {name: kind for name, kind, _, _ in rows}
        closed = [name for name, _, readable, _ in rows if not readable]
        virtual = [name for name, _, _, stored in rows if not stored]
        wanted = columns_of(self._source)
        lacking = [repr(name) for name in wanted if name not in kinds]
        problems = [f"the table has no column {', '.join(lacking)}"] if lacking else []
        problems += [f"the role may not read the column {name!r}" for name in wanted if name in closed]
        problems += [f"the column {name!r} is virtual; make a stored one of it" for name in wanted if name in virtual]
        reads = [(name, kinds[name], read_of(name, kinds[name], self._source)) for name in wanted if name in kinds]
        problems += [
            f"the column {name!r} is of the kind {kind}, which isn't read there; make a stored column, or a"
            " materialized view, of it as text, a whole number, a numeric or a date"
            for name, kind, read in reads
            if read is None
        ]
        if problems:
            raise SchemaError(problems)
        return tuple(read for _, _, read in reads if read is not None)

    def _rows_digest(self) -> bytes:
        expressions = sql.SQL(", ").join(column.expression for column in self.columns)
        found = self.connection.execute(sql.SQL(_DIGEST).format(expressions, self.relation)).fetchone()
        if found is None:
            raise LookupError
        return bytes(found[0])

    def _blocks(self) -> Iterator[bytes]:
        """Yield the rows in PostgreSQL's text form, a line a row, many lines at a time."""
        with self.connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(self.query())) as copy:
            held, size = [], 0
            for line in copy:
                held.append(line)
                size += len(line)
                if size > _BLOCK:
                    yield b"".join(held)
                    held, size = [], 0
            if held:
                yield b"".join(held)


def read_of(name: str, kind: str, source: Source) -> Read | None:
    """Return how a column of a kind is read for what the config maps it to; None where that isn't read."""
    column = sql.Identifier(name)
    columns = source.columns
    if name in _plain_names(columns.date, source) and kind in DATES:
        date = sql.SQL("CASE WHEN isfinite({0}) THEN {0}::date END").format(column)
        return Read(name=name, expression=date, kind=pl.Date)
    if name in (*_plain_names(columns.value, source), *_plain_names(columns.net_mass, source)):
        if kind == "numeric":
            finite = sql.SQL("CASE WHEN {0} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {0} END").format(column)
            return Read(name=name, expression=finite, kind=pl.String)
        if kind in FLOATS:
            return Read(name=name, expression=sql.SQL("{}::float8").format(column), kind=pl.Float64)
        if kind in WHOLE:
            return Read(name=name, expression=sql.SQL("{}::int8").format(column), kind=pl.Int64)
    ids = {own for field in (columns.trader, columns.declaration) if field is not None for own in names_in(field)}
    if kind in (*TEXTS, *WHOLE) or (kind == "numeric" and name not in ids):
        return Read(name=name, expression=sql.SQL('{}::text COLLATE "C"').format(column), kind=pl.String)
    return None


def _plain_names(field: FieldSource | None, source: Source) -> tuple[str, ...]:
    """Return the table's columns that a field is, by itself or in a view of each row."""
    name = field if isinstance(field, str) or field is None else field.column
    made = [view[name] for view in source.views if name in view]
    if made:
        return tuple(one for one in made if isinstance(one, str))
    return () if name is None else (name,)


def _parsed(block: bytes, columns: Sequence[Read]) -> pl.DataFrame:
    """Return lines of PostgreSQL's text form as a frame."""
    frame = pl.read_csv(
        io.BytesIO(block),
        separator="\t",
        quote_char=None,
        has_header=False,
        schema={column.name: pl.String for column in columns},
        null_values="\\N",
        missing_utf8_is_empty_string=True,
    )
    if b"\\" in block.replace(b"\\N", b""):
        frame = frame.with_columns(pl.all().str.replace_many(list(_ESCAPED), list(_ESCAPED.values())))
    return frame.with_columns(
        pl.col(column.name).cast(column.kind, strict=False) for column in columns if column.kind != pl.String
    )
