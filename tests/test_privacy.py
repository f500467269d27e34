"""Amounts are exact, and the formulas of privacy loss are those of their sources."""

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from release import privacy
from release.errors import InvalidAmountError
from release.privacy import (
    DELTA_CAP,
    DELTA_FLOOR,
    RHO_CAP,
    RHO_FLOOR,
    amount_text,
    joint_loss_of_one_line,
    joint_loss_of_several_lines,
    parse_amount,
    parse_delta,
    parse_rho,
    presence_advantage,
    sensitivity,
    total,
    volume_interval_percent,
)

RHOS = st.fractions(min_value=RHO_FLOOR, max_value=RHO_CAP, max_denominator=10**9)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.5", Fraction(1, 2)),
        ("1/2", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("2", Fraction(2)),
        ("1e2", Fraction(100)),
        ("1E-3", Fraction(1, 1000)),
        ("007", Fraction(7)),
        ("0.000001", Fraction(1, 10**6)),
        ("1000", Fraction(1000)),
    ],
)
def test_a_loss_is_the_exact_amount_that_its_text_states(text: str, amount: Fraction) -> None:
    assert parse_rho(text) == amount


NO_LOSSES = (
    *("", " ", "0", "-1", "+1", "1 ", " 1", "1.", ".5", "1,5", "nan", "inf", "1e-320", "1e30", "1" * 31, "1/0", "0/1"),
    *(
        "1/-2",
        "1/2/3",
        "1.5/2",
        "0x10",
        "1_000",
        "\u0663",
        "\uff11",
        "½",
        "1e+-2",
        "1e100",
        "1\n",
        "1000.000001",
        "9.9e-7",
    ),
)


@pytest.mark.parametrize("text", NO_LOSSES)
def test_a_text_that_states_no_valid_loss_is_refused_with_its_quantity(text: str) -> None:
    with pytest.raises(InvalidAmountError) as refused:
        parse_rho(text)
    assert refused.value.reason


@pytest.mark.parametrize("given_amount", [0.5, 1, True, None, Fraction(1, 2), float("nan"), b"1", ["1"]])
def test_a_loss_that_is_no_text_is_refused(given_amount: object) -> None:
    with pytest.raises(InvalidAmountError):
        parse_rho(given_amount)


@pytest.mark.parametrize("text", ["1e-8", "1e-15", "0.0001", "1/100000000"])
def test_a_delta_within_its_caps_is_taken(text: str) -> None:
    assert DELTA_FLOOR <= parse_delta(text) <= DELTA_CAP


@pytest.mark.parametrize("text", ["0.00011", "1", "2", "0", "1e-16", "0.5"])
def test_a_delta_beyond_its_caps_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmountError):
        parse_delta(text)


@given(st.integers(0, 10**12), st.integers(0, 30), st.integers(-30, 12))
def test_a_decimal_parses_to_its_own_value(mantissa: int, places: int, exponent: int) -> None:
    digits = str(mantissa).rjust(places + 1, "0")
    text = f"{digits[: len(digits) - places]}{'.' if places else ''}{digits[len(digits) - places :]}e{exponent}"
    parsed = parse_amount(text, low=Fraction(0), high=Fraction(10**30))
    assert parsed == Fraction(mantissa) * Fraction(10) ** (exponent - places)


@given(st.fractions(min_value=0, max_value=10**12, max_denominator=10**20))
def test_an_amount_written_as_text_parses_back_to_itself(amount: Fraction) -> None:
    assert parse_amount(amount_text(amount), low=Fraction(0), high=Fraction(10**12)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Fraction(1, 2), "0.5"),
        (Fraction(1, 3), "1/3"),
        (Fraction(10), "10"),
        (Fraction(1, 2**40), "1/1099511627776"),
        (Fraction(0), "0"),
        (Fraction(3, 40), "0.075"),
        (Fraction(1, 10**30), "0." + "0" * 29 + "1"),
    ],
)
def test_an_amount_is_written_as_a_decimal_where_it_ends(amount: Fraction, text: str) -> None:
    assert amount_text(amount) == text


@given(RHOS, st.integers(1, 40))
def test_the_sensitivity_is_the_largest_integer_whose_loss_is_covered(rho: Fraction, grid_bits: int) -> None:
    bound = sensitivity(rho, grid_bits=grid_bits)
    assert Fraction(bound**2, 2 * 4**grid_bits) <= rho < Fraction((bound + 1) ** 2, 2 * 4**grid_bits)


def test_half_a_unit_of_loss_buys_exactly_one_standard_deviation() -> None:
    assert sensitivity(Fraction(1, 2)) == 2**24


