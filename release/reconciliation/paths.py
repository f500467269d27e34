"""Sums along the paths of a spanning tree, for all pairs of nodes, to the accuracy of each pair.

Potentials measured from one root would lose a pair's small difference beside the large ones on the way to the
root. Joining the tree's edges from the largest variance down (Kruskal's order), each pair is evaluated when
its two components join, when every edge counted so far is at least as tight as the joining one: nothing
larger is about. Sums are relative to a component's first node; when two join, the smaller is shifted to the
frame of the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from release.reconciliation.cells import FloatArray, IntArray
from release.reconciliation.network import SpanningTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A tree edge joins two components, which are slices of places.

    `near` and `far` are the edge's ends in the large and the small component, as places; `down` is +1 if
    `far` is the child of `near`, else -1.
    """

    edge: int
    large: slice
    small: slice
    near: int
    far: int
    down: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """The joins of a tree in descending order of variance; `places[t]` is where node t stands, (nodes,)."""

    places: IntArray
    steps: tuple[Join, ...]


def joins_of(tree: SpanningTree, variances: FloatArray) -> Joins:
    """Return the joins of a tree whose edges have these variances, (nodes,); the root's entry isn't read."""
    member = list(range(len(variances)))
    parts = [[node] for node in member]
    found: list[tuple[int, int, int, int, int]] = []
    for edge in np.argsort(-variances[1:], kind="stable") + 1:
        ends = (int(edge), int(tree.parents[edge]))
        far, near = sorted(ends, key=lambda node: len(parts[member[node]]))
        large, small = parts[member[near]], parts[member[far]]
        found.append((int(edge), large[0], len(large), len(small), near))
        for node in small:
            member[node] = member[near]
        large.extend(small)
    places = np.empty(len(variances), dtype=np.int64)
    places[parts[member[0]]] = np.arange(len(variances))
    return Joins(places=places, steps=tuple(_steps(tree, places, found)))


def _steps(tree: SpanningTree, places: IntArray, found: list[tuple[int, int, int, int, int]]) -> Iterator[Join]:
    for edge, first, large, small, near in found:
        start = int(places[first])
        far = int(tree.parents[edge]) if near == edge else edge
        yield Join(
            edge=edge,
            large=slice(start, start + large),
            small=slice(start + large, start + large + small),
            near=int(places[near]),
            far=int(places[far]),
            down=1 if far == edge else -1,
        )


def drops(joins: Joins, values: FloatArray) -> FloatArray:
    """Return the sums along all paths, (nodes, nodes), of edge values given child to parent, (nodes,)."""
    nodes = len(values)
    potentials = np.zeros(nodes)
    result = np.zeros((nodes, nodes))
    for join in joins.steps:
        potentials[join.small] += potentials[join.near] - potentials[join.far] + join.down * values[join.edge]
        between = potentials[join.large, None] - potentials[None, join.small]
        result[join.large, join.small] = between
        result[join.small, join.large] = -between.T
    return _by_node(joins, result)


def squared_distances(joins: Joins, products: FloatArray) -> FloatArray:
    """Return all squared distances, (nodes, nodes), between nodes whose tree edges are vectors.

    `products` are the vectors' inner products, (nodes, nodes), child to parent. With those of the inverse of
    the network's matrix, these are its effective resistances.
    """
    nodes = len(products)
    gram = np.zeros((nodes, nodes))  # of the nodes' positions, relative to the first of their component
    edges = np.zeros((nodes, nodes))  # of edges (rows) with positions
    result = np.zeros((nodes, nodes))
    for join in joins.steps:
        _shift(join, gram, edges, products)
        squares = np.diagonal(gram)
        between = squares[join.large, None] + squares[None, join.small] - 2 * gram[join.large, join.small]
        result[join.large, join.small] = between
        result[join.small, join.large] = between.T
    return _by_node(joins, result)


def _shift(join: Join, gram: FloatArray, edges: FloatArray, products: FloatArray) -> None:
    """Move the small component to the frame of the large one, by near - far + the joining edge."""
    moved = edges[:, join.near] - edges[:, join.far] + join.down * products[:, join.edge]
    step = gram[join.near] - gram[join.far] + join.down * edges[join.edge]
    step_squared = step[join.near] - step[join.far] + join.down * moved[join.edge]
    gram[join.small] += step
    step[join.small] += step_squared
    gram[:, join.small] += step[:, None]
    edges[:, join.small] += moved[:, None]


def _by_node(joins: Joins, by_place: FloatArray) -> FloatArray:
    return by_place[np.ix_(joins.places, joins.places)]
