"""Mirrors of the published bundles, family by family: the cells of one level and period over all pairs of offices.

A family is what `release.mirror.comparison` judges together, so its figures are those of `mirrors compare`; a page asks
only for the families that it shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from release.bundle.verification import Bundle
from release.config.fields import months_of
from release.mirror.agreement import PublicTables
from release.mirror.alignment import LEVELS
from release.mirror.comparison import Agreement, Comparison, MirrorCell, compare
from release.mirror.summary import SureGap, level_each, sure_gaps
from release.plan import layout_of
from release.tables import Level
from release.tables import products_of as products_at

PAIRS = "partner"
"""The level of whole flows between two countries."""

MEASURE = "value"
"""Mirrors are compared by statistical value."""


def agreement_on(agreed: Agreement, tolerance: float, cif_fob: float) -> Agreement:
    """Return what was agreed, with the band that a reader chose; another factor than the agreed one says so."""
    if cif_fob == agreed.cif_fob:
        return replace(agreed, tolerance=tolerance)
    return replace(agreed, tolerance=tolerance, cif_fob=cif_fob, cif_fob_source="chosen on this page", by_pair=())


def family(
    bundles: Iterable[Bundle], level: str, period: str | None, agreement: Agreement, public: PublicTables | None = None
) -> Comparison:
    """Return the comparison of one level in one period, or in every agreed period when `period` is None."""
    only = [
        replace(bundle, observations=bundle.observations.filter(_wanted(bundle, level, period))) for bundle in bundles
    ]
    periods = agreement.scope.periods if period is None else (period,)
    scope = replace(agreement.scope, levels=(level,), periods=periods)
    return compare(only, replace(agreement, scope=scope), public)


def _wanted(bundle: Bundle, level: str, period: str | None) -> pl.Expr:
    """Return which rows of a bundle a family takes: a longer period may be the sum of shorter ones."""
    rows = (pl.col("level") == level) & (pl.col("measure") == MEASURE)
    if period is None:
        return rows
    within = [one for one in bundle.plan["periods"] if one[:4] == period[:4] and months_of(one) <= months_of(period)]
    return rows & pl.col("period").is_in(within)


def periods_of(bundles: Iterable[Bundle], agreement: Agreement | None = None) -> tuple[str, ...]:
    """Return all periods that the bundles publish, or the agreed ones, in order; the last is the newest."""
    if agreement is not None and agreement.scope.periods:
        return tuple(sorted(agreement.scope.periods))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """The sure gaps of cells that are shown together.

    Attributes:
        sure: of each cell, None where the sign isn't sure; by `release.mirror.summary`, as `mirrors compare` has them.
        level: of each gap's interval, so that all of them together hold at the agreed error rate.
        alone: the level of an interval that is looked at by itself.
    """

    sure: Mapping[MirrorCell, SureGap | None]
    level: float
    alone: float

    def least(self, cell: MirrorCell) -> float:
        """Return the least size of a cell's gap in US dollars, 0 where its sign isn't sure."""
        gap = self.sure[cell]
        return 0.0 if gap is None else gap.least


def gaps_of(cells: Sequence[MirrorCell], agreement: Agreement) -> Gaps:
    """Return the sure gaps of cells, allowing for all that are given."""
    sure = sure_gaps(cells, alpha=agreement.alpha)
    return Gaps(
        sure=dict(zip(cells, sure, strict=True)),
        level=level_each(len(cells), alpha=agreement.alpha),
        alone=1.0 - agreement.alpha,
    )


def understated(cell: MirrorCell, flow: str) -> bool:
    """Return whether a side's figure (`x` or `m`) is understated by an amount of which no bound is stated."""
    return (cell.bound_x if flow == "x" else cell.bound_m) is None


def is_one_sided(cell: MirrorCell) -> bool:
    """Return whether either side's figure is understated by an amount of which no bound is stated."""
    return understated(cell, "x") or understated(cell, "m")


def clipping_explains(cell: MirrorCell) -> bool:
    """Return whether clipping alone could have made the gap: the lower side states no bound on it."""
    return understated(cell, "x" if cell.gap > 0 else "m")


def gap_beyond_noise(cell: MirrorCell) -> float:
    """Return the size of the gap that noise alone doesn't explain; clipping may."""
    return _least(cell.gap_noise_low, cell.gap_noise_high)


def noise_explains(cell: MirrorCell) -> bool:
    """Return whether noise alone could have made the gap."""
    return gap_beyond_noise(cell) <= 0


def _least(low: float | None, high: float | None) -> float:
    return max(0.0, low if low is not None else 0.0, -high if high is not None else 0.0)
