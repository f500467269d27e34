"""Judging a year while it runs: year-to-date looks whose chance of a false alarm is that of one.

The statistics are year-to-date sums of `M - L X` and `U X - M` from *monthly measurements*, whose noise is
independent (re-reconciled estimates would not be). Information fractions are fixed by the plan. Each side has
half the error rate. Twelve equal steps: a constant boundary, 2.10 sqrt(V_12) (the O'Brien-Fleming shape,
1979). Other steps: the O'Brien-Fleming-type spending function of Lan and DeMets (1983), `2 - 2 Phi(z(1 - a /
2) / sqrt(t))` for a side of rate a. Crossing probabilities by the recursion of Armitage, McPherson and Rowe
(1969).

An interim look only says *differs*; *corresponds* comes with the last. Printed intervals are repeated
confidence intervals (Jennison and Turnbull, 1989): all of them cover at once with 1 - alpha.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from release.errors import InvalidComparisonError
from release.inference.bands import Array, Band, Mirrors, critical_value
from release.inference.verdicts import Judgement, Verdict, judge_cells

LEAST_STEP = 1e-3
"""The smallest step between two information fractions; closer looks would see nothing new."""

_LARGEST_Z = 12.0


def information_fractions(x_sd: npt.ArrayLike, m_sd: npt.ArrayLike, ratio: float) -> tuple[float, ...]:
    """V_k / V_K of the year-to-date sums of `M - ratio X`, from the planned noise of each month, k = 1..K."""
    variance = np.asarray(m_sd, dtype=np.float64) ** 2 + ratio**2 * np.asarray(x_sd, dtype=np.float64) ** 2
    so_far = np.cumsum(variance)
    if not so_far[-1] > 0.0:
        raise InvalidComparisonError("information", float(so_far[-1]), "looks without noise need no boundary")
    return tuple(float(share) for share in so_far / so_far[-1])


def critical_values(fractions: Sequence[float], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The critical value of every look, to be used as z: two one-sided boundaries of alpha / 2 each.

    Args:
        fractions: planned information fractions, rising, the last 1.
        alpha: chance of ever crossing either boundary while the ratio lies within the band.

    Raises:
        InvalidComparisonError: the fractions don't rise to 1 by steps of at least `LEAST_STEP`.
    """
    steps = np.diff(np.concatenate([[0.0], fractions]))
    if abs(fractions[-1] - 1.0) > 1e-9 or not (steps >= LEAST_STEP).all():  # noqa: PLR2004
        raise InvalidComparisonError(
            "information fractions", fractions, "they must rise to 1 by steps of 0.001 or more"
        )
    critical_value(alpha)
    if np.allclose(steps, steps[0], rtol=1e-6):
        return _constant(len(steps), alpha)
    return _spent(tuple(float(t) for t in fractions), alpha)


def judge_looks(months: Mirrors, band: Band, *, alpha: float = 0.05) -> tuple[Judgement, ...]:
    """One judgement of the year to date after each month; `months` holds the year's monthly figures in order.

    The critical value is the larger of those for the information of the two edges; they are one when the
    offices' noise has the same profile over the year. The standard deviations must be those of the plan, for
    all months of the year. Bounds add up over months.
    """
    from scipy.special import ndtr

    z = np.max(
        [
            critical_values(information_fractions(months.x_sd, months.m_sd, edge), alpha=alpha)
            for edge in (band.low, band.high)
        ],
        axis=0,
    )
    judged = judge_cells(year_to_date(months), band, alpha=2.0 * ndtr(-z))
    return (*(_interim(judgement) for judgement in judged[:-1]), judged[-1])


def year_to_date(months: Mirrors) -> Mirrors:
    """The running sums of the months, with the standard deviations and bounds of those sums."""
    return Mirrors(
        x=np.cumsum(months.x),
        x_sd=np.sqrt(np.cumsum(months.x_sd**2)),
        m=np.cumsum(months.m),
        m_sd=np.sqrt(np.cumsum(months.m_sd**2)),
        bound_x=np.cumsum(months.bound_x),
        bound_m=np.cumsum(months.bound_m),
    )


