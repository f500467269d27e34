"""The published cells of all bundles as one table: filtered, ordered, and as files to take away."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import polars as pl

from dashboard import names
from dashboard.mirrored import Gaps
from dashboard.sources import release_of
from dashboard.synthetic import is_synthetic
from release.bundle.cells import inert
from release.bundle.verification import Bundle
from release.mirror.comparison import MirrorCell

ANY = "any"

ORDERS: Mapping[str, tuple[str, bool]] = {
    "as published": ("", False),
    "largest estimate": ("estimate", True),
    "smallest estimate": ("estimate", False),
    "largest noise": ("sd", True),
    "least noise": ("sd", False),
}
"""The ways to order cells: column, and whether it falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cells are wanted; `any` leaves a column open, `search` is a code's beginning or a part of a name."""

    office: str = ANY
    period: str = ANY
    flow: str = ANY
    level: str = ANY
    measure: str = "value"
    search: str = ""


def cells_of(bundles: Iterable[Bundle]) -> pl.DataFrame:
    """Return all observations with `release`, `synthetic` and `valuation`, one row a cell of a release."""
    parts = [
        bundle.observations.with_columns(
            release=pl.lit(release_of(bundle)),
            synthetic=pl.lit(is_synthetic(bundle)),
            valuation=pl.col("flow").replace_strict(bundle.metadata["valuation"], default="unknown"),
        )
        for bundle in bundles
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def wanted_cells(cells: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Return the cells that fit, in their order; a partner's code in capitals means that partner alone."""
    fits = pl.col("measure") == wanted.measure
    for column in ("office", "period", "flow", "level"):
        asked = getattr(wanted, column)
        if asked != ANY:
            fits &= pl.col(column) == asked
    found = cells.filter(fits)
    for word in wanted.search.split():
        partners = found["partner"].unique().to_list()
        exact = [code for code in partners if word in {code, names.alpha3_of(code)}]
        if exact:
            found = found.filter(pl.col("partner").is_in(exact))
            continue
        partners = _named(partners, names.area, word)
        products = _named(found["product"].unique().to_list(), names.product, word)
        found = found.filter(pl.col("partner").is_in(partners) | pl.col("product").is_in(products))
    return found


def _named(codes: list[str], named: Callable[[str], str], word: str) -> list[str]:
    """Return the codes that begin with a word or whose name holds it; a number is looked for among codes only."""
    low = word.lower()
    if word.isdigit():
        return [code for code in codes if code.startswith(word)]
    return [code for code in codes if code.lower().startswith(low) or low in named(code).lower()]


def ordered(cells: pl.DataFrame, order: str) -> pl.DataFrame:
    """Return the cells in one of `ORDERS`."""
    column, falls = ORDERS[order]
    return cells.sort(column, descending=falls, maintain_order=True) if column else cells


def with_verdicts(cells: pl.DataFrame, mirrors: Iterable[MirrorCell]) -> pl.DataFrame:
    """Return the cells with what their mirrors say, null where a cell has none among `mirrors`.

    The columns: `verdict`, its interval's `verdict_level`, `band_low` and `band_high`, and `conditional_on`.
    """
    sides: list[dict[str, object]] = []
    for one in mirrors:
        same: dict[str, object] = {
            "period": one.period,
            "level": one.level,
            "product": one.product,
            "verdict": one.verdict,
            "verdict_level": one.confidence,
            "band_low": one.band_low,
            "band_high": one.band_high,
            "conditional_on": one.conditional,
        }
        sides.append({"office": one.exporter, "flow": "X", "other": one.importer, **same})
        sides.append({"office": one.importer, "flow": "M", "other": one.exporter, **same})
    keys = ("office", "flow", "other", "period", "level", "product")
    texts = dict.fromkeys((*keys, "verdict", "conditional_on"), pl.String)
    schema = pl.Schema(texts | dict.fromkeys(("verdict_level", "band_low", "band_high"), pl.Float64))
    table = pl.DataFrame(sides, schema=schema).unique(keys, maintain_order=True)
    codes = cells["partner"].unique().to_list()
    alpha3 = {code: names.alpha3_of(code) for code in codes}
    other = pl.col("partner").replace_strict(alpha3, return_dtype=pl.String) if codes else pl.col("partner")
    joined = cells.with_columns(other=other).join(table, on=keys, how="left", maintain_order="left")
    return joined.drop("other")


COLUMNS: Mapping[str, str] = {
    "partner, partner_iso3, partner_name": "the partner by ISO alpha-2 and alpha-3 code, as offices have, and by name;"
    " _X is all that isn't on the release's list, W0 all partners",
    "product, product_name": "the code, which a spreadsheet may take for a number (01 becomes 1), and its name",
    "measured, measured_sd": "the figure as it was drawn, and its noise's standard deviation",
    "estimate, sd": "the figure after all levels were fitted to each other, and its noise's standard deviation",
    "low, high, interval_level": "the estimate's interval by the added noise alone, and its level",
    "exposure, obs_status": "the most that clipping may have taken off, INF where no bound is stated; then the status"
    " is L, a low estimate: understated by an unknown amount. E: any other",
    "display": "the estimate rounded to what its noise lets one tell",
    "valuation": "FOB, CIF or another, as the office states of this flow",
    "verdict, verdict_level, band_low, band_high, conditional_on": "of the cell's mirror: the verdict, the level of the"
    " interval that it is read from, the band, and what the finite bounds on clipping assume",
    "synthetic": "whether the office says that its records are invented",
}
"""What the columns of a file to take away mean, those that don't speak for themselves."""


def described(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells with names of partners and products, ISO alpha-3 codes, the interval's level and a status."""
    if cells.is_empty():
        return cells

    def named(column: str, name: Callable[[str], str]) -> pl.Expr:
        codes = cells[column].unique().to_list()
        return pl.col(column).replace_strict({code: name(code) for code in codes}, return_dtype=pl.String)

    return cells.with_columns(
        partner_iso3=named("partner", names.alpha3_of),
        partner_name=named("partner", names.area),
        product_name=named("product", names.product_with_code),
        interval_level=pl.lit(0.95),
        obs_status=pl.when(pl.col("exposure").is_infinite()).then(pl.lit("L")).otherwise(pl.lit("E")),
    )


def file_name(wanted: Wanted) -> str:
    """Return what a file of these cells is called, without its ending: `NLD-X-2024-partner-chapter`."""
    chosen = (wanted.office, wanted.flow, wanted.search, wanted.period, wanted.level.replace(" x ", "-"))
    parts = ["".join(one if one.isalnum() or one in "-_" else "-" for one in part) for part in chosen if part != ANY]
    return "-".join(part for part in parts if part) or "figures"


def both_sides(mirrors: Iterable[MirrorCell], gaps: Gaps) -> pl.DataFrame:
    """Return mirrors as a table, all that is known of each in a row, with the product's name and its sure gap.

    `sure_gap` is in US dollars, 0 where none is sure, null of a mirror that isn't among `gaps`; `sure_gap_level` is the
    level of each of them.
    """
    rows = [
        {
            **asdict(one),
            "product_name": names.product_with_code(one.product),
            "sure_gap": gaps.least(one) if one in gaps.sure else None,
            "sure_gap_level": gaps.level if one in gaps.sure else None,
        }
        for one in mirrors
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def csv_of(cells: pl.DataFrame) -> bytes:
    """Return the cells as CSV; text that a spreadsheet would take for a formula is led by an apostrophe."""
    return inert(cells).write_csv().encode()


def parquet_of(cells: pl.DataFrame) -> bytes:
    """Return the cells as Parquet, just as they are."""
    sink = io.BytesIO()
    cells.write_parquet(sink)
    return sink.getvalue()
