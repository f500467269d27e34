"""What OpenDP says of a loss: epsilon at delta, and the loss of a noise scale at a sensitivity.

OpenDP is imported inside the functions, and by its parts: its prelude takes a second to load.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any

from release.privacy import GRID_BITS, sensitivity


def gaussian_measurement(*, grid_bits: int = GRID_BITS) -> Any:
    """Return OpenDP's discrete Gaussian of scale 2^F over vectors of 64-bit integers in the L2 distance."""
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_gaussian
    from opendp.metrics import l2_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    return make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="i64"), scale=float(2**grid_bits))


def loss_by_map(bound: int, *, grid_bits: int = GRID_BITS) -> Fraction:
    """Return the rho that OpenDP's own map states for an integer L2 bound; its float is rounded up by OpenDP."""
    return Fraction(gaussian_measurement(grid_bits=grid_bits).map(bound))


@lru_cache(maxsize=512)
def epsilon(rho: Fraction, delta: Fraction) -> float:
    """Return the epsilon at delta of a total loss rho, by OpenDP's conversion from zCDP, rounded up.

    The conversion is asked at the smallest integer sensitivity whose rho on a fine grid isn't below `rho`.
    """
    from opendp.combinators import make_zCDP_to_approxDP

    bound = sensitivity(rho) + 1
    profile: Any = make_zCDP_to_approxDP(gaussian_measurement())
    return float(profile.map(bound).epsilon(float(delta)))
