"""Making a plan: each level's noise, each measure's bound and caps, and what must hold before anything is charged."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from release.config import Office, Release
from release.config.measures import LargeTraders, LevelScale
from release.config.measures import MeasurePlan as MeasureConfig
from release.plan import checks
from release.plan.layout import make_layout
from release.plan.values import PlannedLevel, PlannedMeasure, PriorFigures, ReleasePlan
from release.privacy import GRID_BITS, sensitivity
from release.tables import Layout, Measure, at_leaves, cell_count, groupings

COUNT_UNITS = 2**16
"""Declarations are counted in parts of 2^16, since a trader's cap may be below one line."""


def make_plan(office: Office, release: Release, prior: PriorFigures | None = None) -> ReleasePlan:
    """Return the plan of a release; reads no microdata.

    Raises:
        ConfigError: the prior isn't public or earlier, a scale is out of range, an intermediate of the integer clip
            might not fit its type, or the office's area or currency has no code to publish it under.
    """
    checks.check_prior(release, prior)
    checks.check_codes(office, release)
    layout = make_layout(release)
    measures = tuple(_measure(release, layout, measure, prior) for measure in release.measures)
    return ReleasePlan(office=office, release=release, layout=layout, measures=measures, prior=prior)


def minor_units(measure: Measure, value_decimals: int) -> int:
    """Return how many integer units the clip counts for one published unit of a measure."""
    scales: dict[Measure, int] = {
        Measure.VALUE: 10**value_decimals,
        Measure.RETURNS: 10**value_decimals,
        Measure.DECLARATIONS: COUNT_UNITS,
        Measure.TRADERS: 1,
        Measure.NET_MASS: 1000,
    }
    return scales[measure]


def _measure(release: Release, layout: Layout, config: MeasureConfig, prior: PriorFigures | None) -> PlannedMeasure:
    units = minor_units(config.name, release.source.value_decimals)
    bound = sensitivity(config.rho)
    levels = tuple(_level(layout, config, scale, prior, units) for scale in config.levels)
    planned = PlannedMeasure(
        measure=config.name,
        rho=config.rho,
        bound=bound,
        minor_units=units,
        levels=levels,
        caps=caps_of(levels, bound),
        declared=config.declared_bound,
    )
    checks.check_ranges(release, planned)
    checks.check_whole_trader(release, planned)
    checks.check_declared(release, planned)
    if config.large_traders is None:
        return planned
    excess = _excess(layout, config, config.large_traders, prior, planned)
    checks.check_ranges(release, excess)
    checks.check_ratios(release, planned, excess)
    checks.check_ranges(release, replace(planned, caps=excess.caps))
    return replace(planned, excess=excess, beyond=config.large_traders.beyond)


def _excess(
    layout: Layout, config: MeasureConfig, tier: LargeTraders, prior: PriorFigures | None, uniform: PlannedMeasure
) -> PlannedMeasure:
    """Return the large-trader tier of a measure: what K leaves above rho, on scales of its own."""
    rho = tier.ceiling - config.rho
    bound = sensitivity(rho)
    levels = tuple(_level(layout, config, scale, prior, uniform.minor_units) for scale in tier.levels)
    return PlannedMeasure(
        measure=config.name,
        rho=rho,
        bound=bound,
        minor_units=uniform.minor_units,
        levels=levels,
        caps=excess_caps(uniform.caps, levels, bound),
    )


def _level(
    layout: Layout, config: MeasureConfig, scale: LevelScale, prior: PriorFigures | None, units: int
) -> PlannedLevel:
    count = cell_count(layout, scale.level)
    figures = None if prior is None else prior.figures.get((config.name, scale.level))
    if scale.noise_sd is not None:
        sigma = np.full(count, float(scale.noise_sd))
    else:
        known = np.zeros(count) if figures is None else figures
        sigma = float(scale.relative_noise or 0) * np.maximum(known, float(scale.floor or 0))
    weights = 2.0**GRID_BITS / (sigma * units)
    return PlannedLevel(
        level=scale.level,
        weights=weights,
        sd=2.0**GRID_BITS / weights / units,
        prior=figures,
        groupings=groupings(layout, scale.level),
    )


def caps_of(levels: tuple[PlannedLevel, ...], bound: int) -> NDArray[np.int64]:
    """Return floor(D kappa), with kappa = (sum over its cells of w^2)^(-1/2): what one leaf alone may hold.

    A leaf that no level measures may hold nothing.
    """
    squares = sum(at_leaves(level.weights**2, grouping) for level in levels for grouping in level.groupings)
    caps = np.divide(bound, np.sqrt(squares), out=np.zeros_like(squares), where=np.asarray(squares) > 0)
    return np.asarray(np.minimum(np.floor(caps), 2.0**62), dtype=np.int64)


def excess_caps(caps: NDArray[np.int64], levels: tuple[PlannedLevel, ...], bound: int) -> NDArray[np.int64]:
    """Return how far the large-trader tier looks at a leaf: the uniform cap and what the ceiling alone could hold.

    A thousandth and two units more, so that a leaf with that much is above the ceiling whatever was rounded, and the
    policy is the same whether the rest is looked at or not.
    """
    alone = caps_of(levels, bound)
    return np.asarray(np.minimum(caps + alone + alone // 1024 + 2, 2**62), dtype=np.int64)
