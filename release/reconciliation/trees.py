"""Generalised least squares on trees of sums, in two passes, linear in the cells.

Up: the children's sum is a second measurement of their parent; the two are averaged by precision. Down: what
the parent learnt from above is shared among its children in proportion to their variances (Hay, Rastogi,
Miklau and Suciu, PVLDB 3(1), 2010, section 4, with unequal variances). Given its parent, a family is
independent of everything else, which is what makes variances of any linear combination a sum over families.
"""

from dataclasses import dataclass

import numpy as np

from release.errors import ContradictoryExactCellsError, UnusableMeasurementsError
from release.reconciliation.cells import (
    BoolArray,
    Cells,
    FloatArray,
    IntArray,
    Level,
    check_level,
    check_subtrees,
    refuse_all_exact,
)

CONTRADICTION = 1e-9  # of the amounts added: larger gaps between exact cells aren't rounding
UNEQUAL = 1e-9  # of the largest weight: larger differences between weights aren't rounding
DOMINANT = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """One level after the pass up: what each cell and the cells below it say by themselves.

    `values`, `variances` (inf: nothing was measured in this branch; its value is 0), `shares` (of a change in
    the parent that goes to this child; sums to 1 in a family, or to 0 where all are exact), `within`
    (variance given the parent) have the shape (cells,). `sums` of the children, with `sums_variances`, have
    one entry for each parent. `loose` marks unmeasured cells with an unmeasured sibling: at most their sum is
    identified.
    """

    parents: IntArray
    values: FloatArray
    variances: FloatArray
    shares: FloatArray
    within: FloatArray
    sums: FloatArray
    sums_variances: FloatArray
    heaviest: IntArray
    loose: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEstimates:
    """Estimates of the roots (roots,) and of each level below them, each with its standard deviation.

    `families` are what variances of combinations need.
    """

    roots: Cells
    levels: tuple[Cells, ...]
    families: tuple[Families, ...]


def reconcile_tree(roots: Cells, levels: tuple[Level, ...]) -> TreeEstimates:
    """Return the least-squares estimates of trees: roots, their children, and so on down.

    `levels[0].parents` are indices of roots. Total and partners alone are one root with one level.

    Raises:
        UnusableMeasurementsError: shapes or numbers are unusable, or every standard deviation is 0.
        ContradictoryExactCellsError: exactly known cells don't add up.
    """
    check_level("roots", roots.values, roots.sd)
    check_subtrees(levels, roots.values.size)
    refuse_all_exact([roots.sd, *(level.sd for level in levels)])
    values, variances, families = pass_up(roots, levels)
    unidentified = np.isinf(variances)
    tops = Cells(values=np.where(unidentified, np.nan, values), sd=np.sqrt(variances))
    return TreeEstimates(roots=tops, levels=pass_down(tops, families), families=families)


def tree_covariance(estimates: TreeEstimates, first: tuple[FloatArray, ...], second: tuple[FloatArray, ...]) -> float:
    """Return the covariance of two linear combinations of a tree's estimates; nan if one isn't identified.

    A combination is one array of weights for the roots and then for each level, (cells,) each.

    Raises:
        UnusableMeasurementsError: weights don't have the estimates' shapes.
    """
    for weights in (first, second):
        _check_weights(estimates, weights)
    below, carried = covariance_below(estimates.families, (first[1:], second[1:]))
    sides = [weights[0] + top for weights, top in zip((first, second), carried, strict=True)]
    unidentified = np.isinf(estimates.roots.sd)
    largest = max(float(np.max(np.abs(level), initial=0.0)) for level in (*first, *second))
    if any(np.any(np.abs(side[unidentified]) > UNEQUAL * largest) for side in sides):
        return float("nan")
    variances = np.where(unidentified, 0.0, estimates.roots.sd**2)
    return below + float(np.sum(variances * sides[0] * sides[1]))


