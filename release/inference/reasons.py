"""Verdicts in words, for a statistician who sees one line of the table."""

import math
from typing import NamedTuple

from release.wording import amount, probability

COVERS = "This covers the added noise and the stated bounds on clipping, not reporting practice."

_CURRENCY = "USD"
"""What every mirror is compared in."""


class Shown(NamedTuple):
    """What is printed of one cell: the limits of its ratio and of its gap, its band, its sure excess."""

    ratio: tuple[float, float]
    gap: tuple[float, float]
    band: tuple[float, float]
    excess: float
    bounds: tuple[float, float]
    confidence: float


def because(shown: Shown) -> str:
    """Why a cell has its verdict: interval, band, what keeps them from parting, what all this covers."""
    (low, high), band = shown.ratio, shown.band
    span = f"The {_digits(100.0 * shown.confidence, 100.0)} % interval of M/X, {_span(low, high, band)},"
    edge = f"the band {_digits(band[0])} to {_digits(band[1])}"
    sure = f"by at least {amount(shown.excess, _CURRENCY)}; the gap M - X is {_gap(*shown.gap)}"
    if low > band[0] and high < band[1]:
        said = f"{span} lies inside {edge}."
    elif low > band[1]:
        said = f"{span} lies above {edge}: M is higher than it allows, {sure}."
    elif high < band[0]:
        said = f"{span} lies below {edge}: X is higher than it allows, {sure}."
    else:
        said = f"{span} overlaps {edge}{_obstacle(shown)}."
    return f"{said} {_condition(*shown.bounds)}{COVERS}"


def for_family(text: str, *, comparisons: int, adjusted: float) -> str:
    """The words of a cell whose interval was widened for a family of comparisons made together."""
    p = probability(adjusted)
    return f"{text} The interval allows for {comparisons} comparisons made together (adjusted p {p})."


def _obstacle(shown: Shown) -> str:
    """What left a side of the interval open; empty when neither is."""
    low, high = shown.ratio
    open_x, open_m = (math.isinf(bound) for bound in shown.bounds)
    reasons = (
        (open_x and open_m, ": what was clipped from either flow has no bound"),
        (open_x, ": what was clipped from X has no bound, so no ratio is too small"),
        (open_m, ": what was clipped from M has no bound, so no ratio is too large"),
        (math.isinf(high) and low == 0.0, ": neither flow can be told from 0"),
        (math.isinf(high), ": X can't be told from 0"),
        (low == 0.0, ": M can't be told from 0"),
    )
    return next((words for holds, words in reasons if holds), "")


def _condition(bound_x: float, bound_m: float) -> str:
    """The finite bounds that a verdict rests on; empty when nothing may have been clipped."""
    bounds = {"X": bound_x, "M": bound_m}
    stated = [f"{amount(b, _CURRENCY)} of {flow}" for flow, b in bounds.items() if b > 0.0 and math.isfinite(b)]
    return f"Conditional on at most {' and '.join(stated)} being clipped. " if stated else ""


def _gap(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {amount(low, _CURRENCY)}"
    if math.isinf(low):
        return f"at most {amount(high, _CURRENCY)}"
    return f"{amount(low, _CURRENCY)} to {amount(high, _CURRENCY)}"


def _span(low: float, high: float, band: tuple[float, float]) -> str:
    """The interval with as many digits as keep its limits on their side of the band's edges."""
    if low == 0.0 and math.isinf(high):
        return "the whole line"
    if math.isinf(high):
        return f"at least {_digits(low, *band)}"
    if low == 0.0:
        return f"at most {_digits(high, *band)}"
    return f"{_digits(low, *band)} to {_digits(high, *band)}"


def _digits(value: float, *apart_from: float) -> str:
    """The value to four digits, or to as many as tell it from `apart_from`."""
    for digits in range(4, 17):
        text = f"{value:,.{digits}g}"
        if all(text != f"{other:,.{digits}g}" for other in apart_from if other != value):
            break
    return text
