"""The published cells of all bundles as one table: filtered, ordered, and as files to take away."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from dashboard import names
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
    """Return all observations with `release` and `synthetic`, one row a cell of a release."""
    parts = [
        bundle.observations.with_columns(release=pl.lit(release_of(bundle)), synthetic=pl.lit(is_synthetic(bundle)))
        for bundle in bundles
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def wanted_cells(cells: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Return the cells that fit, in their order."""
    fits = pl.col("measure") == wanted.measure
    for column in ("office", "period", "flow", "level"):
        asked = getattr(wanted, column)
        if asked != ANY:
            fits &= pl.col(column) == asked
    found = cells.filter(fits)
    for word in wanted.search.split():
        partners = _named(found["partner"].unique().to_list(), names.area, word)
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
    """Return the cells with `verdict`, null where a cell has none among `mirrors`."""
    sides: list[dict[str, str]] = []
    for one in mirrors:
        same = {"period": one.period, "level": one.level, "product": one.product, "verdict": one.verdict}
        sides.append({"office": one.exporter, "flow": "X", "other": one.importer, **same})
        sides.append({"office": one.importer, "flow": "M", "other": one.exporter, **same})
    keys = ("office", "flow", "other", "period", "level", "product")
    schema = pl.Schema(dict.fromkeys((*keys, "verdict"), pl.String))
    table = pl.DataFrame(sides, schema=schema).unique(keys, maintain_order=True)
    codes = cells["partner"].unique().to_list()
    alpha3 = {code: names.alpha3_of(code) for code in codes}
    other = pl.col("partner").replace_strict(alpha3, return_dtype=pl.String) if codes else pl.col("partner")
    joined = cells.with_columns(other=other).join(table, on=keys, how="left", maintain_order="left")
    return joined.drop("other")


def csv_of(cells: pl.DataFrame) -> bytes:
    """Return the cells as CSV; text that a spreadsheet would take for a formula is led by an apostrophe."""
    return inert(cells).write_csv().encode()


def parquet_of(cells: pl.DataFrame) -> bytes:
    """Return the cells as Parquet, just as they are."""
    sink = io.BytesIO()
    cells.write_parquet(sink)
    return sink.getvalue()
