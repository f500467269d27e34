"""Figures of one reporter from SDMX-CSV 2.0 or SDMX-ML in the structure of our bundles, as a prior table's columns.

Rows are those of trade in goods by UNSD:IMTS or of the structure derived from it: a code of the Harmonized System with
its edition's prefix (`HS22_8471`, `HS22_TOTAL`), the partner as ISO alpha-2 or `W0`. Rows by second partner are parts
of others and left out; so is what the release doesn't list. Amounts are multiplied out by `UNIT_MULT`.
"""

import io

import polars as pl

from release.bundle.sdmx.parsing import observations
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, RESIDUAL, Measure

MARKS = ("STRUCTURE_ID", "COMMODITY_1", "OBS_VALUE")
"""Columns that only these files have together."""

_NEEDED = ("REF_AREA", "TRADE_FLOW", "TIME_PERIOD", "COUNTERPART_AREA_1", "COMMODITY_1", "MEASURE", "OBS_VALUE")
_OPTIONAL = ("COUNTERPART_AREA_2", "UNIT_MULT")
_MEASURES = {str(measure).upper().replace(" ", "_"): str(measure) for measure in Measure}
_LEVELS = {2: "chapter", 4: "heading", 6: "subheading"}


def is_sdmx(content: bytes) -> bool:
    """Decide by the first line whether a CSV is SDMX-CSV 2.0 of trade in goods."""
    first = content.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").replace('"', "").strip().split(",")
    return set(MARKS) <= set(first)


def is_sdmx_ml(content: bytes) -> bool:
    """Decide by its first character whether a file is XML."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def sdmx_csv_figures(content: bytes, area: str) -> pl.DataFrame:
    """Return one row a cell of the reporter `area` (ISO alpha-2): the keys of a prior table, and `value`.

    Raises:
        polars.exceptions.PolarsError: a needed column is missing, or a value isn't a number.
    """
    return _figures(pl.read_csv(io.BytesIO(content), infer_schema=False), area)


def sdmx_ml_figures(content: bytes, area: str) -> pl.DataFrame:
    """Return the same from a data message, structure-specific or generic.

    Raises:
        ValueError: it isn't such a message, holds no figure, or lacks a needed component beside one.
        polars.exceptions.PolarsError: a value isn't a number.
    """
    found = observations(content, (*_NEEDED, *_OPTIONAL))
    schema = dict.fromkeys((*_NEEDED, *_OPTIONAL), pl.String)
    rows = pl.DataFrame(found, schema=schema).drop_nulls("OBS_VALUE")
    if rows.is_empty():
        raise ValueError("the message holds no figure")
    lacking = [name for name in _NEEDED if rows[name].null_count()]
    if lacking:
        raise ValueError(f"observations lack {', '.join(lacking)}")
    return _figures(rows, area)


def _figures(rows: pl.DataFrame, area: str) -> pl.DataFrame:
    own = rows.filter(pl.col("REF_AREA") == area, pl.col("MEASURE").is_in(list(_MEASURES)))
    if "COUNTERPART_AREA_2" in own.columns:
        own = own.filter(pl.col("COUNTERPART_AREA_2").fill_null(ALL_PARTNERS) == ALL_PARTNERS)
    power = pl.col("UNIT_MULT").fill_null("0").cast(pl.Float64) if "UNIT_MULT" in own.columns else pl.lit(0.0)
    return own.select(
        flow="TRADE_FLOW",
        period="TIME_PERIOD",
        partner="COUNTERPART_AREA_1",
        product=_product(),
        measure=pl.col("MEASURE").replace_strict(_MEASURES, return_dtype=pl.String),
        value=pl.col("OBS_VALUE").cast(pl.Float64) * 10.0**power,
    ).select("flow", "period", "partner", "product", _level().alias("level"), "measure", "value")


def _product() -> pl.Expr:
    return pl.col("COMMODITY_1").str.replace(r"^HS\d{2}_", "")


def _level() -> pl.Expr:
    listed = pl.col("product").str.strip_suffix(RESIDUAL)
    finer = pl.when(pl.col("product").str.ends_with(RESIDUAL)).then(2).otherwise(0)
    digits = listed.str.len_chars() + finer
    kind = digits.replace_strict(_LEVELS, default="", return_dtype=pl.String)
    kind = pl.when(pl.col("product").str.starts_with("S")).then(pl.lit("section")).otherwise(kind)
    by_partner = pl.concat_str(pl.lit("partner x "), kind)
    whole, everything = pl.col("partner") == ALL_PARTNERS, pl.col("product") == ALL_PRODUCTS
    return (
        pl.when(everything)
        .then(pl.when(whole).then(pl.lit("total")).otherwise(pl.lit("partner")))
        .otherwise(pl.when(whole).then(kind).otherwise(by_partner))
    )
