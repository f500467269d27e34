"""Exact aggregates of the records that offices hold: the truth of a practice world, and what an office published.

Promises of the two CSV formats: text codes, values in US$ with two decimals, one row for each cell that any line falls
in. Exports `X` are gross of re-exports and imports `M` gross of re-imports; `RX` and `RM` are *of which* cells, as
offices publish them. `truth-YYYY.csv` has the columns `office, flow, basis, period, partner, chapter, value, lines`,
with imports once by `origin` and once by `consignment`. `published-YYYY.csv` has
`period, flow, partner, product, level, measure, value` for the year, imports by one of the two;
`declarations` are lines.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.codelists import chapter_codes
from release.practice.classification import chapter_of
from release.practice.records import RM, RX, M, Records, decimals
from release.practice.setting import Setting
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, Level, Measure

KEYS = ("M origin", "M consignment", "X destination", "RM origin", "RM consignment", "RX destination")
M_ORIGIN, M_CONSIGNMENT, X_DESTINATION, RM_ORIGIN, RM_CONSIGNMENT, RX_DESTINATION = range(6)


class Totals:
    """Running exact sums of one year; shape of both arrays (offices, keys, months, areas, chapters)."""

    def __init__(self, setting: Setting, year: int) -> None:
        self._setting = setting
        self.year = year
        shape = (len(setting.world.offices), len(KEYS), 12, len(setting.areas), len(chapter_codes()))
        self.cents: NDArray[np.int64] = np.zeros(shape, np.int64)
        self.lines: NDArray[np.int64] = np.zeros(shape, np.int64)

    def add(self, office: int, records: Records, month: int) -> None:
        """Count the lines that an office records in a month."""
        imports = (records.flow == M) | (records.flow == RM)
        again = (records.flow == RM) | (records.flow == RX)
        for key, lines, partner in (
            (M_ORIGIN, imports, records.origin),
            (M_CONSIGNMENT, imports, records.consignment),
            (X_DESTINATION, ~imports, records.destination),
            (RM_ORIGIN, imports & again, records.origin),
            (RM_CONSIGNMENT, imports & again, records.consignment),
            (RX_DESTINATION, ~imports & again, records.destination),
        ):
            if lines.any():
                self._count(self.cents[office, key, month - 1], records, lines, partner, records.cents)
                self._count(self.lines[office, key, month - 1], records, lines, partner, np.ones_like(records.cents))

    @staticmethod
    def _count(
        into: NDArray[np.int64],
        records: Records,
        lines: NDArray[np.bool_],
        partner: NDArray[np.int16],
        amount: NDArray[np.int64],
    ) -> None:
        cell = partner[lines].astype(np.int64) * into.shape[1] + chapter_of(records)[lines]
        np.add.at(into.reshape(-1), cell, amount[lines])

    def lines_of(self, office: int) -> int:
        """Return how many lines an office recorded in the year."""
        return int(self.lines[office, [M_CONSIGNMENT, X_DESTINATION]].sum())

    def frame(self) -> pl.DataFrame:
        """Return the cells that any line falls in, as `truth-YYYY.csv` has them; value as decimal(18, 2)."""
        office, key, month, partner, chapter = np.nonzero(self.lines)
        found = (office, key, month, partner, chapter)
        flow = pl.Series([name.split()[0] for name in KEYS])
        basis = pl.Series([name.split()[1] for name in KEYS])
        return pl.DataFrame(
            {
                "office": pl.Series(self._setting.world.offices).gather(office),
                "flow": flow.gather(key),
                "basis": basis.gather(key),
                "period": pl.Series([f"{self.year}-{number:02d}" for number in range(1, 13)]).gather(month),
                "partner": pl.Series(self._setting.areas).gather(partner),
                "chapter": pl.Series(chapter_codes()).gather(chapter),
                "value": dollars(self.cents[found]),
                "lines": self.lines[found],
            }
        )


def dollars(cents: NDArray[np.int64]) -> pl.Series:
    """Return US cents as exact dollars, decimal(18, 2)."""
    return pl.Series(pl.from_arrow(decimals(cents, 2)))


def published(truth: pl.DataFrame, office: str, basis: str) -> pl.DataFrame:
    """Return an office's annual figures as it published them: four levels, value and number of declaration lines.

    Args:
        truth: a frame as `truth-YYYY.csv` has it.
        office: ISO alpha-3.
        basis: `origin` or `consignment`, for imports.
    """
    mine = truth.filter(pl.col("office") == office, pl.col("basis").is_in([basis, "destination"]))
    every = {"partner": pl.lit(ALL_PARTNERS), "product": pl.lit(ALL_PRODUCTS)}
    cells = mine.select("period", "flow", "partner", pl.col("chapter").alias("product"), "value", "lines")
    cells = cells.with_columns(pl.col("period").str.head(4))
    levels = []
    for level in (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER):
        kept = [name for name, by in (("partner", level.by_partner), ("product", level.by_chapter)) if by]
        coarse = cells.with_columns(**{name: all_ for name, all_ in every.items() if name not in kept})
        sums = coarse.group_by("period", "flow", "partner", "product").agg(pl.col("value", "lines").sum())
        levels.append(sums.with_columns(level=pl.lit(level.value)))
    return _by_measure(pl.concat(levels))


def _by_measure(cells: pl.DataFrame) -> pl.DataFrame:
    keys = ["period", "flow", "partner", "product", "level"]
    value = cells.select(*keys, measure=pl.lit(Measure.VALUE.value), value=pl.col("value").cast(pl.String))
    lines = cells.select(*keys, measure=pl.lit(Measure.DECLARATIONS.value), value=pl.col("lines").cast(pl.String))
    return pl.concat([value, lines]).sort(
        "measure", "flow", "level", "partner", "product", descending=[True, *[False] * 4]
    )


def write_published(truth: pl.DataFrame, office: str, year: int, folder: Path) -> tuple[Path, Path]:
    """Write an office's two published tables, imports by origin and by consignment, and return their paths."""
    by_origin = folder / f"published-{year}.csv"
    by_consignment = folder / f"published-{year}-consignment.csv"
    folder.mkdir(parents=True, exist_ok=True)
    published(truth, office, "origin").write_csv(by_origin)
    published(truth, office, "consignment").write_csv(by_consignment)
    return by_origin, by_consignment
