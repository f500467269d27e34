"""DuckDB as an engine: in this process, larger than memory, on Parquet files or a database's file."""

import secrets
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table, Value

EXACT = "decimal(38,0)"


@ibis.udf.scalar.builtin(name="exact_quotient", signature=((EXACT, EXACT), EXACT))  # type: ignore[untyped-decorator]
def _quotient(whole: int, by: int) -> int:  # type: ignore[empty-body]
    """Defined as a macro: DuckDB divides decimals as doubles, and 128-bit integers exactly."""


class DuckDB:
    """A connection of its own; what it spills is removed when it is closed.

    What it spills isn't encrypted: DuckDB can only with an extension that would have to be fetched from elsewhere.
    """

    def __init__(self, *, folder: Path, memory: str = "75%") -> None:
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("set enable_progress_bar = false")
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute("set preserve_insertion_order = false")
        self.connection.execute(f"set memory_limit = '{memory}'")
        self.connection.execute(f"set temp_directory = '{_quoted(folder)}'")
        self.connection.execute(
            "create temp macro exact_quotient(a, b) as cast(cast(a as hugeint) // cast(b as hugeint) as decimal(38, 0))"
        )

    def table(self, sql: str) -> Table:
        """Return a table or a reading function, by its SQL, as a table of expressions."""
        name = _fresh()
        self.connection.execute(f"create temp view {name} as select * from {sql}")  # noqa: S608
        return self._named(name)

    def read(self, query: Table) -> pa.Table:
        """Return a query's rows."""
        return self.connection.sql(ibis.to_sql(query, dialect="duckdb")).to_arrow_table()

    def keep(self, query: Table) -> Table:
        """Work a query out once and return its rows as a table."""
        name = _fresh()
        self.connection.execute(f"create temp table {name} as {ibis.to_sql(query, dialect='duckdb')}")
        return self._named(name)

    def once(self, query: Table) -> Table:
        """Return the query: the database works out once what others are made of several times."""
        return query

    def give(self, rows: pa.Table) -> Table:
        """Return rows of this process as a table."""
        name = _fresh()
        self.connection.register(f"given_{name}", rows)
        self.connection.execute(f"create temp table {name} as select * from given_{name}")  # noqa: S608
        self.connection.unregister(f"given_{name}")
        return self._named(name)

    def divide(self, whole: Value, by: Value) -> Value:
        """Return the whole part of the quotient of two exact non-negative integers."""
        quotient: Value = _quotient(whole, by)
        return quotient

    def close(self) -> None:
        """End the connection, and everything in it."""
        self.connection.close()

    def _named(self, name: str) -> Table:
        empty = self.connection.sql(f"select * from {name} limit 0").to_arrow_table()  # noqa: S608
        return ibis.table(ibis.Schema.from_pyarrow(empty.schema), name=name)


def parquet(paths: list[str]) -> str:
    """Return the SQL that reads Parquet files."""
    listed = ", ".join(f"'{_quoted(path)}'" for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _fresh() -> str:
    return f"t{secrets.token_hex(8)}"


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
