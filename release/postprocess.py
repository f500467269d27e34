"""From noisy integers to published observations: free, repeatable, and of no consequence for anybody's privacy.

One row a cell. `measured` and `measured_sd` are the raw noisy figure; `estimate`, `sd`, `low` and `high` what exact
generalised least squares makes of all cells of one flow and period together; `exposure` bounds what clipping may have
taken off; `display` is for showing and enters no sum and no test.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.observations import OBSERVATION_SCHEMA, stated, unit_code
from release.measurement import Measurement, measured
from release.plan import PlannedMeasure, ReleasePlan
from release.reconciliation import Combination, Estimates, Measurements, reconcile, variance_of
from release.tables import Cell, Layout, Level, cells

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures:
    """A level's figures in the measure's unit, with their standard deviations; both of shape (cells,)."""

    values: NDArray[np.float64]
    sd: NDArray[np.float64]


GRID_SHARE = 0.02
"""Bound on the grid's truncation as a part of the standard deviation, for cells of fewer than 167,772 traders."""

Levels = Mapping[Level, Figures]


def observations(plan: ReleasePlan, measurement: Measurement) -> pl.DataFrame:
    """Return the published table of a release, measure by measure and level by level, cells in published order.

    Amounts are in the measure's unit: currency units, declaration lines, traders, kilograms; they are rounded to the
    precision at which figures are published.
    """
    office = Reporter(code=plan.office.code, currency=plan.office.metadata.currency)
    return table_of(office, plan.layout, plan.measures, measurement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Whose figures a table holds, and the currency of their values."""

    code: str
    currency: str


def table_of(
    office: Reporter, layout: Layout, measures: Iterable[PlannedMeasure], measurement: Measurement
) -> pl.DataFrame:
    """Return the published table of an office's measures; all that it needs stands in a bundle."""
    parts = []
    for measure in measures:
        raw = measured_figures(measure, measurement)
        estimates = reconciled(layout, raw) if measure.measure.additive else raw
        parts += [
            _level_table(tuple(cells(layout, own.level)), office, measure, raw[own.level], estimates[own.level])
            for own in measure.levels
        ]
    return stated(pl.concat(parts).select(OBSERVATION_SCHEMA.names()).match_to_schema(OBSERVATION_SCHEMA))


def measured_figures(measure: PlannedMeasure, measurement: Measurement) -> dict[Level, Figures]:
    """Return the raw noisy figures of a measure: y = noisy / w, whose noise has standard deviation 2^F / w.

    Where there is a large-trader tier, its figures are added and the two independent noises' variances.
    """
    figures = {}
    for level in measure.levels:
        key = (measure.measure, level.level)
        values, sd = measured(measurement.noisy[key], measurement.weights[key], measure.minor_units)
        if measure.excess is not None:
            more, its_sd = measured(measurement.excess[key], measurement.excess_weights[key], measure.minor_units)
            values, sd = values + more, np.hypot(sd, its_sd)
        figures[level.level] = Figures(values=values, sd=sd)
    return figures


def exposure(measure: PlannedMeasure, sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bound on what a cell lacks by clipping and by the grid, in the measure's unit; shape of `sd`.

    There is none in the uniform tier. With a large-trader tier, and under the plan's assumption that no trader is above
    its ceiling, only the grid's truncation is left: two tiers of at most N / 2^24 standard deviations, N < 167,772. So
    it is where a bound on each unit is publicly declared, within which the plan lets nothing be clipped.
    """
    assumed = measure.declared is not None or (measure.excess is not None and measure.beyond == "assumed none")
    return GRID_SHARE * sd if assumed else np.full_like(sd, np.inf)


def reconciled(layout: Layout, measured: Levels) -> dict[Level, Figures]:
    """Return the least-squares estimates of the measured levels; all sums between them hold.

    Flows and periods are reconciled one by one. Where both sections and chapters are measured, chapters carry the
    estimates and a section is the sum of its chapters; the section's own measurement then isn't used.
    """
    blocks = [_block(layout, measured, number) for number in range(len(layout.flows) * len(layout.periods))]
    return {
        level: Figures(
            values=np.concatenate([block[level].values for block in blocks]),
            sd=np.concatenate([block[level].sd for block in blocks]),
        )
        for level in measured
    }


def _block(layout: Layout, measured: Levels, number: int) -> dict[Level, Figures]:
    """Return the estimates of one flow and period."""
    own = {level: _cut(figures, number, len(layout.flows) * len(layout.periods)) for level, figures in measured.items()}
    if len(own) == 1:
        return own
    by_chapter = any(level.by_chapter for level in own)
    margin, leaf = (Level.CHAPTER, Level.PARTNER_CHAPTER) if by_chapter else (Level.SECTION, Level.PARTNER_SECTION)
    products = len(layout.chapters) if by_chapter else len(layout.section_codes)
    estimates = reconcile(_measurements(own, margin, leaf, len(layout.partners), products))
    found = {
        Level.TOTAL: Figures(values=np.array([estimates.total]), sd=np.array([estimates.total_sd])),
        Level.PARTNER: Figures(values=estimates.partners, sd=estimates.partners_sd),
        margin: Figures(values=estimates.chapters, sd=estimates.chapters_sd),
        leaf: Figures(values=estimates.leaves.ravel(), sd=estimates.leaves_sd.ravel()),
    }
    summed = {level: _sections(layout, estimates, level) for level in own if level not in found}
    return {level: (found | summed)[level] for level in own}


def _cut(figures: Figures, number: int, blocks: int) -> Figures:
    return Figures(values=np.split(figures.values, blocks)[number], sd=np.split(figures.sd, blocks)[number])


def _measurements(own: Levels, margin: Level, leaf: Level, partners: int, products: int) -> Measurements:
    def known(level: Level, count: int) -> Figures:
        return own.get(level) or Figures(values=np.zeros(count), sd=np.full(count, np.inf))

    total, leaves = known(Level.TOTAL, 1), known(leaf, partners * products)
    return Measurements(
        total=float(total.values[0]),
        total_sd=float(total.sd[0]),
        partners=known(Level.PARTNER, partners).values,
        partners_sd=known(Level.PARTNER, partners).sd,
        chapters=known(margin, products).values,
        chapters_sd=known(margin, products).sd,
        leaves=leaves.values.reshape(partners, products),
        leaves_sd=leaves.sd.reshape(partners, products),
    )


def _sections(layout: Layout, estimates: Estimates, level: Level) -> Figures:
    """Return sums of chapters' estimates, with the exact standard deviation of each sum."""
    combined = list(_section_sums(layout, estimates, level))
    return Figures(
        values=np.array([value for value, _ in combined]), sd=np.sqrt([variance for _, variance in combined])
    )


def _section_sums(layout: Layout, estimates: Estimates, level: Level) -> Iterator[tuple[float, float]]:
    members = [np.array([own == code for own in layout.sections]) for code in layout.section_codes]
    if level is Level.SECTION:
        for chosen in members:
            weights = chosen.astype(np.float64)
            yield float(estimates.chapters[chosen].sum()), variance_of(estimates, Combination(chapters=weights))
        return
    for partner in range(len(layout.partners)):
        for chosen in members:
            leaves = np.zeros_like(estimates.leaves)
            leaves[partner, chosen] = 1.0
            yield float(estimates.leaves[partner, chosen].sum()), variance_of(estimates, Combination(leaves=leaves))


def _level_table(
    keys: Sequence[Cell], office: Reporter, measure: PlannedMeasure, measured: Figures, estimate: Figures
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "office": [office.code] * len(keys),
            "period": [key.period for key in keys],
            "flow": [str(key.flow) for key in keys],
            "partner": [key.partner for key in keys],
            "product": [key.product for key in keys],
            "level": [str(key.level) for key in keys],
            "measure": [str(measure.measure)] * len(keys),
            "measured": measured.values,
            "measured_sd": measured.sd,
            "estimate": estimate.values,
            "sd": estimate.sd,
            "low": estimate.values - Z95 * estimate.sd,
            "high": estimate.values + Z95 * estimate.sd,
            "exposure": exposure(measure, estimate.sd),
            "display": shown(estimate.values, estimate.sd),
            "unit": [unit_code(measure.measure, office.currency)] * len(keys),
        }
    )


def shown(estimate: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return estimates as people should see them: not below zero, and no digit finer than the noise's first."""
    place = np.floor(np.log10(sd))
    coarse = 10.0 ** np.maximum(place, 0)  # both powers are whole numbers, so that no digit is left over
    fine = 10.0 ** np.maximum(-place, 0)
    return np.asarray(np.maximum(np.round(estimate / coarse * fine) / fine * coarse, 0.0))
