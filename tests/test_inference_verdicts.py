"""The verdict is the position of its printed interval: closed forms by hand, and laws."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from release.errors import InvalidComparisonError
from release.inference import Band, Judgement, Verdict, judge, judge_cells, mirrors
from release.inference.bands import critical_value
from release.wording import amount

TWO_SIGMA = 2.0 * 0.022750131948179195
"""The error rate whose critical value is 2."""

amounts = st.floats(min_value=-1e15, max_value=1e15)
plain = st.floats(min_value=-500.0, max_value=500.0).map(lambda value: value if abs(value) > 1e-9 else 0.0)
noises = st.one_of(st.just(0.0), st.floats(min_value=1e-9, max_value=5.0), st.floats(min_value=1.0, max_value=200.0))
bounds = st.one_of(st.just(0.0), st.floats(min_value=1e-9, max_value=300.0), st.just(math.inf))
bands = st.builds(
    Band, tolerance=st.floats(min_value=0.01, max_value=2.0), cif_fob=st.floats(min_value=0.8, max_value=1.3)
)


@st.composite
def cells(draw: st.DrawFn) -> dict[str, float]:
    """The figures of one cell, many of them near 0 or below."""
    x = draw(plain)
    return {
        "x": x,
        "x_sd": draw(noises),
        "m": draw(st.one_of(plain, st.floats(min_value=0.5, max_value=2.0).map(lambda ratio: x * ratio))),
        "m_sd": draw(noises),
        "bound_x": draw(bounds),
        "bound_m": draw(bounds),
    }


def high(judgement: Judgement) -> float:
    return math.inf if judgement.ratio_high is None else judgement.ratio_high


def far_from_the_edges(judgement: Judgement, band: Band) -> bool:
    limits = (judgement.ratio_low, high(judgement))
    return not any(math.isclose(limit, edge, rel_tol=1e-9) for limit in limits for edge in (band.low, band.high))


def test_the_band_is_reciprocal_around_the_cif_fob_factor() -> None:
    band = Band(tolerance=0.25, cif_fob=1.06)
    assert band.low == pytest.approx(0.848)
    assert band.high == pytest.approx(1.325)
    assert band.inverse().low == pytest.approx(1.0 / band.high)
    assert band.inverse().high == pytest.approx(1.0 / band.low)


def test_fiellers_limits_are_those_worked_out_by_hand() -> None:
    # (10000 - 4 * 25) r^2 - 2 * 12000 r + 14400 - 4 * 36 = 0, so r = (12000 -+ sqrt(2865600)) / 9900
    judged = judge(x=100.0, x_sd=5.0, m=120.0, m_sd=6.0, band=Band(tolerance=0.25), alpha=TWO_SIGMA)
    assert judged.ratio == 1.2
    assert judged.ratio_low == pytest.approx((12000.0 - math.sqrt(2865600.0)) / 9900.0, rel=1e-12)
    assert judged.ratio_high == pytest.approx((12000.0 + math.sqrt(2865600.0)) / 9900.0, rel=1e-12)
    assert judged.srd == pytest.approx(2.0 * 20.0 / 220.0)
    assert judged.gap_low == pytest.approx(20.0 - 2.0 * math.sqrt(61.0))
    assert judged.verdict is Verdict.CANNOT_TELL


def test_bounds_alone_move_each_limit_by_the_flow_that_endangers_it() -> None:
    judged = judge(x=100.0, x_sd=0.0, m=120.0, m_sd=0.0, band=Band(tolerance=0.25), bound_x=50.0, bound_m=30.0)
    assert judged.ratio_low == pytest.approx(120.0 / 150.0)
    assert judged.ratio_high == pytest.approx(150.0 / 100.0)
    assert (judged.gap_low, judged.gap_high) == (-30.0, 50.0)


@pytest.mark.parametrize(
    ("m", "verdict", "higher"),
    [(100.0, "corresponds", None), (150.0, "differs", "m"), (60.0, "differs", "x"), (125.0, "cannot tell", None)],
)
def test_three_verdicts_and_the_higher_side(m: float, verdict: str, higher: str | None) -> None:
    judged = judge(x=100.0, x_sd=2.0, m=m, m_sd=2.0, band=Band(tolerance=0.25))
    assert (judged.verdict, judged.higher) == (verdict, higher)


def test_a_verdict_without_noise_is_that_of_the_exact_figures() -> None:
    band = Band(tolerance=0.25)
    verdicts = [judge(x=100.0, x_sd=0.0, m=m, m_sd=0.0, band=band).verdict for m in (79.0, 81.0, 124.0, 126.0)]
    assert verdicts == ["differs", "corresponds", "corresponds", "differs"]


def test_a_flow_that_one_side_lacks_differs() -> None:
    judged = judge(x=1000.0, x_sd=20.0, m=-15.0, m_sd=20.0, band=Band(tolerance=0.25))
    assert (judged.verdict, judged.higher, judged.ratio) == ("differs", "x", 0.0)
    assert judged.ratio_low == 0.0
    swapped = judge(x=-15.0, x_sd=20.0, m=1000.0, m_sd=20.0, band=Band(tolerance=0.25))
    assert (swapped.verdict, swapped.higher, swapped.ratio, swapped.ratio_high) == ("differs", "m", None, None)


def test_two_flows_near_0_that_came_out_far_apart_are_not_called_different() -> None:
    # L X - M passes its own threshold here, yet no ratio is ruled out: X may be 0.
    judged = judge(x=1.5, x_sd=1.0, m=-2.0, m_sd=1.0, band=Band(tolerance=0.25))
    assert 1.96 * math.hypot(1.0, 0.8) < 0.8 * 1.5 + 2.0
    assert judged.verdict is Verdict.CANNOT_TELL
    assert judged.ratio_high is None
    assert judged.p_differs > 0.05


def test_because_names_the_interval_the_band_and_what_it_covers() -> None:
    judged = judge(x=100.0, x_sd=2.0, m=150.0, m_sd=2.0, band=Band(tolerance=0.25), bound_x=4.0)
    assert "95 % interval of M/X, 1.378 to 1.573, lies above the band 0.8 to 1.25" in judged.because
    assert f"by at least {amount(judged.beyond_band, 'USD')}" in judged.because
    assert "Conditional on at most US$ 4 of X being clipped" in judged.because
    assert "not reporting practice" in judged.because


def test_because_prints_enough_digits_to_show_which_side_of_the_edge_a_limit_is() -> None:
    judged = judge(x=1.0, x_sd=0.0, m=1.2500001, m_sd=0.0, band=Band(tolerance=0.25))
    assert judged.verdict is Verdict.DIFFERS
    assert "1.2500001 to 1.2500001" in judged.because


@pytest.mark.parametrize(
    ("bound_x", "bound_m", "words"),
    [
        (math.inf, math.inf, "either flow has no bound"),
        (math.inf, 0.0, "clipped from X has no bound"),
        (0.0, math.inf, "clipped from M has no bound"),
    ],
)
def test_because_says_which_bound_is_missing(bound_x: float, bound_m: float, words: str) -> None:
    judged = judge(x=9.0, x_sd=1.0, m=9.0, m_sd=1.0, band=Band(tolerance=0.5), bound_x=bound_x, bound_m=bound_m)
    assert words in judged.because


@pytest.mark.parametrize(
    ("x", "m", "words"),
    [(0.1, 0.1, "neither flow can be told from 0"), (0.1, 9.0, "X can't be told from 0"), (9.0, 0.1, "M can't be")],
)
def test_because_says_which_flow_is_lost_in_the_noise(x: float, m: float, words: str) -> None:
    judged = judge(x=x, x_sd=1.0, m=m, m_sd=1.0, band=Band(tolerance=9.0))
    assert words in judged.because


@pytest.mark.parametrize(
    ("field", "value"),
    [("x", math.nan), ("m", math.inf), ("x_sd", -1.0), ("m_sd", math.inf), ("bound_x", -1.0), ("bound_m", math.nan)],
)
def test_impossible_figures_are_refused_by_name(field: str, value: float) -> None:
    figures = {"x": 1.0, "x_sd": 1.0, "m": 1.0, "m_sd": 1.0, "bound_x": 0.0, "bound_m": 0.0, field: value}
    with pytest.raises(InvalidComparisonError) as refusal:
        mirrors(**figures)
    assert refusal.value.what == field


@pytest.mark.parametrize(("tolerance", "cif_fob"), [(0.0, 1.0), (math.nan, 1.0), (0.1, 0.0), (0.1, math.inf)])
def test_impossible_bands_are_refused(tolerance: float, cif_fob: float) -> None:
    with pytest.raises(InvalidComparisonError):
        Band(tolerance=tolerance, cif_fob=cif_fob)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_impossible_error_rates_are_refused(alpha: float) -> None:
    with pytest.raises(InvalidComparisonError):
        critical_value(alpha)


def test_figures_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidComparisonError):
        mirrors(x=[1.0, 2.0], x_sd=1.0, m=[1.0, 2.0, 3.0], m_sd=1.0)
    with pytest.raises(InvalidComparisonError):
        mirrors(x=[[1.0, 2.0]], x_sd=1.0, m=1.0, m_sd=1.0)


def test_cells_are_judged_together_as_each_by_itself() -> None:
    rng = np.random.default_rng(5)
    x, m = rng.normal(50.0, 60.0, 40), rng.normal(50.0, 60.0, 40)
    own = [Band(tolerance=0.1 + 0.02 * k) for k in range(40)]
    together = judge_cells(mirrors(x=x, x_sd=9.0, m=m, m_sd=7.0, bound_x=3.0), own)
    alone = [judge(x=float(x[k]), x_sd=9.0, m=float(m[k]), m_sd=7.0, band=own[k], bound_x=3.0) for k in range(len(own))]
    assert list(together) == alone


@given(cell=cells(), band=bands, alpha=st.floats(min_value=1e-6, max_value=0.9))
def test_the_verdict_is_the_position_of_the_printed_interval(cell: dict[str, float], band: Band, alpha: float) -> None:
    judged = judge(**cell, band=band, alpha=alpha)
    low, top = judged.ratio_low, high(judged)
    assert 0.0 <= low <= top * (1.0 + 1e-9)
    expected = {
        (True, False, False): (Verdict.CORRESPONDS, None),
        (False, True, False): (Verdict.DIFFERS, "m"),
        (False, False, True): (Verdict.DIFFERS, "x"),
        (False, False, False): (Verdict.CANNOT_TELL, None),
    }
    where = (band.low < low and top < band.high, low > band.high, top < band.low)
    assert (judged.verdict, judged.higher) == expected[where]
    if far_from_the_edges(judged, band):
        assert (judged.verdict is Verdict.DIFFERS) == (judged.p_differs <= alpha)


@given(figures=st.tuples(amounts, amounts, amounts, amounts), bound_x=bounds, bound_m=bounds, band=bands)
def test_everything_printed_is_a_number_or_nothing(
    figures: tuple[float, float, float, float], bound_x: float, bound_m: float, band: Band
) -> None:
    x, x_sd, m, m_sd = figures
    judged = judge(x=x, x_sd=abs(x_sd), m=m, m_sd=abs(m_sd), bound_x=bound_x, bound_m=bound_m, band=band)
    printed = json.loads(json.dumps(asdict(judged), allow_nan=False))
    assert all(key in printed for key in ("ratio", "ratio_low", "srd_high", "gap_high", "p_differs", "because"))
    assert -2.0 <= judged.srd_low <= judged.srd_high + 1e-9 <= 2.0 + 1e-9


@given(cell=cells(), band=bands)
def test_corresponds_and_differs_are_what_their_inequalities_say(cell: dict[str, float], band: Band) -> None:
    judged = judge(**cell, band=band)
    assume(far_from_the_edges(judged, band))
    z = float(critical_value(0.05))
    x, x_sd, m, m_sd, bound_x, bound_m = cell.values()
    s_low, s_high = math.hypot(m_sd, band.low * x_sd), math.hypot(m_sd, band.high * x_sd)
    t_low, t_high = m - band.low * x, band.high * x - m
    corresponds = t_low - band.low * bound_x > z * s_low and t_high - bound_m > z * s_high
    below = t_low + bound_m < -z * s_low and x > z * x_sd
    above = t_high + band.high * bound_x < -z * s_high and m > z * m_sd
    assert (judged.verdict is Verdict.CORRESPONDS) == corresponds
    assert (judged.higher == "x") == below
    assert (judged.higher == "m") == above


@given(cell=cells(), band=bands, power=st.integers(min_value=-60, max_value=60))
def test_scaling_both_sides_changes_nothing(cell: dict[str, float], band: Band, power: int) -> None:
    scaled = judge(**{name: math.ldexp(value, power) for name, value in cell.items()}, band=band)
    judged = judge(**cell, band=band)
    assert (scaled.verdict, scaled.higher, scaled.p_differs) == (judged.verdict, judged.higher, judged.p_differs)
    assert (scaled.ratio_low, scaled.ratio_high) == (judged.ratio_low, judged.ratio_high)
    assert scaled.gap_at_least == math.ldexp(judged.gap_at_least, power)


@pytest.mark.parametrize("power", [-600, 600])
@pytest.mark.parametrize("x", [100.0, -4.0])
def test_figures_whose_squares_no_float_can_hold_are_judged_like_others(x: float, power: int) -> None:
    figures = {"x": x, "x_sd": 5.0, "m": 130.0, "m_sd": 6.0, "bound_x": 1.0, "bound_m": 2.0}
    near = judge(**figures, band=Band(tolerance=0.25))
    far = judge(**{name: math.ldexp(value, power) for name, value in figures.items()}, band=Band(tolerance=0.25))
    assert (far.ratio_low, far.ratio_high, far.p_differs) == (near.ratio_low, near.ratio_high, near.p_differs)


@given(cell=cells(), band=bands)
def test_swapping_the_offices_mirrors_the_verdict(cell: dict[str, float], band: Band) -> None:
    judged = judge(**cell, band=band)
    assume(far_from_the_edges(judged, band))
    given_cells = mirrors(**cell)
    mirrored = judge_cells(given_cells.swapped(), band.inverse())[0]
    assert mirrored.verdict is judged.verdict
    assert mirrored.higher == {"x": "m", "m": "x", None: None}[judged.higher]
    assert mirrored.srd_low == pytest.approx(-judged.srd_high, abs=1e-8)
    assert mirrored.srd_high == pytest.approx(-judged.srd_low, abs=1e-8)
    assert mirrored.p_differs == pytest.approx(judged.p_differs, rel=1e-6, abs=1e-12)


@given(
    cell=cells(),
    band=bands,
    more=st.tuples(noises, noises, st.floats(min_value=0.0, max_value=50.0), st.floats(min_value=0.0, max_value=50.0)),
)
def test_more_noise_or_wider_bounds_never_turn_cannot_tell_into_a_verdict(
    cell: dict[str, float], band: Band, more: tuple[float, float, float, float]
) -> None:
    before = judge(**cell, band=band)
    names = ("x_sd", "m_sd", "bound_x", "bound_m")
    noisier = cell | {name: cell[name] + extra for name, extra in zip(names, more, strict=True)}
    after = judge(**noisier, band=band)
    assert after.ratio_low <= before.ratio_low * (1.0 + 1e-9)
    assert high(after) >= high(before) * (1.0 - 1e-9)
    assume(far_from_the_edges(before, band) and far_from_the_edges(after, band))
    assert after.verdict in {before.verdict, Verdict.CANNOT_TELL}


@given(cell=cells(), band=bands)
def test_two_unbounded_sides_never_give_a_verdict(cell: dict[str, float], band: Band) -> None:
    judged = judge(**(cell | {"bound_x": math.inf, "bound_m": math.inf}), band=band)
    assert (judged.verdict, judged.ratio_low, judged.ratio_high) == (Verdict.CANNOT_TELL, 0.0, None)
    assert (judged.gap_low, judged.gap_high, judged.gap_at_least, judged.p_differs) == (None, None, 0.0, 1.0)


@given(cell=cells(), band=bands)
def test_one_unbounded_side_leaves_one_verdict(cell: dict[str, float], band: Band) -> None:
    open_x = judge(**(cell | {"bound_x": math.inf}), band=band)
    open_m = judge(**(cell | {"bound_m": math.inf}), band=band)
    assert open_x.higher != "m"
    assert open_m.higher != "x"
    assert Verdict.CORRESPONDS not in {open_x.verdict, open_m.verdict}


@given(cell=cells(), band=bands)
def test_a_flow_that_differs_leaves_the_band_by_a_sure_amount(cell: dict[str, float], band: Band) -> None:
    judged = judge(**cell, band=band)
    if judged.verdict is Verdict.DIFFERS:
        assert far_from_the_edges(judged, band) <= (judged.beyond_band > 0.0)
    else:
        assert judged.beyond_band == 0.0


def test_a_lower_limit_stays_finite_where_x_is_surely_nothing() -> None:
    judged = judge(x=-10.0, x_sd=2.0, m=60.0, m_sd=2.0, band=Band(tolerance=0.25))
    assert (judged.verdict, judged.higher, judged.ratio_low, judged.ratio_high) == ("differs", "m", 1e9, None)
    assert "at least 1e+09" in judged.because
    bounded = judge(x=-10.0, x_sd=0.0, m=60.0, m_sd=2.0, band=Band(tolerance=0.25), bound_m=1.0)
    assert bounded.ratio_low == 1e9
