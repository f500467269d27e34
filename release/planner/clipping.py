"""What the clip would take from a predicted population, in floating point: a prediction needs no exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from release.planner.population import FloatArray, IntArray, Population


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelIndex:
    """Where a population's entries lie in a level.

    Attributes:
        pairs: for each entry, its (trader, cell) pair; shape (entries,).
        traders: the trader of each pair; shape (pairs,).
        cells: the cell of each pair; shape (pairs,).
        cell_of_leaf: shape (leaves,).
        size: how many cells the level has.
    """

    pairs: IntArray
    traders: IntArray
    cells: IntArray
    cell_of_leaf: IntArray
    size: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indexed:
    """A population with the places of its entries in each level."""

    population: Population
    traders: int
    levels: tuple[LevelIndex, ...]


def indexed(population: Population, cells_of_leaves: Sequence[IntArray]) -> Indexed:
    """Return the population with its places in levels; one array (leaves,) of cells for each level."""
    traders = int(population.traders.max(initial=-1)) + 1
    return Indexed(
        population=population,
        traders=traders,
        levels=tuple(_level(population, np.asarray(cells, dtype=np.int64)) for cells in cells_of_leaves),
    )


def _level(population: Population, cell_of_leaf: IntArray) -> LevelIndex:
    size = int(cell_of_leaf.max(initial=-1)) + 1
    keys, pairs = np.unique(population.traders * size + cell_of_leaf[population.leaves], return_inverse=True)
    return LevelIndex(pairs=pairs, traders=keys // size, cells=keys % size, cell_of_leaf=cell_of_leaf, size=size)


def clipped_mass(indexed: Indexed, sds: Sequence[FloatArray], bound: float) -> tuple[FloatArray, ...]:
    """Return what clipping takes from each cell of each level, (cells,) each, in the population's unit.

    A leaf is capped, then the trader's whole vector is scaled to the norm `bound`, in noise standard deviations: the
    order of the real clip. `sds` are the levels' noise standard deviations before reconciliation.
    """
    population = indexed.population
    inverse = np.zeros(indexed.levels[0].cell_of_leaf.size)
    for sd, level in zip(sds, indexed.levels, strict=True):
        inverse += 1.0 / sd[level.cell_of_leaf] ** 2
    caps = bound / np.sqrt(inverse)
    capped = np.minimum(population.amounts, caps[population.leaves])
    squares = np.zeros(indexed.traders)
    for sd, level in zip(sds, indexed.levels, strict=True):
        sums = np.bincount(level.pairs, capped, level.traders.size)
        squares += np.bincount(level.traders, (sums / sd[level.cells]) ** 2, indexed.traders)
    kept = np.minimum(1.0, bound / np.sqrt(np.maximum(squares, 1e-300)))
    taken = population.amounts - capped * kept[population.traders]
    by_leaf = np.bincount(population.leaves, taken, inverse.size)
    return tuple(np.asarray(np.bincount(level.cell_of_leaf, by_leaf, level.size)) for level in indexed.levels)
