"""From noisy integers to published observations: free, repeatable, and of no consequence for anybody's privacy.

One row a cell. `measured` and `measured_sd` are the raw noisy figure; `estimate`, `sd`, `low` and `high` what is made
of all cells together (here the same figure); `exposure` bounds what clipping may have taken off; `display` is for
showing and enters no sum and no test.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.observations import OBSERVATION_SCHEMA
from release.measurement import Measurement
from release.plan import PlannedMeasure, ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Level, cells

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""


def observations(plan: ReleasePlan, measurement: Measurement) -> pl.DataFrame:
    """Return the published table of a release, measure by measure and level by level, cells in published order.

    Amounts are in the measure's unit: currency units, declaration lines, traders, kilograms.
    """
    parts = [
        _level_table(plan, measure, level.level, measurement) for measure in plan.measures for level in measure.levels
    ]
    return pl.concat(parts).select(OBSERVATION_SCHEMA.names()).match_to_schema(OBSERVATION_SCHEMA)


def _level_table(plan: ReleasePlan, measure: PlannedMeasure, level: Level, measurement: Measurement) -> pl.DataFrame:
    weights = measurement.weights[measure.measure, level]
    measured = measurement.noisy[measure.measure, level] / weights / measure.minor_units
    sd = 2.0**GRID_BITS / weights / measure.minor_units
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
            "measured": measured,
            "measured_sd": sd,
            "estimate": measured,
            "sd": sd,
            "low": measured - Z95 * sd,
            "high": measured + Z95 * sd,
            "exposure": np.full(len(keys), np.inf),
            "display": shown(measured, sd),
        }
    )


def shown(estimate: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return estimates as people should see them: not below zero, and no digit finer than the noise's first."""
    place = np.floor(np.log10(sd))
    coarse = 10.0 ** np.maximum(place, 0)  # both powers are whole numbers, so that no digit is left over
    fine = 10.0 ** np.maximum(-place, 0)
    return np.asarray(np.maximum(np.round(estimate / coarse * fine) / fine * coarse, 0.0))
