"""The attack of `release.audit.noise` on releases of the tests: canaries in blocks, and the program or edited copies.

A canary stands in each block (a flow and some months) of a release, and is looked for in all of the block's cells.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType

import numpy as np
from clip_world import AGAIN, FLOWS, MONTHS, Row, contributions, everything_drawn, row, write_rows
from numpy.typing import NDArray

from release.audit import noise
from release.audit.noise import Integers, largest_correlation, lower_bound, repeated_runs
from release.confidential.noise import noisy
from release.plan import ReleasePlan

__all__ = ["BLOCKS", "Canary", "Draw", "Integers", "Worlds", "by_canary", "claimed_mu", "drawn"]
__all__ += ["largest_correlation", "lower_bound", "measured_mu", "repeated_runs", "worlds"]

BLOCKS = len(FLOWS) * len(MONTHS)
LISTED = (("DE", "01"), ("DE", "_"), ("ZW", "01"), ("ZW", "_"))
"""The four leaves of a block: a listed partner and chapter, and their residuals."""

Draw = Callable[[Integers, ReleasePlan], Integers]


class Canary(StrEnum):
    """What a canary's records are."""

    AT_THE_CAP = "one leaf at the cap"
    TWICE = "one leaf at twice the cap"
    A_MILLION = "all leaves at 10^6 times the cap"
    SPREAD = "all leaves, unequal"
    CROSSED = "value in one leaf, mass in another"
    AGAIN = "all leaves at 10^6 times the cap, as re-imports or re-exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worlds:
    """The integers before noise without and with all canaries, and how many months each canary spans."""

    plan: ReleasePlan
    span: int
    without: Integers
    inside: Integers

    @property
    def canaries(self) -> int:
        """How many independent samples one draw gives."""
        return BLOCKS // self.span


def worlds(
    place: Path,
    plan: ReleasePlan,
    canary: Canary,
    *,
    span: int = 1,
    **modules: ModuleType,
) -> Worlds:
    """Return both worlds of a plan with twelve months of imports and exports, by the real code or by edited copies."""
    others = [row("B", block=block, leaf=LISTED[block % 4], value="777.77", mass="3.5") for block in range(BLOCKS)]
    rows = [line for block in range(BLOCKS) for line in _canary(canary, block, block // span, plan)]
    vectors = [
        contributions(write_rows(place / name, [kept]), plan, **modules)
        for name, kept in (("without", others), ("inside", others + rows))
    ]
    return Worlds(plan=plan, span=span, without=vectors[0], inside=vectors[1])


def _canary(canary: Canary, block: int, number: int, plan: ReleasePlan) -> list[Row]:
    cap = int(plan.measures[0].caps[0])
    factors = {
        Canary.AT_THE_CAP: (1.0, 0, 0, 0),
        Canary.TWICE: (0, 2.0, 0, 0),
        Canary.A_MILLION: (1e6, 1e6, 1e6, 1e6),
        Canary.SPREAD: (0.9, 0.5, 0.7, 0.8),
        Canary.CROSSED: (1.0, 0, 0, 0),
        Canary.AGAIN: (1e6, 1e6, 1e6, 1e6),
    }[canary]
    mass = (0, 0, 0, 1.0) if canary is Canary.CROSSED else factors
    rows = [
        row(f"C{number}", block=block, leaf=leaf, value=f"{cap * factor / 100:.2f}", mass=f"{cap * heavy / 100:.2f}")
        for leaf, factor, heavy in zip(LISTED, factors, mass, strict=True)
        if factor or heavy
    ]
    return [(*one[:2], AGAIN[str(one[2])], *one[3:]) for one in rows] if canary is Canary.AGAIN else rows


def drawn(vector: Integers, plan: ReleasePlan) -> Integers:
    """Return the stacked integers of all measures and tiers with the real noise."""
    measures = everything_drawn(plan)
    ends = np.cumsum([measure.cells for measure in measures])[:-1]
    parts = zip(np.split(vector, ends), measures, strict=True)
    return np.concatenate(
        [noisy(part, measure, release="audited", charged=measure.rho) for part, measure in parts], dtype=np.int64
    )


def claimed_mu(plan: ReleasePlan) -> float:
    """Return mu = sqrt(2 rho) of the whole release, with the ceiling in place of rho where there is one."""
    return math.sqrt(2 * (plan.rho + plan.excess_rho))


def measured_mu(tried: Worlds, samples: int, draw: Draw = drawn) -> float:
    """Return a lower bound of mu that lies above it with probability `ERROR` at most, from `samples` in each world."""
    worlds = noise.Worlds(without=tried.without, inside=tried.inside, watched=_watched(tried))
    return noise.measured_mu(worlds, samples, lambda vector: draw(vector, tried.plan))


def by_canary(tried: Worlds, stacked: Integers) -> NDArray[np.float64]:
    """Return vectors with the cells of each canary's blocks together, in grid steps."""
    return stacked[:, _watched(tried)].astype(np.float64)


def _watched(tried: Worlds) -> NDArray[np.intp]:
    """Return the cells of each canary's blocks; shape (canaries, cells)."""
    months = len(tried.plan.layout.flows) * len(MONTHS)
    block = [
        cell * months // level.cells % BLOCKS
        for measure in everything_drawn(tried.plan)
        for level in measure.levels
        for cell in range(level.cells)
    ]
    return np.argsort(np.asarray(block), kind="stable").reshape(tried.canaries, -1)
