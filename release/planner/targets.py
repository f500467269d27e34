"""The loss that reaches a release's targets, if one does.

With all scales multiplied by f, noise grows by f; clipping depends on the norm in units of the release's own scales,
g = f sqrt(2 rho), alone. So what clipping takes is worked out once for each g on a grid, and for each g the largest f
that still keeps the targets gives the loss rho = g^2 / (2 f^2); the smallest of these losses is the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log10

import numpy as np

from release.config.measures import MeasurePlan as MeasureConfig
from release.plan import ReleasePlan
from release.planner.outlook import PREDICTED, Outlook, clipped_parts, outlook, reconciled_sd
from release.planner.precision import typical_error
from release.planner.sizes import FloatArray
from release.privacy import RHO_CAP
from release.tables import Level, Measure

NORMS = np.geomspace(0.1, 400.0, 40)
"""Norms at which a trader is clipped, in the release's own scales; the release's own is sqrt(2 rho)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTarget:
    """A level's target and what is predicted of its median cell at the release's own loss, noise and clipping apart."""

    level: Level
    target: float
    reached: float
    noise: float
    clipped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAnswer:
    """Whether a loss reaches a measure's targets.

    Attributes:
        rho: the least loss that does, rounded up to three digits; None when none up to the program's cap does.
        scale_factor: what all scales of the measure are to be multiplied by; None likewise.
        fits: whether the loss fits in the account's limit by itself.
        held_by: the level whose target asks for the most.
        only_noise: the loss that would do if nothing were clipped by it any more than now; None when clipping as it is
            now exceeds a target by itself.
    """

    measure: Measure
    targets: tuple[LevelTarget, ...]
    rho: Fraction | None
    scale_factor: float | None
    fits: bool
    held_by: Level
    only_noise: float | None


def reach_targets(plan: ReleasePlan, asked: Mapping[Level, Fraction] | None = None) -> tuple[TargetAnswer, ...]:
    """Return, for each measure with targets and priors, the loss that reaches them under the plan's assumption.

    `asked` stands in for the targets of the release's config.
    """
    answers = []
    for config, measure in zip(plan.release.measures, plan.measures, strict=True):
        wanted = _wanted(config, asked) if measure.measure in PREDICTED else {}
        known = {level.level for level in measure.levels if level.prior is not None and (level.prior > 0.0).any()}
        chosen = {level: target for level, target in wanted.items() if level in known}
        if chosen:
            own = outlook(measure, plan.layout, plan.release.assumption)
            answers.append(_answer(own, chosen, plan.office.account.limit))
    return tuple(answers)


def _wanted(config: MeasureConfig, asked: Mapping[Level, Fraction] | None) -> dict[Level, float]:
    if asked is not None:
        return {scale.level: float(asked[scale.level]) for scale in config.levels if scale.level in asked}
    return {scale.level: float(scale.target) for scale in config.levels if scale.target is not None}


def _answer(own: Outlook, targets: dict[Level, float], limit: Fraction) -> TargetAnswer:
    sds = [level.sd for level in own.measure.levels]
    noises = dict(zip((level.level for level in own.measure.levels), _relative(own, sds), strict=True))
    losses = [_least_loss(own, sds, noises, targets, float(norm)) for norm in NORMS]
    rho, factor, held_by = min(losses, key=lambda loss: loss[0])
    reachable = rho <= float(RHO_CAP)
    exact = _rounded_up(rho) if reachable else None
    now = _least_loss(own, sds, noises, targets, own.bound)
    return TargetAnswer(
        measure=own.measure.measure,
        targets=_told(own, sds, noises, targets),
        rho=exact,
        scale_factor=factor if reachable else None,
        fits=exact is not None and exact <= limit,
        held_by=held_by,
        only_noise=now[0] if np.isfinite(now[0]) else None,
    )


def _relative(own: Outlook, sds: list[FloatArray]) -> list[FloatArray]:
    """Return each level's reconciled noise over the prior, for cells with a prior; (known cells,) each."""
    return [
        sd[level.prior > 0.0] / level.prior[level.prior > 0.0] if level.prior is not None else np.zeros(0)
        for level, sd in zip(own.measure.levels, reconciled_sd(own, sds), strict=True)
    ]


def _biases(own: Outlook, sds: list[FloatArray], norm: float) -> dict[Level, FloatArray]:
    """Return each level's clipped parts, (populations, known cells), at a norm in the release's own scales."""
    parts = clipped_parts(own, sds, norm)
    return {
        level.level: bias[:, level.prior > 0.0]
        for level, bias in zip(own.measure.levels, parts, strict=True)
        if level.prior is not None
    }


def _least_loss(
    own: Outlook, sds: list[FloatArray], noises: dict[Level, FloatArray], targets: dict[Level, float], norm: float
) -> tuple[float, float, Level]:
    """Return the loss and factor that keep the targets when traders are clipped at this norm, and the hardest level."""
    biases = _biases(own, sds, norm)
    factors = {level: _largest_factor(noises[level], biases[level], target) for level, target in targets.items()}
    hardest = min(factors, key=lambda level: factors[level])
    factor = factors[hardest]
    return (norm**2 / (2.0 * factor**2) if factor > 0.0 else float("inf"), factor, hardest)


def _largest_factor(noise: FloatArray, bias: FloatArray, target: float) -> float:
    """Return the largest f at which the median cell's error, with f times the noise, keeps the target, or 0."""
    if float(np.median(typical_error(0.0 * noise, bias))) >= target:
        return 0.0
    low, high = 0.0, target / max(float(noise.min()), 1e-300)
    for _ in range(60):
        middle = (low + high) / 2
        kept = float(np.median(typical_error(middle * noise, bias))) <= target
        low, high = (middle, high) if kept else (low, middle)
    return low


def _told(
    own: Outlook, sds: list[FloatArray], noises: dict[Level, FloatArray], targets: dict[Level, float]
) -> tuple[LevelTarget, ...]:
    biases = _biases(own, sds, own.bound)
    return tuple(
        LevelTarget(
            level=level,
            target=target,
            reached=float(np.median(typical_error(noises[level], biases[level]))),
            noise=float(np.median(noises[level])),
            clipped=float(np.median(typical_error(0.0 * noises[level], biases[level]))),
        )
        for level, target in targets.items()
    )


def _rounded_up(loss: float) -> Fraction:
    """Return a loss in three digits, not less than it was."""
    unit = Fraction(10) ** (ceil(log10(loss)) - 3)
    return ceil(Fraction(loss) / unit) * unit
