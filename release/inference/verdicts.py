"""The verdict on a mirror flow: corresponds, differs, or cannot be told.

It is the position of the printed interval of R = M / X against the band [L, U]: inside, *corresponds*;
outside, *differs*; overlapping, *cannot tell*. Written out for one cell, with bounds bA and bB on the clipped
mass of X and M:

    corresponds        M - L X - L bA >  z s_L   and   U X - M - bB >  z s_U
    differs, M below   M - L X + bB   < -z s_L   and   X > z sA
    differs, M above   U X - M + U bA < -z s_U   and   M > z sB

The second condition of *differs* is what keeps the verdict from contradicting its interval: without it, a
lower flow that came out far below 0 could carry a verdict that every printed interval overlaps.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from release.inference.bands import Array, Band, Mirrors, critical_value, mirrors
from release.inference.intervals import Interval, gap_interval, least_excess, ratio_interval, relative_difference
from release.inference.reasons import Shown, because


class Verdict(StrEnum):
    """What is said of a flow."""

    CORRESPONDS = "corresponds"
    DIFFERS = "differs"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one cell with everything printed beside it; amounts in the figures' currency unit.

    None stands for what has no finite value: an estimate that doesn't exist, a side on which there is no
    limit.

    Attributes:
        ratio: max(M, 0) / X, None for X <= 0.
        ratio_low: lower limit of the ratio, at least 0.
        ratio_high: upper limit of the ratio, None when there is none.
        srd: (M - X) / ((M + X) / 2) at the ratio, None without one.
        srd_low: its lower limit, at least -2.
        srd_high: its upper limit, at most 2.
        gap: M - X.
        gap_low: its lower limit, None when there is none.
        gap_high: its upper limit, None when there is none.
        gap_at_least: the size of the gap that is sure, 0 when its sign isn't.
        beyond_band: by how much the flow surely leaves the band; 0 unless it differs.
        confidence: level of the intervals, 1 - alpha.
        p_differs: p-value of *differs*; at most alpha exactly when the verdict at alpha is *differs*.
        p_adjusted: the same adjusted for the family, None outside one.
        verdict: position of [ratio_low, ratio_high] against the band.
        higher: `x` or `m`, the side that is higher relative to the band, when the verdict is *differs*.
        because: the verdict in words.
    """

    ratio: float | None
    ratio_low: float
    ratio_high: float | None
    srd: float | None
    srd_low: float
    srd_high: float
    gap: float
    gap_low: float | None
    gap_high: float | None
    gap_at_least: float
    beyond_band: float
    confidence: float
    p_differs: float
    p_adjusted: float | None
    verdict: Verdict
    higher: str | None
    because: str


def judge(
    *,
    x: float,
    x_sd: float,
    m: float,
    m_sd: float,
    band: Band,
    bound_x: float = 0.0,
    bound_m: float = 0.0,
    alpha: float = 0.05,
) -> Judgement:
    """The judgement on one flow; see `judge_cells`."""
    cell = mirrors(x=x, x_sd=x_sd, m=m, m_sd=m_sd, bound_x=bound_x, bound_m=bound_m)
    return judge_cells(cell, band, alpha=alpha)[0]


