"""A pair beside its own history, its asymmetry in the field's measures, and the parts that carry its gap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, stdtrit
from scipy.stats import multivariate_normal

from release.errors import InvalidComparisonError
from release.inference import asymmetries, beside_history, combine, exact, explain_gap, flow, judge, mirrors, planning
from release.inference.bands import Band, Mirrors
from release.inference.intervals import least_excess
from release.inference.looks import critical_values

PAST = (0.02, 0.10, 0.06, -0.03, 0.09, 0.04)


def cell(ratio: float, noise: float = 0.0, **bounds: float) -> Mirrors:
    return mirrors(x=1.0, x_sd=noise, m=ratio, m_sd=noise, **bounds)


def test_without_noise_unusual_is_the_t_prediction() -> None:
    past = np.array(PAST)
    scale = past.std(ddof=1) * math.sqrt(1.0 + 1.0 / past.size)
    limit = float(past.mean() + scale * stdtrit(past.size - 1, 0.975))
    inside, outside = (beside_history(cell(math.exp(limit + step)), PAST) for step in (-0.001, 0.001))
    assert (inside.unusual, outside.unusual) == (False, True)
    assert outside.expected_high == pytest.approx(math.exp(limit))
    assert outside.mean == pytest.approx(past.mean())
    assert outside.periods == 6
    assert "6 earlier periods" in outside.because


def test_added_noise_makes_a_surprise_smaller() -> None:
    sharp, blurred = (beside_history(cell(1.4, noise), PAST) for noise in (0.01, 0.2))
    assert sharp.unusual is True
    assert blurred.unusual is False
    assert sharp.p < blurred.p


def test_a_steady_history_leaves_the_noise_alone_to_decide() -> None:
    # ln R is 0 for certain: z = (m - x) / (noise sqrt 2)
    seen = beside_history(cell(1.0 + 1.96 * 0.02 * math.sqrt(2.0), 0.02), (0.0, 0.0, 0.0))
    assert seen.p == pytest.approx(0.05, abs=1e-4)


def test_unbounded_clipping_leaves_one_kind_of_surprise_or_none() -> None:
    assert beside_history(cell(9.0, 0.01, bound_x=math.inf, bound_m=math.inf), PAST).unusual is None
    assert beside_history(cell(9.0, 0.01, bound_x=math.inf), PAST).unusual is False
    assert beside_history(cell(9.0, 0.01, bound_m=math.inf), PAST).unusual is True
    assert beside_history(cell(0.2, 0.01, bound_x=math.inf), PAST).unusual is True


def test_figures_near_or_below_0_still_have_an_answer() -> None:
    for x, m in ((-0.1, 0.2), (0.0, 0.0), (0.2, -0.1)):
        seen = beside_history(mirrors(x=x, x_sd=0.2, m=m, m_sd=0.2), PAST)
        assert 0.0 <= seen.p <= 1.0
        assert seen.unusual is False
    assert beside_history(mirrors(x=1.0, x_sd=0.02, m=-0.01, m_sd=0.02), PAST).unusual is True


@pytest.mark.parametrize("noise", [0.01, 0.2])
def test_an_ordinary_period_is_called_unusual_in_one_of_twenty(noise: float) -> None:
    rng, called, repeats = np.random.default_rng(6), 0, 1200
    for _ in range(repeats):
        past = 0.1 + 0.1 * rng.standard_normal(10)
        ratio = math.exp(0.1 + 0.1 * rng.standard_normal())
        x, m = 1.0 + noise * rng.standard_normal(), ratio + noise * rng.standard_normal()
        called += beside_history(mirrors(x=x, x_sd=noise, m=m, m_sd=noise), past.tolist()).unusual is True
    assert 0.03 <= called / repeats <= 0.07


@pytest.mark.parametrize("past", [(), (0.1, 0.2), (0.1, 0.2, math.nan), (0.1, 0.2, math.inf)])
def test_a_history_too_short_or_not_finite_is_refused(past: tuple[float, ...]) -> None:
    with pytest.raises(InvalidComparisonError):
        beside_history(cell(1.0), past)


def test_the_measures_of_exact_figures_by_hand() -> None:
    seen = exact(100.0, 80.0)
    assert seen.outbound.point == pytest.approx(0.20)
    assert seen.inbound.point == pytest.approx(-0.25)
    assert seen.srd.point == pytest.approx(-20.0 / 90.0)
    assert seen.log_ratio.point == pytest.approx(math.log(0.8))
    assert seen.index.point == pytest.approx(20.0 / 180.0)
    assert seen.ratio.point == pytest.approx(0.8)


def test_one_sided_flows_have_the_measures_that_exist() -> None:
    only_m, only_x, neither = exact(0.0, 5.0), exact(5.0, 0.0), exact(0.0, 0.0)
    assert (only_m.srd.point, only_m.index.point, only_m.inbound.point) == (2.0, 1.0, 1.0)
    assert (only_m.outbound.point, only_m.ratio.point, only_m.log_ratio.point) == (None, None, None)
    assert (only_x.srd.point, only_x.index.point, only_x.outbound.point) == (-2.0, 1.0, 1.0)
    assert (only_x.inbound.point, only_x.log_ratio.point) == (None, None)
    assert neither.srd.point is None
    assert (neither.srd.low, neither.srd.high, neither.index.low, neither.index.high) == (-2.0, 2.0, 0.0, 1.0)


@given(
    ratio=st.floats(min_value=0.05, max_value=20.0),
    low=st.floats(min_value=0.01, max_value=1.0),
    high=st.floats(min_value=1.0, max_value=50.0),
)
def test_every_measures_limits_hold_its_estimate(ratio: float, low: float, high: float) -> None:
    seen = asymmetries(ratio, ratio * low, ratio * high)
    for measure in (seen.outbound, seen.inbound, seen.srd, seen.ratio, seen.log_ratio, seen.index):
        assert measure.point is not None
        assert measure.low is not None
        assert measure.high is not None
        assert measure.low - 1e-12 <= measure.point <= measure.high + 1e-12


def test_the_index_may_be_0_just_when_the_ratio_may_be_1() -> None:
    assert asymmetries(1.1, 0.9, 1.5).index.low == 0.0
    assert asymmetries(1.4, 1.2, 1.5).index.low == pytest.approx(0.2 / 2.2)
    assert asymmetries(0.6, 0.5, 0.8).index.low == pytest.approx(0.2 / 1.8)


def test_srd_limits_are_those_of_the_judgement() -> None:
    judged = judge(x=100.0, x_sd=3.0, m=120.0, m_sd=3.0, band=Band(tolerance=0.25))
    seen = asymmetries(judged.ratio, judged.ratio_low, judged.ratio_high)
    assert seen.srd.low == pytest.approx(judged.srd_low)
    assert seen.srd.high == pytest.approx(judged.srd_high)


def test_the_variance_of_a_sum_of_reconciled_siblings_is_not_the_sum_of_theirs() -> None:
    siblings = flow([10.0, 20.0], [[4.0, -3.0], [-3.0, 4.0]])
    total = combine(siblings, [1.0, 1.0])
    assert total.value == 30.0
    assert total.sd == pytest.approx(math.sqrt(2.0))
    assert [total.low, total.high] == pytest.approx([30.0 - 2.771808, 30.0 + 2.771808], abs=1e-5)


def test_bounds_widen_a_combination_on_the_side_of_their_weight() -> None:
    clipped = flow([10.0, 20.0], [[0.0, 0.0], [0.0, 0.0]], [1.0, math.inf])
    assert (combine(clipped, [-1.0, 0.0]).low, combine(clipped, [-1.0, 0.0]).high) == (-11.0, -10.0)
    assert (combine(clipped, [1.0, 1.0]).low, combine(clipped, [1.0, 1.0]).high) == (30.0, math.inf)


def test_freight_and_parts_add_up_to_the_gap() -> None:
    x = flow([100.0, 50.0], [[4.0, -1.0], [-1.0, 4.0]])
    m = flow([110.0, 45.0], [[9.0, 0.0], [0.0, 1.0]])
    seen = explain_gap(x, m, [1.06, 1.0])
    assert seen.gap.value == pytest.approx(5.0)
    assert [seen.freight.value, seen.freight.sd] == pytest.approx([6.0, 0.12])
    assert seen.rest.value == pytest.approx(-1.0)
    assert [part.value for part in seen.parts] == pytest.approx([4.0, -5.0])
    assert seen.parts[0].sd == pytest.approx(math.sqrt(1.06**2 * 4.0 + 9.0))
    assert seen.gap.sd == pytest.approx(math.sqrt(6.0 + 10.0))


def test_intervals_of_contributions_cover_and_added_standard_deviations_are_too_wide() -> None:
    rng, k, repeats = np.random.default_rng(2), 5, 4000
    noise = np.eye(k) - 0.9 / k
    root = np.linalg.cholesky(noise)
    truth = np.arange(k, dtype=np.float64)
    covered = added = 0
    for _ in range(repeats):
        x, m = (flow(truth + root @ rng.standard_normal(k), noise) for _ in range(2))
        gap = explain_gap(x, m).gap
        covered += gap.low <= 0.0 <= gap.high
        added += abs(gap.value) <= 1.96 * math.sqrt(2.0) * np.sqrt(np.diag(noise)).sum()
    assert 0.94 <= covered / repeats <= 0.96
    assert added / repeats > 0.99


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidComparisonError):
        flow([1.0, 2.0], [[1.0]])
    with pytest.raises(InvalidComparisonError):
        flow([1.0, 2.0], [[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(InvalidComparisonError):
        explain_gap(flow([1.0], [[1.0]]), flow([1.0, 2.0], np.eye(2)))


def test_a_figure_below_its_history_is_no_surprise_where_clipping_may_have_taken_as_much() -> None:
    figures = {"x": 1.0, "x_sd": 0.001, "m": 0.5, "m_sd": 0.001}
    assert beside_history(mirrors(**figures, bound_m=0.1), PAST).unusual is True
    assert beside_history(mirrors(**figures, bound_m=0.6), PAST).unusual is False


def test_a_flow_surely_leaves_the_band_by_less_where_clipping_may_have_taken_some() -> None:
    for bounds in ({"bound_x": 3.0}, {"bound_m": 3.0}):
        cells = mirrors(x=[10.0, 50.0], x_sd=0.0, m=[50.0, 10.0], m_sd=0.0, **bounds)
        above, below = least_excess(cells, np.array([0.5]), np.array([2.0]), np.array([1.96]))
        assert above == (24.0 if "bound_x" in bounds else 30.0)
        assert below == (15.0 if "bound_x" in bounds else 12.0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_looks_at_no_error_rate_are_refused(alpha: float) -> None:
    with pytest.raises(InvalidComparisonError):
        critical_values((0.5, 1.0), alpha=alpha)


def test_noise_of_one_currency_unit_is_noise() -> None:
    band, z = Band(tolerance=0.25), float(stdtrit(np.inf, 0.975))
    found = planning.chance_corresponds(mirrors(x=10.0, x_sd=0.0, m=10.0, m_sd=1.0), band)
    expected = ndtr(10 * (1 - band.low) - z) + ndtr(10 * (band.high - 1) - z) - 1
    assert found[0] == pytest.approx(max(0.0, expected), abs=1e-6)
    assert 0 < found[0] < 1


@pytest.mark.parametrize("apart", [0.2, 0.6, 0.95])
def test_two_correlated_normals_lie_below_two_limits_as_often_as_a_double_integral_says(apart: float) -> None:
    rho = -math.sqrt(1 - apart**2)
    together = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    for a, b in ((0.5, 1.2), (-0.7, 0.9), (1.5, -0.4)):
        found = planning._both_below(np.array([a]), np.array([b]), np.array([apart]))
        assert found[0] == pytest.approx(together.cdf([a, b]), abs=1e-4)
