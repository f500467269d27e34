"""Variances of sums of a release's estimates, recomputed from its published measurements alone.

Estimates of one office, flow and period come from one least-squares problem, so their errors are correlated, siblings'
as a rule negatively: standard deviations are never added. Estimates of different offices, flows or periods are
independent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.verification import Bundle
from release.mirror.alignment import offices_of
from release.mirror.figures import Rates, parts_of, rate_of
from release.reconciliation import Combination, Estimates, Measurements, reconcile, variance_of

CellKey = tuple[str, str]
"""Partner and product of a cell: `("IT", "84")`, `("IT", "S16")`, `("IT", "TOTAL")`."""

Weights = Mapping[CellKey, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """The value estimates of one office, flow and period, in the office's currency.

    Attributes:
        partners: in published order.
        products: chapters, or sections where no chapters were measured, in published order.
        members: the products that each published product is the sum of.
        estimates: the least-squares estimates; None where a single level was measured, whose noise is independent.
        sd: published standard deviation of each cell.
    """

    partners: tuple[str, ...]
    products: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]
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
    levels = {str(part["level"][0]): part for part in rows.partition_by("level", maintain_order=True)}
    kind = "chapter" if any(name.endswith("chapter") for name in levels) else "section"
    sections = dict.fromkeys(bundle.plan["sections"])
    named = {code: code if code == "_X" else f"S{code}" for code in sections}
    products = tuple(bundle.plan["chapters"]) if kind == "chapter" else tuple(named.values())
    whole = {name: (name,) for name in products}
    by_section = {
        named[code]: tuple(
            c for c, s in zip(bundle.plan["chapters"], bundle.plan["sections"], strict=True) if s == code
        )
        for code in sections
    }
    shape = (len(bundle.plan["partners"]), len(products))
    return Block(
        partners=tuple(bundle.plan["partners"]),
        products=products,
        members=({**by_section, **whole} if kind == "chapter" else whole) | {"TOTAL": ()},
        estimates=reconcile(_measurements(levels, kind, shape)) if len(levels) > 1 else None,
        sd={(partner, product): sd for partner, product, sd in rows.select("partner", "product", "sd").iter_rows()},
    )


def variance_in(block: Block, weights: Weights) -> float:
    """Return the variance of a weighted sum of a block's estimates, in the office's currency squared."""
    if len(weights) == 1 or block.estimates is None:
        return float(sum(weight**2 * block.sd[cell] ** 2 for cell, weight in weights.items()))
    partners = np.zeros(len(block.partners))
    leaves = np.zeros((len(block.partners), len(block.products)))
    for (partner, product), weight in weights.items():
        row = block.partners.index(partner)
        if product == "TOTAL":
            partners[row] += weight
        for member in block.members[product]:
            leaves[row, block.products.index(member)] += weight
    return variance_of(block.estimates, Combination(partners=partners, leaves=leaves))


def _measurements(levels: Mapping[str, pl.DataFrame], kind: str, shape: tuple[int, int]) -> Measurements:
    def known(level: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if level not in levels:
            return np.zeros(count), np.full(count, np.inf)
        return levels[level]["measured"].to_numpy(), levels[level]["measured_sd"].to_numpy()

    total, partners, products = known("total", 1), known("partner", shape[0]), known(kind, shape[1])
    leaves = known(f"partner x {kind}", shape[0] * shape[1])
    return Measurements(
        total=float(total[0][0]),
        total_sd=float(total[1][0]),
        partners=partners[0],
        partners_sd=partners[1],
        chapters=products[0],
        chapters_sd=products[1],
        leaves=leaves[0].reshape(shape),
        leaves_sd=leaves[1].reshape(shape),
    )
