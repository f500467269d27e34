"""Looks at a running year: the year to date of each pair, judged after every month without raising false alarms.

The figures are raw monthly *measurements*, whose noise is independent from month to month whatever was reconciled.
Where the year isn't published to its end, the months to come are taken to have the average noise of those published.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from release.inference import Band, Judgement, Mirrors, Verdict, judge_looks, year_to_date
from release.mirror.agreement import Agreement, band_of, factor_of
from release.mirror.alignment import Pair, as_mirrors, from_fob_to_cif

MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The year to date of one pair after a month; amounts in US dollars, None where there is no limit.

    `period` is the last month in it. A *differs* holds at the error rate for all looks of all pairs' year together.
    """

    exporter: str
    importer: str
    period: str
    x: float
    m: float
    band_low: float
    band_high: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    confidence: float
    verdict: str
    higher: str | None
    because: str


def looks_of(pairs: Iterable[Pair], agreement: Agreement) -> Iterator[Look]:
    """Yield the looks of every pair and year whose months are published without a gap from January on.

    All pairs of a year are one family: *differs* is said at the error rate divided by their number (Bonferroni).
    """
    years = [(pair, months) for pair in pairs for months in _years(pair)]
    family = Counter(str(months["year"][0]) for _, months in years)
    for pair, months in years:
        yield from _of_year(pair, months, agreement, family[str(months["year"][0])])


def _years(pair: Pair) -> Iterator[pl.DataFrame]:
    """Yield the months of each year that can be looked at, in order."""
    monthly = (pl.col("level") == "partner") & pl.col("period").str.contains("^[0-9]{4}-[0-9]{2}$")
    months = pair.cells.filter(monthly).sort("period").with_columns(year=pl.col("period").str.slice(0, 4))
    for year in months.partition_by("year", maintain_order=True):
        if [int(period[5:]) for period in year["period"]] == list(range(1, len(year) + 1)):
            yield year


def _of_year(pair: Pair, months: pl.DataFrame, agreement: Agreement, family: int) -> Iterator[Look]:
    band = band_of(agreement, _factor(pair, months, agreement))
    figures = as_mirrors(months, "_measured")
    running = year_to_date(replace(figures, x=months["x_measured"].to_numpy()))
    alone, strict = (
        judge_looks(_whole_year(figures), band, alpha=alpha) for alpha in (agreement.alpha, agreement.alpha / family)
    )
    for number, period in enumerate(months["period"]):
        judged = strict[number] if alone[number].verdict is Verdict.DIFFERS else alone[number]
        yield _look(pair, period, band, judged, (float(running.x[number]), float(running.m[number])))


def _factor(pair: Pair, months: pl.DataFrame, agreement: Agreement) -> float | None:
    """Return the factor of a year; none unless every month asks for one."""
    valuations = months.select("valuation_x", "valuation_m").iter_rows()
    applies = all(from_fob_to_cif(x, m) for x, m in valuations)
    return factor_of(agreement, pair.exporter, pair.importer)[0] if applies else None


def _whole_year(months: Mirrors) -> Mirrors:
    """Return twelve months, those to come with no trade and the average variance of those published."""
    to_come = MONTHS - len(months)

    def padded(values: np.ndarray, *, noise: bool) -> np.ndarray:
        return np.concatenate([values, np.full(to_come, np.sqrt(np.mean(values**2)) if noise else 0.0)])

    return Mirrors(
        x=padded(months.x, noise=False),
        x_sd=padded(months.x_sd, noise=True),
        m=padded(months.m, noise=False),
        m_sd=padded(months.m_sd, noise=True),
        bound_x=padded(months.bound_x, noise=False),
        bound_m=padded(months.bound_m, noise=False),
    )


def _look(pair: Pair, period: str, band: Band, judged: Judgement, figures: tuple[float, float]) -> Look:
    return Look(
        exporter=pair.exporter,
        importer=pair.importer,
        period=period,
        x=figures[0],
        m=figures[1],
        band_low=band.low,
        band_high=band.high,
        ratio=judged.ratio,
        ratio_low=judged.ratio_low,
        ratio_high=judged.ratio_high,
        confidence=judged.confidence,
        verdict=str(judged.verdict),
        higher=judged.higher,
        because=judged.because,
    )
