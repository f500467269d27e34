"""What a comparison can see before anyone looks: chances of each verdict and the smallest detectable ratios.

Everything follows from the expected flow, the two noise scales and the band; no noisy figure enters. The
expected figures are taken as unclipped, while the verdict still allows for the bounds: bounds cost power.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from release.errors import InvalidComparisonError
from release.inference.bands import Array, Band, Mirrors, critical_value, mirrors
from release.inference.verdicts import edges


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What the comparison of one flow could see.

    Attributes:
        detectable_low: the largest ratio below the band that is called *differs* with the stated power; None
            when not even a flow that the importer misses altogether would be.
        detectable_high: the smallest ratio above the band that is; None when X may be unboundedly larger.
        p_corresponds: P(corresponds) when the true ratio stands at the band's centre.
    """

    detectable_low: float | None
    detectable_high: float | None
    p_corresponds: float


def expected(
    *,
    x: npt.ArrayLike,
    x_sd: npt.ArrayLike,
    m_sd: npt.ArrayLike,
    ratio: npt.ArrayLike,
    bound_x: npt.ArrayLike = 0.0,
    bound_m: npt.ArrayLike = 0.0,
) -> Mirrors:
    """The mirrors expected of flows `x` > 0 whose true ratio is `ratio`; shapes broadcast to (n,).

    Raises:
        InvalidComparisonError: an expected flow isn't positive, or as `mirrors`.
    """
    flow = np.asarray(x, dtype=np.float64)
    if not (flow > 0.0).all():
        least = float(np.min(flow))
        raise InvalidComparisonError("expected x", least, "an expected flow must be positive")
    m = flow * np.asarray(ratio, dtype=np.float64)
    return mirrors(x=flow, x_sd=x_sd, m=m, m_sd=m_sd, bound_x=bound_x, bound_m=bound_m)


def foresee(
    *,
    x: float,
    x_sd: float,
    m_sd: float,
    band: Band,
    bound_x: float = 0.0,
    bound_m: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Foresight:
    """What the comparison of one expected flow `x` could see; the noise in the same currency unit."""
    centre = expected(x=x, x_sd=x_sd, m_sd=m_sd, ratio=band.cif_fob, bound_x=bound_x, bound_m=bound_m)
    low, high = detectable_ratios(centre, band, alpha=alpha, power=power)
    return Foresight(
        detectable_low=float(low[0]) if low[0] > 0.0 else None,
        detectable_high=float(high[0]) if np.isfinite(high[0]) else None,
        p_corresponds=float(chance_corresponds(centre, band, alpha=alpha)[0]),
    )


def detectable_ratios(flows: Mirrors, band: Band, *, alpha: float = 0.05, power: float = 0.8) -> tuple[Array, Array]:
    """The ratios below and above the band that are called *differs* with the stated power, two arrays (n,).

    For the flow x of `flows` (its m isn't used): `r_L = L - (bB + (z + z_power) s_L) / x`, 0 when nothing is
    low enough, and `r_U = U + (U bA + (z + z_power) s_U) / x`, inf when nothing is high enough.
    """
    from scipy.special import ndtri

    reach = critical_value(alpha) + ndtri(power)
    s_low, s_high = (np.hypot(flows.m_sd, edge * flows.x_sd) for edge in (band.low, band.high))
    low = band.low - (flows.bound_m + reach * s_low) / flows.x
    high = band.high + (band.high * flows.bound_x + reach * s_high) / flows.x
    return np.maximum(low, 0.0), high


def chance_corresponds(flows: Mirrors, band: Band, *, alpha: float = 0.05) -> Array:
    """P(corresponds) when `flows` holds the expected figures, shape (n,).

    The probability that two correlated normal statistics, `T_L` and `T_U`, both exceed their thresholds, from
    Owen's T function (Owen, 1956), exact.
    """
    z = critical_value(alpha)
    low, high = edges(band, len(flows))
    s_low, s_high = np.hypot(flows.m_sd, low * flows.x_sd), np.hypot(flows.m_sd, high * flows.x_sd)
    with np.errstate(all="ignore"):
        a = (flows.m - low * (flows.x + flows.bound_x)) / s_low - z
        b = (high * flows.x - flows.m - flows.bound_m) / s_high - z
        apart = flows.x_sd * flows.m_sd * (high - low) / (s_low * s_high)
    noiseless = (s_low == 0.0) | (s_high == 0.0)
    inside = (flows.m > low * (flows.x + flows.bound_x)) & (flows.m + flows.bound_m < high * flows.x)
    open_ended = np.isinf(flows.bound_x) | np.isinf(flows.bound_m)
    usable = ~(noiseless | open_ended)
    both = _both_below(np.where(usable, a, 0.0), np.where(usable, b, 0.0), np.where(usable, apart, 1.0))
    return np.asarray(np.where(usable, both, np.where(open_ended, 0.0, inside.astype(np.float64))))


def chance_differs(flows: Mirrors, band: Band, *, alpha: float = 0.05) -> Array:
    """P(differs) when `flows` holds the expected figures, shape (n,).

    The two tails' sum; that the higher flow must also be told from 0 is left out, which matters only where a
    flow is smaller than about four of its own standard deviations.
    """
    from scipy.special import ndtr

    z = critical_value(alpha)
    low, high = edges(band, len(flows))
    s_low, s_high = np.hypot(flows.m_sd, low * flows.x_sd), np.hypot(flows.m_sd, high * flows.x_sd)
    with np.errstate(all="ignore"):
        below = ndtr((low * flows.x - flows.m - flows.bound_m) / s_low - z)
        above = ndtr((flows.m - high * (flows.x + flows.bound_x)) / s_high - z)
    return np.asarray(np.minimum(1.0, np.nan_to_num(below) + np.nan_to_num(above)))


def _both_below(a: Array, b: Array, apart: Array) -> Array:
    """P(Z1 < a, Z2 < b) for normals whose correlation is `-sqrt(1 - apart^2)`."""
    from scipy.special import ndtr, owens_t

    apart = np.maximum(apart, 1e-12)
    rho = -np.sqrt(np.maximum(0.0, 1.0 - apart**2))
    h, k = (np.where(np.abs(edge) < _NEARLY_ZERO, _NEARLY_ZERO, edge) for edge in (a, b))
    crossed = np.where(h * k < 0.0, 0.5, 0.0)
    owen = owens_t(h, (k / h - rho) / apart) + owens_t(k, (h / k - rho) / apart)
    return np.asarray(np.clip(0.5 * (ndtr(h) + ndtr(k)) - owen - crossed, 0.0, 1.0))


_NEARLY_ZERO = 1e-12
