"""Pairs of data sets that differ in one adversarial trader a block, so that one pair tries many neighbours.

A block is a month of imports with re-imports, or of exports with re-exports, and holds one such trader, which is
removed, changed or kept; others stand beside it in both data sets. Rows are permuted and in other files in the second.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clip_world import AGAIN, ALL_FLOWS, FLOWS, MONTHS, Row, row
from hostile_traders import LEAVES, cents, hostile_rows, twins

from release.plan import PlannedMeasure

BLOCKS = len(FLOWS) * len(MONTHS)


class Fate(StrEnum):
    """What becomes of a block's trader in the second data set."""

    REMOVED = "removed"
    CHANGED = "changed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two data sets in chunks, each block's trader in the first one, and its fate."""

    before: Sequence[Sequence[Row]]
    after: Sequence[Sequence[Row]]
    traders: Sequence[Sequence[Row]]
    fates: Sequence[Fate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How many neighbours were tried, how many broke the bound, and the largest norm as a part of D."""

    neighbours: int = 0
    violations: int = 0
    largest: float = 0.0

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            neighbours=self.neighbours + other.neighbours,
            violations=self.violations + other.violations,
            largest=max(self.largest, other.largest),
        )

    def told(self, of: str) -> str:
        """Return the counts as a promise's line tells them."""
        return f"{of}: {self.neighbours} neighbours, {self.violations} violations, largest norm {self.largest:.7f} D"


def neighbouring(chance: random.Random, measure: PlannedMeasure) -> Pair:
    """Return a pair of data sets for a release of all four flows and twelve months."""
    traders = [_hostile(chance, block, measure) for block in range(BLOCKS)]
    fates = [chance.choice((Fate.REMOVED, Fate.REMOVED, Fate.REMOVED, Fate.CHANGED, Fate.KEPT)) for _ in traders]
    later = [
        _later(chance, block, rows, fate, measure)
        for block, (rows, fate) in enumerate(zip(traders, fates, strict=True))
    ]
    others = _others(chance, traders, measure)
    return Pair(
        before=_chunks(chance, [*others, *(fields for rows in traders for fields in rows)]),
        after=_chunks(chance, [*others, *(fields for rows in later for fields in rows)]),
        traders=traders,
        fates=fates,
    )


def judged(change: Sequence[int], fates: Sequence[Fate], measure: PlannedMeasure) -> Seen:
    """Return whether each block changed by no more than its trader's fate allows."""
    squares = squares_of_blocks(change, measure)
    allowed: Mapping[Fate, int] = {
        Fate.REMOVED: measure.bound**2,
        Fate.CHANGED: 2 * measure.bound**2,
        Fate.KEPT: 0,
    }
    removed = [square for square, fate in zip(squares, fates, strict=True) if fate is Fate.REMOVED]
    return Seen(
        neighbours=len(fates) - fates.count(Fate.KEPT),
        violations=sum(square > allowed[fate] for square, fate in zip(squares, fates, strict=True)),
        largest=float(max(removed, default=0) ** 0.5 / measure.bound),
    )


def squares_of_blocks(change: Sequence[int], measure: PlannedMeasure) -> list[int]:
    """Return the squared norm of a change of the stacked vector in each block."""
    squares = [0] * BLOCKS
    for block, steps in zip(block_of_cell(measure), change, strict=True):
        squares[block] += steps * steps
    return squares


def block_of_cell(measure: PlannedMeasure) -> list[int]:
    """Return the block of each stacked cell; the cells of re-imports and re-exports follow those of both flows."""
    months = len(ALL_FLOWS) * len(MONTHS)
    return [cell * months // level.cells % BLOCKS for level in measure.levels for cell in range(level.cells)]


def _later(chance: random.Random, block: int, rows: list[Row], fate: Fate, measure: PlannedMeasure) -> list[Row]:
    if fate is Fate.KEPT:
        return rows
    return _hostile(chance, block, measure) if fate is Fate.CHANGED else []


def _hostile(chance: random.Random, block: int, measure: PlannedMeasure) -> list[Row]:
    """Return a hostile trader's rows, none, some or all of them re-imports or re-exports."""
    part = chance.choice((0.0, 0.0, 0.0, 0.5, 1.0))
    rows = hostile_rows(chance, block, measure)
    return [(*one[:2], AGAIN[str(one[2])], *one[3:]) if chance.random() < part else one for one in rows]


def _others(chance: random.Random, traders: list[list[Row]], measure: PlannedMeasure) -> list[Row]:
    """Return rows of others: twins of traders row by row, a trader everywhere, and rows without an id."""
    copies = [fields for rows in traders if chance.random() < 0.5 for fields in twins(rows)]
    cap = int(measure.caps[0])
    everywhere = [row("ALL", block=b, leaf=chance.choice(LEAVES), value=cents(cap * 2)) for b in range(BLOCKS)]
    nobody = [row(None, block=b, leaf=chance.choice(LEAVES), value=cents(cap)) for b in range(BLOCKS)]
    return copies + everywhere + nobody


def _chunks(chance: random.Random, rows: list[Row]) -> list[list[Row]]:
    permuted = chance.sample(rows, len(rows))
    files = chance.randint(1, 4)
    return [permuted[number::files] for number in range(files)]
