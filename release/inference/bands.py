"""The band that a mirror ratio is judged against, and the noisy figures that are judged.

A band is public and agreed before the figures are seen. Figures are arrays of one shape, one element a cell,
checked once here, so that the arithmetic elsewhere never meets a nan.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from release.errors import InvalidComparisonError

Array = npt.NDArray[np.float64]

_WANTED = {
    "x": "a figure must be finite",
    "m": "a figure must be finite",
    "x_sd": "a standard deviation must be finite and at least 0",
    "m_sd": "a standard deviation must be finite and at least 0",
    "bound_x": "a bound must be at least 0, or inf",
    "bound_m": "a bound must be at least 0, or inf",
}

LARGEST_RATIO = 1e9
"""Lower limits of a ratio stop here, upper limits at its inverse: a limit that is weaker than it could be is
still a limit, and a verdict never has to be printed beside an infinite lower limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The ratios R = M / X that count as corresponding: `[c / (1 + t), c (1 + t)]`.

    Reciprocal in t, so that exchanging the two offices mirrors the band (`inverse`) and every verdict.

    Attributes:
        tolerance: t, the agreed tolerance, as a share (0.25 for 25 %).
        cif_fob: c, the ratio of a CIF to an FOB figure; 1 when both are valued alike or a valuation is
            unknown.

    Raises:
        InvalidComparisonError: t isn't in (0, 100] or c isn't in [0.01, 100].
    """

    tolerance: float
    cif_fob: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.tolerance <= 100.0:  # noqa: PLR2004
            raise InvalidComparisonError("tolerance", self.tolerance, "it must be above 0 and at most 100")
        if not 0.01 <= self.cif_fob <= 100.0:  # noqa: PLR2004
            raise InvalidComparisonError("cif_fob", self.cif_fob, "it must lie between 0.01 and 100")

    @property
    def low(self) -> float:
        """L, the smallest ratio that counts as corresponding."""
        return self.cif_fob / (1.0 + self.tolerance)

    @property
    def high(self) -> float:
        """U, the largest ratio that counts as corresponding."""
        return self.cif_fob * (1.0 + self.tolerance)

    def inverse(self) -> Self:
        """The band of X / M: what this band becomes when the offices exchange their roles."""
        return type(self)(tolerance=self.tolerance, cif_fob=1.0 / self.cif_fob)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mirrors:
    """Noisy mirror figures of n cells; make them with `mirrors`, which checks and broadcasts.

    `x` and `m` carry independent Gaussian noise of standard deviations `x_sd` and `m_sd`, and lie below what
    the offices hold by a clipped mass that is at least 0 and at most the bound.

    Attributes:
        x: what the exporter reports, shape (n,), currency units; may be negative, being noisy.
        x_sd: standard deviation of the noise of `x`, shape (n,).
        m: what the importer reports, shape (n,).
        m_sd: standard deviation of the noise of `m`, shape (n,).
        bound_x: most that clipping (and the grid) may have taken from `x`, shape (n,); inf when unbounded.
        bound_m: the same for `m`.
    """

    x: Array
    x_sd: Array
    m: Array
    m_sd: Array
    bound_x: Array
    bound_m: Array

    def __len__(self) -> int:
        return int(self.x.size)

    def swapped(self) -> Self:
        """The same cells with the offices' roles exchanged."""
        return type(self)(
            x=self.m, x_sd=self.m_sd, m=self.x, m_sd=self.x_sd, bound_x=self.bound_m, bound_m=self.bound_x
        )

    def in_own_unit(self) -> Self:
        """Every cell divided by the power of two next to its largest figure, so that no product overflows."""
        figures = np.abs([self.x, self.m, self.x_sd, self.m_sd])
        exponent = np.frexp(figures.max(axis=0))[1]
        fields = (self.x, self.x_sd, self.m, self.m_sd, self.bound_x, self.bound_m)
        with np.errstate(over="ignore", under="ignore"):
            x, x_sd, m, m_sd, bound_x, bound_m = (np.ldexp(field, -exponent) for field in fields)
        return type(self)(x=x, x_sd=x_sd, m=m, m_sd=m_sd, bound_x=bound_x, bound_m=bound_m)


def mirrors(
    *,
    x: npt.ArrayLike,
    x_sd: npt.ArrayLike,
    m: npt.ArrayLike,
    m_sd: npt.ArrayLike,
    bound_x: npt.ArrayLike = 0.0,
    bound_m: npt.ArrayLike = 0.0,
) -> Mirrors:
    """The noisy figures of n cells, broadcast to one shape (n,) and checked.

    Raises:
        InvalidComparisonError: a figure isn't finite, a standard deviation is negative or infinite, a bound
            is
            negative or nan, or the shapes don't fit.
    """
    named = {"x": x, "x_sd": x_sd, "m": m, "m_sd": m_sd, "bound_x": bound_x, "bound_m": bound_m}
    arrays = {name: np.atleast_1d(np.asarray(given, dtype=np.float64)) for name, given in named.items()}
    for name, array in arrays.items():
        _refuse_impossible(name, array)
    try:
        whole = np.broadcast_arrays(*arrays.values())
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InvalidComparisonError("cells", shapes, "the figures must have one shape") from None
    if whole[0].ndim != 1:
        raise InvalidComparisonError("cells", whole[0].shape, "the figures must be one-dimensional")
    return Mirrors(**dict(zip(named, whole, strict=True)))


def critical_value(alpha: npt.ArrayLike) -> Array:
    """z(1 - alpha / 2) of the normal distribution, for the error rate or array of rates `alpha`.

    Raises:
        InvalidComparisonError: an error rate isn't above 0 and below 1.
    """
    from scipy.special import ndtri

    rates = np.asarray(alpha, dtype=np.float64)
    for rate in rates[~((rates > 0.0) & (rates < 1.0))].ravel():
        raise InvalidComparisonError("alpha", float(rate), "an error rate lies above 0 and below 1")
    return np.asarray(-ndtri(rates / 2.0), dtype=np.float64)


def _refuse_impossible(name: str, array: Array) -> None:
    bad = np.isnan(array)
    if not name.startswith("bound"):
        bad |= np.isinf(array)
    if name not in {"x", "m"}:
        bad |= array < 0.0
    if bad.any():
        raise InvalidComparisonError(name, float(array[bad][0]), _WANTED[name])
