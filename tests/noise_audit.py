"""An attack on the real pipeline that measures how much it gives away: a lower bound of mu, with its error.

Two data sets differ in canaries: traders with known records, one in each block (a flow and some months) of a release.
Both go through the pipeline once up to the integers before noise; the noise is drawn again and again, each draw giving
one sample for each canary. The attacker knows everything but the canary's presence, learns the noise's covariance from
draws of its own, and guesses by the likelihood's threshold. For a mechanism that is mu-GDP the rates of its errors obey
mu >= z(1 - false positives) + z(1 - false negatives) (Dong, Roth and Su 2019, arXiv:1905.02383, equation 6); each rate
is replaced by its upper Clopper-Pearson limit.
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
from scipy.stats import beta, norm

from release.confidential.noise import noisy
from release.plan import ReleasePlan

ERROR = 1e-6
"""The probability with which a lower bound may lie above the truth."""

BLOCKS = len(FLOWS) * len(MONTHS)
LISTED = (("DE", "01"), ("DE", "_"), ("ZW", "01"), ("ZW", "_"))
"""The four leaves of a block: a listed partner and chapter, and their residuals."""

Integers = NDArray[np.int64]
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
    draws = -(-samples // tried.canaries)
    noise = residuals(tried, tried.without, max(draws // 5, 400 // tried.canaries), draw)
    target = by_canary(tried, (tried.inside - tried.without)[None, :])[0]
    aim = np.linalg.solve(covariance(noise), target.T).T
    reach = (aim * target).sum(axis=1)
    scores = [
        (residuals(tried, vector, draws, draw) * aim).sum(axis=2) / reach for vector in (tried.without, tried.inside)
    ]
    return lower_bound(int((scores[0] < 0.5).sum()), int((scores[1] >= 0.5).sum()), scores[0].size)


def lower_bound(right_without: int, right_inside: int, samples: int) -> float:
    """Return the lower bound of mu from the number of right guesses in each world."""
    return sum(float(norm.ppf(_at_least(right, samples))) for right in (right_without, right_inside))


def _at_least(right: int, samples: int) -> float:
    return float(beta.ppf(ERROR / 2, right, samples - right + 1)) if right else 0.0


def residuals(tried: Worlds, vector: Integers, draws: int, draw: Draw) -> NDArray[np.float64]:
    """Return draws from a world less the world without canaries; shape (draws, canaries, cells of a canary)."""
    stacked = np.stack([draw(vector, tried.plan) - tried.without for _ in range(draws)])
    return by_canary(tried, stacked)


def by_canary(tried: Worlds, stacked: Integers) -> NDArray[np.float64]:
    """Return vectors with the cells of each canary's blocks together, in grid steps."""
    months = len(tried.plan.layout.flows) * len(MONTHS)
    block = [
        cell * months // level.cells % BLOCKS
        for measure in everything_drawn(tried.plan)
        for level in measure.levels
        for cell in range(level.cells)
    ]
    order = np.argsort(np.asarray(block), kind="stable")
    return stacked[:, order].reshape(len(stacked), tried.canaries, -1).astype(np.float64)


def covariance(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of a canary's cells, pooled over canaries.

    A millionth on its diagonal keeps it solvable, and a direction without noise is then what the attacker looks at.
    """
    pooled = noise.reshape(-1, noise.shape[2])
    found = pooled.T @ pooled / len(pooled)
    return np.asarray(found + 1e-6 * np.trace(found) / len(found) * np.eye(len(found)))


def largest_correlation(columns: NDArray[np.float64]) -> float:
    """Return the largest correlation of two columns in units of what chance allows (error `ERROR` over all pairs).

    By Fisher's transformation, for independent normal columns; above 1 they aren't independent.
    """
    count, width = columns.shape
    pairs = width * (width - 1) / 2
    found = np.abs(np.corrcoef(columns, rowvar=False) - np.eye(width)).max()
    limit = norm.isf(ERROR / 2 / pairs) / np.sqrt(count - 3)
    return float(np.arctanh(min(found, 1 - 1e-12)) / limit)


def repeated_runs(vectors: Integers, length: int = 3) -> int:
    """Return how many runs of `length` cells' noise occur more than once in rows of noise."""
    runs = np.lib.stride_tricks.sliding_window_view(vectors, length, axis=1).reshape(-1, length)
    return len(runs) - len(np.unique(runs, axis=0))
