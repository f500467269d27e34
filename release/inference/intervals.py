"""Intervals of ratio, relative difference and gap of two noisy mirrors, with bounds on the clipped mass.

Fieller's argument (1954): the ratio r is ruled out when `M - r X` lies too far from 0. With clipped masses in
`[0, bB]` and `[0, bA]`, the mean of `m - r x` lies in `[-bB, r bA]` when M = r X, so that

    'R > r' is sure when  m - r (x + bA) >  z s_r        s_r^2 = sB^2 + r^2 sA^2
    'R < r' is sure when  r x - (m + bB) >  z s_r

Both left sides minus `z s_r` are concave in r. An interval is printed, not Fieller's set: a limit counts only
when every ratio beyond it is ruled out as well. Without bounds the two agree whenever both figures are
significantly positive; otherwise Fieller's set may be the complement of an interval, and the printed one is
wider.
"""

from dataclasses import dataclass

import numpy as np

from release.inference.bands import LARGEST_RATIO, Array, Mirrors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interval:
    """A point estimate with its limits, arrays of shape (n,).

    Attributes:
        point: nan where the figures give no estimate.
        low: lower limit, at its least possible value where there is none.
        high: upper limit, at its largest possible value (inf for ratios) where there is none.
    """

    point: Array
    low: Array
    high: Array


def ratio_interval(cells: Mirrors, z: Array) -> Interval:
    """The interval of R = M / X for every cell, in [0, inf], at the critical value `z` (scalar or (n,)).

    `low` is 0 where M can't be told from 0 or X may be unboundedly larger; `high` is inf where X can't be
    told from 0 or M may be unboundedly larger. The point is max(m, 0) / x, nan for x <= 0.
    """
    own = cells.in_own_unit()
    with np.errstate(all="ignore"):
        low = _least_ratio(own.m, own.m_sd, own.x + own.bound_x, own.x_sd, z)
        high = 1.0 / _least_ratio(own.x, own.x_sd, own.m + own.bound_m, own.m_sd, z)
        point = np.where(own.x > 0.0, np.maximum(own.m, 0.0) / own.x, np.nan)
    low = np.minimum(low, LARGEST_RATIO)
    high = np.maximum(high, 1.0 / LARGEST_RATIO)
    point = np.where(point <= LARGEST_RATIO, point, np.nan)
    return Interval(point=point, low=low, high=high)


def _least_ratio(top: Array, top_sd: Array, bottom: Array, bottom_sd: Array, z: Array) -> Array:
    """The largest q such that 'top / bottom > r' is sure for every r in [0, q).

    The smallest positive root of `top - r bottom = z sqrt(top_sd^2 + r^2 bottom_sd^2)`, in the form of the
    quadratic's root that loses no digits, divided through by `top` so that nothing underflows; 0 when `top` isn't
    significantly positive, inf without a root.
    """
    a, b = z * top_sd, z * bottom_sd
    sure = (top > a) & np.isfinite(bottom)
    over, under = np.where(sure, top, 1.0), np.where(sure, bottom, 1.0)
    noise = np.where(sure, a / over, 0.0)
    c = np.where(sure, (over - a) / over * (1.0 + noise), 1.0)
    root = np.hypot(noise * under, b * np.sqrt(c))
    ordinary = over * c / (under + root)
    negative = np.where(b > -under, over * (root - under) / ((b - under) * (b + under)), np.inf)
    return np.where(sure, np.where(under >= 0.0, ordinary, negative), 0.0)


def fieller_accepts(cells: Mirrors, ratio: Array, z: Array) -> Array:
    """Whether Fieller's set, extended by the bounds, holds `ratio`, shape (n,) of booleans.

    The set itself, whose coverage is exact; `ratio_interval` is the shortest interval that contains it.
    """
    s = np.hypot(cells.m_sd, ratio * cells.x_sd)
    over = cells.m - ratio * cells.x
    return np.asarray((over <= ratio * cells.bound_x + z * s) & (-over <= cells.bound_m + z * s))


def relative_difference(ratio: Interval) -> Interval:
    """SRD = (M - X) / ((M + X) / 2) with its limits, from those of the ratio; it lies in [-2, 2]."""
    return Interval(point=_srd(ratio.point), low=_srd(ratio.low), high=_srd(ratio.high))


def _srd(ratio: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where(np.isposinf(ratio), 2.0, 2.0 * (ratio - 1.0) / (ratio + 1.0))


def gap_interval(cells: Mirrors, z: Array) -> Interval:
    """The gap M - X in currency units; a limit is infinite where the bound that widens it is."""
    gap = cells.m - cells.x
    reach = z * np.hypot(cells.m_sd, cells.x_sd)
    return Interval(point=gap, low=gap - cells.bound_x - reach, high=gap + cells.bound_m + reach)


def least_excess(cells: Mirrors, low: Array, high: Array, z: Array) -> Array:
    """By how much a flow surely leaves the band `[low, high]`, currency units, shape (n,), at least 0.

    The lower limit of `M - U X` where M is above the band, of `L X - M` where it is below.
    """
    with np.errstate(all="ignore"):
        above = cells.m - high * (cells.x + cells.bound_x) - z * np.hypot(cells.m_sd, high * cells.x_sd)
        below = low * cells.x - (cells.m + cells.bound_m) - z * np.hypot(cells.m_sd, low * cells.x_sd)
    return np.maximum(0.0, np.maximum(above, below))
