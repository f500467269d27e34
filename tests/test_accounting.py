"""What OpenDP states of a loss covers it, and is covered by what is charged."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.accounting import epsilon, gaussian_measurement, loss_by_map
from release.privacy import RHO_CAP, RHO_FLOOR, parse_rho, sensitivity

DELTA = Fraction(1, 10**8)
COMMON = [f"{whole}/{part}" for part in (1, 2, 3, 4, 5, 7, 8, 10, 12, 100, 1000) for whole in range(1, 25)]


def continuous_epsilon(rho: Fraction, delta: Fraction) -> float:
    """Return the continuous Gaussian's epsilon at delta: the least that ours could be.

    With mu = sqrt(2 rho), delta(eps) = Phi(mu/2 - eps/mu) - e^eps Phi(-mu/2 - eps/mu) (Dong, Roth and Su 2019,
    arXiv:1905.02383, corollary 2.13), solved for eps by bisection.
    """
    mu = math.sqrt(2 * rho)
    low, high = 0.0, mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta)) + 1
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _gaussian_delta(mu, middle) > delta else (low, middle)
    return high


def _gaussian_delta(mu: float, epsilon: float) -> float:
    first = _normal_cdf(mu / 2 - epsilon / mu)
    second = _normal_cdf(-mu / 2 - epsilon / mu)
    return first - (math.exp(epsilon + math.log(second)) if second > 0 else 0.0)


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


@pytest.mark.parametrize("text", COMMON)
def test_opendps_map_never_states_more_than_a_common_loss(text: str) -> None:
    rho = parse_rho(text)
    stated = loss_by_map(sensitivity(rho))
    assert stated <= rho
    assert float(stated) == pytest.approx(float(rho), rel=1e-4)


@settings(max_examples=200)
@given(st.fractions(min_value=RHO_FLOOR, max_value=RHO_CAP, max_denominator=10**6))
def test_opendps_map_covers_the_exact_loss_of_the_bound(rho: Fraction) -> None:
    bound = sensitivity(rho)
    exact = Fraction(bound**2, 2 * 4**24)
    assert exact <= loss_by_map(bound) <= exact * (1 + Fraction(1, 2**50))


def test_opendps_map_grows_with_the_square_of_the_bound_and_falls_with_that_of_the_scale() -> None:
    assert loss_by_map(2**24) == Fraction(1, 2)
    assert loss_by_map(2**25) == 2
    assert loss_by_map(2**24, grid_bits=23) == 2


def test_a_loss_whose_bound_no_double_holds_is_stated_above_itself() -> None:
    bound = 2**29 + 1
    rho = Fraction(bound**2, 2 * 4**24)
    assert sensitivity(rho) == bound
    assert loss_by_map(bound) > rho


@pytest.mark.parametrize("text", ["0.01", "1/4", "1/2", "1", "2", "5.5", "16"])
def test_epsilon_covers_the_continuous_one_and_not_by_much(text: str) -> None:
    rho = parse_rho(text)
    continuous = continuous_epsilon(rho, DELTA)
    assert continuous <= epsilon(rho, DELTA) <= 1.15 * continuous + 0.02


@pytest.mark.parametrize("text", ["1/4", "1/3", "2", "7.7"])
def test_epsilon_is_stated_for_no_less_than_the_loss(text: str) -> None:
    rho = parse_rho(text)
    fine = gaussian_measurement(grid_bits=20)
    assert loss_by_map(sensitivity(rho) + 1) >= rho
    assert fine.map(2**20) == pytest.approx(0.5)


def test_epsilon_grows_with_the_loss_and_falls_with_delta() -> None:
    assert epsilon(Fraction(1), DELTA) < epsilon(Fraction(2), DELTA)
    assert epsilon(Fraction(1), DELTA) < epsilon(Fraction(1), DELTA / 100)


def test_a_loss_of_a_hundred_small_releases_has_less_epsilon_than_their_sum() -> None:
    assert epsilon(Fraction(1), DELTA) < 100 * epsilon(Fraction(1, 100), DELTA) / 5


def test_the_continuous_epsilon_that_ours_is_held_to_is_the_published_one() -> None:
    assert continuous_epsilon(Fraction(1, 2), Fraction(1, 10**8)) == pytest.approx(5.776, abs=0.001)
    assert continuous_epsilon(Fraction(1, 10**9), Fraction(1, 10**4)) == pytest.approx(0, abs=1e-12)
