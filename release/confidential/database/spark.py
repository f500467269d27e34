"""Spark as an engine: in a session that others started, on Parquet files."""

import secrets
from collections.abc import Sequence

import ibis
import polars as pl
import pyarrow as pa
from ibis.expr.types import Table, Value
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, StructType

from release.errors import SchemaError

EXACT = "decimal(38,0)"


@ibis.udf.scalar.builtin(name="div", signature=((EXACT, EXACT), EXACT))  # type: ignore[untyped-decorator]
def _quotient(whole: int, by: int) -> int:  # type: ignore[empty-body]
    """Spark's own: exact on decimals; the quotient has 64 bits, in which all of ours fit."""


_KINDS = {
    "tinyint": "int8",
    "smallint": "int16",
    "int": "int32",
    "bigint": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp_ntz": "timestamp",
    "timestamp": "timestamp('UTC')",
}
_READ_AS: dict[object, str] = {
    pl.Int8: "tinyint",
    pl.Int16: "smallint",
    pl.Int32: "int",
    pl.Int64: "bigint",
    pl.UInt8: "smallint",
    pl.UInt16: "int",
    pl.UInt32: "bigint",
    pl.UInt64: "decimal(20,0)",
    pl.Float32: "float",
    pl.Float64: "double",
    pl.String: "string",
    pl.Categorical: "string",
    pl.Enum: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
}

_UNKNOWN = (
    "Spark doesn't know the kind of a column, perhaps of one that isn't mapped, such as times of day or half floats:"
    ' leave it out, or set engine = "polars"'
)


class Spark:
    """A session with the settings of `session`; what it keeps ends with it."""

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def files(self, places: Sequence[str], kinds: Sequence[pl.Schema]) -> Table:
        """Return the mapped columns of Parquet files, which are of these kinds, as a table of expressions.

        Raises:
            SchemaError: a file has a column that Spark doesn't read, or would read otherwise.
        """
        _check_kinds(kinds, None)
        try:
            found = self.session.read.option("mergeSchema", "true").parquet(*places)
        except Exception:  # noqa: BLE001 - Java's words may be anything
            raise SchemaError([_UNKNOWN]) from None
        mapped = found.select(*(f"`{name.replace('`', '``')}`" for name in kinds[0].names()))
        _check_kinds(kinds, mapped.schema)
        return self._named(mapped)

    def read(self, query: Table) -> pa.Table:
        """Return a query's rows."""
        return self._asked(query).toArrow()

    def keep(self, query: Table) -> Table:
        """Work a query out once and return its rows as a table; where they are lost they aren't worked out again."""
        return self._named(self._asked(query).localCheckpoint(eager=True))

    def once(self, query: Table) -> Table:
        """Return the query's rows as a table: Spark would work it out again wherever it stands."""
        return self.keep(query)

    def give(self, rows: pa.Table) -> Table:
        """Return rows of this process as a table."""
        return self._named(self.session.createDataFrame(rows))

    def divide(self, whole: Value, by: Value) -> Value:
        """Return the whole part of the quotient of two exact non-negative integers."""
        quotient: Value = _quotient(whole, by)
        return quotient

    def _asked(self, query: Table) -> DataFrame:
        return self.session.sql(str(ibis.pyspark.compile(query)))

    def _named(self, frame: DataFrame) -> Table:
        name = f"t{secrets.token_hex(8)}"
        frame.createTempView(name)
        return ibis.table({field.name: _kind(field.dataType) for field in frame.schema.fields}, name=name)


def _check_kinds(files: Sequence[pl.Schema], found: StructType | None) -> None:
    """Refuse columns that Spark reads as another kind than polars, or whose reading could fail at a single value.

    Times in milliseconds could (they are made larger), and those in nanoseconds aren't read as times.

    Raises:
        SchemaError: names each such column.
    """
    asked = {name: _read_as(kind) for schema in files for name, kind in schema.items()}
    kinds = asked if found is None else {field.name: field.dataType.simpleString() for field in found.fields}
    problems = dict.fromkeys(
        f"the column {name!r} is of the kind {kind}, which Spark doesn't read in the same way: write it otherwise (a"
        ' time as a date), or set engine = "polars"'
        for schema in files
        for name, kind in schema.items()
        if _read_as(kind) is None or kinds.get(name) != _read_as(kind)
    )
    if problems:
        raise SchemaError(list(problems))


def _read_as(kind: pl.DataType) -> str | None:
    """Return what Spark has to read a column as; None where it shouldn't."""
    if isinstance(kind, pl.Decimal):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, pl.Datetime):
        zones = {None: "timestamp_ntz", "UTC": "timestamp"}
        return zones.get(kind.time_zone) if kind.time_unit == "us" else None
    return _READ_AS.get(kind.base_type())


def _kind(kind: DataType) -> str:
    name: str = kind.simpleString()
    return _KINDS.get(name, name)
