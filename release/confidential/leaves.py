"""From lines to traders' leaf sums, a part of the traders at a time.

Sums are exact: an amount of at most 2^52 is added in two parts of 26 bits, and no 2^32 lines carry them out of 64.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.coding import Codes
from release.confidential.partitions import Block, Partitions
from release.confidential.preparation import Preparation, leaves_of
from release.plan import ReleasePlan, minor_units
from release.tables import Layout, Measure

LARGEST_SUM = 2**62
"""Sums beyond it, either way, are set to it: every cap lies below."""

_HALF = 26


def amounts(
    rows: Iterable[pl.LazyFrame], plan: ReleasePlan, preparing: Preparation, *, folder: Path | None = None
) -> Iterator[pl.DataFrame]:
    """Yield each trader's sum in each leaf it has lines in; all rows of a trader stand in one frame.

    A row is one (trader, leaf), in that order: `trader` (UInt64), `leaf` (UInt32), and a column for each measure of the
    plan in minor units (Int64). Many lines are kept in an unnamed file in `folder` meanwhile.
    """
    measures = tuple(measure.measure for measure in plan.measures)
    bits = leaf_bits(plan.layout)
    partitions = Partitions(columns=4 if preparing.once else 3, leaf_bits=bits, folder=folder)
    try:
        for lines in preparing.lines(rows):
            counted = lines.counts()
            key = lines.trader << bits | leaves_of(lines, plan.layout)
            columns = [key, lines.value, lines.net_mass, lines.declaration][: 4 if preparing.once else 3]
            partitions.add(np.stack([column[counted] for column in columns]))
        for block in partitions.blocks():
            yield _summed(_once(block) if preparing.once else block, measures, bits)
    finally:
        partitions.close()


def leaf_bits(layout: Layout) -> int:
    """Return how many bits of a line's key are its leaf; those above are the trader's code."""
    return max(1, (layout.leaves - 1).bit_length())


def _once(block: Block) -> Block:
    """Return lines without repeats: of a trader, its declaration, leaf and amounts."""
    frame = pl.DataFrame(block.T, schema=["key", "value", "net_mass", "declaration"], orient="row")
    return frame.unique(["key", "declaration", "value", "net_mass"]).to_numpy().T


def _summed(block: Block, measures: tuple[Measure, ...], bits: int) -> pl.DataFrame:
    order = np.argsort(block[0])
    key = block[0][order]
    first = starts(key)
    lines = np.diff(first, append=len(key))
    sums: dict[Measure, Callable[[], Codes]] = {
        Measure.VALUE: lambda: _added(block[1][order], first),
        Measure.RETURNS: lambda: _added(np.maximum(-block[1][order], 0), first),
        Measure.DECLARATIONS: lambda: lines * minor_units(Measure.DECLARATIONS, 0),
        Measure.TRADERS: lambda: np.ones(len(first), np.int64),
        Measure.NET_MASS: lambda: _added(block[2][order], first),
    }
    key = key[first]
    places = {"trader": (key >> bits).astype(np.uint64), "leaf": (key & (2**bits - 1)).astype(np.uint32)}
    return pl.DataFrame(places | {str(measure): sums[measure]() for measure in measures})


def starts(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where runs of equal keys begin; the keys are in order."""
    return np.flatnonzero(np.concatenate([np.ones(min(len(key), 1), np.bool_), key[1:] != key[:-1]]))


def _added(amounts: Codes, first: NDArray[np.int64]) -> Codes:
    """Return the exact sum of each run of amounts, set to +-2^62 beyond that."""
    if not len(amounts):
        return amounts
    low = np.add.reduceat(amounts & (2**_HALF - 1), first)
    high = np.add.reduceat(amounts >> _HALF, first) + (low >> _HALF)
    inside = np.clip(high, -(LARGEST_SUM >> _HALF), (LARGEST_SUM >> _HALF) - 1)
    sums = (inside << _HALF) + (low & (2**_HALF - 1))
    return np.asarray(np.where(high == inside, sums, np.sign(high) * LARGEST_SUM))
