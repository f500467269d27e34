"""PostgreSQL as an engine: in the one transaction that holds the table, from the digest to the sums."""

import secrets
from typing import Any

import ibis
import psycopg
import pyarrow as pa
from ibis.expr.types import Table, Value
from psycopg.sql import Composable

from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors
from release.confidential.rules import LARGEST_LINE, Ids
from release.confidential.tables import HeldTable
from release.plan import ReleasePlan

EXACT = "decimal(38,0)"


@ibis.udf.scalar.builtin(name="div", signature=((EXACT, EXACT), EXACT))  # type: ignore[untyped-decorator]
def _quotient(whole: int, by: int) -> int:  # type: ignore[empty-body]
    """PostgreSQL's own: exact on numerics of any size."""


_KINDS = {
    "bool": "boolean",
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "float4": "float32",
    "float8": "float64",
    "text": "string",
    "varchar": "string",
    "bpchar": "string",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp('UTC')",
    "numeric": "decimal",
}
_GIVEN = {pa.int64(): "bigint", pa.float64(): "double precision", pa.string(): "text", pa.date32(): "date"}


def vectors_of_table(
    table: HeldTable, plan: ReleasePlan, ids: Ids, *, rows: int | None = None, protected: tuple[str, ...] = ()
) -> Vectors:
    """Return each tier's and measure's clipped integer vector before noise, of the first `rows` rows or of all.

    It is worked out in the transaction that holds the table; what was made for it is gone afterwards.
    """
    with table.connection.transaction(force_rollback=True):
        database = Postgres(table.connection)
        held = database.view(table.query())
        return database_vectors(database, held if rows is None else held.limit(rows), plan, ids, protected=protected)


class Postgres:
    """A database in a transaction that others opened and will roll back; temporary tables are dropped with it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.connection.execute("set local max_parallel_workers_per_gather = 0")

    def view(self, query: Composable) -> Table:
        """Return a query as a table, not yet worked out; numerics of any length become some of a known one."""
        asked = query.as_string(self.connection)
        cursor = self.connection.execute(f"select * from ({asked}) as asked limit 0".encode())  # noqa: S608
        known = self.connection.adapters.types
        columns = ", ".join(
            _bounded(_quoted(column.name)) if _kind(column, known) == "decimal" else _quoted(column.name)
            for column in cursor.description or ()
        )
        name = _fresh()
        self._run(f"create temporary view {name} as select {columns} from ({asked}) as asked")  # noqa: S608
        return self._named(name)

    def read(self, query: Table) -> pa.Table:
        """Return a query's rows."""
        rows = self.connection.execute(self._sql(query)).fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * len(query.columns)
        schema = query.schema().to_pyarrow()
        arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
        return pa.table(arrays, names=list(query.columns))

    def keep(self, query: Table) -> Table:
        """Work a query out once and return its rows as a table."""
        name = _fresh()
        self._run(f"create temporary table {name} on commit drop as {self._sql(query)}")
        self._run(f"analyze {name}")
        return ibis.table(query.schema(), name=name)

    def once(self, query: Table) -> Table:
        """Return the query: the database works out once what others are made of several times."""
        return query

    def give(self, rows: pa.Table) -> Table:
        """Return rows of this process as a table."""
        name = _fresh()
        columns = ", ".join(f'"{column.name}" {_given(column.type)}' for column in rows.schema)
        self._run(f"create temporary table {name} ({columns}) on commit drop")
        with self.connection.cursor().copy(f"copy {name} from stdin") as copy:
            for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                copy.write_row(row)
        self._run(f"analyze {name}")
        return self._named(name)

    def divide(self, whole: Value, by: Value) -> Value:
        """Return the whole part of the quotient of two exact non-negative integers."""
        quotient: Value = _quotient(whole, by)
        return quotient

    def _sql(self, query: Table) -> str:
        return str(ibis.to_sql(query, dialect="postgres"))

    def _run(self, sql: str) -> None:
        self.connection.execute(sql.encode())

    def _named(self, name: str) -> Table:
        cursor = self.connection.execute(f"select * from {name} limit 0".encode())  # noqa: S608
        known = self.connection.adapters.types
        schema = {column.name: _kind(column, known) for column in cursor.description or ()}
        return ibis.table(schema, name=name)


def _kind(column: Any, known: Any) -> str:
    info = known.get(column.type_code)
    kind = _KINDS.get(info.name if info else "", "string")
    if kind == "decimal" and column.precision is not None:
        return f"decimal({min(column.precision, 38)},{column.scale})"
    return kind


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bounded(column: str) -> str:
    """Return a numeric within the largest amount of a line, cut after so many digits that rounding doesn't change."""
    most = LARGEST_LINE
    cut = f"case when {column} > {most} then {most} when {column} < -{most} then -{most} else trunc({column}, 18) end"
    return f"({cut})::numeric(38, 18) as {column}"


def _given(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    return _GIVEN[pa.string() if pa.types.is_large_string(kind) else kind]


def _fresh() -> str:
    return f"t{secrets.token_hex(8)}"