def test_ten_losses_of_a_tenth_make_one_exactly() -> None:
    assert total([parse_rho("0.1")] * 10) == 1
    assert total([]) == 0


@given(RHOS)
def test_the_interval_is_that_of_the_best_unbiased_estimate_at_the_bound(rho: Fraction) -> None:
    mu = math.sqrt(2 * rho)
    assert volume_interval_percent(rho) == pytest.approx(100 * 1.96 / mu)


def test_the_interval_of_a_loss_of_two_is_98_per_cent_and_above_1_92_there_is_a_bound() -> None:
    assert volume_interval_percent(Fraction(2)) == pytest.approx(98.0)
    assert volume_interval_percent(Fraction(19208, 10_000)) == pytest.approx(100.0)


@given(RHOS)
def test_the_presence_advantage_is_the_gap_of_two_normals_mu_apart(rho: Fraction) -> None:
    assert presence_advantage(rho) == pytest.approx(2 * norm.cdf(math.sqrt(rho / 2)) - 1)


@given(RHOS)
def test_the_presence_advantage_keeps_the_bound_that_any_zcdp_mechanism_keeps(rho: Fraction) -> None:
    assert presence_advantage(rho) <= math.sqrt(-math.expm1(-rho)) + 1e-12


def test_a_line_in_two_offices_costs_the_sum_and_several_lines_twice_that() -> None:
    assert joint_loss_of_one_line(Fraction(1, 3), Fraction(1, 6)) == Fraction(1, 2)
    assert joint_loss_of_several_lines(Fraction(1, 3), Fraction(1, 6)) == 1


def test_the_largest_bound_fits_sums_over_all_trader_codes_in_64_bits() -> None:
    assert sensitivity(RHO_CAP) * 2**32 < 2**63
    assert sensitivity(RHO_FLOOR) >= 2**14
    assert privacy.GRID_BITS == 24


@pytest.mark.parametrize("text", ["0.005", "0.5", "2", "12"])
def test_no_unbiased_estimate_on_the_grid_is_much_better_than_the_stated_one(text: str) -> None:
    """The bound of Hammersley, Chapman and Robbins, for a million cells and a hundred draws (docs/privacy.md)."""
    mu = math.sqrt(2 * parse_rho(text))
    part = 0.1 / mu
    rounding = math.sqrt(100) * (2 * math.sqrt(10**6) + 2) / 2**privacy.GRID_BITS
    least = part / math.sqrt(math.expm1((part * mu + rounding) ** 2))
    assert 0 < part <= 1
    assert 1.96 * 100 * least >= 0.98 * volume_interval_percent(parse_rho(text))


def test_every_test_that_the_proof_names_exists() -> None:
    here = Path(__file__).parent
    named = set(re.findall(r"`(test_\w+)`", (here.parent / "docs" / "privacy.md").read_text(encoding="utf-8")))
    sources = "".join(path.read_text(encoding="utf-8") for path in here.rglob("test_*.py"))
    assert len(named) > 30
    assert {name for name in named if f"def {name}(" not in sources} == set()


@pytest.mark.parametrize(
    ("scale", "shift"), [(2.0, (1, 2)), (3.0, (1, 1)), (3.0, (4, 0)), (2.5, (1, 1, 1)), (4.0, (7, 3))]
)
def test_discrete_gaussians_in_several_cells_are_told_apart_no_better_than_the_lemma_says(scale, shift) -> None:
    """Total variation added up on a grid; `rounded` is t of docs/privacy.md, lemma 6, at which e is below 10^-8."""
    rounded = 1.0
    line = np.arange(-40, 41)
    one = np.exp(-(line**2) / (2 * scale**2))
    one /= one.sum()
    here, there = one, np.roll(one, shift[0])
    for step in shift[1:]:
        here, there = np.multiply.outer(here, one), np.multiply.outer(there, np.roll(one, step))
    advantage = 0.5 * np.abs(here - there).sum()
    length = math.hypot(*shift)
    error = 2 * math.exp(-2 * math.pi**2 * rounded**2) * 1.0001
    bound = 2 * norm.cdf(length / (2 * math.sqrt(scale**2 - rounded**2))) - 1 + 2 * len(shift) * error / (1 - error)
    assert advantage <= bound
    assert advantage > 2 * norm.cdf(length / (2 * 1.3 * scale)) - 1, (
        "so that noise of the stated scale is what is tried"
    )


@pytest.mark.parametrize("places", [30, 31])
def test_an_amount_of_more_places_than_the_parser_reads_is_written_as_a_ratio(places: int) -> None:
    amount = Fraction(1, 2**places)
    assert parse_amount(amount_text(amount), low=Fraction(0), high=Fraction(1)) == amount
    assert ("/" in amount_text(amount)) == (places > 30)
