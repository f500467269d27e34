"""A network whose flows are the cells of a table with margins, and the spanning tree that tames its scales.

Let the total flow from a sink to a source, each partner's margin from the source to the partner, each leaf
from its partner to its chapter, each chapter's margin from the chapter to the sink. Then "all sums agree"
says that flow is conserved at every node, and the least-squares estimates are the conserved flow nearest to
the measured one, the squared change of each edge being weighted by 1 / variance. That is Thomson's principle
for an electric network in which the variance is the conductance (Doyle and Snell, Random Walks and Electric
Networks, 1984, section 1.3.5).

Standard deviations of one release may differ by many powers of ten, so the unknowns are chosen with care:
take a spanning tree of *largest* variances. The other edges keep their measurements and determine the tree's
flows; the tree's own measurements are then 1 + NP + NC observations of them. Every edge that crosses the cut
of a tree edge has at most its variance, so, scaled, the matrix that is solved is I + H H' with entries of H
at most 1, however extreme the variances are. An unmeasured edge (infinite variance) falls into the tree by
itself.

Sums below have no cancelling terms: they add non-negative conductances, or flows across one cut.
"""

from dataclasses import dataclass

import numpy as np

from release.reconciliation.cells import FloatArray, IntArray

NO_EDGE = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanningTree:
    """A rooted spanning tree, its nodes numbered in preorder: node t's subtree is the slice t to `ends[t]`.

    Tree edge t joins node t with `parents[t]`; t = 0 is the root and has none. `order[t]` is the caller's
    number of node t. All have the shape (nodes,).
    """

    order: IntArray
    parents: IntArray
    ends: IntArray


def largest_spanning_tree(weights: FloatArray) -> SpanningTree:
    """Return a spanning tree of largest weight of a connected graph, by Prim's algorithm.

    `weights` is symmetric, (nodes, nodes), with `NO_EDGE` where there is none; 0 and inf are weights.
    """
    nodes = len(weights)
    best = weights[0].copy()
    parents = np.zeros(nodes, dtype=np.int64)
    outside = np.ones(nodes, dtype=np.bool_)
    outside[0] = False
    for _ in range(nodes - 1):
        node = int(np.argmax(np.where(outside, best, NO_EDGE - 1)))
        outside[node] = False
        nearer = weights[node] > best
        parents[nearer & outside] = node
        np.maximum(best, weights[node], out=best)
    return _in_preorder(parents)


def _in_preorder(parents: IntArray) -> SpanningTree:
    children: list[list[int]] = [[] for _ in parents]
    for node in range(1, len(parents)):
        children[parents[node]].append(node)
    order: list[int] = []
    waiting = [0]
    while waiting:
        order.append(waiting.pop())
        waiting.extend(children[order[-1]])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    above = place[parents[order]]
    ends = np.arange(1, len(order) + 1)
    for node in range(len(order) - 1, 0, -1):
        ends[above[node]] = max(ends[above[node]], ends[node])
    return SpanningTree(order=np.asarray(order), parents=above, ends=ends)


def tree_edges(tree: SpanningTree, matrix: FloatArray) -> FloatArray:
    """Return a matrix's entries at the tree's edges, child to parent, (nodes,); 0 for the root."""
    edges = matrix[np.arange(len(matrix)), tree.parents]
    edges[0] = 0.0
    return edges


def set_tree_edges(tree: SpanningTree, matrix: FloatArray, *, up: FloatArray | float, down: FloatArray | float) -> None:
    """Write values (nodes,), at the tree's edges, child to parent and parent to child."""
    nodes = np.arange(1, len(matrix))
    matrix[nodes, tree.parents[1:]] = up if isinstance(up, float) else up[1:]
    matrix[tree.parents[1:], nodes] = down if isinstance(down, float) else down[1:]


def subtree_sums(tree: SpanningTree, matrix: FloatArray) -> FloatArray:
    """Return the sums of a matrix's rows over each subtree, (nodes, nodes)."""
    sums = matrix.copy()
    for node in range(len(matrix) - 1, 0, -1):
        sums[tree.parents[node]] += sums[node]
    return sums


def cut_sums(tree: SpanningTree, matrix: FloatArray) -> FloatArray:
    """Return a matrix's sums over the pairs (inside a tree edge's subtree, outside it), (nodes,)."""
    sums = subtree_sums(tree, matrix)
    return np.array([sums[node, :node].sum() + sums[node, end:].sum() for node, end in enumerate(tree.ends)])


def conserved_flows(tree: SpanningTree, flows: FloatArray) -> FloatArray:
    """Return the flows up the tree's edges, (nodes,), that conserve what the other edges carry.

    `flows` is antisymmetric, (nodes, nodes), and 0 at the tree's edges.
    """
    return -cut_sums(tree, flows)


def cut_covariances(tree: SpanningTree, variances: FloatArray) -> FloatArray:
    """Return the covariances of the tree's flows that conserve the other edges' measurements, (nodes, nodes).

    `variances` is symmetric and 0 at the tree's edges. Of two cuts, one inside the other, the edges that
    leave both count positively; of two disjoint cuts the edges between them count negatively. Row and column
    0 are the root's, 0.
    """
    nodes = np.arange(len(variances))
    sums = subtree_sums(tree, variances)
    between = subtree_sums(tree, sums.T)
    leaving = np.zeros_like(sums)
    leaving[:, 1:] = np.cumsum(sums, axis=1)[:, :-1]
    after = np.zeros((len(nodes), len(nodes) + 1))
    after[:, :-1] = np.cumsum(sums[:, ::-1], axis=1)[:, ::-1]
    leaving += after[:, tree.ends]
    inside = (nodes[None, :] <= nodes[:, None]) & (nodes[:, None] < tree.ends[None, :])
    return np.where(inside, leaving, np.where(inside.T, leaving.T, -between))
