"""Figures of one reporter from a Comtrade Plus CSV download, as the columns of a prior table.

Files are Latin-1 or UTF-8 and may end their lines with a comma. Rows by customs procedure, mode of transport or second
partner are parts of others and are left out. Partners and products that the release doesn't list are added to its
residual, those below a split chapter or heading to its rest. Values are in US dollars: a growth factor brings them to
the office's currency.
"""

import io

import polars as pl

from release.codelists import codelist
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, RESIDUAL, Layout, Level, products_of

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
    kept = own.with_columns(cmdCode=_code()).with_columns(product=_product(layout)).filter(pl.col("product") != "")
    cells = kept.select(
        flow="flowCode",
        period=_period(),
        partner=_partner(layout),
        product="product",
        digits=pl.when(pl.col("cmdCode") == ALL_PRODUCTS).then(0).otherwise(pl.col("cmdCode").str.len_chars()),
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


def _code() -> pl.Expr:
    """Return a commodity's code with its lost zero restored."""
    code = pl.col("cmdCode")
    return (
        pl.when((code.str.len_chars() % 2 == 1) & (code != ALL_PRODUCTS))
        .then(pl.concat_str(pl.lit("0"), code))
        .otherwise(code)
    )


def _product(layout: Layout) -> pl.Expr:
    """Return the release's product of a code: itself, what is left of its chapter or heading, the residual, or none."""
    code = pl.col("cmdCode")
    found = [pl.when(code == ALL_PRODUCTS).then(pl.lit(ALL_PRODUCTS))]
    for level in (Level.CHAPTER, Level.HEADING, Level.SUBHEADING):
        listed = products_of(layout, level)
        rest = pl.concat_str(code.str.slice(0, level.digits - 2), pl.lit(RESIDUAL))
        own = pl.when(code.is_in(listed)).then(code).otherwise(pl.when(rest.is_in(listed)).then(rest))
        found.append(pl.when(code.str.len_chars() == level.digits).then(own))
    return pl.coalesce(*found, pl.lit(""))


def _level() -> pl.Expr:
    names = {level.digits: str(level) for level in (Level.CHAPTER, Level.HEADING, Level.SUBHEADING)}
    product = pl.col("digits").replace_strict(names, default="total", return_dtype=pl.String)
    whole, all_products = pl.col("partner") == ALL_PARTNERS, pl.col("digits") == 0
    by_partner = pl.when(all_products).then(pl.lit("partner")).otherwise(pl.concat_str(pl.lit("partner x "), product))
    return pl.when(whole).then(product).otherwise(by_partner)