def tree_variance(estimates: TreeEstimates, weights: tuple[FloatArray, ...]) -> float:
    """Return the variance of a linear combination of a tree's estimates; inf if it isn't identified."""
    variance = tree_covariance(estimates, weights, weights)
    return float("inf") if np.isnan(variance) else max(variance, 0.0)


def _check_weights(estimates: TreeEstimates, weights: tuple[FloatArray, ...]) -> None:
    cells = (estimates.roots, *estimates.levels)
    fits = len(weights) == len(cells) and all(
        given.shape == level.values.shape for given, level in zip(weights, cells, strict=True)
    )
    if not fits or not all(np.all(np.isfinite(level)) for level in weights):
        problem = "they must be finite numbers in the shapes of the estimates"
        raise UnusableMeasurementsError(level="weights", problem=problem)


def pass_up(tops: Cells, levels: tuple[Level, ...]) -> tuple[FloatArray, FloatArray, tuple[Families, ...]]:
    """Return values and variances of the top cells from all measurements of their trees, and families."""
    above = (tops, *(Cells(values=level.values, sd=level.sd) for level in levels))
    values, variances = _own(above[-1])
    families: list[Families] = []
    for depth in range(len(levels) - 1, -1, -1):
        family = _family(levels[depth].parents, values, variances, above[depth].values.size)
        families.append(family)
        values, variances = _with_own(above[depth], family)
    return values, variances, tuple(reversed(families))


def pass_down(tops: Cells, families: tuple[Families, ...]) -> tuple[Cells, ...]:
    """Return the estimates of every level, given the final estimates of the top cells."""
    levels: list[Cells] = []
    above = tops
    for family in families:
        above = _heard_from_above(above, family)
        levels.append(above)
    return tuple(levels)


def covariance_below(
    families: tuple[Families, ...], weights: tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]
) -> tuple[float, tuple[FloatArray, FloatArray]]:
    """Return the part of a covariance that arises within families, and the weights left on the top cells.

    Within a family the weighted sum varies by sum s (g - g')(h - h'), g' and h' being the means by share; the
    means go to the parent. The covariance is nan where a weight tells unidentified siblings apart.
    """
    covariance = 0.0
    carried: list[FloatArray] = [np.zeros(1), np.zeros(1)]
    for depth in range(len(families) - 1, -1, -1):
        family = families[depth]
        apart = []
        for side in (0, 1):
            own = weights[side][depth] if depth < len(weights[side]) else 0.0
            given = np.broadcast_to(own + carried[side], family.values.shape)
            carried[side] = _mean_weights(family, given)
            apart.append(given - carried[side][family.parents])
            if np.any(np.abs(apart[side][family.loose]) > UNEQUAL * np.max(np.abs(given), initial=0.0)):
                covariance = float("nan")
        finite = np.where(np.isinf(family.variances), 0.0, family.variances)
        covariance += float(np.sum(finite * apart[0] * apart[1]))
    return covariance, (carried[0], carried[1])


def _mean_weights(family: Families, given: FloatArray) -> FloatArray:
    """Return each family's mean weight, relative to its heaviest child's so that equal weights have just that mean."""
    heaviest = np.append(given, 0.0)[family.heaviest]
    return heaviest + _sums(family.parents, family.shares * (given - heaviest[family.parents]), heaviest.size)


def _own(cells: Cells) -> tuple[FloatArray, FloatArray]:
    return np.where(np.isinf(cells.sd), 0.0, cells.values), cells.sd**2