def judge_cells(cells: Mirrors, band: Band | Sequence[Band], *, alpha: npt.ArrayLike = 0.05) -> tuple[Judgement, ...]:
    """One judgement a cell, each at its own error rate, nothing adjusted for their number.

    Args:
        cells: the noisy figures.
        band: one for all cells, or one each.
        alpha: two-sided error rate, one for all or one each.

    Raises:
        InvalidComparisonError: an error rate outside (0, 1).
    """
    rates = np.broadcast_to(np.asarray(alpha, dtype=np.float64), (len(cells),))
    z = critical_value(rates)
    low, high = edges(band, len(cells))
    ratio, gap = ratio_interval(cells, z), gap_interval(cells, z)
    p_values, srd = p_differs(cells, low, high), relative_difference(ratio)
    where = position(ratio, low, high)
    excess = np.where(np.abs(where) == 1, least_excess(cells, low, high, z), 0.0)
    shown = zip(
        zip(ratio.low.tolist(), ratio.high.tolist(), strict=True),
        zip(gap.low.tolist(), gap.high.tolist(), strict=True),
        zip(low.tolist(), high.tolist(), strict=True),
        excess.tolist(),
        zip(cells.bound_x.tolist(), cells.bound_m.tolist(), strict=True),
        (1.0 - rates).tolist(),
        strict=True,
    )
    points = zip(ratio.point.tolist(), srd.point.tolist(), gap.point.tolist(), strict=True)
    limits = zip(srd.low.tolist(), srd.high.tolist(), strict=True)
    rows = zip(itertools.starmap(Shown, shown), points, limits, p_values.tolist(), where.tolist(), strict=True)
    return tuple(itertools.starmap(_judgement, rows))


def _judgement(
    shown: Shown, points: tuple[float, float, float], srd: tuple[float, float], p: float, where: int
) -> Judgement:
    return Judgement(
        ratio=_finite(points[0]),
        ratio_low=shown.ratio[0],
        ratio_high=_finite(shown.ratio[1]),
        srd=_finite(points[1]),
        srd_low=srd[0],
        srd_high=srd[1],
        gap=points[2],
        gap_low=_finite(shown.gap[0]),
        gap_high=_finite(shown.gap[1]),
        gap_at_least=max(0.0, shown.gap[0], -shown.gap[1]),
        beyond_band=shown.excess,
        confidence=shown.confidence,
        p_differs=p,
        p_adjusted=None,
        verdict=_VERDICTS[where],
        higher=_HIGHER[where],
        because=because(shown),
    )


def position(ratio: Interval, low: Array, high: Array) -> npt.NDArray[np.int64]:
    """Where the interval lies against the band: 0 inside, 1 above, -1 below, 2 overlapping; shape (n,)."""
    inside = (ratio.low > low) & (ratio.high < high)
    return np.select([inside, ratio.low > high, ratio.high < low], [0, 1, -1], default=2)


def p_differs(cells: Mirrors, low: Array, high: Array) -> Array:
    """Two-sided p-value of *differs* against the band `[low, high]`, shape (n,), in [0, 1].

    Twice the smaller of the two one-sided p-values. Each is the larger of two: that of the statistic at the
    band's edge, moved by the bound that favours the null, and that of the higher flow against 0.
    """
    own = cells.in_own_unit()
    below = np.maximum(
        _tail(own.m + own.bound_m - low * own.x, np.hypot(own.m_sd, low * own.x_sd)),
        _tail(-own.x, own.x_sd),
    )
    above = np.maximum(
        _tail(high * (own.x + own.bound_x) - own.m, np.hypot(own.m_sd, high * own.x_sd)),
        _tail(-own.m, own.m_sd),
    )
    return np.minimum(1.0, 2.0 * np.minimum(below, above))


def edges(band: Band | Sequence[Band], cells: int) -> tuple[Array, Array]:
    """The bands' lower and upper edges, two arrays of shape (cells,)."""
    bands = (band,) * cells if isinstance(band, Band) else tuple(band)
    return np.array([b.low for b in bands]), np.array([b.high for b in bands])


def _tail(statistic: Array, sd: Array) -> Array:
    """Phi(statistic / sd), where a sd of 0 leaves 0 for a negative statistic and 1 for any other."""
    from scipy.special import ndtr

    with np.errstate(all="ignore"):
        return np.asarray(np.where(sd > 0.0, ndtr(statistic / sd), np.where(statistic < 0.0, 0.0, 1.0)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_VERDICTS = {0: Verdict.CORRESPONDS, 1: Verdict.DIFFERS, -1: Verdict.DIFFERS, 2: Verdict.CANNOT_TELL}
_HIGHER = {0: None, 1: "m", -1: "x", 2: None}
