"""PostgreSQL as an engine: one transaction that sees one state of the database, from the digest to the sums."""

import secrets
from typing import Any

import ibis
import psycopg
import pyarrow as pa
from ibis.expr.types import Table, Value

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


class Postgres:
    """A transaction of its own, never committed; temporary tables are dropped with it."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=False)
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.connection.execute("set local client_min_messages = 'error'")
        self.connection.execute("set local max_parallel_workers_per_gather = 0")

    def table(self, name: str) -> Table:
        """Return a table by its name."""
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

    def close(self) -> None:
        """Roll back, and end the connection."""
        self.connection.close()

    def _sql(self, query: Table) -> str:
        return str(ibis.to_sql(query, dialect="postgres"))

    def _run(self, sql: str) -> None:
        self.connection.execute(sql.encode())

    def _named(self, name: str) -> Table:
        cursor = self.connection.execute(f"select * from {name} limit 0".encode())  # noqa: S608
        known = self.connection.adapters.types
        schema = {column.name: _kind(column, known) for column in cursor.description or ()}
        catalog = name.split(".")
        return ibis.table(schema, name=catalog[-1], database=catalog[0] if len(catalog) > 1 else None)


def _kind(column: Any, known: Any) -> str:
    info = known.get(column.type_code)
    kind = _KINDS.get(info.name if info else "", "string")
    if kind == "decimal" and column.precision is not None:
        return f"decimal({min(column.precision, 38)},{column.scale})"
    return kind


def _given(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    return _GIVEN[pa.string() if pa.types.is_large_string(kind) else kind]


def _fresh() -> str:
    return f"t{secrets.token_hex(8)}"
