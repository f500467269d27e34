"""The noise: OpenDP's discrete Gaussian through OpenDP's own privacy filter, at a fixed scale of 2^F.

Nothing is calibrated by search. The loss is what OpenDP's map says of the integer bound D at that scale, and it must be
covered by the charge.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from release.accounting import gaussian_measurement
from release.confidential.cores import on_all_cores
from release.errors import LossNotCoveredError
from release.plan import PlannedMeasure

_PART = 1 << 13
"""Cells whose noise is drawn in one call."""


def noisy(vector: NDArray[np.int64], measure: PlannedMeasure, *, release: str, charged: Fraction) -> NDArray[np.int64]:
    """Return the vector plus discrete Gaussian noise of scale 2^F in each cell; shape (cells,).

    Raises:
        LossNotCoveredError: OpenDP's map states a larger loss than was charged for this measure.
    """
    from opendp.combinators import make_fully_adaptive_composition, make_privacy_filter

    mechanism = in_parts(gaussian_measurement())
    loss = mechanism.map(measure.bound)
    check_cover(Fraction(loss), charged, release=release)
    odometer = make_fully_adaptive_composition(mechanism.input_domain, mechanism.input_metric, mechanism.output_measure)
    answers = make_privacy_filter(odometer, d_in=measure.bound, d_out=loss)(vector.tolist())
    return np.asarray(answers(mechanism), dtype=np.int64)


def in_parts(mechanism: Any) -> Any:
    """Return the measurement that adds a mechanism's noise to a vector's parts, drawn on all cores.

    The mechanism adds noise to each cell by itself, so noise on all parts is noise on the vector: a single answer,
    whose loss is what the mechanism's map says of the whole vector's distance.
    """
    from opendp.measurements import make_user_measurement
    from opendp.mod import enable_features

    def added(vector: list[int]) -> list[int]:
        parts = [vector[first : first + _PART] for first in range(0, len(vector), _PART)]
        return [noisy for part in on_all_cores(mechanism, parts) for noisy in part]

    enable_features("honest-but-curious")
    return make_user_measurement(
        input_domain=mechanism.input_domain,
        input_metric=mechanism.input_metric,
        output_measure=mechanism.output_measure,
        function=added,
        privacy_map=mechanism.map,
        TO="Vec<i64>",
    )


def check_cover(loss: Fraction, charged: Fraction, *, release: str) -> None:
    """Refuse a loss that is larger than what was charged for it, exactly.

    Raises:
        LossNotCoveredError: it is.
    """
    if loss > charged:
        raise LossNotCoveredError(release, "OpenDP's map states a larger loss than was charged")
