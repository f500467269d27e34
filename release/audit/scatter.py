"""Whether the noise is there, tested by anyone on published noisy results: each tier by itself, and both together.

Levels of a tier measure the same sums with independent noise, so what is left of them after least squares is chi-square
distributed if the noise is as wide as stated. Too little says that figures were published with less noise than was
charged, too much that there is more, or that levels rest on different records. Tiers are drawn apart, and the wider
noise of one would hide that the other has none; together they show noise that one takes back from the other.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import gammainccinv, gammaincinv

from release.audit.evidence import AuditedBundle, Evidence
from release.audit.figures import computable, computed_again
from release.audit.findings import AuditFinding, found
from release.estimates import Figures, reconciled
from release.measurement import Measurement, measured
from release.plan import PlannedMeasure
from release.postprocess import measured_figures
from release.tables import Layout, Level, Measure, Tier

CHANCE = 1e-6
"""The chance with which sound noise may be called implausible, in each test."""

POWER = 0.95
"""The chance with which noise of another width has to be noticed where the report states what would be seen."""

TOGETHER = "both"
"""What a test of both tiers' sums is called, beside those of each tier."""

_LEAST = 0.5
"""Below one degree of freedom nothing can disagree; published deviations are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """What least squares leaves of a measure's noise.

    Attributes:
        tier: whose noise, or `both` for the sums of both tiers.
        square: the sum of squared residuals, in noise deviations.
        freedom: how many it is of, which is also its mean under the stated noise.
        low: and `high`: between which it lies but for a chance of `CHANCE`.
    """

    measure: Measure
    tier: str
    square: float
    freedom: int
    low: float
    high: float

    @property
    def plausible(self) -> bool:
        """Whether the stated noise explains it."""
        return self.low <= self.square <= self.high

    @property
    def seen(self) -> tuple[float, float]:
        """Noise below and above these multiples of what is stated is noticed with a chance of `POWER` at least.

        Noise of f times the stated width has f^2 times the chi-square figure: f^2 q(0.95) = low, f^2 q(0.05) = high.
        The first is rounded down and the second up, to hundredths.
        """
        half = self.freedom / 2
        largest, smallest = 2 * float(gammaincinv(half, POWER)), 2 * float(gammaincinv(half, 1 - POWER))
        below, above = math.sqrt(self.low / largest), math.sqrt(self.high / smallest)
        return math.floor(100 * below) / 100, math.ceil(100 * above) / 100


def noise_is_plausible(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield measures and tiers whose levels agree too well, or too badly, for the noise that was charged."""
    for bundle in computable(evidence):
        for one in scatters(bundle):
            if not one.plausible:
                whose = "both tiers together" if one.tier == TOGETHER else f"{one.tier} tier"
                said = (
                    f"{one.measure}, {whose}: levels disagree by {one.square:,.1f}, where the stated noise makes about"
                    f" {one.freedom:,} likely and {one.low:,.1f} to {one.high:,.1f} possible."
                )
                yield found("noise-implausible", bundle.place, said)


@lru_cache(maxsize=8)
def scatters(bundle: AuditedBundle) -> tuple[Scatter, ...]:
    """Return the scatter of each tier of each measure whose levels can disagree."""
    if bundle.documents is None:
        raise ValueError(bundle.place)
    policy = computed_again(bundle)[0]
    drawn = bundle.documents.measurement
    tested = (
        _scatter(policy.layout, measure, tier, raw)
        for measure in policy.measures
        if measure.measure.additive
        for tier, raw in _figures(measure, drawn).items()
    )
    return tuple(one for one in tested if one is not None)


def untested(bundle: AuditedBundle) -> tuple[Measure, ...]:
    """Return the measures whose noise can't be tested so: their levels don't add up, or one level stands alone."""
    tested = {one.measure for one in scatters(bundle)}
    return tuple(one.measure for one in computed_again(bundle)[0].measures if one.measure not in tested)


def _figures(measure: PlannedMeasure, drawn: Measurement) -> dict[str, Mapping[Level, Figures]]:
    """Return the raw noisy figures of each tier, and of both added up where there are two."""
    if measure.excess is None:
        return {str(Tier.UNIFORM): measured_figures(measure, drawn)}
    tiers = ((Tier.UNIFORM, drawn.noisy, drawn.weights), (Tier.LARGE_TRADER, drawn.excess, drawn.excess_weights))
    apart: dict[str, Mapping[Level, Figures]] = {}
    for tier, noisy, weights in tiers:
        keys = {level.level: (measure.measure, level.level) for level in measure.levels}
        own = {level: measured(noisy[key], weights[key], measure.minor_units) for level, key in keys.items()}
        apart[str(tier)] = {level: Figures(values=values, sd=sd) for level, (values, sd) in own.items()}
    return {**apart, TOGETHER: measured_figures(measure, drawn)}


def _scatter(layout: Layout, measure: PlannedMeasure, tier: str, raw: Mapping[Level, Figures]) -> Scatter | None:
    """Return what least squares leaves of figures; None where levels can't disagree.

    The degrees of freedom are the measured cells less the trace of least squares' hat matrix, whose diagonal is the
    share of a measurement's variance that its estimate keeps.
    """
    estimates = reconciled(layout, raw)
    square = freedom = 0.0
    for level in _used(measure):
        told, estimate = raw[level], estimates[level]
        square += float((((told.values - estimate.values) / told.sd) ** 2).sum())
        freedom += float((1 - (estimate.sd / told.sd) ** 2).sum())
    if freedom <= _LEAST:
        return None
    low, high = _likely(round(freedom))
    return Scatter(measure=measure.measure, tier=tier, square=square, freedom=round(freedom), low=low, high=high)


def _likely(freedom: int) -> tuple[float, float]:
    """Return between which a chi-square figure lies but for `CHANCE`, half of it on either side."""
    half = freedom / 2
    return float(2 * gammaincinv(half, CHANCE / 2)), float(2 * gammainccinv(half, CHANCE / 2))


def _used(measure: PlannedMeasure) -> tuple[Level, ...]:
    """Return the levels that enter least squares: sections don't beside chapters."""
    names = [Level(level.level) for level in measure.levels]
    told = any(level.digits for level in names)
    return tuple(level for level in names if not (told and level.by_section))
