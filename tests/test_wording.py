"""Figures as people write them."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.wording import amount, count, decimals_up, one_in, percent, unit_of


@pytest.mark.parametrize(
    ("figure", "unit", "told"),
    [
        (12_834_000_000, "USD", "US$ 12.8 bn"),
        (-450_000_000, "USD", "-US$ 450 m"),
        (999_600_000, "USD", "US$ 1.00 bn"),
        (999_999_999.99999, "KRW", "₩ 1.00 bn"),
        (1_500, "kg", "1.50 k kg"),
        (4, "", "4"),
        (60.0, "lines", "60 lines"),
        (0.25, "", "0.25"),
        (0, "EUR", "€ 0"),
        (2e13, "CHF", "CHF 20.0 trn"),
        (math.inf, "USD", "no bound"),
        (None, "USD", "–"),
        (math.nan, "USD", "–"),
    ],
)
def test_an_amount_has_three_digits_a_scale_and_its_unit(figure, unit, told):
    assert amount(figure, unit) == told


@given(st.floats(min_value=1e-3, max_value=1e14))
def test_no_amount_is_written_in_scientific_notation_and_none_is_off_by_more_than_half_a_percent(figure):
    told = amount(figure)
    assert "e" not in told
    number, _, scale = told.partition(" ")
    factor = {"": 1, "k": 1e3, "m": 1e6, "bn": 1e9, "trn": 1e12}[scale]
    assert float(number) * factor == pytest.approx(figure, rel=0.005, abs=6e-7)


def test_parts_and_counts_are_written_as_people_do():
    assert [percent(part) for part in (0.047, 1.2, -0.095, None, math.inf)] == ["4.7 %", "120 %", "-9.5 %", "–", "–"]
    assert count(280_000) == "280,000"
    assert [unit_of(measure, "USD") for measure in ("value", "declarations", "net mass")] == ["USD", "lines", "kg"]


def test_a_loss_is_never_told_smaller_than_it_is():
    assert [decimals_up(epsilon) for epsilon in (5.601, 5.6, 0.0001, 12.999)] == ["5.61", "5.60", "0.01", "13.00"]
    chances = (Fraction(1, 10**8), Fraction(3, 10**8), Fraction(3, 2 * 10**8))
    assert [one_in(chance) for chance in chances] == ["1 in 100,000,000", "1 in 33,333,333", "1 in 66,666,666"]
