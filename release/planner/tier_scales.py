"""Scales proposed for a tier for large traders, beside the uniform tier's own, from public priors and the assumption.

A finer tier is more accurate and costs large traders more, up to the ceiling, which cuts off again. How much more is
for an office to say. So the proposal lowers predicted errors at losses that are no higher than now: each set of scales
that the descent tries is first made coarser or finer as a whole until they are the same. Good, not best.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from release.config.measures import ShapedScale
from release.plan import ReleasePlan
from release.planner.clipping import Excess
from release.planner.losses import RANKS, excess_norms
from release.planner.outlook import Outlook, both_tiers, clipped_parts, outlook, reconciled_sd
from release.planner.precision import median_error
from release.planner.scales import (
    POPULATIONS,
    allowed,
    covering,
    has_priors,
    rounded_up,
    scaled,
    weighted,
)
from release.planner.search import Scale, descend
from release.planner.sizes import FloatArray
from release.tables import Measure

START = 0.1
"""The relative noise that the search begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierProposal:
    """A measure's proposed scales of the tier for large traders, the uniform tier's staying as they are.

    `before` and `after` are predicted median errors of both tiers together over the cells that count, in the levels'
    order; `largest_before` and `largest_after` predicted losses P(v) of the trader with the largest. `helps` is whether
    the errors are lower on the whole: else the release's own scales are as good as any that were found.
    """

    measure: Measure
    ceiling: Fraction
    scales: tuple[ShapedScale, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    largest_before: float
    largest_after: float
    helps: bool


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
    norms_now = _norms(own, now)

    def tier(scales: list[Scale]) -> Excess:
        return Excess(sds=scaled(priors, scales), bound=now.bound)

    def at_losses_now(scales: list[Scale]) -> list[Scale]:
        factor = _largest_ratio(_norms(own, tier(scales)), norms_now)
        return [(part * factor, floor) for part, floor in scales]

    def worth(scales: list[Scale]) -> float:
        return weighted(own, _errors(own, tier(at_losses_now(scales))))

    start = [(START, float(np.median(prior[prior > 0.0]))) for prior in priors]
    found = descend(worth, start, lambda level, scale: allowed(priors[level], scale))
    told = [(rounded_up(part), rounded_up(floor)) for part, floor in at_losses_now(found)]
    after = tier([(float(part), float(floor)) for part, floor in told])
    errors_now, errors = _errors(own, now), _errors(own, after)
    return TierProposal(
        measure=own.measure.measure,
        ceiling=own.measure.rho + Fraction(0 if own.measure.excess is None else own.measure.excess.rho),
        scales=tuple(
            ShapedScale(level=level.level, relative_noise=part, floor=floor)
            for level, (part, floor) in zip(own.measure.levels, told, strict=True)
        ),
        before=errors_now,
        after=errors,
        largest_before=_largest_loss(own, now, norms_now),
        largest_after=_largest_loss(own, after, _norms(own, after)),
        helps=weighted(own, errors) < weighted(own, errors_now),
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


def _norms(own: Outlook, tier: Excess) -> list[FloatArray]:
    """Return, for each population, the norms that P follows of the traders of `RANKS`."""
    sds = [level.sd for level in own.measure.levels]
    found = [excess_norms(population, sds, own.bound, tier) for population in own.populations]
    return [norms[[min(rank, norms.size) - 1 for rank in RANKS]] for norms in found]


def _largest_ratio(tried: list[FloatArray], now: list[FloatArray]) -> float:
    """Return the largest ratio of norms, over populations and the ranks that the uniform tier cuts off; else 1.

    Norms are inverse to noise, so noise that is larger by this factor leaves none above the present ones.
    """
    ratios = [one[old > 0.0] / old[old > 0.0] for one, old in zip(tried, now, strict=True)]
    return max((float(ratio.max()) for ratio in ratios if ratio.size), default=1.0)


def _largest_loss(own: Outlook, tier: Excess, norms: list[FloatArray]) -> float:
    """Return P of the trader with the largest, in rho: the geometric mean over populations."""
    largest = np.array([ranked[0] for ranked in norms])
    return float(np.exp(np.log(float(own.measure.rho) + np.minimum(largest, tier.bound) ** 2 / 2.0).mean()))
