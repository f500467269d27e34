"""Scales proposed for a loss: relative noise and floor of each level, from public priors and the assumption alone.

The proposal lowers one number, the weighted mean over levels of the logarithm of the predicted median error of the
cells that hold most of a level's trade. It is found by coordinate descent on a grid and is good, not best. Nothing here
may be tuned on records: rerunning the command on the same config and prior gives the same proposal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log, log10, sqrt
from math import floor as whole

import numpy as np

from release.config.measures import ShapedScale
from release.plan import PlannedMeasure, ReleasePlan
from release.planner.outlook import PREDICTED, Outlook, clipped_parts, outlook, reconciled_sd
from release.planner.precision import median_error
from release.planner.search import Scale, descend
from release.planner.sizes import FloatArray
from release.tables import Level, Measure

WEIGHTS: Mapping[Level, float] = {
    Level.TOTAL: 1.0,
    Level.PARTNER: 2.0,
    Level.SECTION: 1.0,
    Level.CHAPTER: 1.0,
    Level.HEADING: 1.0,
    Level.SUBHEADING: 1.0,
    Level.PARTNER_SECTION: 1.0,
    Level.PARTNER_CHAPTER: 2.0,
    Level.PARTNER_HEADING: 1.0,
    Level.PARTNER_SUBHEADING: 1.0,
}
"""How much a level counts: partner totals are what mirrors compare first."""

COVERED = 0.95
"""The largest cells that hold this part of a level's prior are those whose errors count."""

POPULATIONS = 2
LEAST, MOST = 2e-3, 2.0
"""Between these a level's relative noise is sought; a level at the upper end is mostly told by the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A measure's proposed scales for a loss, with what the release's own and the proposed ones are predicted to reach.

    `before` and `after` are predicted median errors of the cells that count, in the levels' order.
    """

    measure: Measure
    rho: Fraction
    scales: tuple[ShapedScale, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def suggest(plan: ReleasePlan) -> tuple[Proposal, ...]:
    """Return proposed scales for each measure with a prior whose concentration is assumed, at the plan's own loss."""
    return tuple(
        _proposal(outlook(measure, plan.layout, plan.release.assumption, populations=POPULATIONS))
        for measure in plan.measures
        if measure.measure in PREDICTED and has_priors(measure)
    )


def has_priors(measure: PlannedMeasure) -> bool:
    """Decide whether all levels have a prior."""
    return all(level.prior is not None and (level.prior > 0.0).any() for level in measure.levels)


def _proposal(own: Outlook) -> Proposal:
    priors = [np.asarray(level.prior) for level in own.measure.levels]
    counted = [covering(prior) for prior in priors]
    levels = [level.level for level in own.measure.levels]

    def worth(scales: list[Scale]) -> float:
        return weighted(own, _errors(own, counted, scaled(priors, scales)))

    found = descend(worth, _start(own, priors), lambda level, scale: allowed(priors[level], scale))
    told = [(rounded(part), rounded(floor)) for part, floor in found]
    after = _errors(own, counted, scaled(priors, [(float(part), float(floor)) for part, floor in told]))
    return Proposal(
        measure=own.measure.measure,
        rho=own.measure.rho,
        scales=tuple(
            ShapedScale(level=level, relative_noise=part, floor=floor)
            for level, (part, floor) in zip(levels, told, strict=True)
        ),
        before=_errors(own, counted, [level.sd for level in own.measure.levels]),
        after=after,
    )


def covering(prior: FloatArray) -> np.ndarray:
    """Decide which cells count: the largest ones that together hold 95 % of the level's prior."""
    order = np.argsort(-prior, kind="stable")
    held = np.cumsum(prior[order])
    count = int(np.searchsorted(held, COVERED * held[-1])) + 1
    chosen = np.zeros(prior.size, dtype=np.bool_)
    chosen[order[:count]] = True
    return chosen & (prior > 0.0)


def _start(own: Outlook, priors: list[FloatArray]) -> list[Scale]:
    """Return where the search begins: the bound shared among the levels, and floors at each level's median prior.

    In a trial on one world, the best start of a grid of 24 ended at nearly the same scales, at twice the time.
    """
    part = min(max(0.3 * sqrt(len(priors)) / own.bound, LEAST), MOST)
    return [(part, float(np.median(prior[prior > 0.0]))) for prior in priors]


def scaled(priors: list[FloatArray], scales: list[Scale]) -> list[FloatArray]:
    """Return each level's noise standard deviations at these scales."""
    return [part * np.maximum(prior, floor) for prior, (part, floor) in zip(priors, scales, strict=True)]


def _errors(own: Outlook, counted: list[np.ndarray], sds: list[FloatArray]) -> tuple[float, ...]:
    """Return the predicted median error of the cells that count, level by level."""
    parts = clipped_parts(own, sds, own.bound)
    errors = []
    for level, chosen, sd, bias in zip(own.measure.levels, counted, reconciled_sd(own, sds), parts, strict=True):
        prior = np.asarray(level.prior)
        errors.append(median_error(sd[chosen] / prior[chosen], bias[:, chosen], float(own.assumption.prior_error)))
    return tuple(errors)


def weighted(own: Outlook, errors: tuple[float, ...]) -> float:
    """Return the weighted mean of the errors' logarithms: the smaller the better."""
    weights = [WEIGHTS[level.level] for level in own.measure.levels]
    return sum(weight * log(error) for weight, error in zip(weights, errors, strict=True)) / sum(weights)


def allowed(prior: FloatArray, scale: Scale) -> bool:
    """Decide whether a scale may be proposed: a floor outside the priors would do nothing, or level all cells."""
    part, floor = scale
    known = prior[prior > 0.0]
    return LEAST <= part <= MOST and bool(known.min() / 2.0 <= floor <= known.max())


def rounded(figure: float) -> Fraction:
    """Return a figure in two digits, exactly."""
    places = 1 - whole(log10(figure))
    return Fraction(round(figure * 10.0**places)) / Fraction(10) ** places


def rounded_up(figure: float) -> Fraction:
    """Return the least figure of two digits that isn't below this one, exactly: as noise it costs no more."""
    places = 1 - whole(log10(figure))
    return Fraction(ceil(figure * 10.0**places)) / Fraction(10) ** places
