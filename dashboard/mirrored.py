"""Mirrors of the published bundles, family by family: the cells of one level and period over all pairs of offices.

A family is what `release.mirror.comparison` judges together, so its figures are those of `mirrors compare`; a page asks
only for the families that it shows.
"""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from release.bundle.verification import Bundle
from release.mirror.alignment import LEVELS, Scope
from release.mirror.comparison import DEFAULT_CIF_FOB, Agreement, Comparison, MirrorCell, compare
from release.plan import layout_of
from release.tables import Level
from release.tables import products_of as products_at

PAIRS = "partner"
"""The level of whole flows between two countries."""

MEASURE = "value"
"""Mirrors are compared by statistical value."""


def agreement_on(tolerance: float, cif_fob: float) -> Agreement:
    """Return the agreement that a reader chose; the factor's source is stated when it isn't the default."""
    if cif_fob == DEFAULT_CIF_FOB:
        return Agreement(tolerance=tolerance)
    return Agreement(tolerance=tolerance, cif_fob=cif_fob, cif_fob_source="chosen on this page")


def family(bundles: Iterable[Bundle], level: str, period: str | None, agreement: Agreement) -> Comparison:
    """Return the comparison of one level in one period, or in every period when `period` is None."""
    wanted = (pl.col("level") == level) & (pl.col("measure") == MEASURE)
    only = [replace(bundle, observations=bundle.observations.filter(wanted)) for bundle in bundles]
    scope = Scope(levels=(level,), periods=() if period is None else (period,))
    return compare(only, replace(agreement, scope=scope))


def periods_of(bundles: Iterable[Bundle]) -> tuple[str, ...]:
    """Return all periods that the bundles publish, in order; the last is the newest."""
    return tuple(sorted({period for bundle in bundles for period in bundle.plan["periods"]}))


def product_levels(bundles: Iterable[Bundle]) -> tuple[str, ...]:
    """Return the levels by partner and product that any bundle publishes, coarse to fine."""
    held = {
        level["level"]
        for bundle in bundles
        for measure in bundle.plan["measures"]
        if measure["measure"] == MEASURE
        for level in measure["levels"]
    }
    return tuple(level for level in LEVELS[1:] if level in held)


def products_of(bundles: Iterable[Bundle], level: str) -> tuple[str, ...]:
    """Return the product codes that the bundles publish at a level, in published order."""
    codes: dict[str, None] = {}
    for bundle in bundles:
        codes |= dict.fromkeys(products_at(layout_of(bundle.plan), Level(level)))
    return tuple(codes)


def is_bounded(cell: MirrorCell) -> bool:
    """Return whether some bound on clipping is stated, so that a verdict other than *cannot tell* is possible."""
    return cell.bound_x is not None or cell.bound_m is not None


def sure_gap(cell: MirrorCell) -> float:
    """Return the size of the gap M - X that is sure, in US dollars, 0 when its sign isn't."""
    return _least(cell.gap_low, cell.gap_high)


def gap_beyond_noise(cell: MirrorCell) -> float:
    """Return the size of the gap that noise alone doesn't explain; clipping may."""
    return _least(cell.gap_noise_low, cell.gap_noise_high)


def noise_explains(cell: MirrorCell) -> bool:
    """Return whether noise alone could have made the gap."""
    return gap_beyond_noise(cell) <= 0


def _least(low: float | None, high: float | None) -> float:
    return max(0.0, low if low is not None else 0.0, -high if high is not None else 0.0)
