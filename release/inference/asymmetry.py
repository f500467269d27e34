"""Asymmetry measures in the field's own definitions, all functions of the ratio R = M / X.

Each is monotone in R, or monotone on either side of R = 1, so that limits of R give limits of the measure
without another approximation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """An asymmetry measure with its limits; None where there is no estimate or no limit."""

    point: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetries:
    """The measures of one flow.

    Attributes:
        outbound: (X - M) / X, the exporter's published asymmetry, relative to its own figure.
        inbound: (M - X) / M, the importer's published asymmetry, relative to its own figure.
        srd: (M - X) / ((M + X) / 2), the symmetric relative difference, in [-2, 2].
        ratio: M / X.
        log_ratio: ln(M / X).
        index: |X - M| / (X + M), in [0, 1]; its lower limit is 0 when the ratio may be 1.
    """

    outbound: Measure
    inbound: Measure
    srd: Measure
    ratio: Measure
    log_ratio: Measure
    index: Measure


def asymmetries(ratio: float | None, low: float, high: float | None) -> Asymmetries:
    """All measures from the ratio's estimate and limits, as a `Judgement` holds them."""
    top = math.inf if high is None else high
    index = _rising(_index, ratio, low, top)
    below, above = abs(_index(low)), abs(_index(top))
    nearest = 0.0 if low <= 1.0 <= top else min(below, above)
    point = None if index.point is None else abs(index.point)
    return Asymmetries(
        outbound=_falling(lambda r: 1.0 - r, ratio, low, top),
        inbound=_rising(lambda r: 1.0 - 1.0 / r if r > 0.0 else -math.inf, ratio, low, top),
        srd=_rising(lambda r: 2.0 * _index(r), ratio, low, top),
        ratio=_rising(lambda r: r, ratio, low, top),
        log_ratio=_rising(lambda r: math.log(r) if r > 0.0 else -math.inf, ratio, low, top),
        index=Measure(point=point, low=nearest, high=max(below, above)),
    )


def exact(x: float, m: float) -> Asymmetries:
    """The measures of a pair of exact figures that are at least 0, each with itself as its limits."""
    if x == m == 0.0:
        return asymmetries(None, 0.0, None)
    ratio = m / x if x > 0.0 else math.inf
    return asymmetries(ratio, ratio, None if math.isinf(ratio) else ratio)


def _index(ratio: float) -> float:
    return 1.0 if math.isinf(ratio) else (ratio - 1.0) / (ratio + 1.0)


def _rising(of: Callable[[float], float], ratio: float | None, low: float, high: float) -> Measure:
    point = None if ratio is None else _finite(of(ratio))
    return Measure(point=point, low=_finite(of(low)), high=_finite(of(high)))


def _falling(of: Callable[[float], float], ratio: float | None, low: float, high: float) -> Measure:
    turned = _rising(of, ratio, low, high)
    return Measure(point=turned.point, low=turned.high, high=turned.low)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
