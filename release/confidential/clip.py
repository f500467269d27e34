"""The clip: a trader's whole vector, whitened and bounded in one integer norm.

For every trader the stacked whitened integers over all levels, flows and periods keep sum u^2 <= D^2, whatever
rounding came before. The proof is in docs/privacy.md; `tests/reference_clip.py` is the same in plain integers.

    a = trunc(double(sum of the level's leaves) * w)
    S = sum a^2                                   exact, 128 bits
    u = a if S <= D^2 else (a * D) // n           n = ceiling of sqrt(S), exact; a >= 0
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.leaves import starts
from release.plan import PlannedLevel, PlannedMeasure
from release.tables import NOWHERE, Measure

_SURELY = 1 - 2.0**-20
"""A double's sum of fewer than 2^30 squares is nearer to the exact one than this part."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stacked:
    """Traders' whitened integers, stacked over levels.

    Attributes:
        traders: the distinct ids; shape (traders,).
        owner: whose integer it is, as a place in `traders`; shape (integers,).
        cell: the stacked cell.
        a: the integer, >= 0.
    """

    traders: pl.Series
    owner: NDArray[np.int64]
    cell: NDArray[np.uint32]
    a: NDArray[np.int64]

    def frame(self, chosen: NDArray[np.bool_] | slice = slice(None)) -> pl.DataFrame:
        """Return `trader`, `cell` (UInt32) and `a` (Int64) of the chosen integers."""
        own = self.traders.gather(self.owner[chosen]).alias("trader")
        return pl.DataFrame([own, pl.Series("cell", self.cell[chosen]), pl.Series("a", self.a[chosen])])

    def large(self, bound: int) -> NDArray[np.bool_]:
        """Return which traders may exceed the bound; the others surely don't. Shape (traders,).

        A double decides, with a margin, whom the exact clip has to look at, and nothing else.
        """
        squares = np.bincount(self.owner, weights=self.a.astype(np.float64) ** 2, minlength=len(self.traders))
        return np.asarray(squares >= float(bound) ** 2 * _SURELY)


def pre_noise(amounts: pl.DataFrame, measure: PlannedMeasure) -> NDArray[np.int64]:
    """Return the sum over traders of their clipped whitened integers, levels stacked in order; shape (cells,).

    Args:
        amounts: a row for each (trader, leaf): `trader` and `leaf` (unsigned), `amount` (Int64 or Int128, minor units).
            Fastest in the order of traders.
        measure: whose weights, caps and bound are used.
    """
    return bounded(stacked(capped(amounts, measure), measure), measure)


def bounded(stack: Stacked, measure: PlannedMeasure) -> NDArray[np.int64]:
    """Return the sum over traders of their integers, clipped where they exceed the bound; shape (cells,)."""
    large = stack.large(measure.bound)[stack.owner]
    vector = summed(clip(stack.frame(large), measure.bound), measure.cells)
    np.add.at(vector, stack.cell[~large], stack.a[~large])
    return vector


def summed(clipped: pl.DataFrame, cells: int) -> NDArray[np.int64]:
    """Return the sum of `u` over traders in each cell; shape (cells,).

    Summed in 128 bits and kept within +-2^62, where no noise can carry it out of 64 bits; that never expands a change.
    """
    sums = clipped.group_by("cell").agg(pl.col("u").cast(pl.Int128).sum().clip(-(2**62), 2**62).cast(pl.Int64))
    vector = np.zeros(cells, dtype=np.int64)
    vector[sums["cell"].to_numpy()] = sums["u"].to_numpy()
    return vector


def capped(amounts: pl.DataFrame, measure: PlannedMeasure) -> pl.DataFrame:
    """Return leaf sums from 0 to the leaf's cap as Int64: returns can't push another cell up, nor one line all of D."""
    caps = pl.Series(measure.caps)
    cap = pl.lit(caps).gather(pl.col("leaf"))
    bounded = pl.min_horizontal(pl.col("amount").clip(lower_bound=0), cap).cast(pl.Int64)
    if measure.measure is Measure.TRADERS:
        bounded = pl.lit(1, pl.Int64)
    return amounts.select("trader", "leaf", bounded.alias("amount")).filter(pl.col("amount") > 0)


