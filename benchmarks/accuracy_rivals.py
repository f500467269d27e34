"""Other ways to publish the same worlds at the same loss, each with its parameters chosen in hindsight, in its favour.

- no priors: one scale a level, chosen by the planner for it; the same clip and reconciliation;
- no hierarchy: partner x chapter cells alone, shaped by the prior; everything else is added up from them;
- random truncation: each trader keeps k random cells of a level, each clipped at C, every level a query of its own with
  its part of the loss: OpenDP's `truncate_num_groups` and Tumult's `MaxGroupsPerID`;
- last year's public table as it is: no loss at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from accuracy_world import (
    ALL_LEVELS,
    Asked,
    by_level,
    clipped_figures,
    clipped_integers,
    draw,
    leaves_of,
    planned,
)
from heavy_world import Trades, Years
from numpy.typing import NDArray

from release.plan import ReleasePlan
from release.tables import Layout, Level, cells_of_leaves

FloatArray = NDArray[np.float64]
LEAST_PRIOR = 1e8
DRAWS = 8
KEPT = (1, 2, 4, 8, 16)
CAPS = tuple(np.geomspace(1e6, 1e11, 21))
PARTS = (0.05, 0.1, 0.2, 0.4)
FLOORS = (1e7, 1e8, 1e9)
FLAT_SCALES = tuple(np.geomspace(2e7, 2e10, 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A way to publish, with its median relative error over cells with a prior of at least 100 million, by level."""

    traders: int
    way: str
    errors: dict[Level, float]


def rivals(worlds: Sequence[Years], traders: int, assumed: str, rho: str) -> list[Rival]:
    """Return the other ways' errors: the median over worlds, levels chosen one by one in their favour."""
    ways = {
        "no priors (one scale a level)": lambda world: _no_priors(world, assumed, rho),
        "no hierarchy (cells added up)": lambda world: _no_hierarchy(world, assumed, rho),
        "random truncation, clip for each cell": lambda world: _truncation(world, assumed, rho),
        "last year's public table as it is": lambda world: _last_year(world, assumed, rho),
    }
    found = []
    for way, of in ways.items():
        each = [of(world) for world in worlds]
        errors = {level: float(np.median([world[level] for world in each])) for level in ALL_LEVELS}
        found.append(Rival(traders=traders, way=way, errors=errors))
    return found


def _any_plan(world: Years, assumed: str, rho: str, scales: dict[Level, tuple[str, str]]) -> ReleasePlan:
    return planned(world, Asked(rho=rho, scales=scales, assumption=assumed))


def _error(layout: Layout, world: Years, level: Level, estimates: FloatArray) -> float:
    """Return the median relative error of estimates (draws, cells) over the level's larger cells."""
    truth, prior = by_level(layout, world.now)[level], by_level(layout, world.before)[level]
    chosen = (prior >= LEAST_PRIOR) & (truth > 0)
    return float(np.median(np.abs(estimates[..., chosen] / truth[chosen] - 1)))


def _no_priors(world: Years, assumed: str, rho: str) -> dict[Level, float]:
    """Return errors with one scale a level: cells' scale s, margins' 3 s, for the s that suits each level best."""
    best: dict[Level, float] = {}
    for scale in FLAT_SCALES:
        sizes = {Level.TOTAL: 10, Level.PARTNER: 3, Level.CHAPTER: 3, Level.PARTNER_CHAPTER: 1}
        scales = {level: ("0.0001", str(round(1e4 * scale * sizes[level]))) for level in ALL_LEVELS}
        plan = _any_plan(world, assumed, rho, scales)
        integers = clipped_integers(world.now, plan.measures[0])
        drawn = [draw(integers, plan) for _ in range(DRAWS)]
        for level in ALL_LEVELS:
            error = _error(plan.layout, world, level, np.array([found[level].values for found in drawn]))
            best[level] = min(error, best.get(level, error))
    return best


def _no_hierarchy(world: Years, assumed: str, rho: str) -> dict[Level, float]:
    """Return errors of sums of cells, for the scales that suit each level best."""
    best: dict[Level, float] = {}
    for part in PARTS:
        for floor in FLOORS:
            plan = _any_plan(world, assumed, rho, {Level.PARTNER_CHAPTER: (str(part), str(round(floor)))})
            measure = plan.measures[0]
            expectation = clipped_figures(clipped_integers(world.now, measure), measure)[Level.PARTNER_CHAPTER]
            noise = np.random.default_rng(1).normal(size=(DRAWS, expectation.size)) * measure.levels[0].sd
            for level in ALL_LEVELS:
                cells = cells_of_leaves(plan.layout, level)
                sums = np.array([np.bincount(cells, row) for row in expectation + noise])
                error = _error(plan.layout, world, level, sums)
                best[level] = min(error, best.get(level, error))
    return best


def _truncation(world: Years, assumed: str, rho: str) -> dict[Level, float]:
    """Return errors of truncation: each level a query with an equal part of the loss, k and C as suits it best."""
    plan = _any_plan(world, assumed, rho, {Level.TOTAL: ("0.1", "1e8")})
    rng = np.random.default_rng(1)
    own = float(rho) / len(ALL_LEVELS)
    return {
        level: min(
            _error(plan.layout, world, level, _truncated(plan.layout, world.now, level, kept, cap, own, rng))
            for kept in KEPT
            for cap in CAPS
        )
        for level in ALL_LEVELS
    }


def _truncated(
    layout: Layout, trades: Trades, level: Level, kept: int, cap: float, rho: float, rng: np.random.Generator
) -> FloatArray:
    """Return noisy sums, (draws, cells), after each trader kept `kept` random cells, each clipped at `cap`."""
    cells = cells_of_leaves(layout, level).astype(np.int64)
    size = int(cells.max()) + 1
    keys, place = np.unique(trades.traders * size + cells[leaves_of(trades)], return_inverse=True)
    sums = np.bincount(place, trades.amounts)
    order = np.lexsort((rng.random(keys.size), keys // size))
    owner = (keys // size)[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    rank = np.arange(owner.size) - np.repeat(starts, np.diff(np.r_[starts, owner.size]))
    chosen = order[rank < kept]
    exact = np.bincount(keys[chosen] % size, np.minimum(sums[chosen], cap), size)
    return np.asarray(exact + cap * sqrt(kept / (2 * rho)) * rng.normal(size=(DRAWS, size)))


def _last_year(world: Years, assumed: str, rho: str) -> dict[Level, float]:
    layout = _any_plan(world, assumed, rho, {Level.TOTAL: ("0.1", "1e8")}).layout
    before = by_level(layout, world.before)
    return {level: _error(layout, world, level, before[level][None, :]) for level in ALL_LEVELS}
