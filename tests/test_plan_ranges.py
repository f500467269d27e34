"""Lemma 3: each clause of a plan's ranges refuses a plan that no other clause does."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from clip_world import planned

from release.errors import ConfigError
from release.plan import PlannedMeasure, ReleasePlan, checks, make_plan
from release.tables import Measure

PLAN = planned(levels={"total": "10", "partner x chapter": "10"})
MEASURE = PLAN.measures[0]


def scaled(weight: float, cap: int = 1) -> PlannedMeasure:
    """Return the measure with the same weight in all cells and the same cap in all leaves."""
    levels = tuple(replace(level, weights=np.full(level.cells, weight)) for level in MEASURE.levels)
    return replace(MEASURE, levels=levels, caps=np.full_like(MEASURE.caps, cap))


def refused(measure: PlannedMeasure) -> bool:
    try:
        checks.check_ranges(PLAN.release, measure)
    except ConfigError:
        return True
    return False


def test_plain_scales_are_taken() -> None:
    assert not refused(scaled(1.0))
    assert not refused(MEASURE)


def test_sums_that_64_bits_could_not_hold_are_refused_however_little_they_weigh() -> None:
    leaves = MEASURE.caps.size
    assert refused(scaled(2.0**-40, cap=2**62 // leaves + 1))
    assert not refused(scaled(2.0**-40, cap=2**61 // leaves))


def test_a_step_that_64_bits_could_not_hold_is_refused_though_its_square_would_fit() -> None:
    one = replace(scaled(1.0, cap=0), measure=Measure.VALUE)
    heavy = np.array([2.0**62.4, *[1.0] * (one.levels[0].cells - 1)])
    caps = one.caps.copy()
    caps[0] = 1
    measure = replace(one, caps=caps, levels=(replace(one.levels[0], weights=heavy), *one.levels[1:]))
    assert (
        sum(float(((level.weights * level.sums(caps.astype(float))) ** 2).sum()) for level in measure.levels) < 2.0**126
    )
    assert refused(measure)


def test_squares_that_128_bits_could_not_hold_together_are_refused_though_each_step_would_fit() -> None:
    measure = scaled(2.0**61.9 / MEASURE.caps.size)
    steps = [level.weights * level.sums(measure.caps.astype(float)) for level in measure.levels]
    assert max(float(step.max()) for step in steps) < 2.0**62
    assert not refused(measure)
    alone = replace(MEASURE.levels[-1], weights=np.full(MEASURE.levels[-1].cells, 2.0**61.9))
    many = replace(scaled(1.0), levels=(alone,) * 6)
    assert (
        sum(float(((level.weights * level.sums(many.caps.astype(float))) ** 2).sum()) for level in many.levels)
        >= 2.0**126
    )
    assert refused(many)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_weights_that_are_no_positive_numbers_are_refused(weight: float) -> None:
    assert refused(scaled(weight))


def test_a_bound_of_no_step_is_refused() -> None:
    assert refused(replace(MEASURE, bound=0))


def _tiered(tier_sd: int) -> ReleasePlan:
    """Return a plan with noise of 0.01 in the uniform tier, and `tier_sd` in that for large traders."""
    plan = planned(levels={"partner x chapter": "0.01"}, ceiling="10000000")
    (config,) = plan.release.measures
    assert config.large_traders is not None
    coarse = tuple(replace(scale, noise_sd=Fraction(tier_sd)) for scale in config.large_traders.levels)
    config = replace(config, large_traders=replace(config.large_traders, levels=coarse))
    return make_plan(plan.office, replace(plan.release, measures=(config,)))


def test_the_uniform_tier_is_held_to_the_ranges_with_the_wider_caps_too() -> None:
    assert _tiered(1).measures[0].excess is not None
    with pytest.raises(ConfigError, match="so far apart"):
        _tiered(10**7)


def test_tiers_whose_scales_lie_so_far_apart_that_an_excess_is_no_number_are_refused() -> None:
    far = replace(MEASURE, levels=tuple(replace(level, weights=level.weights * 2.0**100) for level in MEASURE.levels))
    with pytest.raises(ConfigError, match="too fine beside"):
        checks.check_ratios(PLAN.release, MEASURE, far)
    near = replace(MEASURE, levels=tuple(replace(level, weights=level.weights * 2.0**99) for level in MEASURE.levels))
    checks.check_ratios(PLAN.release, MEASURE, near)
