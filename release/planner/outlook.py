"""Everything that a prediction needs of one planned measure, worked out once: reconciled noise and populations."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from release.config.priors import Assumption
from release.estimates import Figures, reconciled
from release.plan import PlannedLevel, PlannedMeasure
from release.planner.clipping import Excess, Indexed, clipped_mass, indexed
from release.planner.population import moved, populate
from release.planner.sizes import FloatArray
from release.tables import Layout, Level, Measure, added, at_leaves

SEED = 20_240_101
"""Predictions are repeatable: populations are drawn from this seed. It has nothing to do with the release's noise."""

POPULATIONS = 8

PREDICTED = frozenset({Measure.VALUE, Measure.NET_MASS})
"""Measures whose concentration the assumption is about; of others only the noise is predicted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """A measure's populations under the assumption; empty when there is no prior to fit them to."""

    measure: PlannedMeasure
    layout: Layout
    assumption: Assumption
    populations: tuple[Indexed, ...]

    @property
    def bound(self) -> float:
        """The largest norm that isn't clipped, in noise standard deviations: sqrt(2 rho)."""
        return sqrt(2.0 * float(self.measure.rho))

    @property
    def excess(self) -> Excess | None:
        """The large-trader tier's scales and the norm that its ceiling leaves; None where there is no such tier."""
        tier = self.measure.excess
        if tier is None:
            return None
        return Excess(sds=[level.sd for level in tier.levels], bound=sqrt(2.0 * float(tier.rho)))


def outlook(
    measure: PlannedMeasure, layout: Layout, assumption: Assumption, *, populations: int = POPULATIONS
) -> Outlook:
    """Return a measure's populations, drawn from the prior and the assumption; the same for the same plan."""
    masses = leaf_masses(measure, layout) if measure.measure in PREDICTED else None
    drawn: list[Indexed] = []
    if masses is not None:
        for number in range(populations):
            rng = np.random.default_rng((SEED, number))
            a_year_on = moved(populate(masses, assumption, rng), float(assumption.prior_error), rng)
            drawn.append(indexed(a_year_on, measure.levels))
    return Outlook(measure=measure, layout=layout, assumption=assumption, populations=tuple(drawn))


def leaf_masses(measure: PlannedMeasure, layout: Layout) -> FloatArray | None:
    """Return a prior for every leaf, shape (flows, periods, partners, products), or None when no level has one.

    The finest prior is taken and brought to the partners' own priors; with margins only, chapters are spread alike over
    partners, and what a chapter is split into evenly where no finer prior tells. Where no level tells products apart, a
    partner's trade stands in one, which changes no cell. Exports' leaves are what priors leave beside re-exports.
    """
    shape = (len(layout.flows), len(layout.periods), len(layout.partners), len(layout.products))
    known = {level.level: level for level in measure.levels if level.prior is not None and level.prior.sum() > 0.0}
    if not known:
        return None
    inside = _inside(known, shape)
    if Level.PARTNER in known:
        sums = inside.sum(axis=3, keepdims=True)
        flat = np.zeros_like(inside)
        flat[..., :1] = 1.0
        by_partner = _at_own(known[Level.PARTNER]).reshape(shape)[..., :1]
        inside = by_partner * np.where(sums > 0.0, inside / np.maximum(sums, 1e-300), flat)
    for part, whole in layout.of_which.items():
        gross = inside[layout.flows.index(whole)]
        np.maximum(gross - inside[layout.flows.index(part)], 0.0, out=gross)
    return inside


def _at_own(level: PlannedLevel) -> FloatArray:
    """Return the prior of each leaf's own cell, 0 where it has none; shape (leaves,)."""
    return at_leaves(np.zeros(level.cells) if level.prior is None else level.prior, level.own_cells)


def _inside(known: dict[Level, PlannedLevel], shape: tuple[int, ...]) -> FloatArray:
    """Return leaves in proportion to the finest prior."""
    chosen = [level for level in _FINEST if level in known and level.by_partner]
    chosen = chosen or [level for level in _FINEST if level in known]
    if not chosen:
        coarse = known[Level.PARTNER] if Level.PARTNER in known else known[Level.TOTAL]
        leaves = np.zeros(shape)
        own = (slice(None), slice(None), slice(None) if coarse.level.by_partner else 0, 0)
        leaves[own] = _at_own(coarse).reshape(shape)[own]
        return leaves
    found = _spread(known[chosen[-1]])
    for level in reversed(chosen[:-1]):
        finer = _spread(known[level])
        found = np.where(finer > 0.0, finer, found)
    leaves = found.reshape(shape)
    if chosen[0].by_partner or Level.PARTNER in known:
        return leaves
    one = np.zeros(shape)
    one[:, :, 0] = leaves.sum(axis=2)
    return one


_FINEST = (
    Level.PARTNER_SUBHEADING,
    Level.PARTNER_HEADING,
    Level.PARTNER_CHAPTER,
    Level.PARTNER_SECTION,
    Level.SUBHEADING,
    Level.HEADING,
    Level.CHAPTER,
    Level.SECTION,
)


def _spread(level: PlannedLevel) -> FloatArray:
    """Return a level's priors spread evenly over the leaves of each cell in its own flow; shape (leaves,)."""
    own = level.own_cells
    counts = added(np.ones(own.size), own, level.cells)
    return np.asarray(_at_own(level) / np.maximum(at_leaves(counts, own), 1.0))


def reconciled_sd(outlook: Outlook, sds: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
    """Return the standard deviation of each level's estimates after reconciliation, which needs no measurement."""
    levels = [level.level for level in outlook.measure.levels]
    figures = {
        level: Figures(values=np.zeros_like(sd), sd=np.asarray(sd)) for level, sd in zip(levels, sds, strict=True)
    }
    if outlook.measure.measure.additive:
        figures = reconciled(outlook.layout, figures)
    return tuple(figures[level].sd for level in levels)


def both_tiers(sds: Sequence[FloatArray], excess: Excess | None) -> list[FloatArray]:
    """Return each level's noise standard deviation of the sum of both tiers' figures, whose noise is independent."""
    if excess is None:
        return list(sds)
    return [np.asarray(np.hypot(one, two)) for one, two in zip(sds, excess.sds, strict=True)]


def clipped_parts(
    outlook: Outlook, sds: Sequence[FloatArray], bound: float, excess: Excess | None = None
) -> tuple[FloatArray, ...]:
    """Return, for each level, the clipped part of each cell's prior in each population, shape (populations, cells).

    A cell without a prior has part 0; so has every cell when there is no population. With a tier for large traders only
    what its ceiling cuts off counts.
    """
    priors = [level.prior for level in outlook.measure.levels]
    masses = [clipped_mass(population, sds, bound, excess) for population in outlook.populations]
    parts = []
    for number, (prior, sd) in enumerate(zip(priors, sds, strict=True)):
        if prior is None or not masses:
            parts.append(np.zeros((max(1, len(masses)), sd.size)))
            continue
        taken = np.array([mass[number] for mass in masses])
        parts.append(np.where(prior > 0.0, np.minimum(taken, prior) / np.where(prior > 0.0, prior, 1.0), 0.0))
    return tuple(parts)
