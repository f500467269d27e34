"""Exact least squares on a circulation: estimates, variances, and covariances of combinations of its edges.

Graphs are matrices over nodes: flows are antisymmetric (nodes, nodes), u to v; variances are symmetric, with
`NO_EDGE` where there is no edge and inf where nothing was measured. With Q the covariance of the tree's flows
as the other edges determine them (`cut_covariances`), W the variances of the tree's own measurements y and x0
the tree's flows that conserve the other edges' measurements, the estimates are x0 + Q k with (Q + W) k = y -
x0, and their covariance is Q - Q (Q + W)^-1 Q: the update of a least-squares estimate by further observations
(Rao, Linear Statistical Inference, 1973, section 4a). An unmeasured tree edge has no row in Q + W, nor has an
exact one, whose Q is 0.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, lapack, solve_triangular

from release.errors import ContradictoryExactCellsError
from release.reconciliation.cells import BoolArray, FloatArray, IntArray
from release.reconciliation.network import (
    NO_EDGE,
    SpanningTree,
    conserved_flows,
    cut_covariances,
    cut_sums,
    largest_spanning_tree,
    set_tree_edges,
    tree_edges,
)
from release.reconciliation.paths import Joins, drops, joins_of, squared_distances

CONTRADICTION = 1e-9  # of the amounts added: larger gaps between exact cells aren't rounding
UNEQUAL = 1e-9  # of the largest weight: larger weights on unidentified edges aren't rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Circulation:
    """What the measured variances alone determine; nodes are numbered in the tree's preorder.

    `variances` (nodes, nodes) are those of the edges outside the tree, 0 elsewhere; `own` (nodes,) those of
    the tree's edges; `loose` (nodes, nodes) marks unmeasured edges outside the tree, which close circles of
    unmeasured edges; `observed` are the tree edges with a row in Q + W, and `factor` is its lower Cholesky
    factor.
    """

    tree: SpanningTree
    joins: Joins
    variances: FloatArray
    own: FloatArray
    loose: BoolArray
    observed: IntArray
    factor: FloatArray


def circulation_of(variances: FloatArray) -> tuple[Circulation, FloatArray]:
    """Return the factored problem, and all estimates' variances, (nodes, nodes), inf if unidentified."""
    tree = largest_spanning_tree(variances)
    inner = variances[np.ix_(tree.order, tree.order)]
    own = tree_edges(tree, inner)
    set_tree_edges(tree, inner, up=0.0, down=0.0)
    loose = np.isinf(inner)
    inner[loose | (inner == NO_EDGE)] = 0.0
    determined = cut_covariances(tree, inner)
    observed = np.flatnonzero((own > 0) & np.isfinite(own))
    system = determined[np.ix_(observed, observed)]
    system[np.diag_indices_from(system)] += own[observed]
    circulation = Circulation(
        tree=tree,
        joins=joins_of(tree, own),
        variances=inner,
        own=own,
        loose=loose,
        observed=observed,
        factor=cholesky(system, lower=True, overwrite_a=True, check_finite=False),
    )
    return circulation, _by_caller(tree, _edge_variances(circulation, determined))


def circulate(circulation: Circulation, flows: FloatArray) -> FloatArray:
    """Return the estimated flows, (nodes, nodes), of measured ones; nan where unidentified.

    Raises:
        ContradictoryExactCellsError: exactly known flows don't add up.
    """
    tree = circulation.tree
    inner = flows[np.ix_(tree.order, tree.order)]
    inner[circulation.loose] = 0.0
    measured = tree_edges(tree, inner)
    set_tree_edges(tree, inner, up=0.0, down=0.0)
    gaps = measured - conserved_flows(tree, inner)
    _refuse_contradictions(circulation, inner, measured, gaps)
    inner -= circulation.variances * drops(circulation.joins, _solve(circulation, gaps))
    conserved = conserved_flows(tree, inner)
    set_tree_edges(tree, inner, up=conserved, down=-conserved)
    inner[_unidentified(circulation)] = np.nan
    return _by_caller(tree, inner)


