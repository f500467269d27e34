"""An attack that measures how much a pipeline gives away: a lower bound of mu, with its error; tests of the noise.

Two worlds differ in canaries: invented traders with known records. Both went through the pipeline once up to the
integers before noise; the noise is drawn again and again, each draw giving one sample for each canary. The attacker
knows everything but the canary's presence, learns the noise's covariance from draws of its own, and guesses by the
likelihood's threshold. For a mechanism that is mu-GDP the rates of its errors obey mu >= z(1 - false positives)
+ z(1 - false negatives) (Dong, Roth and Su 2019, arXiv:1905.02383, equation 6); each rate is replaced by its upper
Clopper-Pearson limit. Nothing here draws or reads: the draw comes in as a function.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2, norm

ERROR = 1e-6
"""The probability with which a lower bound may lie above the truth, or a test may refuse sound noise."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Draw = Callable[[Integers], Integers]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worlds:
    """The integers before noise, stacked over everything that is drawn.

    Attributes:
        without: of the world without canaries; shape (cells,).
        inside: of the world with all of them.
        watched: the cells by which each canary is looked for, which no other canary touches; shape (canaries, cells).
    """

    without: Integers
    inside: Integers
    watched: NDArray[np.intp]

    @property
    def canaries(self) -> int:
        """How many independent samples one draw gives."""
        return len(self.watched)


def draws_for(samples: int, canaries: int) -> tuple[int, int]:
    """Return how many draws each world needs for so many samples, and how many the attacker learns from before."""
    draws = -(-samples // canaries)
    return draws, max(draws // 5, 400 // canaries, 1)


def measured_mu(tried: Worlds, samples: int, draw: Draw) -> float:
    """Return a lower bound of mu that lies above it with probability `ERROR` at most, from `samples` in each world."""
    draws, learned = draws_for(samples, tried.canaries)
    noise = _residuals(tried, tried.without, learned, draw)
    target = changes(tried)
    aim = np.linalg.solve(_covariance(noise), target.T).T
    reach = (aim * target).sum(axis=1)
    scores = [
        (_residuals(tried, vector, draws, draw) * aim).sum(axis=2) / reach for vector in (tried.without, tried.inside)
    ]
    return lower_bound(int((scores[0] < 0.5).sum()), int((scores[1] >= 0.5).sum()), scores[0].size)  # noqa: PLR2004


def changes(tried: Worlds) -> Floats:
    """Return by how much each canary moves the cells by which it is looked for; shape (canaries, cells)."""
    return np.asarray((tried.inside - tried.without)[tried.watched], dtype=np.float64)


def lower_bound(right_without: int, right_inside: int, samples: int) -> float:
    """Return the lower bound of mu from the number of right guesses in each world."""
    return sum(float(norm.ppf(_at_least(right, samples))) for right in (right_without, right_inside))


def _at_least(right: int, samples: int) -> float:
    return float(beta.ppf(ERROR / 2, right, samples - right + 1)) if right else 0.0


def _residuals(tried: Worlds, vector: Integers, draws: int, draw: Draw) -> Floats:
    """Return draws from a world less the world without canaries; shape (draws, canaries, cells of a canary)."""
    stacked = [(draw(vector) - tried.without)[tried.watched] for _ in range(draws)]
    return np.stack(stacked).astype(np.float64)


def _covariance(noise: Floats) -> Floats:
    """Return the covariance of a canary's cells, pooled over canaries.

    A millionth on its diagonal keeps it solvable, and a direction without noise is then what the attacker looks at.
    """
    pooled = noise.reshape(-1, noise.shape[2])
    found = pooled.T @ pooled / len(pooled)
    return np.asarray(found + 1e-6 * np.trace(found) / len(found) * np.eye(len(found)))


def largest_correlation(columns: Floats) -> float:
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


def scale_is_right(noise: Floats, scale: float) -> bool:
    """Decide whether noise, in any shape, has the stated standard deviation; a right one fails with chance `ERROR`."""
    square = float(((noise / scale) ** 2).sum())
    low, high = chi2.ppf([ERROR / 2, 1 - ERROR / 2], noise.size)
    return bool(low <= square <= high)
