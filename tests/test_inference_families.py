"""Many cells, and many looks: adjusted p-values, intervals that go with them, boundaries of a running year."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from release.errors import InvalidComparisonError
from release.inference import (
    Adjustment,
    Band,
    Verdict,
    adjusted,
    critical_values,
    error_rate_each,
    information_fractions,
    judge_cells,
    judge_family,
    judge_looks,
    mirrors,
    year_to_date,
)
from release.inference.looks import crossing_chances
from release.inference.verdicts import edges, p_differs

QUARTER = Band(tolerance=0.25)
p_values = st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=40)
ways = st.sampled_from(list(Adjustment))


def by_definition(p: list[float], how: Adjustment) -> list[float]:
    """Adjusted p-values straight from the papers, cell by cell."""
    n, order = len(p), sorted(p)
    harmonic = sum(1.0 / k for k in range(1, n + 1)) if how is Adjustment.BENJAMINI_YEKUTIELI else 1.0
    if how is Adjustment.HOLM:
        steps = [max((n - j) * order[j] for j in range(k + 1)) for k in range(n)]
    else:
        steps = [min(n * harmonic / (j + 1) * order[j] for j in range(k, n)) for k in range(n)]
    return [min(1.0, steps[order.index(value)]) for value in p]


@given(p=p_values, how=ways)
def test_adjusted_p_values_are_those_of_the_definitions(p: list[float], how: Adjustment) -> None:
    distinct = sorted(set(p))
    assert adjusted(distinct, how) == pytest.approx(by_definition(distinct, how))


def test_adjusted_p_values_by_hand() -> None:
    p = [0.01, 0.04, 0.03]
    assert adjusted(p, Adjustment.BENJAMINI_HOCHBERG) == pytest.approx([0.03, 0.04, 0.04])
    assert adjusted(p, Adjustment.HOLM) == pytest.approx([0.03, 0.06, 0.06])
    assert adjusted(p, Adjustment.BENJAMINI_YEKUTIELI) == pytest.approx([0.055, 0.0733333, 0.0733333])


@given(p=p_values, how=ways)
def test_a_p_value_is_found_by_its_adjustment_just_when_it_is_at_most_the_rate_for_each(
    p: list[float], how: Adjustment
) -> None:
    each = error_rate_each(p, how)
    near = np.isclose(np.asarray(p), each, rtol=1e-9) | np.isclose(adjusted(p, how), 0.05, rtol=1e-9)
    agree = (adjusted(p, how) <= 0.05) == (np.asarray(p) <= each)
    assert (agree | near).all()


@given(p=p_values, how=ways)
def test_no_adjustment_lowers_a_p_value_or_changes_their_order(p: list[float], how: Adjustment) -> None:
    q = adjusted(p, how)
    assert (q >= np.asarray(p) - 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0.0).all()


@pytest.mark.parametrize("p", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(p: list[float]) -> None:
    with pytest.raises(InvalidComparisonError):
        adjusted(p)


def test_a_family_of_none_is_judged_at_the_plain_rate() -> None:
    assert error_rate_each([]) == 0.05
    assert adjusted([]).size == 0


@pytest.mark.parametrize("how", list(Adjustment))
def test_in_a_family_differs_needs_the_adjusted_p_and_stays_the_position_of_its_interval(how: Adjustment) -> None:
    rng = np.random.default_rng(3)
    truth = np.where(np.arange(200) < 40, 1.6, 1.25)
    cells = mirrors(
        x=1.0 + 0.05 * rng.standard_normal(200), x_sd=0.05, m=truth + 0.05 * rng.standard_normal(200), m_sd=0.05
    )
    pointwise, family = judge_cells(cells, QUARTER), judge_family(cells, QUARTER, how)
    demoted = 0
    for alone, together in zip(pointwise, family, strict=True):
        assert together.p_adjusted is not None
        assert (together.verdict is Verdict.DIFFERS) == (together.p_adjusted <= 0.05)
        top = np.inf if together.ratio_high is None else together.ratio_high
        assert (together.verdict is Verdict.DIFFERS) == (together.ratio_low > QUARTER.high or top < QUARTER.low)
        if alone.verdict is not Verdict.DIFFERS:
            assert (together.verdict, together.ratio_low) == (alone.verdict, alone.ratio_low)
        elif together.verdict is Verdict.CANNOT_TELL:
            demoted += 1
            assert "200 comparisons made together" in together.because
            assert together.confidence > 0.95
    assert demoted >= 1


def test_false_discoveries_among_correlated_cells_stay_below_5_percent_and_unadjusted_ones_do_not() -> None:
    rng, n, repeats = np.random.default_rng(8), 120, 150
    covariance = 0.01 * (np.eye(n) - 0.9 / n)  # siblings of a known total: negatively correlated
    root, sd = np.linalg.cholesky(covariance), np.sqrt(np.diag(covariance))
    differing = np.arange(n) < 12
    truth = np.where(differing, 2.0, 1.25)
    rates: dict[str, list[float]] = {"adjusted": [], "plain": []}
    for _ in range(repeats):
        x, m = 1.0 + root @ rng.standard_normal(n), truth + root @ rng.standard_normal(n)
        p = p_differs(mirrors(x=x, x_sd=sd, m=m, m_sd=sd), *edges(QUARTER, n))
        for name, found in (("adjusted", adjusted(p) <= 0.05), ("plain", p <= 0.05)):
            rates[name].append(float((found & ~differing).sum()) / max(1, int(found.sum())))
    assert np.mean(rates["adjusted"]) <= 0.05
    assert np.mean(rates["plain"]) > 0.10


def test_the_constant_boundary_of_twelve_equal_steps_is_2_10() -> None:
    fractions = [k / 12 for k in range(1, 13)]
    z = critical_values(fractions)
    constants = np.array(z) * np.sqrt(fractions)
    assert constants == pytest.approx(np.full(12, constants[0]))
    assert round(float(constants[0]), 2) == 2.10
    assert crossing_chances(fractions, z).sum() == pytest.approx(0.025, abs=2e-5)


def test_one_look_is_the_ordinary_test() -> None:
    assert critical_values([1.0])[0] == pytest.approx(1.959964, abs=1e-4)


def test_two_looks_of_the_obrien_fleming_shape_have_the_published_constant() -> None:
    # Jennison and Turnbull (2000), table 2.3: C(2, 0.05) = 1.977, C(5, 0.05) = 2.040
    assert critical_values([0.5, 1.0])[1] == pytest.approx(1.977, abs=1e-3)
    assert critical_values([0.2, 0.4, 0.6, 0.8, 1.0])[4] == pytest.approx(2.040, abs=1e-3)


def test_unequal_steps_spend_what_lan_and_demets_spend() -> None:
    fractions = (0.1, 0.3, 0.55, 1.0)
    spent = np.cumsum(crossing_chances(fractions, critical_values(fractions)))
    asked = 2.0 * ndtr(ndtri(0.0125) / np.sqrt(np.array(fractions)))
    assert spent == pytest.approx(asked, abs=1e-6)
    assert spent[-1] == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.9), (0.5, 0.4, 1.0), (0.0, 1.0), (0.5, 0.5001, 1.0), (0.5, float("nan"))]
)
def test_fractions_that_do_not_rise_to_1_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InvalidComparisonError):
        critical_values(fractions)


def test_information_is_the_share_of_the_years_variance() -> None:
    assert information_fractions([1.0, 1.0], [1.0, 3.0], 2.0) == pytest.approx((5.0 / 18.0, 1.0))
    with pytest.raises(InvalidComparisonError):
        information_fractions([0.0], [0.0], 1.0)


def alarm_rate(z: np.ndarray, shape: np.ndarray) -> float:
    rng, years = np.random.default_rng(4), 20_000
    walk = np.cumsum(shape * rng.standard_normal((years, 12)), axis=1)
    return float((np.abs(walk) > z * np.sqrt(np.cumsum(shape**2))).any(axis=1).mean())


@pytest.mark.parametrize("shape", [np.ones(12), np.linspace(0.3, 2.0, 12), np.linspace(2.0, 0.3, 12)])
def test_twelve_looks_raise_5_percent_of_false_alarms_and_looks_at_1_96_far_more(shape: np.ndarray) -> None:
    z = np.array(critical_values(information_fractions(shape, shape, 1.0)))
    assert 0.04 <= alarm_rate(z, shape) <= 0.055
    assert alarm_rate(np.full(12, 1.96), shape) > 0.10


def test_only_the_last_look_can_say_that_a_flow_corresponds() -> None:
    months = mirrors(x=np.full(12, 100.0), x_sd=2.0, m=np.full(12, 101.0), m_sd=2.0)
    looks = judge_looks(months, QUARTER)
    assert {look.verdict for look in looks[:-1]} == {Verdict.CANNOT_TELL}
    assert looks[-1].verdict is Verdict.CORRESPONDS
    assert "only the last look" in looks[-2].because


def test_an_interim_look_can_say_that_a_flow_differs() -> None:
    months = mirrors(x=np.full(12, 100.0), x_sd=2.0, m=np.full(12, 180.0), m_sd=2.0)
    looks = judge_looks(months, QUARTER)
    assert looks[3].verdict is Verdict.DIFFERS
    assert looks[0].confidence > looks[-1].confidence


def test_offices_with_different_noise_over_the_year_are_held_to_the_stricter_boundary() -> None:
    rising = np.linspace(1.0, 4.0, 12)
    for x_sd, m_sd in ((rising, rising[::-1]), (rising[::-1], rising)):
        looks = judge_looks(mirrors(x=np.full(12, 100.0), x_sd=x_sd, m=np.full(12, 100.0), m_sd=m_sd), QUARTER)
        for edge in (QUARTER.low, QUARTER.high):
            z = critical_values(information_fractions(x_sd, m_sd, edge))
            assert all(look.confidence >= 1.0 - 2.0 * ndtr(-own) - 1e-12 for look, own in zip(looks, z, strict=True))


def test_the_year_to_date_adds_figures_variances_and_bounds() -> None:
    total = year_to_date(
        mirrors(x=[1.0, 2.0], x_sd=[3.0, 4.0], m=[5.0, 6.0], m_sd=[6.0, 8.0], bound_x=1.0, bound_m=2.0)
    )
    assert (total.x[1], total.x_sd[1], total.m[1], total.m_sd[1]) == (3.0, 5.0, 11.0, 10.0)
    assert (total.bound_x[1], total.bound_m[1]) == (2.0, 4.0)
