"""The clip: a trader's whole vector, whitened and bounded in one integer norm.

For every trader the stacked whitened integers over all levels, flows and periods keep sum u^2 <= D^2, whatever
rounding came before. The proof is in docs/privacy.md; `tests/reference_clip.py` is the same in plain integers.

    a = trunc(double(sum of the level's leaves) * w)
    S = sum a^2                                   exact, 128 bits
    u = a if S <= D^2 else (a * D) // n           n = ceiling of sqrt(S), exact; a >= 0
"""

from math import isqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.plan import PlannedLevel, PlannedMeasure
from release.tables import NOWHERE, Measure


def pre_noise(amounts: pl.DataFrame, measure: PlannedMeasure) -> NDArray[np.int64]:
    """Return the sum over traders of their clipped whitened integers, levels stacked in order; shape (cells,).

    Args:
        amounts: a row for each (trader, leaf): `trader` (UInt32), `leaf` (UInt32), `amount` (Int128, minor units).
        measure: whose weights, caps and bound are used.
    """
    return summed(clip(whitened(capped(amounts, measure), measure), measure.bound), measure.cells)


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
    cap = pl.lit(caps).gather(pl.col("leaf")).cast(pl.Int128)
    bounded = pl.min_horizontal(pl.col("amount").clip(lower_bound=0), cap).cast(pl.Int64)
    if measure.measure is Measure.TRADERS:
        bounded = pl.lit(1, pl.Int64)
    return amounts.select("trader", "leaf", bounded.alias("amount")).filter(pl.col("amount") > 0)


def whitened(amounts: pl.DataFrame, measure: PlannedMeasure) -> pl.DataFrame:
    """Return `trader`, `cell` (stacked over levels, UInt32) and the whitened `a` (Int64, >= 0)."""
    parts: list[pl.DataFrame] = []
    offset = 0
    for level in measure.levels:
        parts += [_whitened_level(amounts, level, grouping, measure.measure, offset) for grouping in level.groupings]
        offset += level.cells
    return pl.concat(parts)


def _whitened_level(
    amounts: pl.DataFrame, level: PlannedLevel, grouping: NDArray[np.uint32], measure: Measure, offset: int
) -> pl.DataFrame:
    cell = pl.lit(pl.Series(grouping)).gather(pl.col("leaf"))
    total = pl.lit(1, pl.Int64) if measure is Measure.TRADERS else pl.col("amount").sum()
    placed = amounts.with_columns(cell.alias("cell")).filter(pl.col("cell") != NOWHERE)
    sums = placed.group_by("trader", "cell").agg(total.alias("amount"))
    weight = pl.lit(pl.Series(level.weights)).gather(pl.col("cell"))
    steps = (pl.col("amount").cast(pl.Float64) * weight).cast(pl.Int64)  # the cast truncates
    return sums.select("trader", (pl.col("cell") + offset).cast(pl.UInt32), steps.alias("a"))


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