def crossing_chances(fractions: Sequence[float], z: Sequence[float]) -> Array:
    """P(first crossing at look k) of a one-sided boundary by a driftless process, shape (K,)."""
    walk = _Walk(fractions)
    return np.array([walk.step(t, boundary * np.sqrt(t)) for t, boundary in zip(fractions, z, strict=True)])


def _interim(judgement: Judgement) -> Judgement:
    if judgement.verdict is not Verdict.CORRESPONDS:
        return judgement
    said = f"{judgement.because} The year isn't over: only the last look can say that a flow corresponds."
    return replace(judgement, verdict=Verdict.CANNOT_TELL, because=said)


class _Walk:
    """The density of a driftless process at the last look, among paths that crossed no boundary yet."""

    def __init__(self, fractions: Sequence[float]) -> None:
        """Start at 0, with nodes close enough together for the smallest step between `fractions`."""
        least = float(np.diff(np.concatenate([[0.0], fractions])).min())
        self.count = 20 * int(np.ceil(2.0 / np.sqrt(least)))
        self.at = 0.0
        self.nodes = np.zeros(1)
        self.mass = np.ones(1)

    def chance(self, t: float, boundary: float) -> float:
        """P(at or below every boundary until now, above `boundary` at `t`)."""
        from scipy.special import ndtr

        return float(self.mass @ ndtr((self.nodes - boundary) / np.sqrt(t - self.at)))

    def step(self, t: float, boundary: float) -> float:
        """The same chance, after which the process stands at `t`, below `boundary`."""
        crossed = self.chance(t, boundary)
        roots, weights = _gauss_legendre(self.count)
        lowest = -8.0 * np.sqrt(t)
        half = (min(boundary, -lowest) - lowest) / 2.0
        nodes, spread = lowest + half * (roots + 1.0), np.sqrt(t - self.at)
        kernel = np.exp(-0.5 * ((nodes[:, None] - self.nodes[None, :]) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        self.mass = half * weights * (kernel @ self.mass)
        self.at, self.nodes = t, nodes
        return crossed


@lru_cache(maxsize=8)
def _gauss_legendre(count: int) -> tuple[Array, Array]:
    roots, weights = np.polynomial.legendre.leggauss(count)
    return roots, weights


@lru_cache(maxsize=64)
def _constant(looks: int, alpha: float) -> tuple[float, ...]:
    """Critical values c / sqrt(t) of the constant boundary c for equal steps, c to four decimals, upwards."""
    fractions = tuple((k + 1) / looks for k in range(looks))

    def excess(c: float) -> float:
        return float(crossing_chances(fractions, [c / np.sqrt(t) for t in fractions]).sum()) - alpha / 2.0

    c = np.ceil(1e4 * _root(excess)) / 1e4
    return tuple(float(c / np.sqrt(t)) for t in fractions)


@lru_cache(maxsize=256)
def _spent(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Critical values that spend alpha / 2 by the O'Brien-Fleming-type function at the given fractions."""
    from scipy.special import ndtr, ndtri

    walk, values, before = _Walk(fractions), [], 0.0
    quantile = -ndtri(alpha / 4.0)
    for t in fractions:
        until = float(2.0 * ndtr(-quantile / np.sqrt(t)))
        share = until - before
        values.append(_root(partial(_unspent, walk, t, share)))
        walk.step(t, values[-1] * np.sqrt(t))
        before = until
    return tuple(values)


def _unspent(walk: _Walk, t: float, share: float, z: float) -> float:
    return walk.chance(t, z * np.sqrt(t)) - share


def _root(excess: Callable[[float], float]) -> float:
    """Where a falling function of a critical value reaches 0, by bisection: the last bracket's upper end."""
    low, high = 0.0, _LARGEST_Z
    for _ in range(28):
        middle = (low + high) / 2.0
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return high
