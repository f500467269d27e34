"""What a draft's loss moves: at the same noise the bound of each trader, at the same bound the noise.

A leaf's bound is the measure's bound, the root of 2 rho, over the length of its weights, which are inverse to the noise
(`release.plan.making.caps_of`): bound ~ noise sqrt(rho).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dashboard.drafts import lone_trader
from dashboard.figures import amount
from release.config.measures import ShapedScale
from release.plan import ReleasePlan

_SAME = 0.005
"""Bounds and noises that differ by less are told as unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A draft beside the same with every choice as in the last release; amounts in the office's currency.

    Attributes:
        level: the finest level of both.
        bound: what a trader counts at most in the uniform tier whose whole trade is one leaf (median), before and now.
        noise: median standard deviation of the level's noise as it is drawn in the uniform tier, before and now.
        tier: whether the draft releases in a tier of large traders what the bound takes off.
    """

    level: str
    bound: tuple[float, float]
    noise: tuple[float, float]
    tier: bool

    @property
    def bound_by(self) -> float:
        """How many times the bound is what it was."""
        return self.bound[1] / self.bound[0]

    @property
    def noise_by(self) -> float:
        """How many times the noise is what it was."""
        return self.noise[1] / self.noise[0]

    @property
    def is_lower(self) -> bool:
        """Whether the bound falls."""
        return self.bound_by < 1 - _SAME

    @property
    def is_higher(self) -> bool:
        """Whether the bound rises."""
        return self.bound_by > 1 + _SAME


def moved(last: ReleasePlan, plan: ReleasePlan) -> Moved:
    """Return what a plan moves beside one with every choice as in the last release."""
    level = plan.measures[0].levels[-1].level
    return Moved(
        level=str(level),
        bound=(lone_trader(last), lone_trader(plan)),
        noise=(_drawn(last, str(level)), _drawn(plan, str(level))),
        tier=bool(plan.excess_rho),
    )


def _drawn(plan: ReleasePlan, level: str) -> float:
    return float(np.median(next(one.sd for one in plan.measures[0].levels if str(one.level) == level)))


def at_the_same_bound(scales: Sequence[ShapedScale], before: Fraction, now: Fraction) -> tuple[ShapedScale, ...]:
    """Return the scales whose noise leaves the bound as it was at another loss: times sqrt(before / now)."""
    times = float(before / now) ** 0.5
    return tuple(replace(one, relative_noise=Fraction(f"{float(one.relative_noise) * times:.4g}")) for one in scales)


def sentence(move: Moved, currency: str) -> str | None:
    """Return what a draft changes beside the last release's choices, and what follows; None where nothing moves."""
    before, now = (amount(one, currency) for one in move.bound)
    noise = (
        "the noise stays"
        if abs(move.noise_by - 1) < _SAME
        else f"the noise is drawn {move.noise_by:.2g} times as large"
    )
    if move.is_lower:
        follows = (
            "More traders are above it, and come into the tier of large traders, which protects them less."
            if move.tier
            else "More is taken off large traders, and the figures are understated by more; by how much can't be told"
            " from public figures."
        )
        return f"This draft lowers the bound from {before} to {now}, and {noise}. {follows}"
    if move.is_higher:
        follows = "Fewer traders are above it." if move.tier else "Less is taken off large traders."
        return f"This draft raises the bound from {before} to {now}, and {noise}. {follows}"
    return None if abs(move.noise_by - 1) < _SAME else f"The bound stays at {now}, and {noise}."
