"""Noisy measurements of grouped sums, and their least-squares estimates: the values of reconciliation.

A cell that wasn't measured has the standard deviation `inf`, and its value isn't read. A cell known exactly
has 0. An estimate that nothing identifies is `nan` with the standard deviation `inf`. All arrays are float64;
all values have one unit (that of the measure) and all standard deviations the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from release.errors import UnusableMeasurementsError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

SMALLEST_SD, LARGEST_SD = 1e-60, 1e60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Values of one level's cells, shape (cells,), with the standard deviation of each."""

    values: FloatArray
    sd: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Measurements of a level below another: `parents[k]` is the cell of the level above that holds k.

    A cell of the level above equals the sum of its children here; one without children is a leaf.
    All three arrays have the shape (cells,).
    """

    values: FloatArray
    sd: FloatArray
    parents: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Independent noisy measurements of a table: total, margins, leaves, and trees below leaves and chapters.

    With NP partners and NC chapters: `partners` (NP,), `chapters` (NC,), `leaves` (NP, NC), each with its
    standard deviations in the same shape. The parents of `subtrees[0]` (headings) are leaves in row-major
    order, partner * NC + chapter; those of `subtrees[d]` are cells of `subtrees[d - 1]`. `chapter_subtrees` are
    likewise headings over all partners: the parents of the first are chapters. No sum between the two kinds is known.
    """

    total: float
    total_sd: float
    partners: FloatArray
    partners_sd: FloatArray
    chapters: FloatArray
    chapters_sd: FloatArray
    leaves: FloatArray
    leaves_sd: FloatArray
    subtrees: tuple[Level, ...] = ()
    chapter_subtrees: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Weights of a linear combination of estimates; a level left out has weight 0 everywhere.

    Shapes are those of `Measurements`; subtrees may be fewer than the measurements' own.
    """

    total: float = 0.0
    partners: FloatArray | None = None
    chapters: FloatArray | None = None
    leaves: FloatArray | None = None
    subtrees: tuple[FloatArray, ...] = ()
    chapter_subtrees: tuple[FloatArray, ...] = ()


def check_level(name: str, values: FloatArray, sd: FloatArray) -> None:
    """Refuse a level whose shapes differ, or with a value or a standard deviation that isn't usable.

    Raises:
        UnusableMeasurementsError: the first fault found.
    """
    if np.shape(values) != np.shape(sd):
        raise UnusableMeasurementsError(level=name, problem=f"{np.shape(values)} values have {np.shape(sd)} sd")
    if not np.all((sd == 0) | np.isinf(sd) & (sd > 0) | (sd >= SMALLEST_SD) & (sd <= LARGEST_SD)):
        problem = f"a standard deviation isn't 0, inf (not measured) or from {SMALLEST_SD:g} to {LARGEST_SD:g}"
        raise UnusableMeasurementsError(level=name, problem=problem)
    if not np.all(np.isfinite(values) | np.isinf(sd)):
        raise UnusableMeasurementsError(level=name, problem="a measured value isn't a finite number")


def check_subtrees(levels: tuple[Level, ...], cells_above: int) -> None:
    """Refuse levels whose parents aren't cells of the level above.

    Raises:
        UnusableMeasurementsError: the first fault found.
    """
    for depth, level in enumerate(levels):
        name = f"subtree level {depth}"
        check_level(name, level.values, level.sd)
        if level.parents.shape != level.values.shape or level.values.ndim != 1:
            raise UnusableMeasurementsError(level=name, problem="values, sd and parents must have one shape, (cells,)")
        if level.parents.size and not 0 <= level.parents.min() <= level.parents.max() < cells_above:
            raise UnusableMeasurementsError(level=name, problem=f"a parent isn't among the {cells_above} cells above")
        cells_above = level.values.size


def check_measurements(measured: Measurements) -> None:
    """Refuse measurements of unequal shapes, unusable numbers, or with no noise at all.

    Raises:
        UnusableMeasurementsError: the first fault found.
    """
    partners, chapters = measured.leaves.shape if measured.leaves.ndim == 2 else (0, 0)  # noqa: PLR2004
    if not partners or not chapters:
        raise UnusableMeasurementsError(level="leaves", problem="they must be a (partners, chapters) matrix, not empty")
    if measured.partners.shape != (partners,) or measured.chapters.shape != (chapters,):
        raise UnusableMeasurementsError(
            level="margins", problem=f"the leaves are {partners} partners x {chapters} chapters"
        )
    check_level("total", np.asarray(measured.total), np.asarray(measured.total_sd))
    check_level("partners", measured.partners, measured.partners_sd)
    check_level("chapters", measured.chapters, measured.chapters_sd)
    check_level("leaves", measured.leaves, measured.leaves_sd)
    check_subtrees(measured.subtrees, partners * chapters)
    check_subtrees(measured.chapter_subtrees, chapters)
    below = [level.sd for level in (*measured.subtrees, *measured.chapter_subtrees)]
    refuse_all_exact([measured.total_sd, measured.partners_sd, measured.chapters_sd, measured.leaves_sd, *below])


def refuse_all_exact(deviations: Iterable[FloatArray | float]) -> None:
    """Refuse a problem in which every standard deviation is 0: nothing is estimated.

    Raises:
        UnusableMeasurementsError: all are 0.
    """
    if all(np.all(sd == 0) for sd in deviations):
        raise UnusableMeasurementsError(
            level="all levels", problem="every standard deviation is 0: nothing is estimated"
        )
