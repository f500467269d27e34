"""The answer sheet of a practice world: the discrepancies that were planted, and the mirror ratios they left.

`answers.csv` has the columns of `COLUMNS`. `before` and `after` are the changed lines' values in US$ (`chapters` as
the goods truly are), `x` and `m` the recorded gross exports and imports by consignment of those chapters and months,
`ratio` is m / x. An empty list of chapters or months means all.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from release.practice.parameters import alpha2_of
from release.practice.world import Discrepancy, Side, World

COLUMNS = (
    "exporter",
    "importer",
    "side",
    "flow",
    "chapters",
    "months",
    "factor",
    "lines",
    "before",
    "after",
    "realised",
    "x",
    "m",
    "ratio",
    "ratio_by_origin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One planted discrepancy as it was realised; values in US$.

    Attributes:
        planted: what was asked for.
        lines: how many lines were changed.
        before: their value without the discrepancy.
        after: their value with it.
        x: gross exports that the exporter recorded in these chapters and months.
        m: imports by consignment that the importer recorded.
        m_by_origin: imports by origin that the importer recorded.
    """

    planted: Discrepancy
    lines: int
    before: Decimal
    after: Decimal
    x: Decimal
    m: Decimal
    m_by_origin: Decimal

    @property
    def realised(self) -> float | None:
        """The realised factor; None when no line was changed."""
        return float(self.after / self.before) if self.before else None

    @property
    def ratio(self) -> float | None:
        """Imports by consignment over exports; None without exports."""
        return float(self.m / self.x) if self.x else None

    @property
    def ratio_by_origin(self) -> float | None:
        """Imports by origin over exports; None without exports."""
        return float(self.m_by_origin / self.x) if self.x else None


def answers_of(world: World, truth: pl.DataFrame, tallies: Sequence[Counter[str]]) -> tuple[Answer, ...]:
    """Return an answer for each planted discrepancy.

    Args:
        world: the world.
        truth: recorded aggregates, as `truth-YYYY.csv` has them.
        tallies: for each discrepancy, `lines`, and `before` and `after` in US cents.
    """
    return tuple(
        Answer(
            planted=planted,
            lines=tally["lines"],
            before=Decimal(tally["before"]) / 100,
            after=Decimal(tally["after"]) / 100,
            x=_recorded(world, truth, planted, "X", "destination"),
            m=_recorded(world, truth, planted, "M", "consignment"),
            m_by_origin=_recorded(world, truth, planted, "M", "origin"),
        )
        for planted, tally in zip(world.planted, tallies, strict=True)
    )


def _recorded(world: World, truth: pl.DataFrame, planted: Discrepancy, flow: str, basis: str) -> Decimal:
    office, partner = planted.exporter, planted.importer
    if flow == "M":
        office, partner = partner, office
    cells = truth.filter(
        pl.col("office") == office,
        pl.col("flow") == flow,
        pl.col("basis") == basis,
        pl.col("partner") == alpha2_of()[partner],
        pl.col("period").is_in([f"{world.year}-{month:02d}" for month in planted.months or world.months]),
    )
    if planted.chapters:
        cells = cells.filter(pl.col("chapter").is_in(planted.chapters))
    return Decimal(cells["value"].sum() or 0)


def write_answers(answers: Sequence[Answer], path: Path) -> None:
    """Write the answer sheet; it has a header even when nothing was planted."""
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file, lineterminator="\n")
        sheet.writerow(COLUMNS)
        sheet.writerows(_row(answer) for answer in answers)


def _row(answer: Answer) -> list[object]:
    planted = answer.planted
    side = Side(planted.side)
    ratios = (answer.realised, answer.ratio, answer.ratio_by_origin)
    realised, ratio, by_origin = ("" if one is None else f"{one:.6f}" for one in ratios)
    return [
        planted.exporter,
        planted.importer,
        side.value,
        "X" if side is Side.EXPORTER else "M",
        ";".join(planted.chapters),
        ";".join(f"{month:02d}" for month in planted.months),
        f"{planted.factor:g}",
        answer.lines,
        f"{answer.before:.2f}",
        f"{answer.after:.2f}",
        realised,
        f"{answer.x:.2f}",
        f"{answer.m:.2f}",
        ratio,
        by_origin,
    ]
