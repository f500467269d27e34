"""Everything that a prediction needs of one planned measure, worked out once: reconciled noise and populations."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from release.config.release import Assumption
from release.plan import PlannedMeasure
from release.planner.clipping import Indexed, clipped_mass, indexed
from release.planner.population import FloatArray, populate
from release.postprocess import Figures, reconciled
from release.tables import Layout, Level, Measure

SEED = 20_240_101
"""Predictions are repeatable: populations are drawn from this seed. It has nothing to do with the release's noise."""

POPULATIONS = 5

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


def outlook(
    measure: PlannedMeasure, layout: Layout, assumption: Assumption, *, populations: int = POPULATIONS
) -> Outlook:
    """Return a measure's populations, drawn from the prior and the assumption; the same for the same plan."""
    masses = leaf_masses(measure, layout) if measure.measure in PREDICTED else None
    drawn: list[Indexed] = []
    if masses is not None:
        cells = [np.asarray(level.cell_of_leaf, dtype=np.int64) for level in measure.levels]
        for number in range(populations):
            rng = np.random.default_rng((SEED, number))
            drawn.append(indexed(populate(masses, assumption, rng), cells))
    return Outlook(measure=measure, layout=layout, assumption=assumption, populations=tuple(drawn))


def leaf_masses(measure: PlannedMeasure, layout: Layout) -> FloatArray | None:
    """Return a prior for every leaf, shape (flows, periods, partners, chapters), or None when no level has one.

    The finest prior is taken and brought to the partners' own priors; with margins only, chapters are spread alike over
    partners. Where no level tells chapters apart, a partner's trade stands in one chapter, which changes no cell.
    """
    shape = (len(layout.flows), len(layout.periods), len(layout.partners), len(layout.chapters))
    priors = {level.level: level.prior for level in measure.levels if level.prior is not None}
    known = {level: prior for level, prior in priors.items() if prior.sum() > 0.0}
    if not known:
        return None
    partners = known.get(Level.PARTNER)
    by_partner = None if partners is None else partners.reshape(*shape[:3], 1)
    inside = _inside(known, layout, shape)
    if by_partner is None:
        return inside
    sums = inside.sum(axis=3, keepdims=True)
    flat = np.zeros_like(inside)
    flat[..., :1] = 1.0
    return np.asarray(by_partner * np.where(sums > 0.0, inside / np.maximum(sums, 1e-300), flat))


def _inside(known: dict[Level, FloatArray], layout: Layout, shape: tuple[int, ...]) -> FloatArray:
    """Return leaves in proportion to the finest prior."""
    if Level.PARTNER_CHAPTER in known:
        return known[Level.PARTNER_CHAPTER].reshape(shape)
    if Level.PARTNER_SECTION in known:
        return _spread(known[Level.PARTNER_SECTION].reshape(*shape[:3], -1), layout)
    if Level.CHAPTER in known:
        return _placed(known[Level.CHAPTER].reshape(shape[0], shape[1], 1, shape[3]), known, shape)
    if Level.SECTION in known:
        return _placed(_spread(known[Level.SECTION].reshape(shape[0], shape[1], 1, -1), layout), known, shape)
    leaves = np.zeros(shape)
    if Level.PARTNER in known:
        leaves[..., 0] = known[Level.PARTNER].reshape(shape[:3])
    else:
        leaves[:, :, 0, 0] = known[Level.TOTAL].reshape(shape[:2])
    return leaves


def _placed(margin: FloatArray, known: dict[Level, FloatArray], shape: tuple[int, ...]) -> FloatArray:
    """Return chapters spread over all partners alike, or, without partners, over the first one."""
    leaves = np.zeros(shape)
    leaves[:, :, slice(None) if Level.PARTNER in known else slice(0, 1)] = margin
    return leaves


def _spread(sections: FloatArray, layout: Layout) -> FloatArray:
    """Return sections' priors spread evenly over their chapters."""
    order = {code: number for number, code in enumerate(layout.section_codes)}
    place = np.array([order[code] for code in layout.sections])
    return np.asarray(sections[..., place] / np.bincount(place)[place])


def reconciled_sd(outlook: Outlook, sds: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
    """Return the standard deviation of each level's estimates after reconciliation, which needs no measurement."""
    levels = [level.level for level in outlook.measure.levels]
    figures = {
        level: Figures(values=np.zeros_like(sd), sd=np.asarray(sd)) for level, sd in zip(levels, sds, strict=True)
    }
    if outlook.measure.measure.additive:
        figures = reconciled(outlook.layout, figures)
    return tuple(figures[level].sd for level in levels)


def clipped_parts(outlook: Outlook, sds: Sequence[FloatArray], bound: float) -> tuple[FloatArray, ...]:
    """Return, for each level, the clipped part of each cell's prior in each population, shape (populations, cells).

    A cell without a prior has part 0; so has every cell when there is no population.
    """
    priors = [level.prior for level in outlook.measure.levels]
    masses = [clipped_mass(population, sds, bound) for population in outlook.populations]
    parts = []
    for number, (prior, sd) in enumerate(zip(priors, sds, strict=True)):
        if prior is None or not masses:
            parts.append(np.zeros((max(1, len(masses)), sd.size)))
            continue
        taken = np.array([mass[number] for mass in masses])
        parts.append(np.where(prior > 0.0, np.minimum(taken, prior) / np.where(prior > 0.0, prior, 1.0), 0.0))
    return tuple(parts)
