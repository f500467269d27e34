"""What a tier for large traders is predicted to cost whom: P(v) of the largest traders under the public assumption.

The traders are the planner's own, drawn from public priors and the assumption; realised losses are published nowhere.
"""

from dataclasses import dataclass

import numpy as np

from release.planner.clipping import Excess, Indexed, excess_of, norms_of
from release.planner.outlook import Outlook
from release.planner.sizes import FloatArray
from release.tables import Measure

RANKS = (1, 5, 20, 100)
"""Ranks by loss whose P is told."""

_FITS = 1e-9
"""A norm of what is cut off, in noise standard deviations, up to which a trader fits; floating point leaves less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLosses:
    """P of a measure's traders by rank of their loss, in rho: medians over populations.

    Attributes:
        by_rank: of the traders of `RANKS`, as far as there are so many.
        fitting: the part of all traders who fit, so that their loss is the uniform one.
        at_ceiling: how many the ceiling binds for.
    """

    measure: Measure
    by_rank: tuple[float, ...]
    fitting: float
    at_ceiling: float


def predicted_losses(own: Outlook) -> TierLosses | None:
    """Return what the tier is predicted to cost, or None where there is no tier, or no prior to predict it from."""
    excess = own.excess
    if excess is None or not own.populations:
        return None
    sds = [level.sd for level in own.measure.levels]
    norms = [excess_norms(population, sds, own.bound, excess) for population in own.populations]
    losses = [float(own.measure.rho) + np.minimum(found, excess.bound) ** 2 / 2.0 for found in norms]
    count = min(found.size for found in norms)
    return TierLosses(
        measure=own.measure.measure,
        by_rank=tuple(float(np.median([one[rank - 1] for one in losses])) for rank in RANKS if rank <= count),
        fitting=1.0 - float(np.median([(found > _FITS).sum() for found in norms])) / own.assumption.traders,
        at_ceiling=float(np.median([(found >= excess.bound).sum() for found in norms])),
    )


def excess_norms(population: Indexed, sds: list[FloatArray], bound: float, excess: Excess) -> FloatArray:
    """Return the norm of what the uniform tier cuts off each trader, in the tier's noise, largest first."""
    return np.asarray(-np.sort(-norms_of(population, excess_of(population, sds, bound), excess.sds)))
