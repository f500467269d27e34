"""Other ways to publish the same worlds at the same loss, with their parameters chosen in hindsight, in their favour.

- no priors: one scale for all cells of a level; the same clip and reconciliation;
- no hierarchy: the finest cells alone, shaped by the prior; everything else is added up from them;
- random truncation: each trader keeps k random cells of a level, each clipped at C, every level a query of its own with
  an equal part of the loss: OpenDP's `truncate_num_groups` and Tumult's `MaxGroupsPerID`;
- last year's public table as it is: no loss at all.

The best parameters are those of least weighted mean log error, with the planner's own weights of levels, on the truth.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import log, sqrt

import numpy as np
from accuracy_world import Asked, by_level, clipped_figures, clipped_integers, leaves_of, planned
from heavy_world import Trades, Years
from numpy.typing import NDArray

from release.plan import ReleasePlan
from release.planner.outlook import outlook, reconciled_sd
from release.planner.scales import WEIGHTS
from release.tables import Layout, Level, cells_of_leaves

FloatArray = NDArray[np.float64]
Errors = dict[Level, float]
LEAST_PRIOR = 1e8
DRAWS = 8
WAYS = ("no priors", "no hierarchy", "random truncation, clip for each cell", "last year's public table")
KEPT = (1, 2, 4, 8, 16)
CAPS = tuple(np.geomspace(1e6, 1e11, 21))
PARTS = ("0.05", "0.1", "0.2", "0.4", "0.8")
FLOORS = ("1e7", "1e8", "1e9", "1e10")
FLAT_SCALES = tuple(np.geomspace(2e7, 4e9, 9))
MARGINS = (1.0, 3.0, 10.0)
"""How much larger the scale of partners and chapters is than that of cells; the total's is ten times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A way to publish, with its median relative error over cells with a prior of at least 100 million, by level."""

    traders: int
    way: str
    errors: Errors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """A world and what is asked of it."""

    world: Years
    levels: tuple[Level, ...]
    rho: str


def rival_errors(way: str, own: Setting) -> Errors:
    """Return one of the other ways' errors on one world."""
    return dict(zip(WAYS, (_no_priors, _no_hierarchy, _truncation, _last_year), strict=True))[way](own)


def rivals(traders: int, name: str, found: dict[str, list[Errors]]) -> list[Rival]:
    """Return the other ways' lines, from their errors on each world: the medians over worlds."""
    return [
        Rival(
            traders=traders,
            way=f"{way}; {name}",
            errors={level: float(np.median([world[level] for world in each])) for level in each[0]},
        )
        for way, each in found.items()
    ]


def _planned(own: Setting, scales: dict[Level, tuple[str, str]]) -> ReleasePlan:
    return planned(own.world, Asked(rho=own.rho, scales=scales, assumption=""))


def _error(layout: Layout, own: Setting, level: Level, estimates: FloatArray) -> float:
    """Return the median relative error of estimates (draws, cells) over the level's larger cells."""
    truth, prior = by_level(layout, own.world.now)[level], by_level(layout, own.world.before)[level]
    chosen = (prior >= LEAST_PRIOR) & (truth > 0)
    return float(np.median(np.abs(estimates[..., chosen] / truth[chosen] - 1)))


def _best(candidates: Iterable[Errors]) -> Errors:
    return min(candidates, key=lambda errors: sum(WEIGHTS[level] * log(error) for level, error in errors.items()))


def _no_priors(own: Setting) -> Errors:
    return _best(_flat(own, scale, margin) for scale, margin in product(FLAT_SCALES, MARGINS))


def _flat(own: Setting, scale: float, margin: float) -> Errors:
    """Return errors with one scale a level; estimates are drawn with their known standard deviations."""
    finest = own.levels[-1]
    sizes = {level: 10 * margin if level is Level.TOTAL else 1.0 if level is finest else margin for level in own.levels}
    scales = {level: ("0.0001", str(round(1e4 * scale * sizes[level]))) for level in own.levels}
    plan = _planned(own, scales)
    measure = plan.measures[0]
    expected = clipped_figures(clipped_integers(own.world.now, measure), measure)
    sds = reconciled_sd(
        outlook(measure, plan.layout, plan.release.assumption, populations=0), [level.sd for level in measure.levels]
    )
    rng = np.random.default_rng(1)
    return {
        level: _error(plan.layout, own, level, expected[level] + rng.normal(size=(DRAWS, sd.size)) * sd)
        for level, sd in zip(own.levels, sds, strict=True)
    }


def _no_hierarchy(own: Setting) -> Errors:
    return _best(_added_up(own, part, floor) for part, floor in product(PARTS, FLOORS))


def _added_up(own: Setting, part: str, floor: str) -> Errors:
    """Return errors of sums of the finest cells."""
    finest = own.levels[-1]
    plan = _planned(own, {finest: (part, floor)})
    measure = plan.measures[0]
    expectation = clipped_figures(clipped_integers(own.world.now, measure), measure)[finest]
    noisy = expectation + np.random.default_rng(1).normal(size=(DRAWS, expectation.size)) * measure.levels[0].sd
    first = np.unique(cells_of_leaves(plan.layout, finest), return_index=True)[1]
    return {
        level: _error(
            plan.layout,
            own,
            level,
            np.array([np.bincount(cells_of_leaves(plan.layout, level)[first], row) for row in noisy]),
        )
        for level in own.levels
    }


def _truncation(own: Setting) -> Errors:
    """Return errors of truncation, k and C of each level chosen for it alone."""
    plan = _planned(own, {Level.TOTAL: ("0.1", "1e8")})
    rho = float(own.rho) / len(own.levels)
    return {level: min(_truncated_errors(plan.layout, own, level, rho)) for level in own.levels}


def _truncated_errors(layout: Layout, own: Setting, level: Level, rho: float) -> Iterable[float]:
    rng = np.random.default_rng(1)
    for kept in KEPT:
        cells, sums, size = _kept(layout, own.world.now, level, kept, rng)
        for cap in CAPS:
            exact = np.bincount(cells, np.minimum(sums, cap), size)
            noise = cap * sqrt(kept / (2 * rho)) * rng.normal(size=(DRAWS, size))
            yield _error(layout, own, level, exact + noise)


def _kept(
    layout: Layout, trades: Trades, level: Level, kept: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], FloatArray, int]:
    """Return cells and sums of what is left when each trader keeps `kept` random cells, and the number of cells."""
    of_leaves = cells_of_leaves(layout, level).astype(np.int64)
    size = int(of_leaves.max()) + 1
    keys, place = np.unique(trades.traders * size + of_leaves[leaves_of(trades)], return_inverse=True)
    sums = np.bincount(place, trades.amounts)
    order = np.lexsort((rng.random(keys.size), keys // size))
    owner = (keys // size)[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    rank = np.arange(owner.size) - np.repeat(starts, np.diff(np.r_[starts, owner.size]))
    chosen = order[rank < kept]
    return keys[chosen] % size, sums[chosen], size


def _last_year(own: Setting) -> Errors:
    layout = _planned(own, {Level.TOTAL: ("0.1", "1e8")}).layout
    before = by_level(layout, own.world.before)
    return {level: _error(layout, own, level, before[level][None, :]) for level in own.levels}
