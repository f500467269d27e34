"""Spark as an engine: a session of its own on this machine, or the cluster that the office's settings name."""

import secrets
import warnings
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.types import Table, Value
from pyspark.sql import SparkSession

EXACT = "decimal(38,0)"


@ibis.udf.scalar.builtin(name="div", signature=((EXACT, EXACT), "int64"))  # type: ignore[untyped-decorator]
def _quotient(whole: int, by: int) -> int:  # type: ignore[empty-body]
    """Spark's own: exact on decimals, a 64-bit integer, which every quotient here fits."""


class Spark:
    """A session; what is spilled is encrypted."""

    def __init__(self, *, folder: Path, master: str | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # of parts of Spark that go through pandas, which none here does
            _ = ibis.pyspark  # its options have to be there before its SQL can be made
        builder: Any = SparkSession.builder
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.eventLog.enabled": "false",
            "spark.io.encryption.enabled": "true",
            "spark.local.dir": str(folder),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.ansi.enabled": "true",
            "spark.sql.shuffle.partitions": "16",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.master(master or "local[*]").getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")
        self._kept: list[Any] = []

    def table(self, name: str) -> Table:
        """Return a table of the catalogue by its name."""
        return self._viewed(self.session.table(name))

    def files(self, paths: list[str]) -> Table:
        """Return the rows of Parquet files as a table."""
        return self._viewed(self.session.read.parquet(*paths))

    def read(self, query: Table) -> pa.Table:
        """Return a query's rows."""
        found: pa.Table = self.session.sql(self._sql(query)).toArrow()
        return found

    def keep(self, query: Table) -> Table:
        """Work a query out once and return its rows as a table."""
        frame = self.session.sql(self._sql(query)).persist()
        self._kept.append(frame)
        return self._viewed(frame)

    def give(self, rows: pa.Table) -> Table:
        """Return rows of this process as a table."""
        return self._viewed(self.session.createDataFrame(rows))

    def divide(self, whole: Value, by: Value) -> Value:
        """Return the whole part of the quotient of two exact non-negative integers."""
        quotient: Value = _quotient(whole, by)
        return quotient

    def close(self) -> None:
        """Forget what was kept; the session stays for the process."""
        for frame in self._kept:
            frame.unpersist()

    def _sql(self, query: Table) -> str:
        return str(ibis.to_sql(query, dialect="pyspark"))

    def _viewed(self, frame: Any) -> Table:
        name = f"t{secrets.token_hex(8)}"
        frame.createOrReplaceTempView(name)
        schema = frame.limit(0).toArrow().schema
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)
