"""Scales proposed for a tier for large traders, beside the uniform tier's own, from public priors and the assumption.

A finer tier is more accurate and costs large traders more, up to the ceiling, which cuts off again. The proposal lowers
the mean logarithm of predicted errors plus `PRICE` times that of predicted losses: by descent, good and not best.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from release.plan import ReleasePlan
from release.planner.clipping import Excess
from release.planner.losses import RANKS, excess_norms
from release.planner.outlook import Outlook, both_tiers, clipped_parts, outlook, reconciled_sd
from release.planner.precision import median_error
from release.planner.scales import (
    POPULATIONS,
    ScaleProposal,
    allowed,
    covering,
    has_priors,
    rounded,
    scaled,
    weighted,
)
from release.planner.search import Scale, descend
from release.planner.sizes import FloatArray
from release.tables import Measure

PRICE = 0.05
"""What a loss weighs against an error: ten times the loss of the traders of `RANKS` must buy errors 11 % lower."""

START = 0.1
"""The relative noise that the search begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierProposal:
    """A measure's proposed scales of the tier for large traders, the uniform tier's staying as they are.

    `before` and `after` are predicted median errors of both tiers together over the cells that count, in the levels'
    order; `largest_before` and `largest_after` predicted losses P(v) of the trader with the largest.
    """

    measure: Measure
    ceiling: Fraction
    scales: tuple[ScaleProposal, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    largest_before: float
    largest_after: float


def suggest_tiers(plan: ReleasePlan) -> tuple[TierProposal, ...]:
    """Return proposed scales for each measure with priors and a tier for large traders, at the plan's own ceilings."""
    owns = [
        outlook(measure, plan.layout, plan.release.assumption, populations=POPULATIONS)
        for measure in plan.measures
        if measure.excess is not None and has_priors(measure)
    ]
    return tuple(_proposal(own, own.excess) for own in owns if own.excess is not None and own.populations)


def _proposal(own: Outlook, now: Excess) -> TierProposal:
    priors = [np.asarray(level.prior) for level in own.measure.levels]

    def tier(scales: list[Scale]) -> Excess:
        return Excess(sds=scaled(priors, scales), bound=now.bound)

    def worth(scales: list[Scale]) -> float:
        tried = tier(scales)
        return weighted(own, _errors(own, tried)) + PRICE * float(np.log(_losses(own, tried)).mean())

    start = [(START, float(np.median(prior[prior > 0.0]))) for prior in priors]
    found = [
        (rounded(part), rounded(floor))
        for part, floor in descend(worth, start, lambda level, scale: allowed(priors[level], scale))
    ]
    after = tier([(float(part), float(floor)) for part, floor in found])
    return TierProposal(
        measure=own.measure.measure,
        ceiling=own.measure.rho + Fraction(0 if own.measure.excess is None else own.measure.excess.rho),
        scales=tuple(
            ScaleProposal(level=level.level, relative_noise=part, floor=floor)
            for level, (part, floor) in zip(own.measure.levels, found, strict=True)
        ),
        before=_errors(own, now),
        after=_errors(own, after),
        largest_before=float(_losses(own, now)[0]),
        largest_after=float(_losses(own, after)[0]),
    )


def _errors(own: Outlook, tier: Excess) -> tuple[float, ...]:
    """Return the predicted median error of the cells that count, level by level, of both tiers together."""
    sds = [level.sd for level in own.measure.levels]
    parts = clipped_parts(own, sds, own.bound, tier)
    noise = reconciled_sd(own, both_tiers(sds, tier))
    errors = []
    for level, sd, bias in zip(own.measure.levels, noise, parts, strict=True):
        prior = np.asarray(level.prior)
        chosen = covering(prior)
        errors.append(median_error(sd[chosen] / prior[chosen], bias[:, chosen], float(own.assumption.prior_error)))
    return tuple(errors)


def _losses(own: Outlook, tier: Excess) -> FloatArray:
    """Return P of the traders of `RANKS`, in rho: geometric means over populations."""
    sds = [level.sd for level in own.measure.levels]
    found = []
    for population in own.populations:
        norms = excess_norms(population, sds, own.bound, tier)
        ranks = [min(rank, norms.size) - 1 for rank in RANKS]
        found.append(np.log(float(own.measure.rho) + np.minimum(norms[ranks], tier.bound) ** 2 / 2.0))
    return np.asarray(np.exp(np.mean(found, axis=0)))
