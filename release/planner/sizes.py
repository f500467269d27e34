"""Sizes of traders by rank, from published shares of the largest ones.

Between two published ranks sizes fall as Zipf's law has it, size(k) proportional to k^-a (Zipf's law of firm sizes:
Axtell, Science 293, 2001), with the a at which the traders between them hold what the shares say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from release.config.priors import Assumption

FloatArray = NDArray[np.float64]

_EXACT_TERMS = 10_000
_STEEPEST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Ranks from `first` to `last`, whose shares of all trade are `scale * k^-exponent`."""

    first: int
    last: int
    exponent: float
    scale: float

    def at(self, rank: int) -> float:
        """Return the share of the trader of a rank."""
        return float(self.scale * float(rank) ** -self.exponent)


def shares(assumption: Assumption, count: int) -> FloatArray:
    """Return the largest `count` traders' shares of all trade, largest first."""
    parts = [
        own.scale * np.arange(own.first, min(own.last, count) + 1.0) ** -own.exponent for own in stretches(assumption)
    ]
    return np.asarray(np.concatenate(parts))


def stretches(assumption: Assumption) -> tuple[Stretch, ...]:
    """Return the stretches between published ranks; together they hold all trade, each what is published of it.

    The first two share one exponent. Each later one begins where the one before it ended, as far as its share allows.
    """
    points = [(assumption.top, float(assumption.top_share))]
    points += [(one.top, float(one.share)) for one in assumption.further]
    points.append((assumption.traders, 1.0))
    (top, held), (beyond, more) = points[:2]
    first = _least_exponent(lambda a: zipf_sum(a, top) / zipf_sum(a, beyond) >= held / more)
    found = [_stretch(1, top, first, held), _stretch(top + 1, beyond, first, more - held)]
    for (rank, before), (last, after) in pairwise(points[1:]):
        room = (after - before) / found[-1].at(rank)
        fall = _least_exponent(partial(_fits, rank=rank, last=last, room=room))
        found.append(_stretch(rank + 1, last, fall, after - before))
    return tuple(found)


def _fits(exponent: float, *, rank: int, last: int, room: float) -> bool:
    """Decide whether the traders after `rank`, in units of its size, hold no more than `room` with this exponent."""
    held = (zipf_sum(exponent, last) - zipf_sum(exponent, rank)) * float(rank) ** exponent
    return bool(held <= room)


def _least_exponent(steep_enough: Callable[[float], bool]) -> float:
    """Return the least exponent that is steep enough, by bisection."""
    low, high = 0.0, _STEEPEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if steep_enough(middle) else (middle, high)
    return (low + high) / 2


def _stretch(first: int, last: int, exponent: float, held: float) -> Stretch:
    scale = held / (zipf_sum(exponent, last) - zipf_sum(exponent, first - 1))
    return Stretch(first=first, last=last, exponent=exponent, scale=scale)


def zipf_sum(exponent: float, count: int) -> float:
    """Return the sum of k^-a over k = 1..count: exact to ten thousand terms, then by the midpoint integral."""
    exact = float((np.arange(1.0, min(count, _EXACT_TERMS) + 1.0) ** -exponent).sum())
    if count <= _EXACT_TERMS:
        return exact
    low, high = _EXACT_TERMS + 0.5, count + 0.5
    if abs(exponent - 1.0) < 1e-9:  # noqa: PLR2004
        return exact + float(np.log(high / low))
    return exact + float((high ** (1.0 - exponent) - low ** (1.0 - exponent)) / (1.0 - exponent))
