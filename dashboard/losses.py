"""Epsilon of a privacy loss without OpenDP, which this package doesn't load.

The published epsilon of a release is OpenDP's. For sums of releases it is found here by the same conversion.
"""

import math
from fractions import Fraction

from release.privacy import GRID_BITS, sensitivity

_STEPS = 200
_UPWARDS = 1 + 1e-12


def epsilon(rho: Fraction, delta: Fraction) -> float:
    """Return the epsilon at delta of rho-zCDP, never below the least that the conversion allows.

    The least over alpha > 1 of `alpha rho + ln(1 / (alpha delta)) / (alpha - 1) + ln(1 - 1 / alpha)` (Canonne, Kamath
    and Steinke 2020, arXiv:2004.00010, proposition 12). Any alpha gives a true bound, so stopping early errs upwards.
    """
    if rho <= 0:
        return 0.0
    # The program asks OpenDP at the next whole sensitivity, which is this much more than rho.
    loss = float(Fraction((sensitivity(rho) + 1) ** 2, 2 * 4**GRID_BITS))
    small = float(delta)

    def bound(log_excess: float) -> float:
        excess = math.exp(log_excess)
        alpha = 1 + excess
        return alpha * loss - (math.log(small) + math.log(alpha)) / excess + math.log(excess / alpha)

    low, high = math.log(1e-6), math.log(1e9)
    for _ in range(_STEPS):
        first, second = low + (high - low) * 0.382, low + (high - low) * 0.618
        low, high = (low, second) if bound(first) < bound(second) else (first, high)
    return max(0.0, bound((low + high) / 2) * _UPWARDS)
