"""Whether a mirror ratio is unusual beside the pair's own public history.

Real mirrors break an agreed band often, year after year and by about the same amount. What is news is a ratio
that the pair's own past doesn't lead one to expect. The history is public and exact: ln(M / X) of earlier
periods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from release.errors import InvalidComparisonError
from release.inference.bands import Array, Mirrors, critical_value
from release.wording import probability

_LEVELS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusual:
    """A noisy ratio beside the pair's past.

    Attributes:
        mean: mean of ln(M / X) over the history.
        sd: its standard deviation, n - 1 in the denominator.
        periods: n.
        expected_low: lower limit of the ratio that the history leads one to expect, before noise.
        expected_high: its upper limit.
        p: two-sided p-value, to about 1e-4.
        unusual: p <= alpha; None when neither answer is possible, both clipped masses being unbounded.
        because: the answer in words.
    """

    mean: float
    sd: float
    periods: int
    expected_low: float
    expected_high: float
    p: float
    unusual: bool | None
    because: str


def beside_history(cell: Mirrors, log_ratios: Sequence[float], *, alpha: float = 0.05) -> Unusual:
    """Whether the ratio of one cell is unusual against `log_ratios`, the pair's public ln(M / X).

    The history predicts the next ln R as a t distribution with n - 1 degrees of freedom, centred at the mean
    with scale `sd sqrt(1 + 1/n)`. Averaged over it, the p-value of the noise at each predicted R answers both
    sources of surprise at once. To first order in the noise that is the predictive interval widened by the
    delta method's `(sA / X)^2 + (sB / M)^2`, but it needs no logarithm of a noisy figure and so stands at
    figures near 0.

    Raises:
        InvalidComparisonError: fewer than three periods, or a log ratio that isn't finite.
    """
    from scipy.special import stdtrit

    past = np.asarray(log_ratios, dtype=np.float64)
    if past.size < 3 or not np.isfinite(past).all():  # noqa: PLR2004
        raise InvalidComparisonError("history", past.size, "it takes three finite log ratios or more")
    mean, sd = float(past.mean()), float(past.std(ddof=1))
    scale = sd * np.sqrt(1.0 + 1.0 / past.size)
    reach = scale * float(stdtrit(past.size - 1, 1.0 - alpha / 2.0))
    p = _surprise(cell, np.exp(mean + scale * _student(past.size - 1)))
    critical_value(alpha)
    answerable = bool(np.isfinite(cell.bound_x[0]) or np.isfinite(cell.bound_m[0]))
    low, high = float(np.exp(mean - reach)), float(np.exp(mean + reach))
    found = p <= alpha if answerable else None
    return Unusual(
        mean=mean,
        sd=sd,
        periods=int(past.size),
        expected_low=low,
        expected_high=high,
        p=p,
        unusual=found,
        because=_words(found, low, high, int(past.size), p),
    )


def _surprise(cell: Mirrors, ratios: Array) -> float:
    """Two-sided p-value of the cell's noise, averaged over the predicted ratios."""
    from scipy.special import ndtr

    s = np.hypot(cell.m_sd[0], ratios * cell.x_sd[0])
    too_high = ratios * (cell.x[0] + cell.bound_x[0]) - cell.m[0]
    too_low = cell.m[0] + cell.bound_m[0] - ratios * cell.x[0]
    with np.errstate(all="ignore"):
        tails = [
            float(np.where(s > 0.0, ndtr(t / s), (t >= 0.0).astype(np.float64)).mean()) for t in (too_high, too_low)
        ]
    return min(1.0, 2.0 * min(tails))


def _words(found: bool | None, low: float, high: float, periods: int, p: float) -> str:  # noqa: FBT001
    if found is None:
        return "Neither flow's clipped mass is bounded, so no ratio is surprising."
    past = f"{periods} earlier periods lead one to expect a ratio of {low:.2f} to {high:.2f}"
    return f"{past}; with the added noise, this one is {'un' if found else 'not un'}usual (p {probability(p)})."


@lru_cache(maxsize=32)
def _student(freedom: int) -> Array:
    """Quantiles of the t distribution at `_LEVELS` evenly spaced levels."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, (np.arange(_LEVELS) + 0.5) / _LEVELS))
