"""Figures of one reporter from a Comtrade Plus CSV download, as the columns of a prior table.

Files are Latin-1 or UTF-8 and may end their lines with a comma. Rows by customs procedure, mode of transport or second
partner are parts of others and are left out; HS levels other than the total and chapters too. Partners and chapters
that the release doesn't list are added to its residual. Values are in US dollars: a growth factor brings them to the
office's currency.
"""

import io

import polars as pl

from release.codelists import codelist
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, RESIDUAL, Layout

MARK = "primaryValue"
"""A column that only these files have."""

_WHOLE = {"customsCode": "C00", "motCode": "0", "partner2Code": "0"}
_KEYS = ("flow", "period", "partner", "product", "level", "measure")


def is_comtrade(content: bytes) -> bool:
    """Decide by the first line whether a CSV is a Comtrade Plus download."""
    return MARK in content.split(b"\n", 1)[0].decode("latin-1")


def comtrade_figures(content: bytes, layout: Layout, area: str) -> pl.DataFrame:
    """Return one row a cell of the reporter `area` (ISO alpha-2): the keys of a prior table, and `value`.

    Raises:
        polars.exceptions.PolarsError: a needed column is missing, or a value isn't a number.
    """
    rows = pl.read_csv(io.BytesIO(_text(content).encode()), infer_schema=False, truncate_ragged_lines=True)
    reporter = {row["alpha2"]: row["alpha3"] for row in codelist("areas").rows}[area]
    own = rows.filter(pl.col("reporterISO") == reporter, *_whole(rows))
    product, digits = _product(layout), pl.col("cmdCode").str.len_chars()
    kept = own.filter((pl.col("cmdCode") == ALL_PRODUCTS) | (digits <= 2))  # noqa: PLR2004
    cells = kept.select(
        flow="flowCode",
        period=_period(),
        partner=_partner(layout),
        product=product,
        value=pl.col(MARK).cast(pl.Float64),
        mass=pl.col("netWgt").replace("", None).cast(pl.Float64),
    )
    measured = [
        cells.with_columns(measure=pl.lit(measure), value=pl.col(column))
        for measure, column in (("value", "value"), ("net mass", "mass"))
    ]
    return pl.concat(measured).with_columns(level=_level()).group_by(_KEYS, maintain_order=True).agg(pl.sum("value"))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _whole(rows: pl.DataFrame) -> list[pl.Expr]:
    return [pl.col(name).fill_null(code) == code for name, code in _WHOLE.items() if name in rows.columns]


def _period() -> pl.Expr:
    period = pl.col("period")
    month = pl.concat_str(period.str.slice(0, 4), pl.lit("-"), period.str.slice(4, 2))
    return pl.when(period.str.len_chars() == 6).then(month).otherwise(period)  # noqa: PLR2004


def _partner(layout: Layout) -> pl.Expr:
    known = {row["alpha3"]: row["alpha2"] for row in codelist("areas").rows if row["alpha2"] in layout.partners}
    return pl.col("partnerISO").replace_strict({**known, "W00": ALL_PARTNERS}, default=RESIDUAL, return_dtype=pl.String)


def _product(layout: Layout) -> pl.Expr:
    """Return the chapter with its lost zero restored, the total, or the residual."""
    code = pl.col("cmdCode").str.zfill(2)
    return pl.when(code.is_in([ALL_PRODUCTS, *layout.chapters])).then(code).otherwise(pl.lit(RESIDUAL))


def _level() -> pl.Expr:
    whole, all_products = pl.col("partner") == ALL_PARTNERS, pl.col("product") == ALL_PRODUCTS
    return (
        pl.when(whole & all_products)
        .then(pl.lit("total"))
        .when(all_products)
        .then(pl.lit("partner"))
        .when(whole)
        .then(pl.lit("chapter"))
        .otherwise(pl.lit("partner x chapter"))
    )
