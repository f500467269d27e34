"""An office's last release as the next one's example: how often, at what loss, with what noise, in which tiers.

The configuration isn't published, its outcome is: the scale of every cell's noise. A level's noise as a part of the
figures and its floor are read off these scales, to two digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.verification import Bundle
from release.config.fields import months_of
from release.config.measures import ShapedScale
from release.measurement import Key
from release.privacy import GRID_BITS, parse_amount, parse_rho
from release.tables import Level, Measure

YEAR, QUARTER, MONTH = 12, 3, 1
"""How many months a figure is about."""

_FLAT = 1.001
_LEAST_PART, _LARGEST_PART = 1e-4, 100.0
_LEAST_FLOOR, _LARGEST_FLOOR = 1e-6, 1e16
_PART_WITHOUT_FIGURES = 0.1
_LARGEST_CEILING = Fraction(10**7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a year is released: so many releases, with figures for so many months each; `words` say it."""

    words: str
    months: int
    releases: int


RHYTHMS: Mapping[str, Rhythm] = {
    "year": Rhythm(words="one release, figures for the year", months=YEAR, releases=1),
    "quarter": Rhythm(words="one release, figures for each quarter", months=QUARTER, releases=1),
    "month": Rhythm(words="one release, figures for each month", months=MONTH, releases=1),
    "every-quarter": Rhythm(words="a release every quarter, 4 a year", months=QUARTER, releases=4),
    "every-month": Rhythm(words="a release every month, 12 a year", months=MONTH, releases=12),
}
"""By the code that stands in the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeTier:
    """The large-trader tier: its ceiling in rho, what is assumed beyond it, and its noise by level."""

    ceiling: Fraction
    beyond: Literal["assumed none", "not bounded"]
    scales: tuple[ShapedScale, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """What an office's last release was like: rhythm, loss of its values, noise by level, and the tier or None."""

    rhythm: str
    rho: Fraction
    scales: tuple[ShapedScale, ...]
    large: LargeTier | None


def precedent(bundle: Bundle) -> Precedent | None:
    """Return what a release of values was like, None where it released none."""
    measure = next((one for one in bundle.plan["measures"] if one["measure"] == Measure.VALUE), None)
    if measure is None:
        return None
    measured = bundle.measurement
    tier = measure["large_traders"]
    large = None
    if tier is not None:
        large = LargeTier(
            ceiling=parse_amount(tier["ceiling"], low=Fraction(0), high=_LARGEST_CEILING),
            beyond="assumed none" if tier["beyond"] == "assumed none" else "not bounded",
            scales=_scales(bundle, measure, measured.excess_weights),
        )
    return Precedent(
        rhythm=_rhythm([str(period) for period in bundle.plan["periods"]]),
        rho=parse_rho(measure["rho"]),
        scales=_scales(bundle, measure, measured.weights),
        large=large,
    )


def _rhythm(periods: list[str]) -> str:
    months, several = len(months_of(periods[0])), len(periods) > 1
    return next(
        code
        for code, one in RHYTHMS.items()
        if one.months == months and (months == YEAR or several == (one.releases == 1))
    )


def _scales(
    bundle: Bundle, measure: Mapping[str, Any], weights: Mapping[Key, NDArray[np.float64]]
) -> tuple[ShapedScale, ...]:
    levels = [Level(one["level"]) for one in measure["levels"]]
    return tuple(
        _scale(level, estimates_of(bundle, level), _sd(weights[Measure.VALUE, level], measure["minor_units"]))
        for level in levels
    )


def _sd(weights: NDArray[np.float64], minor_units: int) -> NDArray[np.float64]:
    return np.asarray(2.0**GRID_BITS / weights / minor_units)


def estimates_of(bundle: Bundle, level: Level) -> NDArray[np.float64]:
    """Return a level's published estimates of value in published order, never negative; shape (cells,)."""
    own = (pl.col("measure") == str(Measure.VALUE)) & (pl.col("level") == str(level))
    return np.asarray(np.maximum(bundle.observations.filter(own)["estimate"].to_numpy(), 0.0))


def _scale(level: Level, figures: NDArray[np.float64], sd: NDArray[np.float64]) -> ShapedScale:
    """Return the part and the floor that would give about these scales: sd is the part of the larger of both.

    Large figures count most: the small ones are noise, and clipping takes more from them.
    """
    least = float(sd.min())
    known = figures > 0
    shaped = known & (sd > _FLAT * least)
    chosen = shaped if shaped.any() else known
    part = float(sd[chosen].sum() / figures[chosen].sum()) if chosen.any() else _PART_WITHOUT_FIGURES
    rounded = _two_digits(min(max(part, _LEAST_PART), _LARGEST_PART))
    floor = _two_digits(min(max(least / float(rounded), _LEAST_FLOOR), _LARGEST_FLOOR))
    return ShapedScale(level=level, relative_noise=rounded, floor=floor)


def _two_digits(figure: float) -> Fraction:
    return Fraction(f"{figure:.2g}")
