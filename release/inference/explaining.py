"""Which parts carry a pair's gap: linear combinations of estimates, with their own variance.

Reconciled siblings are negatively correlated, so standard deviations are never added here: every sum takes
the full covariance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from release.errors import InvalidComparisonError
from release.inference.bands import Array, critical_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount in currency units with its standard deviation and limits; an unbounded side is infinite."""

    value: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """One office's estimates of the parts of a flow.

    Attributes:
        values: estimates, shape (k,), currency units.
        covariance: covariance of their noise, shape (k, k).
        bounds: bounds on their clipped mass, shape (k,); inf when unbounded.
    """

    values: Array
    covariance: Array
    bounds: Array


def flow(values: npt.ArrayLike, covariance: npt.ArrayLike, bounds: npt.ArrayLike = 0.0) -> Flow:
    """The checked parts of a flow; a scalar bound holds for every part.

    Raises:
        InvalidComparisonError: the covariance isn't a symmetric (k, k) matrix.
    """
    parts, noise = np.asarray(values, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if noise.shape != (parts.size, parts.size) or not np.allclose(noise, noise.T, rtol=1e-9):
        raise InvalidComparisonError("covariance", noise.shape, f"it must be symmetric, {parts.size} x {parts.size}")
    most = np.broadcast_to(np.asarray(bounds, dtype=np.float64), parts.shape)
    return Flow(values=parts, covariance=noise, bounds=most)


def combine(of: Flow, weights: npt.ArrayLike, *, alpha: float = 0.05) -> Amount:
    """The linear combination `weights @ values` with variance `w' C w`, widened by the bounds on clipping."""
    w = np.asarray(weights, dtype=np.float64)
    value, sd = float(w @ of.values), float(np.sqrt(np.maximum(0.0, w @ of.covariance @ w)))
    taken = np.where(w == 0.0, 0.0, w) * np.where(w == 0.0, 0.0, of.bounds)
    reach = float(critical_value(alpha)) * sd
    low, high = np.minimum(taken, 0.0).sum(), np.maximum(taken, 0.0).sum()
    return Amount(value=value, sd=sd, low=float(value + low - reach), high=float(value + high + reach))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A pair's gap M - X and what carries it.

    Attributes:
        gap: the whole gap.
        freight: the part of it that CIF against FOB accounts for, the sum of (c_k - 1) X_k.
        rest: what is left, the sum of M_k - c_k X_k; its value and that of `freight` add up to the gap's.
        parts: M_k - c_k X_k of every part (a chapter, say), in the order given; their values add up to the
            rest's.
    """

    gap: Amount
    freight: Amount
    rest: Amount
    parts: tuple[Amount, ...]


def explain_gap(x: Flow, m: Flow, cif_fob: npt.ArrayLike = 1.0, *, alpha: float = 0.05) -> Explanation:
    """The gap of a pair, its CIF/FOB part, and the contribution of each of its k parts, all with intervals.

    Args:
        x: the exporter's parts.
        m: the importer's parts in the same order; its noise is independent of `x`'s.
        cif_fob: c of each part, shape (k,) or one for all.
        alpha: error rate of each interval.

    Raises:
        InvalidComparisonError: the two flows haven't the same parts.
    """
    if x.values.shape != m.values.shape:
        shapes = f"{x.values.size} and {m.values.size}"
        raise InvalidComparisonError("parts", shapes, "both flows must have the same parts in the same order")
    both, k = _side_by_side(x, m), x.values.size
    c = np.broadcast_to(np.asarray(cif_fob, dtype=np.float64), (k,))
    one, none = np.ones(k), np.zeros(k)

    def amount(of_x: Array, of_m: Array) -> Amount:
        return combine(both, np.concatenate([of_x, of_m]), alpha=alpha)

    return Explanation(
        gap=amount(-one, one),
        freight=amount(c - 1.0, none),
        rest=amount(-c, one),
        parts=tuple(amount(-c * unit, unit) for unit in np.eye(k)),
    )


def _side_by_side(x: Flow, m: Flow) -> Flow:
    apart = np.zeros((x.values.size, m.values.size))
    return Flow(
        values=np.concatenate([x.values, m.values]),
        covariance=np.block([[x.covariance, apart], [apart.T, m.covariance]]),
        bounds=np.concatenate([x.bounds, m.bounds]),
    )