def edge_covariance(circulation: Circulation, first: FloatArray, second: FloatArray) -> float:
    """Return the covariance of two combinations of edges' estimates; nan if one isn't identified.

    Weights are antisymmetric, (nodes, nodes): the combination is the sum over edges, each counted once.
    """
    left, right = _outside_tree(circulation, first), _outside_tree(circulation, second)
    if _loose(circulation, left, first) or _loose(circulation, right, second):
        return float("nan")
    before = float(np.sum(circulation.variances * left * right)) / 2
    pulls = [conserved_flows(circulation.tree, circulation.variances * side) for side in (left, right)]
    return before - float(pulls[0] @ _solve(circulation, pulls[1]))


def _solve(circulation: Circulation, gaps: FloatArray) -> FloatArray:
    """Return (Q + W)^-1 times a vector over tree edges, with 0 for those that have no row."""
    result = np.zeros_like(gaps)
    if circulation.observed.size:
        result[circulation.observed] = cho_solve((circulation.factor, True), gaps[circulation.observed])
    return result


def _edge_variances(circulation: Circulation, determined: FloatArray) -> FloatArray:
    """Return w (1 - w R) outside the tree, R being the effective resistance between an edge's ends.

    There w R is well below 1 by the choice of tree. On the tree it may be near 1, and then Q - Q (Q + W)^-1 Q
    is taken instead.
    """
    inverse = _inverse(circulation)
    resistances = squared_distances(circulation.joins, inverse)
    variances = circulation.variances * (1 - circulation.variances * resistances)
    own, resistance = circulation.own, np.diagonal(inverse)
    learnt = np.zeros_like(determined)[: circulation.observed.size]
    if circulation.observed.size:
        learnt = solve_triangular(circulation.factor, determined[circulation.observed], lower=True, check_finite=False)
    updated = np.diagonal(determined) - np.sum(learnt**2, axis=0)
    finite = np.where(np.isinf(own), 0.0, own)
    direct = np.isfinite(own) & (finite * resistance < 0.5)  # noqa: PLR2004
    edges = np.where(direct, finite * (1 - finite * resistance), updated)
    set_tree_edges(circulation.tree, variances, up=edges, down=edges)
    variances[_unidentified(circulation)] = np.inf
    return np.maximum(variances, 0.0)


def _inverse(circulation: Circulation) -> FloatArray:
    inverse = np.zeros_like(circulation.variances)
    if circulation.observed.size:
        lower, _ = lapack.dpotri(circulation.factor, lower=1)
        lower = np.tril(lower)
        lower += np.tril(lower, -1).T
        inverse[np.ix_(circulation.observed, circulation.observed)] = lower
    return inverse


def _unidentified(circulation: Circulation) -> BoolArray:
    """Mark the edges on a circle of unmeasured edges, (nodes, nodes)."""
    marked = circulation.loose.copy()
    if marked.any():
        crossed = cut_sums(circulation.tree, circulation.loose.astype(np.float64)) > 0
        nodes = np.flatnonzero(crossed)
        marked[nodes, circulation.tree.parents[nodes]] = True
        marked[circulation.tree.parents[nodes], nodes] = True
    return marked


def _outside_tree(circulation: Circulation, weights: FloatArray) -> FloatArray:
    """Return weights of the other edges alone that make the same combination."""
    tree = circulation.tree
    inner = weights[np.ix_(tree.order, tree.order)]
    edges = tree_edges(tree, inner)
    set_tree_edges(tree, inner, up=0.0, down=0.0)
    if edges.any():
        inner -= drops(circulation.joins, edges)
    return inner


def _loose(circulation: Circulation, inner: FloatArray, weights: FloatArray) -> bool:
    """Decide whether a combination rests on unidentified edges."""
    return bool(np.any(np.abs(inner[circulation.loose]) > UNEQUAL * np.abs(weights).max()))


def _refuse_contradictions(circulation: Circulation, inner: FloatArray, measured: FloatArray, gaps: FloatArray) -> None:
    exact = circulation.own == 0
    exact[0] = False
    if exact.any():
        amounts = cut_sums(circulation.tree, np.abs(inner)) + np.abs(measured)
        missed = np.where(exact, np.abs(gaps), 0.0)
        if np.any(missed > CONTRADICTION * amounts):
            raise ContradictoryExactCellsError(gap=float(missed.max()))


def _by_caller(tree: SpanningTree, inner: FloatArray) -> FloatArray:
    result = np.empty_like(inner)
    result[np.ix_(tree.order, tree.order)] = inner
    return result
