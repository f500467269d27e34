"""The noise is OpenDP's discrete Gaussian at a scale of 2^24, fresh for every cell and every call."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from clip_world import planned
from noise_audit import largest_correlation, repeated_runs
from numpy.typing import NDArray
from scipy import stats

from release.accounting import gaussian_measurement, loss_by_map
from release.confidential.noise import check_cover, noisy
from release.errors import LossNotCoveredError
from release.plan import PlannedMeasure
from release.privacy import GRID_BITS

MEASURE = planned(rho="1/2").measures[0]
CELLS = 60_000
"""A standard deviation from so many draws is known to 1.5 % but for one case in ten million (5.2 standard errors)."""

RARE = 1e-7
"""The rate at which a test may fail by chance."""

Integers = NDArray[np.int64]


def zeros(cells: int) -> Integers:
    return np.zeros(cells, dtype=np.int64)


def charged_draw(vector: Integers, measure: PlannedMeasure = MEASURE) -> Integers:
    return noisy(vector, measure, release="tried", charged=measure.rho)


def opendp_draw(scale: float, cells: int) -> Integers:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="i64")
    return np.asarray(dp.m.make_gaussian(*space, scale=scale)([0] * cells), dtype=np.int64)


def has_the_scale(noise: Integers) -> bool:
    """Decide whether noise has a standard deviation of 2^24 to 1.5 %."""
    return bool(abs(float(np.sqrt(np.mean(noise.astype(np.float64) ** 2))) / 2**GRID_BITS - 1) < 0.015)


def normal_probability(noise: Integers) -> float:
    return float(stats.kstest(noise / 2**GRID_BITS, "norm").pvalue)


@pytest.fixture(scope="module")
def noise() -> Integers:
    return charged_draw(zeros(CELLS))


def test_the_noise_has_its_scale(noise: Integers) -> None:
    assert has_the_scale(noise)


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_noise_three_per_cent_off_is_told_from_the_right_one(factor: float) -> None:
    assert not has_the_scale(opendp_draw(factor * 2**GRID_BITS, CELLS))


def test_the_samples_are_enough_for_both_kinds_of_error() -> None:
    error = 1 / np.sqrt(2 * CELLS)
    assert 2 * stats.norm.sf(0.015 / error) < 1e-6
    assert stats.norm.sf((0.03 - 0.015) / (1.03 * error)) < 1e-6
    assert stats.norm.sf((0.03 - 0.015) / (0.97 * error)) < 1e-6


def test_the_noise_has_the_shape_of_a_gaussian_about_zero(noise: Integers) -> None:
    assert normal_probability(noise) > RARE
    assert abs(noise.mean()) < stats.norm.isf(RARE / 2) * 2**GRID_BITS / np.sqrt(CELLS)


@pytest.mark.parametrize(
    "shape",
    [
        lambda chance: chance.laplace(0, 2**-0.5, CELLS),
        lambda chance: np.clip(chance.normal(0, 1, CELLS), -2, 2),
        lambda chance: np.abs(chance.normal(0, 1, CELLS)),
        lambda chance: chance.normal(0.05, 1, CELLS),
    ],
    ids=["laplace", "clamped", "folded", "shifted"],
)
def test_another_shape_is_told_from_a_gaussian(shape: Callable[[np.random.Generator], NDArray[np.float64]]) -> None:
    other = np.rint(shape(np.random.default_rng(5)) * 2**GRID_BITS).astype(np.int64)
    assert normal_probability(other) < RARE


def test_every_integer_is_possible_so_that_the_low_bits_are_uniform(noise: Integers) -> None:
    assert noise.dtype == np.int64
    counts = np.bincount(noise % 64, minlength=64)
    assert stats.chisquare(counts).pvalue > RARE
    assert stats.chisquare(np.bincount(noise // 2 * 2 % 64, minlength=64)).pvalue < RARE


def test_at_a_scale_of_one_it_is_the_discrete_gaussian_and_no_rounded_one() -> None:
    discrete = np.asarray(gaussian_measurement(grid_bits=0)([0] * 40_000), dtype=np.int64)
    rounded = np.rint(np.random.default_rng(2).normal(0, 1, 40_000)).astype(np.int64)
    assert _discrete_gaussian_probability(discrete) > RARE
    assert _discrete_gaussian_probability(rounded) < RARE


def _discrete_gaussian_probability(noise: Integers) -> float:
    """Return the chi-square p-value of integers under N_Z(0, 1), with everything beyond +-4 in one class."""
    weights = np.exp(-(np.arange(-60, 61) ** 2) / 2)
    weights /= weights.sum()
    expected = [*weights[56:65], weights[:56].sum() + weights[65:].sum()]
    found = [int((noise == value).sum()) for value in range(-4, 5)]
    return float(stats.chisquare([*found, len(noise) - sum(found)], np.asarray(expected) * len(noise)).pvalue)


def test_every_call_and_every_cell_draws_afresh(noise: Integers) -> None:
    again = charged_draw(zeros(CELLS))
    assert repeated_runs(np.stack([noise, again])) == 0
    assert largest_correlation(np.stack([noise, again, np.roll(noise, 1), np.roll(noise, 2)], axis=1) * 1.0) <= 1
    assert largest_correlation(np.concatenate([noise, again]).reshape(-1, 100) * 1.0) <= 1


def test_parts_of_a_vector_have_noise_of_their_own(noise: Integers) -> None:
    parts = noise[: 7 * 8192].reshape(7, 8192)
    assert len(noise) > parts.size
    assert repeated_runs(parts) == 0
    assert largest_correlation(parts.T * 1.0) <= 1
    echoed = np.concatenate([parts[:1], parts[:1] // 2 + parts[1:2]])
    assert largest_correlation(echoed.T * 1.0) > 1


def test_a_vector_in_parts_keeps_its_order_and_length() -> None:
    steps = np.arange(20_001) * 2**40
    assert np.array_equal(np.rint(charged_draw(steps) / 2**40), np.arange(20_001))


def test_the_noise_doesnt_depend_on_what_it_is_added_to() -> None:
    vector = np.linspace(-(2.0**61), 2.0**61, CELLS).astype(np.int64)
    assert has_the_scale(charged_draw(vector) - vector)


def test_noise_of_another_loss_has_the_same_scale_since_the_bound_carries_the_loss() -> None:
    measure = planned(rho="8").measures[0]
    assert measure.bound == 4 * MEASURE.bound
    assert has_the_scale(charged_draw(zeros(CELLS), measure))


def test_a_loss_beyond_the_charge_is_refused_before_a_draw() -> None:
    short = MEASURE.rho - Fraction(1, 10**30)
    with pytest.raises(LossNotCoveredError):
        noisy(zeros(2), MEASURE, release="tried", charged=short)


def test_a_charge_covers_exactly_the_loss_that_opendp_states() -> None:
    stated = loss_by_map(MEASURE.bound)
    check_cover(stated, stated, release="tried")
    with pytest.raises(LossNotCoveredError):
        check_cover(stated, stated - Fraction(1, 2**200), release="tried")
