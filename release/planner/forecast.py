"""What a release can be expected to be worth, level by level and by the size of a cell's prior. Reads no records.

Noise after reconciliation is known exactly beforehand. What clipping takes is predicted from public priors and the
release's public assumption on concentration; nothing public bounds it, so every figure that uses it is conditional.
Within a declared bound nothing is clipped, which the plan was held to.
"""

from dataclasses import dataclass, replace

import numpy as np

from release.inference import Band, chance_corresponds, detectable_ratios, expected
from release.plan import PlannedLevel, ReleasePlan
from release.planner.clipping import Excess
from release.planner.outlook import SEED, Outlook, both_tiers, clipped_parts, outlook, reconciled_sd
from release.planner.precision import SizeBand, median_error, median_errors, size_bands
from release.planner.sizes import FloatArray
from release.tables import Level, Measure

Z95 = 1.959963984540054
MEDIAN = 0.6744897501960817
"""The median of |Z|, Z standard normal."""

TOLERANCES = (0.25, 0.10)

ALLOWANCE = 1.15
"""What the range allows either way for what populations simplify; docs/accuracy.md tells how often it held."""

COUNTRIES = 32
"""How many single countries the range of a prediction is told from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorForecast:
    """What a mirror with a partner office of the same precision could tell, at the median cell.

    The clipped masses, with a tier for large traders what its ceiling cuts off, are taken to be bounded by their
    predictions: conditional on the assumption. As published without a stated bound, every verdict is *cannot tell*.

    Attributes:
        tolerance: t of the band.
        detectable_low: the largest ratio below the band that is told with power 0.8; None when there is none.
        detectable_high: the smallest ratio above it; None when there is none.
        p_corresponds: P(corresponds) at the band's centre.
    """

    tolerance: float
    detectable_low: float | None
    detectable_high: float | None
    p_corresponds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is predicted of some cells of a level; parts of the figure, not per cent.

    Attributes:
        low: the least prior of the band, in the measure's unit.
        high: the prior that the band ends below.
        cells: how many cells there are.
        median_prior: in the measure's unit.
        median_error: the median of |error| / figure: noise, clipping and the prior's own error together.
        luckiest: where one country's median error lies in nine cases of ten, its lower end: which firms trade where
            and how far each figure lies from its prior is chance that no public figure tells.
        unluckiest: the upper end.
        noise_error: the noise's part alone.
        half_width: the median half-width of the 95 % interval over the prior.
        clipping_bias: the median of the predicted clipped part, or None when none is predicted.
        clipped_share: the clipped mass of all these cells over their priors, or None.
        mirrors: at each tolerance; none where no clipping is predicted.
    """

    low: float
    high: float
    cells: int
    median_prior: float
    median_error: float
    luckiest: float
    unluckiest: float
    noise_error: float
    half_width: float
    clipping_bias: float | None
    clipped_share: float | None
    mirrors: tuple[MirrorForecast, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelForecast:
    """A level's prediction over all cells with a prior (None when there is none), and by size band.

    Attributes:
        sd: the standard deviation of each cell's estimate, in the measure's unit, shape (cells,).
        whole: of the published figures: of both tiers together where there is one for large traders.
        bands: the same by size band.
        alone: of the uniform tier by itself, where there is one for large traders beside it; None elsewhere.
    """

    measure: Measure
    level: Level
    sd: FloatArray
    whole: Forecast | None
    bands: tuple[Forecast, ...]
    alone: Forecast | None = None


def forecast(plan: ReleasePlan) -> tuple[LevelForecast, ...]:
    """Return what can be expected of a release, for each measure and level in the plan's order."""
    found: list[LevelForecast] = []
    for measure in plan.measures:
        found += forecast_measure(outlook(measure, plan.layout, plan.release.assumption))
    return tuple(found)


def forecast_measure(own: Outlook) -> list[LevelForecast]:
    """Return what can be expected of a measure's published figures, for each of its levels."""
    found = _over_levels(own, own.excess)
    if own.excess is None:
        return found
    alone = _over_levels(own, None)
    return [replace(both, alone=one.whole) for both, one in zip(found, alone, strict=True)]


def _over_levels(own: Outlook, excess: Excess | None) -> list[LevelForecast]:
    sds = [level.sd for level in own.measure.levels]
    parts = clipped_parts(own, sds, own.bound, excess)
    if own.measure.declared is not None:
        parts = tuple(np.zeros_like(part) for part in parts)
    noise = reconciled_sd(own, both_tiers(sds, excess))
    return [_level(own, level, sd, bias) for level, sd, bias in zip(own.measure.levels, noise, parts, strict=True)]


def _level(own: Outlook, level: PlannedLevel, sd: FloatArray, bias: FloatArray) -> LevelForecast:
    bands: tuple[SizeBand, ...] = ()
    whole = None
    if level.prior is not None and (level.prior > 0.0).any():
        bands = size_bands(level.prior)
        whole = _over(own, level.prior, sd, bias, SizeBand(low=0.0, high=float("inf")))
    return LevelForecast(
        measure=own.measure.measure,
        level=level.level,
        sd=sd,
        whole=whole,
        bands=tuple(_over(own, level.prior, sd, bias, band) for band in bands if level.prior is not None),
    )


def _over(own: Outlook, prior: FloatArray, sd: FloatArray, bias: FloatArray, band: SizeBand) -> Forecast:
    """Return the prediction for the cells of a size band."""
    chosen = band.holds(prior)
    size, noise, clipped = prior[chosen], sd[chosen] / prior[chosen], bias[:, chosen]
    told = bool(own.populations)
    mean = clipped.mean(axis=0)
    prior_error = float(own.assumption.prior_error)
    single = _countries(noise, clipped, prior_error)
    return Forecast(
        low=band.low,
        high=band.high,
        cells=int(chosen.sum()),
        median_prior=float(np.median(size)),
        median_error=median_error(noise, clipped, prior_error),
        luckiest=float(np.quantile(single, 0.05)) / ALLOWANCE,
        unluckiest=float(np.quantile(single, 0.95)) * ALLOWANCE,
        noise_error=float(np.median(MEDIAN * noise)),
        half_width=float(np.median(Z95 * noise)),
        clipping_bias=float(np.median(clipped)) if told else None,
        clipped_share=float((mean * size).sum() / size.sum()) if told else None,
        mirrors=tuple(_mirror(noise, mean, tolerance) for tolerance in TOLERANCES) if told else (),
    )


def _countries(noise: FloatArray, clipped: FloatArray, prior_error: float) -> FloatArray:
    """Return median errors of single countries: each population with several draws of how far figures lie from priors.

    A figure below its prior has more noise in proportion. The draws are repeatable, as the populations are.
    """
    rng = np.random.default_rng(SEED)
    bias = np.repeat(clipped, max(COUNTRIES // len(clipped), 1), axis=0)
    return median_errors(noise * np.exp(prior_error * rng.normal(size=bias.shape)), bias)


def _mirror(noise: FloatArray, clipped: FloatArray, tolerance: float) -> MirrorForecast:
    """Return what mirrors of the median cell could tell, each side with the same noise and clipped part."""
    band = Band(tolerance=tolerance)
    flows = expected(x=1.0, x_sd=noise, m_sd=noise, ratio=band.cif_fob, bound_x=clipped, bound_m=clipped)
    low, high = (float(np.median(side)) for side in detectable_ratios(flows, band))
    return MirrorForecast(
        tolerance=tolerance,
        detectable_low=low if low > 0.0 else None,
        detectable_high=high if np.isfinite(high) else None,
        p_corresponds=float(np.median(chance_corresponds(flows, band))),
    )
