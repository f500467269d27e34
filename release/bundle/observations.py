"""The published table: its columns, the precision that its figures are stated at, its bytes as Parquet and as CSV."""

import io
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.cells import inert

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
        "unit": pl.String,
    }
)
"""What an observation's columns are; a row is one cell of one measure."""

KEY = ("office", "period", "flow", "partner", "product", "level", "measure")
"""What names a cell; no two rows share one."""

_UNITS = {"declarations": "lines", "traders": "traders", "net mass": "kg"}


def unit_code(measure: str, currency: str) -> str:
    """Return the unit of a measure's figures as a table has it: a currency's code, `lines`, `traders` or `kg`."""
    return _UNITS.get(measure, currency)


STATED_DIGITS = 6
"""Figures are stated to this many digits of their cell's measured noise; what is finer would be digits of noise."""

Rounding = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_STATED: dict[str, Rounding] = {
    "measured": np.rint,
    "measured_sd": np.ceil,
    "estimate": np.rint,
    "sd": np.ceil,
    "low": np.floor,
    "high": np.ceil,
    "exposure": np.ceil,
}
"""Each column's rounding: standard deviations and bounds never get smaller by it, nor intervals narrower."""


def stated(table: pl.DataFrame) -> pl.DataFrame:
    """Return observations at the precision at which they are published.

    A cell's figures are whole multiples of 10^(floor(log10(measured_sd)) - 5), so they lie within a hundred-thousandth
    of the noise's standard deviation of the exact ones. Parquet and CSV hold these.
    """
    noise = table["measured_sd"].to_numpy()
    return table.with_columns(pl.Series(name, stated_figures(table[name].to_numpy(), noise, name)) for name in _STATED)


def stated_figures(figures: NDArray[np.float64], noise: NDArray[np.float64], column: str) -> NDArray[np.float64]:
    """Return a column's figures, shape (cells,), as they are stated beside noise of these standard deviations.

    Steps are powers of ten, and a step or its inverse is a whole number where it is used, so that figures come out as
    the doubles nearest to short decimals.
    """
    place = np.floor(np.log10(noise) + 1e-9) - (STATED_DIGITS - 1)
    coarse, fine = 10.0 ** np.maximum(place, 0), 10.0 ** np.maximum(-place, 0)
    steps = np.where(np.isfinite(figures), figures / coarse * fine, 0.0)
    nearest = np.rint(steps)
    whole = np.where(np.abs(steps - nearest) <= 1e-9 * np.maximum(np.abs(steps), 1.0), nearest, _STATED[column](steps))
    return np.where(np.isfinite(figures), whole / fine * coarse + 0.0, figures)


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    table.write_parquet(sink, compression="zstd", statistics=True)
    return sink.getvalue()


def csv_bytes(table: pl.DataFrame) -> bytes:
    """Return a table as CSV: UTF-8, LF, numbers that read back to the same doubles, INF for infinity, no formulas."""
    return with_numbers_told(inert(table)).write_csv(quote_style="necessary").encode()


def with_numbers_told(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with its numbers as text: the shortest digits that read back to the same double, no exponent."""
    numbers = [name for name, kind in table.schema.items() if kind == pl.Float64]
    written = table.select(numbers).write_csv(float_scientific=False).encode()
    told = pl.read_csv(written, infer_schema=False).with_columns(pl.all().str.replace("inf", "INF", literal=True))
    return table.with_columns(told)


def read_csv(content: bytes) -> pl.DataFrame:
    """Return the table that CSV bytes hold, with the published columns and kinds."""
    text = pl.read_csv(content, infer_schema=False, missing_utf8_is_empty_string=True)
    return text.select(
        pl.col(name).str.replace("INF", "inf").cast(pl.Float64) if kind == pl.Float64 else pl.col(name)
        for name, kind in OBSERVATION_SCHEMA.items()
    )