def _sums(parents: IntArray, parts: FloatArray, size_above: int) -> FloatArray:
    """Return the sum of each parent's children."""
    return np.asarray(np.bincount(parents, parts, minlength=size_above), dtype=np.float64)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole, and 0 where the whole is 0 (exactly known cells share nothing)."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _family(parents: IntArray, values: FloatArray, variances: FloatArray, size_above: int) -> Families:
    unmeasured = np.isinf(variances)
    finite = np.where(unmeasured, 0.0, variances)
    children = _sums(parents, np.ones_like(values), size_above)
    holes = _sums(parents, 1.0 * unmeasured, size_above)
    whole = _sums(parents, finite, size_above)
    shares = np.where(holes[parents] > 0, _ratio(1.0 * unmeasured, holes[parents]), _ratio(finite, whole[parents]))
    dominant = finite > DOMINANT * whole[parents]
    others = np.where(dominant, _siblings_of(dominant, parents, finite, size_above), whole[parents] - finite)
    loose = unmeasured & (holes[parents] > 1)
    within = np.where(holes[parents] > 0, finite, finite * _ratio(others, whole[parents]))
    within = np.where(loose, np.inf, np.where(unmeasured, whole[parents], within))
    return Families(
        parents=parents,
        values=values,
        variances=variances,
        shares=shares,
        within=within,
        sums=_sums(parents, values, size_above),
        sums_variances=np.where((holes > 0) | (children == 0), np.inf, whole),
        heaviest=_heaviest(parents, shares, size_above),
        loose=loose,
    )


def _heaviest(parents: IntArray, shares: FloatArray, size_above: int) -> IntArray:
    """Return the child with the largest share of each parent, -1 where there is none."""
    heaviest = np.full(size_above, -1)
    by_share = np.argsort(shares, kind="stable")
    heaviest[parents[by_share]] = by_share  # of several written to one place the last stays
    return heaviest


def _siblings_of(dominant: BoolArray, parents: IntArray, parts: FloatArray, size_above: int) -> FloatArray:
    """Return the siblings' sum for dominant cells (one a family); whole - part would lose its digits."""
    return _sums(parents, np.where(dominant, 0.0, parts), size_above)[parents]


def _with_own(above: Cells, family: Families) -> tuple[FloatArray, FloatArray]:
    """Return the precision-weighted average of the parents' own measurements and of their children's sums."""
    own, variances = _own(above)
    gap = np.where((variances == 0) & (family.sums_variances == 0), np.abs(own - family.sums), 0.0)
    size = _sums(family.parents, np.abs(family.values), own.size) + np.abs(own)
    if np.any(gap > CONTRADICTION * size):
        raise ContradictoryExactCellsError(gap=float(gap.max()))
    values, variances = _averaged(own, variances, family.sums, family.sums_variances)
    return np.where(np.isinf(variances), 0.0, values), variances


def _averaged(
    own: FloatArray, own_variances: FloatArray, sums: FloatArray, sums_variances: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the precision-weighted averages, as corrections of the more precise: no digits are lost."""
    own_better = own_variances <= sums_variances
    best, other = np.where(own_better, (own, sums), (sums, own))
    small, large = np.where(own_better, (own_variances, sums_variances), (sums_variances, own_variances))
    both = np.isfinite(large)
    weight = _ratio(np.where(both, small, 0.0), np.where(both, small + large, 0.0))
    return best + weight * (other - best), np.where(both, weight * np.where(both, large, 0.0), small)


def _heard_from_above(above: Cells, family: Families) -> Cells:
    """Return u + share (x - sum) for most children, for a dominant one x - siblings, corrected by its own."""
    heard = family.shares > 0
    moved = np.where(heard, (above.values - family.sums)[family.parents], 0.0)
    dominant = family.shares > DOMINANT
    rest = _siblings_of(dominant, family.parents, family.values, above.values.size)
    left = np.where(dominant, above.values[family.parents] - rest, 0.0)
    kept = _ratio(np.where(np.isinf(family.within), 0.0, family.within), family.variances)
    values = np.where(dominant, left + kept * (family.values - left), family.values + family.shares * moved)
    inherited = np.where(heard, above.sd[family.parents] ** 2, 0.0)
    variances = family.within + family.shares**2 * inherited
    return Cells(values=np.where(np.isinf(variances), np.nan, values), sd=np.sqrt(variances))