def whitened(amounts: pl.DataFrame, measure: PlannedMeasure) -> pl.DataFrame:
    """Return `trader`, `cell` (stacked over levels, UInt32) and the whitened `a` (Int64, >= 0)."""
    return stacked(amounts, measure).frame()


def stacked(amounts: pl.DataFrame, measure: PlannedMeasure) -> Stacked:
    """Return the whitened integers of capped leaf sums: `trader`, `leaf`, `amount` (Int64, >= 0)."""
    own = amounts if amounts["trader"].is_sorted() else amounts.sort("trader")
    first = starts(own["trader"].to_numpy())
    owner = np.repeat(np.arange(len(first)), np.diff(first, append=own.height))
    leaf, amount = own["leaf"].to_numpy(), own["amount"].to_numpy()
    parts = []
    offset = 0
    for level in measure.levels:
        for grouping in level.groupings:
            sums = _cell_sums(owner, grouping[leaf], amount, level.cells)
            parts.append(_whitened_level(sums, level, offset, measure.measure))
        offset += level.cells
    owners, cells, steps = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Stacked(traders=own["trader"].gather(first), owner=owners, cell=cells, a=steps)


Part = tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]]
"""Whose it is, in which cell, how much; arrays of one shape."""


def _cell_sums(owner: NDArray[np.int64], cell: NDArray[np.uint32], amount: NDArray[np.int64], cells: int) -> Part:
    """Return each trader's sum in each cell that its leaves add to."""
    if (cell == NOWHERE).any():
        somewhere = cell != NOWHERE
        owner, cell, amount = owner[somewhere], cell[somewhere], amount[somewhere]
    key = owner * cells + cell
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key)
        key, owner, cell, amount = key[order], owner[order], cell[order], amount[order]
    first = starts(key)
    return owner[first], cell[first], np.add.reduceat(amount, first) if len(first) else amount


def _whitened_level(part: Part, level: PlannedLevel, offset: int, measure: Measure) -> Part:
    """Return the sums as whitened integers in stacked cells; a trader counts as one in each cell."""
    owner, cell, sums = part
    counted = np.ones_like(sums) if measure is Measure.TRADERS else sums
    steps = (counted.astype(np.float64) * level.weights[cell]).astype(np.int64)  # the cast truncates
    return owner, (cell + offset).astype(np.uint32), steps


def clip(stacked: pl.DataFrame, bound: int) -> pl.DataFrame:
    """Return `trader`, `cell`, `u`: each trader's integers with sum u^2 <= bound^2."""
    wide = pl.col("a").cast(pl.Int128)
    over = over_bound(stacked, bound)
    long = stacked.join(over, on="trader", how="left")
    shrunk = wide * bound // pl.col("n")
    clipped = long.select(
        "trader",
        "cell",
        pl.when(pl.col("n").is_null()).then(wide).otherwise(shrunk).cast(pl.Int64).alias("u"),
    )
    return _within_bound(clipped, over.select("trader"), bound)


def over_bound(stacked: pl.DataFrame, bound: int) -> pl.DataFrame:
    """Return the traders whose integers exceed the bound, `trader`, with the ceiling of their norm, `n` (Int128)."""
    wide = pl.col("a").cast(pl.Int128)
    norms = stacked.group_by("trader").agg((wide * wide).sum().alias("S"))
    over = norms.filter(pl.col("S") > bound * bound)
    ceilings = pl.Series("n", [ceiling_root(square) for square in over["S"].to_list()], dtype=pl.Int128)
    return over.select("trader", ceilings)


def ceiling_root(square: int) -> int:
    """Return the smallest n with n^2 >= square, exactly; a root rounded down would let the norm exceed D."""
    return isqrt(square - 1) + 1 if square > 0 else 0


def _within_bound(clipped: pl.DataFrame, traders: pl.DataFrame, bound: int) -> pl.DataFrame:
    """Drop a trader whose norm should still exceed the bound; the proof says there is none, and nothing may abort."""
    wide = pl.col("u").cast(pl.Int128)
    norms = clipped.join(traders, on="trader", how="semi").group_by("trader").agg((wide * wide).sum().alias("S"))
    return clipped.join(norms.filter(pl.col("S") > bound * bound), on="trader", how="anti")
