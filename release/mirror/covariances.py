"""Variances of sums of a release's estimates, recomputed from its published measurements alone.

Estimates of one office, flow and period come from one least-squares problem, so their errors are correlated, siblings'
as a rule negatively: standard deviations are never added. Estimates of different offices, flows or periods are
independent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.verification import Bundle
from release.estimates import BELOW_CELLS, Figures, measurements_of
from release.mirror.alignment import offices_of
from release.mirror.figures import Rates, parts_of, rate_of
from release.plan import layout_of
from release.reconciliation import Combination, Estimates, reconcile, variance_of
from release.tables import ALL_PRODUCTS, CHAPTER_DIGITS, RESIDUAL, Layout, Level, products_of

CellKey = tuple[str, str]
"""Partner and product of a cell: `("IT", "84")`, `("IT", "S16")`, `("IT", "TOTAL")`."""

Weights = Mapping[CellKey, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """The value estimates of one office, flow and period, in the office's currency.

    Attributes:
        layout: the public cells.
        levels: the measured levels.
        estimates: the least-squares estimates; None where a single level was measured, whose noise is independent.
        sd: published standard deviation of each cell.
    """

    layout: Layout
    levels: tuple[Level, ...]
    estimates: Estimates | None
    sd: Mapping[CellKey, float]


class Blocks:
    """The blocks of several offices' bundles, reconciled again when first asked for and then kept."""

    def __init__(self, bundles: tuple[Bundle, ...], rates: Rates) -> None:
        self._offices = offices_of(bundles)
        self._rates = rates
        self._kept: dict[tuple[str, str, str], Block] = {}

    def variance(self, office: str, flow: str, period: str, weights: Weights, attribution: str | None = None) -> float:
        """Return the variance of a weighted sum of one office's estimates, in squared US dollars.

        Args:
            office: ISO alpha-3.
            flow: `X`, `M` or `RX`.
            period: published, or the sum of published ones, whose variances add.
            weights: by partner and product.
            attribution: of the imports that are meant, where the office publishes several.
        """
        held = {
            named: bundle
            for bundle in self._offices[office]
            if flow in bundle.plan["flows"] and attribution in (None, bundle.metadata["partner"][flow])
            for named in bundle.plan["periods"]
        }
        inner = (period,) if period in held else parts_of(period, sorted(held))
        return sum(self._in_dollars(held[one], flow, one, weights) for one in inner) if inner else float("inf")

    def _in_dollars(self, bundle: Bundle, flow: str, period: str, weights: Weights) -> float:
        key = (bundle.digest, flow, period)
        if key not in self._kept:
            self._kept[key] = block_of(bundle, flow, period)
        return rate_of(bundle.metadata, period, self._rates) ** 2 * variance_in(self._kept[key], weights)


def block_of(bundle: Bundle, flow: str, period: str) -> Block:
    """Return the estimates of a flow and period, reconciled from the bundle's own measurements."""
    rows = bundle.observations.filter(
        (pl.col("measure") == "value") & (pl.col("flow") == flow) & (pl.col("period") == period)
    )
    levels = {
        Level(part["level"][0]): Figures(values=part["measured"].to_numpy(), sd=part["measured_sd"].to_numpy())
        for part in rows.partition_by("level", maintain_order=True)
    }
    layout = layout_of(bundle.plan)
    return Block(
        layout=layout,
        levels=tuple(levels),
        estimates=reconcile(measurements_of(layout, levels)) if len(levels) > 1 else None,
        sd={(partner, product): sd for partner, product, sd in rows.select("partner", "product", "sd").iter_rows()},
    )


def variance_in(block: Block, weights: Weights) -> float:
    """Return the variance of a weighted sum of a block's estimates, in the office's currency squared."""
    if len(weights) == 1 or block.estimates is None:
        return float(sum(weight**2 * block.sd[cell] ** 2 for cell, weight in weights.items()))
    given: dict[Level, NDArray[np.float64]] = {}
    for cell, weight in weights.items():
        for level, place in _places(block, *cell):
            size = len(block.layout.partners) * len(products_of(block.layout, level))
            given.setdefault(level, np.zeros(size))[place] += weight
    products = block.estimates.chapters.size
    leaf = given.get(Level.PARTNER_CHAPTER, given.get(Level.PARTNER_SECTION))
    trees = [given.get(level) for level in BELOW_CELLS][: len(block.estimates.subtrees)]
    return variance_of(
        block.estimates,
        Combination(
            partners=given.get(Level.PARTNER),
            leaves=None if leaf is None else leaf.reshape(-1, products),
            subtrees=tuple(
                np.zeros_like(level.values) if own is None else own
                for own, level in zip(trees, block.estimates.subtrees, strict=True)
            ),
        ),
    )


def _places(block: Block, partner: str, product: str) -> Iterator[tuple[Level, int]]:
    """Yield the reconciled cells whose sum a published cell is: itself, or the chapters of a section."""
    layout, row = block.layout, block.layout.partners.index(partner)
    level, codes = Level.PARTNER, [ALL_PRODUCTS]
    if product != ALL_PRODUCTS:
        level, codes = _level_of(product), [product]
    if level is Level.PARTNER_SECTION and any(one.digits for one in block.levels):
        level = Level.PARTNER_CHAPTER
        codes = [code for code, own in zip(layout.chapters, layout.sections, strict=True) if f"S{own}" == product]
    if product == RESIDUAL and not any(one.digits for one in block.levels):
        level = Level.PARTNER_SECTION
    products = products_of(layout, level)
    for code in codes:
        yield level, row * len(products) + products.index(code)


def _level_of(product: str) -> Level:
    """Return the level by partner that a product code belongs to; the rest of a chapter is told with its headings."""
    if product.startswith("S"):
        return Level.PARTNER_SECTION
    code, rest, _ = product.partition(RESIDUAL)
    digits = len(code) + 2 if rest else len(code)
    return next(one for one in Level if one.by_partner and one.digits == max(digits, CHAPTER_DIGITS))
