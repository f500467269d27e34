"""The relative errors that cells can be expected to have: noise, clipping and the prior's own error together."""

from dataclasses import dataclass

import numpy as np

from release.planner.sizes import FloatArray

_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(7)
_MASSES = _MASSES / _MASSES.sum()

DECADES = 5
"""Cells below the fifth decade under the largest are one band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBand:
    """Cells whose prior lies from `low` up to `high`, in the measure's unit."""

    low: float
    high: float

    def holds(self, prior: FloatArray) -> np.ndarray:
        """Decide for each cell whether it lies in the band."""
        return np.asarray((prior > 0.0) & (prior >= self.low) & (prior < self.high))


def size_bands(prior: FloatArray) -> tuple[SizeBand, ...]:
    """Return decades that hold all cells with a prior, largest first; the last reaches down to 0."""
    known = prior[prior > 0.0]
    if not known.size:
        return ()
    top = int(np.floor(np.log10(known.max()) + 1e-12)) + 1
    lows = [10.0 ** (top - number) for number in range(1, DECADES + 1)]
    bands = [SizeBand(low=low, high=10.0 * low) for low in lows[:-1]]
    bands.append(SizeBand(low=0.0, high=10.0 * lows[-1]))
    return tuple(band for band in bands if band.holds(prior).any())


def median_error(noise: FloatArray, bias: FloatArray, prior_error: float) -> float:
    """Return the median of |error| / figure over cells, noise and populations.

    Args:
        noise: standard deviation of each cell's estimate over its prior, shape (cells,).
        bias: clipped part of the cell in each population, shape (populations, cells).
        prior_error: standard deviation of ln(prior / figure): a figure below its prior has more noise in proportion.
    """
    from scipy.special import ndtr

    spread = noise[None, None, :] * np.exp(prior_error * _NODES)[:, None, None]
    low, high = 0.0, float(bias.max(initial=0.0) + 10.0 * spread.max())
    for _ in range(50):
        middle = (low + high) / 2
        inside = ndtr((middle + bias) / spread) - ndtr((bias - middle) / spread)
        share = float((inside.mean(axis=(1, 2)) * _MASSES).sum())
        low, high = (middle, high) if share < 0.5 else (low, middle)  # noqa: PLR2004
    return (low + high) / 2


def median_errors(noise: FloatArray, bias: FloatArray) -> FloatArray:
    """Return the median of |error| / figure over cells and noise in each of several countries; shape (countries,).

    Args:
        noise: standard deviation of each cell's estimate over its figure, shape (countries, cells).
        bias: clipped part of each cell, shape (countries, cells).
    """
    from scipy.special import ndtr

    low, high = np.zeros(len(noise)), bias.max(axis=1) + 10.0 * noise.max(axis=1)
    for _ in range(40):
        middle = (low + high) / 2
        at = middle[:, None]
        few = (ndtr((at + bias) / noise) - ndtr((bias - at) / noise)).mean(axis=1) < 0.5  # noqa: PLR2004
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    return np.asarray((low + high) / 2)


def typical_error(noise: FloatArray, bias: FloatArray) -> FloatArray:
    """Return each cell's root mean square of noise and the clipped part expected over populations, shape (cells,)."""
    return np.asarray(np.sqrt(noise**2 + bias.mean(axis=0) ** 2))
