"""The published table: its columns, and its bytes as Parquet and as CSV."""

import io

import polars as pl

OBSERVATION_SCHEMA = pl.Schema(
    {
        "office": pl.String,
        "period": pl.String,
        "flow": pl.String,
        "partner": pl.String,
        "product": pl.String,
        "level": pl.String,
        "measure": pl.String,
        "measured": pl.Float64,
        "measured_sd": pl.Float64,
        "estimate": pl.Float64,
        "sd": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "exposure": pl.Float64,
        "display": pl.Float64,
    }
)
"""What an observation's columns are; a row is one cell of one measure."""

KEY = ("office", "period", "flow", "partner", "product", "level", "measure")
"""What names a cell; no two rows share one."""


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    table.write_parquet(sink, compression="zstd", statistics=True)
    return sink.getvalue()


def csv_bytes(table: pl.DataFrame) -> bytes:
    """Return a table as CSV: UTF-8, LF, numbers that read back to the same doubles, INF for infinity."""
    unbounded = [name for name, kind in table.schema.items() if kind == pl.Float64 and table[name].is_infinite().any()]
    told = table.with_columns(
        pl.when(pl.col(name).is_infinite()).then(pl.lit("INF")).otherwise(pl.col(name).cast(pl.String)).alias(name)
        for name in unbounded
    )
    return told.write_csv(quote_style="necessary", float_scientific=False).encode()


def read_csv(content: bytes) -> pl.DataFrame:
    """Return the table that CSV bytes hold, with the published columns and kinds."""
    text = pl.read_csv(content, infer_schema=False, missing_utf8_is_empty_string=True)
    return text.select(
        pl.col(name).str.replace("INF", "inf").cast(pl.Float64) if kind == pl.Float64 else pl.col(name)
        for name, kind in OBSERVATION_SCHEMA.items()
    )
