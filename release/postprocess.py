"""From noisy integers to published observations: free, repeatable, and of no consequence for anybody's privacy.

One row a cell. `measured` and `measured_sd` are the raw noisy figure; `estimate`, `sd`, `low` and `high` what exact
generalised least squares makes of all cells of one flow and period together; `exposure` bounds what clipping may have
taken off; `display` is for showing and enters no sum and no test.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.observations import OBSERVATION_SCHEMA, stated, unit_code
from release.estimates import Figures, reconciled
from release.measurement import Measurement, measured
from release.plan import PlannedMeasure, ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Level, cells

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""


GRID_SHARE = 0.02
"""Bound on the grid's truncation as a part of the standard deviation, for cells of at most 167,772 units."""


def observations(plan: ReleasePlan, measurement: Measurement) -> pl.DataFrame:
    """Return the published table of a release, measure by measure and level by level, cells in published order.

    Amounts are in the measure's unit: currency units, declaration lines, traders, kilograms; they are rounded to the
    precision at which figures are published.
    """
    parts = []
    for measure in plan.measures:
        raw = measured_figures(measure, measurement)
        estimates = reconciled(plan.layout, raw) if measure.measure.additive else raw
        parts += [
            _level_table(plan, measure, level.level, raw[level.level], estimates[level.level])
            for level in measure.levels
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
    it is where a bound on each unit is publicly declared, within which the plan lets nothing be clipped, and with it
    how many units a cell holds at most.
    """
    if measure.declared is not None:
        return max(GRID_SHARE, 2.0 * measure.declared.units / 2.0**GRID_BITS) * sd
    assumed = measure.excess is not None and measure.beyond == "assumed none"
    return GRID_SHARE * sd if assumed else np.full_like(sd, np.inf)


def _level_table(
    plan: ReleasePlan, measure: PlannedMeasure, level: Level, measured: Figures, estimate: Figures
) -> pl.DataFrame:
    keys = list(cells(plan.layout, level))
    return pl.DataFrame(
        {
            "office": [plan.office.code] * len(keys),
            "period": [key.period for key in keys],
            "flow": [str(key.flow) for key in keys],
            "partner": [key.partner for key in keys],
            "product": [key.product for key in keys],
            "level": [str(level)] * len(keys),
            "measure": [str(measure.measure)] * len(keys),
            "measured": measured.values,
            "measured_sd": measured.sd,
            "estimate": estimate.values,
            "sd": estimate.sd,
            "low": estimate.values - Z95 * estimate.sd,
            "high": estimate.values + Z95 * estimate.sd,
            "exposure": exposure(measure, estimate.sd),
            "display": shown(estimate.values, estimate.sd),
            "unit": [unit_code(measure.measure, plan.office.metadata.currency)] * len(keys),
        }
    )


def shown(estimate: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return estimates as people should see them: not below zero, and no digit finer than the noise's first."""
    place = np.floor(np.log10(sd))
    coarse = 10.0 ** np.maximum(place, 0)  # both powers are whole numbers, so that no digit is left over
    fine = 10.0 ** np.maximum(-place, 0)
    return np.asarray(np.maximum(np.round(estimate / coarse * fine) / fine * coarse, 0.0))
