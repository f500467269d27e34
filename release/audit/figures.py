"""Published figures against the noisy measurements beside them: least squares again, and whether the noise is there.

Levels measure the same sums with independent noise, so what is left of them after least squares is chi-square
distributed if the noise is as wide as stated. Anyone can test that on published figures: too little says that figures
were published with less noise than was charged, too much that there is more, or that levels rest on different records.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from scipy.special import gammainccinv, gammaincinv

from release.audit.evidence import AuditedBundle, Evidence
from release.audit.findings import AuditFinding, found
from release.audit.plans import plans
from release.plan import PlannedMeasure
from release.policy import PublishedPolicy, published_policy
from release.postprocess import Reporter, table_of
from release.tables import Level, Measure

CHANCE = 1e-6
"""The chance with which a sound release may be called implausible, in each measure."""

_CODES = {
    "estimate-differs": ("estimate", "sd"),
    "interval-differs": ("low", "high"),
    "exposure-differs": ("exposure",),
}
_NEAR = 1.1e-5
"""How far figures may lie from those computed here, in the noise's standard deviations: a step of the last published
digit, which other machines may round the other way."""


def figures_follow_from_measurements(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each kind of published figure that isn't what the noisy result gives by least squares."""
    for bundle in _fit(evidence):
        told, again = told_in(bundle), computed_again(bundle)[1]
        for code, columns in _CODES.items():
            cells = sum(_differing(told, again, column) for column in columns)
            if cells:
                said = f"{cells:,} figures in the columns {' and '.join(columns)} aren't those computed again."
                yield found(code, bundle.place, said)
        finer = _finer_than_noise(told, again)
        if finer:
            yield found("display-differs", bundle.place, f"{finer:,} figures aren't their estimates in whole digits.")


@lru_cache(maxsize=8)
def computed_again(bundle: AuditedBundle) -> tuple[PublishedPolicy, pl.DataFrame]:
    """Return what a bundle's plan and noisy result give: its measures with their weights, and the table."""
    if bundle.documents is None:
        raise ValueError(bundle.place)
    policy = published_policy(bundle.documents.plan, bundle.documents.measurement)
    office = Reporter(code=policy.office, currency=policy.currency)
    return policy, table_of(office, policy.layout, policy.measures, bundle.documents.measurement)


def told_in(bundle: AuditedBundle) -> pl.DataFrame:
    """Return the published table of a bundle that can be read."""
    if bundle.documents is None:
        raise ValueError(bundle.place)
    return bundle.documents.table


def _fit(evidence: Evidence) -> Iterator[AuditedBundle]:
    for bundle, _ in plans(evidence):
        if not any(one.code in _UNFIT for one in bundle.findings):
            yield bundle


_UNFIT = frozenset({"columns", "cells", "numbers", "scales", "structure"})
"""Faults of a bundle whose table or weights can't be computed again."""


def _differing(table: pl.DataFrame, again: pl.DataFrame, column: str) -> int:
    told, due, noise = (one.to_numpy() for one in (table[column], again[column], again["measured_sd"]))
    with np.errstate(invalid="ignore"):
        same = (told == due) | (np.abs(told - due) <= _NEAR * noise)
    return int((~same).sum())


def _finer_than_noise(table: pl.DataFrame, again: pl.DataFrame) -> int:
    """Return how many shown figures aren't the estimate, at least 0, in whole units of the noise's first digit."""
    estimate, sd, shown = (one.to_numpy() for one in (again["estimate"], again["sd"], table["display"]))
    place = 10.0 ** np.floor(np.log10(sd))
    whole = np.abs(shown / place - np.rint(shown / place)) <= 1e-6 * np.maximum(1.0, np.abs(shown / place))
    near = np.abs(shown - np.maximum(estimate, 0.0)) <= 0.501 * place
    return int((~(whole & near)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """What least squares leaves of a measure's noise.

    Attributes:
        square: the sum of squared residuals, in noise deviations.
        freedom: how many it is of, which is also its mean under the stated noise.
        low: and `high`: between which it lies but for a chance of `CHANCE`.
    """

    measure: Measure
    square: float
    freedom: int
    low: float
    high: float

    @property
    def plausible(self) -> bool:
        """Whether the stated noise explains it."""
        return self.low <= self.square <= self.high


def noise_is_plausible(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield measures whose levels agree too well, or too badly, for the noise that was charged."""
    for bundle in _fit(evidence):
        for one in scatters(bundle):
            if not one.plausible:
                said = (
                    f"{one.measure}: levels disagree by {one.square:,.1f}, where the stated noise makes about"
                    f" {one.freedom:,} likely and {one.low:,.1f} to {one.high:,.1f} possible."
                )
                yield found("noise-implausible", bundle.place, said)


def scatters(bundle: AuditedBundle) -> Iterator[Scatter]:
    """Yield the scatter of each of a bundle's measures that has levels which can disagree.

    The degrees of freedom are the measured cells less the trace of least squares' hat matrix, whose diagonal is the
    share of a measurement's variance that its estimate keeps.
    """
    policy, table = computed_again(bundle)
    left = pl.col("measured") - pl.col("estimate")
    kept = (pl.col("sd") / pl.col("measured_sd")) ** 2
    cells = table.select("measure", "level", square=(left / pl.col("measured_sd")) ** 2, freedom=1 - kept)
    for measure in policy.measures if table.height else ():
        own = cells.filter((pl.col("measure") == measure.measure) & pl.col("level").is_in(_used(measure)))
        square, freedom = float(own["square"].sum()), float(own["freedom"].sum())
        if measure.measure.additive and freedom > _LEAST:
            low, high = _likely(round(freedom))
            yield Scatter(measure=measure.measure, square=square, freedom=round(freedom), low=low, high=high)


def _likely(freedom: int) -> tuple[float, float]:
    """Return between which a chi-square figure lies but for `CHANCE`, half of it on either side."""
    half = freedom / 2
    return float(2 * gammaincinv(half, CHANCE / 2)), float(2 * gammainccinv(half, CHANCE / 2))


_LEAST = 0.5
"""Below one degree of freedom nothing can disagree; published deviations are rounded."""


def _used(measure: PlannedMeasure) -> tuple[str, ...]:
    """Return the levels that enter least squares: sections don't beside chapters."""
    names = [Level(level.level) for level in measure.levels]
    told = any(level.digits for level in names)
    return tuple(str(level) for level in names if not (told and level.by_section))
