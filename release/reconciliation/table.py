"""Least squares of one table with margins and the trees below its leaves and its chapter margin.

The trees are passed up to the leaves and chapters, the margins and leaves are one circulation, and their estimates
are passed down. Everything is exact for independent noise of the stated standard deviations, and linear in
the cells but for one solve with at most 1 + NP + NC unknowns.
"""

from dataclasses import dataclass

import numpy as np

from release.errors import UnusableMeasurementsError
from release.reconciliation.cells import Cells, Combination, FloatArray, Measurements, check_measurements
from release.reconciliation.circulation import Circulation, circulate, circulation_of, edge_covariance
from release.reconciliation.network import NO_EDGE
from release.reconciliation.trees import Families, covariance_below, pass_down, pass_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Least-squares estimates of every cell, each with its exact standard deviation; all sums hold.

    Shapes are those of `Measurements`. Siblings' errors are correlated, as a rule negatively: take the
    standard deviation of a sum or difference from `variance_of`, never from single ones. `circulation` and
    the families are what that needs.
    """

    total: float
    total_sd: float
    partners: FloatArray
    partners_sd: FloatArray
    chapters: FloatArray
    chapters_sd: FloatArray
    leaves: FloatArray
    leaves_sd: FloatArray
    subtrees: tuple[Cells, ...]
    chapter_subtrees: tuple[Cells, ...]
    circulation: Circulation
    families: tuple[Families, ...]
    chapter_families: tuple[Families, ...]


def reconcile(measured: Measurements) -> Estimates:
    """Return the least-squares estimates of all cells; what nothing identifies is nan, with sd inf.

    Raises:
        UnusableMeasurementsError: shapes or numbers are unusable, or every standard deviation is 0.
        ContradictoryExactCellsError: exactly known cells don't add up.
    """
    check_measurements(measured)
    tops = Cells(values=measured.leaves.ravel(), sd=measured.leaves_sd.ravel())
    values, variances, families = pass_up(tops, measured.subtrees)
    margin = Cells(values=measured.chapters, sd=measured.chapters_sd)
    chapters, chapter_variances, chapter_families = pass_up(margin, measured.chapter_subtrees)
    shape = measured.leaves.shape
    circulation, edges = circulation_of(
        _matrix(
            total=measured.total_sd**2,
            partners=measured.partners_sd**2,
            chapters=chapter_variances,
            leaves=variances.reshape(shape),
            reverse=1,
            fill=NO_EDGE,
        )
    )
    flows = circulate(
        circulation,
        _matrix(
            total=0.0 if np.isinf(measured.total_sd) else measured.total,
            partners=np.where(np.isinf(measured.partners_sd), 0.0, measured.partners),
            chapters=chapters,
            leaves=values.reshape(shape),
            reverse=-1,
            fill=0.0,
        ),
    )
    return _estimates(flows, np.sqrt(edges), shape, circulation, (families, chapter_families))


def covariance(estimates: Estimates, first: Combination, second: Combination) -> float:
    """Return the exact covariance of two combinations of estimates; nan if one of them isn't identified.

    Raises:
        UnusableMeasurementsError: weights don't have the estimates' shapes.
    """
    _check_combination(estimates, first)
    _check_combination(estimates, second)
    below, carried = covariance_below(estimates.families, (first.subtrees, second.subtrees))
    aside, tops = covariance_below(estimates.chapter_families, (first.chapter_subtrees, second.chapter_subtrees))
    sides = [_weights(estimates, side, *both) for side, *both in zip((first, second), carried, tops, strict=True)]
    return below + aside + edge_covariance(estimates.circulation, *sides)


def variance_of(estimates: Estimates, combination: Combination) -> float:
    """Return the exact variance of a linear combination of estimates; inf if it isn't identified.

    Raises:
        UnusableMeasurementsError: weights don't have the estimates' shapes.
    """
    variance = covariance(estimates, combination, combination)
    return float("inf") if np.isnan(variance) else max(variance, 0.0)


def _matrix(
    *,
    total: float,
    partners: FloatArray,
    chapters: FloatArray,
    leaves: FloatArray,
    reverse: int,
    fill: float,
) -> FloatArray:
    """Return a matrix over source, partners, chapters, sink; `reverse` is the sign against the flow."""
    source, sink = 0, leaves.shape[0] + leaves.shape[1] + 1
    rows, columns = slice(1, 1 + leaves.shape[0]), slice(1 + leaves.shape[0], sink)
    matrix = np.full((sink + 1, sink + 1), fill)
    matrix[sink, source], matrix[source, sink] = total, reverse * total
    matrix[source, rows], matrix[rows, source] = partners, reverse * partners
    matrix[rows, columns], matrix[columns, rows] = leaves, reverse * leaves.T
    matrix[columns, sink], matrix[sink, columns] = chapters, reverse * chapters
    return matrix


def _estimates(
    flows: FloatArray,
    deviations: FloatArray,
    shape: tuple[int, ...],
    circulation: Circulation,
    families: tuple[tuple[Families, ...], tuple[Families, ...]],
) -> Estimates:
    rows, columns = slice(1, 1 + shape[0]), slice(1 + shape[0], -1)
    leaves, leaves_sd = flows[rows, columns].copy(), deviations[rows, columns].copy()
    chapters, chapters_sd = flows[columns, -1].copy(), deviations[columns, -1].copy()
    return Estimates(
        total=float(flows[-1, 0]),
        total_sd=float(deviations[-1, 0]),
        partners=flows[0, rows].copy(),
        partners_sd=deviations[0, rows].copy(),
        chapters=chapters,
        chapters_sd=chapters_sd,
        leaves=leaves,
        leaves_sd=leaves_sd,
        subtrees=pass_down(Cells(values=leaves.ravel(), sd=leaves_sd.ravel()), families[0]),
        chapter_subtrees=pass_down(Cells(values=chapters, sd=chapters_sd), families[1]),
        circulation=circulation,
        families=families[0],
        chapter_families=families[1],
    )


def _weights(
    estimates: Estimates, combination: Combination, carried: FloatArray, to_chapters: FloatArray
) -> FloatArray:
    shapes = (estimates.partners.shape, estimates.chapters.shape, estimates.leaves.shape)
    given = (combination.partners, combination.chapters, combination.leaves)
    partners, chapters, leaves = (
        np.zeros(shape) if own is None else own for own, shape in zip(given, shapes, strict=True)
    )
    below = carried.reshape(leaves.shape) if carried.size == leaves.size else carried
    return _matrix(
        total=combination.total,
        partners=partners,
        chapters=chapters + to_chapters,
        leaves=leaves + below,
        reverse=-1,
        fill=0.0,
    )


def _check_combination(estimates: Estimates, combination: Combination) -> None:
    margins = (combination.partners, combination.chapters, combination.leaves)
    given = (*margins, *combination.subtrees, *combination.chapter_subtrees)
    fits = all(
        len(weights) <= len(cells)
        and all(own is None or own.shape == cell.shape for own, cell in zip(weights, cells, strict=False))
        for weights, cells in (
            (margins, (estimates.partners, estimates.chapters, estimates.leaves)),
            (combination.subtrees, [level.values for level in estimates.subtrees]),
            (combination.chapter_subtrees, [level.values for level in estimates.chapter_subtrees]),
        )
    )
    if not fits or not all(
        np.all(np.isfinite(weights)) for weights in (combination.total, *given) if weights is not None
    ):
        problem = "they must be finite numbers in the shapes of the estimates"
        raise UnusableMeasurementsError(level="weights", problem=problem)
