"""The clip in plain Python integers, one trader at a time: what `release.confidential.clip` must equal bit for bit.

Nothing here is fast, and nothing wraps: sums, squares, products and roots are Python's integers. The one conversion to
a double and the one product of doubles stand where the clip has them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isqrt

from release.plan import PlannedLevel, PlannedMeasure
from release.tables import NOWHERE, Measure

Leaves = Mapping[int, int]
"""A trader's leaf sums in minor units, by leaf; a leaf that it has no line in is absent."""


def reference_pre_noise(traders: Iterable[Leaves], measure: PlannedMeasure) -> list[int]:
    """Return the sum over traders of their clipped whitened integers, levels stacked in order."""
    vector = [0] * measure.cells
    for leaves in traders:
        for cell, steps in reference_contribution(leaves, measure).items():
            vector[cell] += steps
    return vector


def reference_contribution(leaves: Leaves, measure: PlannedMeasure) -> dict[int, int]:
    """Return one trader's clipped whitened integers, by stacked cell."""
    return scaled(reference_whitened(leaves, measure), measure.bound)


def reference_whitened(leaves: Leaves, measure: PlannedMeasure) -> dict[int, int]:
    """Return one trader's whitened integers before the clip: cap each leaf, add up, convert, weigh, truncate."""
    indicator = measure.measure is Measure.TRADERS
    whitened: dict[int, int] = {}
    offset = 0
    for level in measure.levels:
        sums: dict[int, int] = {}
        for leaf, amount in leaves.items():
            counted = 1 if indicator else min(max(amount, 0), int(measure.caps[leaf]))
            for cell in cells_of(level, leaf):
                sums[cell] = 1 if indicator else sums.get(cell, 0) + counted
        for cell, amount in sums.items():
            whitened[offset + cell] = int(float(amount) * float(level.weights[cell]))
        offset += level.cells
    return whitened


def cells_of(level: PlannedLevel, leaf: int) -> list[int]:
    """Return the cells of a level that a leaf adds to: none, its own, or that and the one that it is a part of."""
    return [int(grouping[leaf]) for grouping in level.groupings if grouping[leaf] != NOWHERE]


def reference_excess(leaves: Leaves, measure: PlannedMeasure, excess: PlannedMeasure) -> dict[int, int]:
    """Return one trader's whitened excess on the large-trader tier's scale, before that tier's clip; 0 if it fits."""
    kept = reference_contribution(leaves, measure)
    whole = reference_whitened(leaves, replace(measure, caps=excess.caps))
    ratios = [
        float(large) / float(uniform)
        for theirs, ours in zip(excess.levels, measure.levels, strict=True)
        for large, uniform in zip(theirs.weights, ours.weights, strict=True)
    ]
    return {cell: int(float(steps - kept.get(cell, 0)) * ratios[cell]) for cell, steps in whole.items()}


def scaled(whitened: Mapping[int, int], bound: int) -> dict[int, int]:
    """Return the integers as they are when their squares add up to at most bound^2, else scaled down to that."""
    square = sum(steps * steps for steps in whitened.values())
    if square <= bound * bound:
        return dict(whitened)
    root = isqrt(square)
    ceiling = root if root * root == square else root + 1
    return {cell: steps * bound // ceiling for cell, steps in whitened.items()}
