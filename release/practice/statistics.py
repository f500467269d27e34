"""The statistics of a practice world, each held against the figure that it should reach.

Targets are published or measured ones: monthly mirror ratios of the real pairs, concentration of traders, CIF/FOB
factors; `docs/practice-world.md` names the sources. A statistic is a range of values (over pairs, or offices) and the
range they should fall in.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.practice.generation import WorldFacts
from release.practice.parameters import pair_totals
from release.practice.world import source_year

TOP = 0.01
TAIL_PART = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic of a world, against its target.

    Attributes:
        name: what it is, with its unit.
        target_low: lower end of the target.
        target_high: upper end of the target.
        values: what was got, one for each pair or office, or a single figure.
    """

    name: str
    target_low: float
    target_high: float
    values: tuple[float, ...]

    @property
    def low(self) -> float:
        """The least value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def centre(self) -> float:
        """The median value."""
        return float(np.median(self.values))

    @property
    def within(self) -> bool:
        """Whether the median lies in the target."""
        return self.target_low <= self.centre <= self.target_high


def statistics_of(facts: WorldFacts) -> tuple[Statistic, ...]:
    """Return all statistics of a world that was written; the records are scanned once for each office."""
    truth = read_truth(facts.truth)
    cells = mirror_cells(facts, truth, "consignment")
    by_origin = mirror_cells(facts, truth, "origin")
    return (
        Statistic(
            name="sd of monthly ln(M/X) of a pair", target_low=0.055, target_high=0.15, values=pair_deviations(cells)
        ),
        Statistic(
            name="sd of monthly ln(M/X) of a pair, imports by origin",
            target_low=0.055,
            target_high=0.15,
            values=pair_deviations(by_origin),
        ),
        Statistic(
            name="mean of monthly ln(M/X) of a pair, imports by origin",
            target_low=-0.226,
            target_high=0.090,
            values=pair_means(by_origin),
        ),
        Statistic(
            name="sd of ln(M/X) of HS2 cells of pair-months",
            target_low=0.38,
            target_high=0.46,
            values=(cell_deviation(cells),),
        ),
        Statistic(
            name="one-sided HS2 cells of pair-months, part",
            target_low=0.05,
            target_high=0.09,
            values=(one_sided(cells),),
        ),
        *_causes(facts),
        *_concentration(facts),
        Statistic(
            name="largest gap to the published total of a pair and year, US$",
            target_low=0.0,
            target_high=0.0,
            values=(largest_gap(facts),),
        ),
    )


def read_truth(path: Path) -> pl.DataFrame:
    """Return a truth file as a frame: text codes, value as float in US$."""
    return pl.read_csv(path, schema_overrides={"chapter": pl.String, "value": pl.Float64})


def mirror_cells(facts: WorldFacts, truth: pl.DataFrame, basis: str) -> pl.DataFrame:
    """Return one row a (exporter, importer, period, chapter) cell that either side reports.

    Columns: the four keys (text, ISO alpha-2), `x` (gross exports) and `m` (imports by `basis`) in US$, null if absent.
    """
    alpha2 = {office.office: office.alpha2 for office in facts.offices}
    named = truth.with_columns(office=pl.col("office").replace_strict(alpha2)).filter(
        pl.col("partner").is_in(list(alpha2.values())), pl.col("office") != pl.col("partner")
    )
    x = named.filter(pl.col("flow") == "X").select(
        exporter="office", importer="partner", period="period", chapter="chapter", x="value"
    )
    m = named.filter(pl.col("flow") == "M", pl.col("basis") == basis).select(
        exporter="partner", importer="office", period="period", chapter="chapter", m="value"
    )
    return x.join(m, on=["exporter", "importer", "period", "chapter"], how="full", coalesce=True)


def pair_months(cells: pl.DataFrame) -> pl.DataFrame:
    """Return ln(M/X) of each pair and month as `ratio`."""
    sums = cells.group_by("exporter", "importer", "period").agg(pl.col("x", "m").sum())
    return sums.with_columns(ratio=(pl.col("m") / pl.col("x")).log()).sort("exporter", "importer", "period")


def pair_deviations(cells: pl.DataFrame) -> tuple[float, ...]:
    """Return the standard deviation over months of ln(M/X) for each pair."""
    by_pair = pair_months(cells).group_by("exporter", "importer", maintain_order=True).agg(pl.col("ratio").std())
    return tuple(by_pair["ratio"].to_list())


def pair_means(cells: pl.DataFrame) -> tuple[float, ...]:
    """Return the mean over months of ln(M/X) for each pair."""
    by_pair = pair_months(cells).group_by("exporter", "importer", maintain_order=True).agg(pl.col("ratio").mean())
    return tuple(by_pair["ratio"].to_list())


def cell_ratios(cells: pl.DataFrame) -> NDArray[np.float64]:
    """Return ln(M/X) of every cell that both sides report."""
    both = cells.filter((pl.col("x") > 0) & (pl.col("m") > 0))
    return np.asarray(np.log(both["m"].to_numpy() / both["x"].to_numpy()), dtype=np.float64)


def cell_deviation(cells: pl.DataFrame) -> float:
    """Return the standard deviation of ln(M/X) over all cells that both sides report, unweighted."""
    return float(np.std(cell_ratios(cells), ddof=1))


def one_sided(cells: pl.DataFrame) -> float:
    """Return the part of cells with any report that only one side reports."""
    return float(cells.select((pl.col("x").is_null() | pl.col("m").is_null()).mean()).item())


def _causes(facts: WorldFacts) -> tuple[Statistic, ...]:
    causes = [pair.causes for pair in facts.pairs]
    lines = sum(cause["lines"] for cause in causes)
    return (
        Statistic(
            name="CIF/FOB of a pair",
            target_low=1.02,
            target_high=1.04,
            values=tuple(cause["cif"] / cause["fob"] for cause in causes),
        ),
        Statistic(
            name="lines that one side puts in another chapter, part",
            target_low=0.02,
            target_high=0.04,
            values=(sum(cause["misclassified"] for cause in causes) / lines,),
        ),
    )


def trader_totals(folder: Path) -> pl.DataFrame:
    """Return one row a trader of an office: `value` (US$), `lines`, `partners`, `chapters`, `commodities`."""
    partner = pl.coalesce("partner_destination", "partner_consignment")
    commodity = pl.col("commodity")
    return (
        pl.scan_parquet(str(folder / "**" / "*.parquet"))
        .group_by("trader")
        .agg(
            value=pl.col("value").cast(pl.Float64).sum(),
            lines=pl.len(),
            partners=partner.n_unique(),
            chapters=commodity.str.head(2).n_unique(),
            commodities=commodity.n_unique(),
        )
        .collect(engine="streaming")
    )


def hill(values: NDArray[np.float64], part: float) -> float:
    """Return Hill's estimate of the tail exponent from the largest `part` of values.

    Source: Hill 1975, A simple general approach to inference about the tail of a distribution, Annals of Statistics 3.
    """
    ordered = np.sort(values)[::-1]
    count = max(2, round(part * len(ordered)))
    return float(1.0 / np.mean(np.log(ordered[:count] / ordered[count])))


def top_share(values: NDArray[np.float64], part: float) -> float:
    """Return the share of the sum that the largest `part` of values hold."""
    ordered = np.sort(values)[::-1]
    return float(ordered[: max(1, round(part * len(ordered)))].sum() / ordered.sum())


def _concentration(facts: WorldFacts) -> tuple[Statistic, ...]:
    traders = [trader_totals(office.declarations) for office in facts.offices]
    values = [one["value"].to_numpy() for one in traders]
    single = [float(np.mean(one["partners"].to_numpy() == 1)) for one in traders]
    narrow = [float(np.mean(one["chapters"].to_numpy() == 1)) for one in traders]
    return (
        Statistic(
            name="Hill exponent of the offices' traders (parts of their office's trade), top 5 %",
            target_low=1.1,
            target_high=1.3,
            values=(hill(np.concatenate([value / value.sum() for value in values]), TAIL_PART),),
        ),
        Statistic(
            name="Hill exponent of each office's traders, top 5 %",
            target_low=1.1,
            target_high=1.3,
            values=tuple(hill(value, TAIL_PART) for value in values),
        ),
        Statistic(
            name="share held by the top 1 % of an office's traders",
            target_low=0.45,
            target_high=0.55,
            values=tuple(top_share(value, TOP) for value in values),
        ),
        Statistic(
            name="traders with a single partner, part",
            target_low=0.40,
            target_high=0.56,
            values=tuple(single),
        ),
        Statistic(
            name="traders with a single chapter, part",
            target_low=0.33,
            target_high=0.49,
            values=tuple(narrow),
        ),
    )


def largest_gap(facts: WorldFacts) -> float:
    """Return the largest gap between a pair's shipments and its published total of the year, in US$."""
    year = source_year(facts.world, facts.world.year)
    gaps = [
        pair.causes["fob"]
        - sum(pair_totals()[pair.exporter, pair.importer, year, month] for month in facts.world.months)
        for pair in facts.pairs
    ]
    return max(abs(gap) for gap in gaps) / 100.0
