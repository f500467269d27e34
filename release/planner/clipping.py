"""What the clip would take from a predicted population, in floating point: a prediction needs no exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from release.plan import PlannedLevel
from release.planner.population import IntArray, Population
from release.planner.sizes import FloatArray
from release.tables import NOWHERE, at_leaves


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelIndex:
    """Where a population's entries lie in a level; an entry of re-exports may lie in two cells, others in none.

    Attributes:
        entries: places of the population's entries that lie in a cell; shape (placed,).
        pairs: for each of those, its (trader, cell) pair; shape (placed,).
        traders: the trader of each pair; shape (pairs,).
        cells: the cell of each pair; shape (pairs,).
        planned: the level.
    """

    entries: IntArray
    pairs: IntArray
    traders: IntArray
    cells: IntArray
    planned: PlannedLevel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indexed:
    """A population with the places of its entries in each level."""

    population: Population
    traders: int
    levels: tuple[LevelIndex, ...]


def indexed(population: Population, levels: Sequence[PlannedLevel]) -> Indexed:
    """Return the population with its places in levels."""
    traders = int(population.traders.max(initial=-1)) + 1
    return Indexed(
        population=population,
        traders=traders,
        levels=tuple(_level(population, level) for level in levels),
    )


def _level(population: Population, level: PlannedLevel) -> LevelIndex:
    cells = np.array([grouping[population.leaves] for grouping in level.groupings], dtype=np.int64)
    _, entries = held = np.nonzero(cells != NOWHERE)
    keys, pairs = np.unique(population.traders[entries] * level.cells + cells[held], return_inverse=True)
    return LevelIndex(
        entries=entries, pairs=pairs, traders=keys // level.cells, cells=keys % level.cells, planned=level
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excess:
    """The large-trader tier: its levels' noise standard deviations, in the measure's unit, and its norm's bound."""

    sds: Sequence[FloatArray]
    bound: float


def clipped_mass(
    indexed: Indexed, sds: Sequence[FloatArray], bound: float, excess: Excess | None = None
) -> tuple[FloatArray, ...]:
    """Return what clipping takes from each cell of each level, (cells,) each, in the population's unit.

    A leaf is capped, then the trader's whole vector is scaled to the norm `bound`, in noise standard deviations: the
    order of the real clip. `sds` are the levels' noise standard deviations before reconciliation. With a tier for large
    traders, what was taken is measured there, and lost only where it exceeds that tier's bound.
    """
    population = indexed.population
    taken = excess_of(indexed, sds, bound)
    if excess is not None:
        norms = norms_of(indexed, taken, excess.sds)
        taken = taken * (1.0 - _kept(norms, excess.bound))[population.traders]
    leaves = indexed.levels[0].planned.groupings[0].size
    by_leaf = np.asarray(np.bincount(population.leaves, taken, leaves), dtype=np.float64)
    return tuple(level.planned.sums(by_leaf) for level in indexed.levels)


def excess_of(indexed: Indexed, sds: Sequence[FloatArray], bound: float) -> FloatArray:
    """Return what the uniform tier's clip takes from each of the population's amounts, shape (entries,)."""
    population = indexed.population
    leaves = np.zeros(indexed.levels[0].planned.groupings[0].size)
    inverse = leaves + sum(
        at_leaves(1.0 / sd**2, grouping)
        for sd, level in zip(sds, indexed.levels, strict=True)
        for grouping in level.planned.groupings
    )
    caps = bound / np.sqrt(np.maximum(inverse, 1e-300))
    capped = np.minimum(population.amounts, caps[population.leaves])
    kept = _kept(norms_of(indexed, capped, sds), bound)
    return np.asarray(population.amounts - capped * kept[population.traders])


def norms_of(indexed: Indexed, amounts: FloatArray, sds: Sequence[FloatArray]) -> FloatArray:
    """Return the norm of each trader's amounts over all levels, in noise standard deviations; shape (traders,)."""
    squares = np.zeros(indexed.traders)
    for sd, level in zip(sds, indexed.levels, strict=True):
        sums = np.bincount(level.pairs, amounts[level.entries], level.traders.size)
        squares += np.bincount(level.traders, (sums / sd[level.cells]) ** 2, indexed.traders)
    return np.asarray(np.sqrt(squares))


def _kept(norms: FloatArray, bound: float) -> FloatArray:
    return np.asarray(np.minimum(1.0, bound / np.maximum(norms, 1e-150)))
