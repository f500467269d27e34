"""P(v) at shares of a partner's total, from a plan's public scales and priors; in floating point, within 1e-6.

Two mixes are told: a trader whose goods are spread as all of the partner's trade is, and one that trades in the
partner's largest chapter alone. Real traders lie near or between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from release.plan import PlannedMeasure, ReleasePlan
from release.policy.published import PublishedPolicy
from release.privacy import GRID_BITS
from release.tables import NOWHERE, Flow, Layout, Level, Measure

SHARES = (Fraction(1, 100), Fraction(1, 10), Fraction(3, 10))
"""Shares of a partner's total for which the policy function is shown."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """P at each of `SHARES` of one partner's total, in rho.

    Attributes:
        total: the partner's prior, in the measure's unit.
        spread: of a trader whose goods are spread as the partner's trade is.
        one_chapter: of one in the partner's largest chapter alone.
        ceiling: K; a loss that equals it is cut there.
    """

    measure: Measure
    flow: Flow
    period: str
    partner: str
    total: float
    spread: tuple[float, ...]
    one_chapter: tuple[float, ...]
    ceiling: float


def policy_table(plan: ReleasePlan | PublishedPolicy, most: int | None = None) -> tuple[PolicyRow, ...]:
    """Return P of each flow, period and partner with a prior, for each measure with the tier; larger partners first.

    `most` is how many rows of a measure are computed; all by default.
    """
    tiered = (measure for measure in plan.measures if measure.excess is not None)
    return tuple(row for measure in tiered for row in islice(_rows(plan.layout, measure), most))


def _rows(layout: Layout, measure: PlannedMeasure) -> Iterator[PolicyRow]:
    totals = next((level.prior for level in measure.levels if level.level is Level.PARTNER), None)
    if totals is None:
        return
    products = len(layout.products)
    for place in np.argsort(-totals, kind="stable").tolist():
        total = float(totals[place])
        if total <= 0:
            continue
        block, partner = divmod(place, len(layout.partners))
        flow, period = divmod(block, len(layout.periods))
        leaves = np.arange(place * products, (place + 1) * products)
        spread = _mix(measure, leaves)
        alone = np.where(np.arange(products) == int(spread.argmax()), 1.0, 0.0)
        yield PolicyRow(
            measure=measure.measure,
            flow=layout.flows[flow],
            period=layout.periods[period],
            partner=layout.partners[partner],
            total=total,
            spread=_at_shares(measure, leaves, spread * total),
            one_chapter=_at_shares(measure, leaves, alone * total),
            ceiling=float(measure.rho + _excess(measure).rho),
        )


def _at_shares(measure: PlannedMeasure, leaves: NDArray[np.int64], whole: FloatArray) -> tuple[float, ...]:
    return tuple(modelled_loss(measure, leaves, whole * float(share)) for share in SHARES)


def _mix(measure: PlannedMeasure, leaves: NDArray[np.int64]) -> FloatArray:
    """Return how a partner's trade is spread over products by the prior; evenly where it isn't known.

    What a chapter's prior is, is spread evenly over the products that it is split into.
    """
    known = next((level for level in measure.levels if level.level is Level.PARTNER_CHAPTER), None)
    if known is None or known.prior is None:
        return np.full(len(leaves), 1.0 / len(leaves))
    cells, place, counts = np.unique(known.own_cells[leaves], return_inverse=True, return_counts=True)
    figures = (np.maximum(known.prior[cells], 0.0) / counts)[place]
    return np.asarray(figures / figures.sum()) if figures.sum() > 0 else np.full(len(leaves), 1.0 / len(leaves))


def modelled_loss(measure: PlannedMeasure, leaves: NDArray[np.int64], amounts: FloatArray) -> float:
    """Return P(v) of a trader with `amounts` (in the measure's unit) in `leaves`, without the grid's rounding."""
    excess = _excess(measure)
    minor = amounts * measure.minor_units
    kept = np.minimum(minor, measure.caps[leaves].astype(np.float64))
    seen = np.minimum(minor, excess.caps[leaves].astype(np.float64))
    places = list(_places(measure, leaves))
    bounded = [_sums(one, kept) * one.weights for one in places]
    norm = np.sqrt(sum(float((part**2).sum()) for part in bounded))
    factor = min(1.0, measure.bound / norm) if norm > 0 else 1.0
    square = 0.0
    for own, theirs, part in zip(places, _places(excess, leaves), bounded, strict=True):
        whole = _sums(own, seen) * own.weights
        square += float((((whole - factor * part) * (theirs.weights / own.weights)) ** 2).sum())
    return float(measure.rho) + min(square / (2.0 * 4.0**GRID_BITS), float(excess.rho))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """The cells of one grouping that a trader's leaves add to: those leaves, their cells' places, and weights."""

    held: NDArray[np.bool_]
    cell: NDArray[np.int64]
    weights: FloatArray


def _places(measure: PlannedMeasure, leaves: NDArray[np.int64]) -> Iterator[_Place]:
    for level in measure.levels:
        for grouping in level.groupings:
            cells = grouping[leaves]
            held = cells != NOWHERE
            found, place = np.unique(cells[held], return_inverse=True)
            yield _Place(held=held, cell=place, weights=level.weights[found])


def _sums(place: _Place, amounts: FloatArray) -> FloatArray:
    return np.asarray(np.bincount(place.cell, amounts[place.held], place.weights.size), dtype=np.float64)


def _excess(measure: PlannedMeasure) -> PlannedMeasure:
    if measure.excess is None:
        raise TypeError("the measure has no large-trader tier")
    return measure.excess
