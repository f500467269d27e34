"""The noise: OpenDP's discrete Gaussian through OpenDP's own privacy filter, at a fixed scale of 2^F.

Nothing is calibrated by search. The loss is what OpenDP's map says of the integer bound D at that scale, and it must be
covered by the charge.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from release.accounting import gaussian_measurement
from release.errors import LossNotCoveredError
from release.plan import PlannedMeasure


def noisy(vector: NDArray[np.int64], measure: PlannedMeasure, *, release: str, charged: Fraction) -> NDArray[np.int64]:
    """Return the vector plus discrete Gaussian noise of scale 2^F in each cell; shape (cells,).

    Raises:
        LossNotCoveredError: OpenDP's map states a larger loss than was charged for this measure.
    """
    from opendp.combinators import make_fully_adaptive_composition, make_privacy_filter

    mechanism = gaussian_measurement()
    loss = mechanism.map(measure.bound)
    check_cover(Fraction(loss), charged, release=release)
    odometer = make_fully_adaptive_composition(mechanism.input_domain, mechanism.input_metric, mechanism.output_measure)
    answers = make_privacy_filter(odometer, d_in=measure.bound, d_out=loss)(vector.tolist())
    return np.asarray(answers(mechanism), dtype=np.int64)


def check_cover(loss: Fraction, charged: Fraction, *, release: str) -> None:
    """Refuse a loss that is larger than what was charged for it, exactly.

    Raises:
        LossNotCoveredError: it is.
    """
    if loss > charged:
        raise LossNotCoveredError(release, "OpenDP's map states a larger loss than was charged")
