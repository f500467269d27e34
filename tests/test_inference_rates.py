"""Error rates and power by simulation, light versions of the benchmark, each with a mutant that must fail."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from release.errors import InvalidComparisonError
from release.inference import (
    Band,
    Mirrors,
    chance_corresponds,
    chance_differs,
    detectable_ratios,
    expected,
    foresee,
    mirrors,
)
from release.inference.bands import critical_value
from release.inference.intervals import fieller_accepts, ratio_interval
from release.inference.verdicts import edges, p_differs, position

DRAWS = 40_000
QUARTER = Band(tolerance=0.25)
Z = critical_value(0.05)


def drawn(
    ratio: float,
    noise: float,
    *,
    clipped: tuple[float, float] = (0.0, 0.0),
    bounds: tuple[float, float] = (0.0, 0.0),
    seed: int = 11,
) -> Mirrors:
    rng = np.random.default_rng(seed)
    return mirrors(
        x=1.0 - clipped[0] + noise * rng.standard_normal(DRAWS),
        x_sd=noise,
        m=ratio - clipped[1] + noise * ratio * rng.standard_normal(DRAWS),
        m_sd=noise * ratio,
        bound_x=bounds[0],
        bound_m=bounds[1],
    )


def share(cells: Mirrors, *where: int, band: Band = QUARTER) -> float:
    """The share of cells in the given positions: 0 corresponds, 1 M above, -1 M below."""
    return float(np.isin(position(ratio_interval(cells, Z), *edges(band, len(cells))), where).mean())


def exchanged(cells: Mirrors) -> Mirrors:
    return replace(cells, bound_x=cells.bound_m, bound_m=cells.bound_x)


def ignored(cells: Mirrors) -> Mirrors:
    return replace(cells, bound_x=0.0 * cells.bound_x, bound_m=0.0 * cells.bound_m)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5, 1.0])
def test_fiellers_set_covers_95_percent_at_every_noise_and_a_narrower_one_does_not(noise: float) -> None:
    cells = drawn(1.0, noise)
    covered = fieller_accepts(cells, np.ones(DRAWS), Z).mean()
    assert 0.945 <= covered <= 0.955
    limits = ratio_interval(cells, Z)
    printed = ((limits.low <= 1.0) & (limits.high >= 1.0)).mean()
    assert covered - 1e-9 <= printed <= 0.965
    too_narrow = fieller_accepts(cells, np.ones(DRAWS), 0.8 * Z).mean()
    assert too_narrow < 0.93


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.5])
@pytest.mark.parametrize("clipped", [(0.0, 0.0), (0.05, 0.0), (0.0, 0.05), (0.3, 0.3)])
def test_each_false_verdict_stays_below_3_percent_on_the_edges_of_the_band(
    noise: float, clipped: tuple[float, float]
) -> None:
    for ratio in (QUARTER.low, QUARTER.high):
        at_bound = (clipped[0], clipped[1] * ratio)
        cells = drawn(ratio, noise, clipped=at_bound, bounds=at_bound)
        assert all(share(cells, where) <= 0.03 for where in (0, 1, -1))


@pytest.mark.parametrize("mutant", [exchanged, ignored])
@pytest.mark.parametrize("clipped", [(0.3, 0.0), (0.0, 0.3)])
def test_exchanged_or_ignored_bounds_are_caught(
    mutant: Callable[[Mirrors], Mirrors], clipped: tuple[float, float]
) -> None:
    cells = drawn(1.0, 0.02, clipped=clipped, bounds=clipped)
    assert share(cells, 1, -1) <= 0.03
    assert share(mutant(cells), 1, -1) > 0.88


def test_false_differs_in_both_directions_reaches_3_percent_only_where_the_band_is_narrow_beside_the_noise() -> None:
    tenth = Band(tolerance=0.10)
    assert share(drawn(tenth.high, 0.05), 1, -1, band=tenth) <= 0.03
    assert 0.03 < share(drawn(tenth.high, 0.5), 1, -1, band=tenth) <= 0.05


def test_p_values_of_equal_flows_are_never_too_small() -> None:
    for noise in (0.02, 0.3, 1.0):
        cells = drawn(QUARTER.high, noise)
        p = p_differs(cells, *edges(QUARTER, DRAWS))
        for level in (0.01, 0.05, 0.2):
            assert (p <= level).mean() <= level


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("bound", [0.0, 0.1])
def test_detectable_ratios_are_detected_with_80_percent(noise: float, bound: float) -> None:
    flows = expected(x=1.0, x_sd=noise, m_sd=noise, ratio=1.0, bound_x=bound, bound_m=bound)
    for ratios in detectable_ratios(flows, QUARTER):
        if ratios[0] > 0.0:
            cells = replace(drawn(1.0, noise, bounds=(bound, bound)))
            moved = replace(cells, m=cells.m - 1.0 + ratios[0])
            assert 0.77 <= share(moved, 1, -1) <= 0.83
            further = replace(cells, m=cells.m - 1.0 + 1.0 + 1.3 * (ratios[0] - 1.0))
            assert share(further, 1, -1) > 0.83


@pytest.mark.parametrize(("noise", "band"), [(0.03, Band(tolerance=0.1)), (0.05, QUARTER), (0.07, QUARTER)])
def test_the_plan_foretells_how_often_equal_flows_correspond(noise: float, band: Band) -> None:
    flows = expected(x=1.0, x_sd=noise, m_sd=noise, ratio=1.0, bound_x=0.01)
    planned = float(chance_corresponds(flows, band)[0])
    seen = share(drawn(1.0, noise, bounds=(0.01, 0.0)), 0, band=band)
    assert seen == pytest.approx(planned, abs=0.01)
    assert 0.02 < planned < 0.95


@pytest.mark.parametrize("ratio", [0.82, 1.18, 1.3])
def test_the_plan_foretells_how_often_unequal_flows_correspond(ratio: float) -> None:
    flows = expected(x=1.0, x_sd=0.04, m_sd=0.04 * ratio, ratio=ratio)
    planned = float(chance_corresponds(flows, QUARTER)[0])
    assert share(drawn(ratio, 0.04), 0) == pytest.approx(planned, abs=0.01)
    assert planned < 0.5


@pytest.mark.parametrize(
    ("tolerance", "noise", "chance"), [(0.10, 0.02, 0.84), (0.10, 0.03, 0.22), (0.10, 0.036, 0.0), (0.25, 0.09, 0.0)]
)
def test_chances_of_corresponding_that_the_band_was_chosen_by(tolerance: float, noise: float, chance: float) -> None:
    seen = foresee(x=1.0, x_sd=noise, m_sd=noise, band=Band(tolerance=tolerance))
    assert seen.p_corresponds == pytest.approx(chance, abs=0.005)


def test_detectable_ratios_by_hand() -> None:
    seen = foresee(x=50.0, x_sd=1.0, m_sd=1.0, band=QUARTER)
    assert seen.detectable_high == pytest.approx(1.25 + 2.801585 * 0.02 * np.sqrt(2.5625), abs=1e-6)
    assert seen.detectable_low == pytest.approx(0.80 - 2.801585 * 0.02 * np.sqrt(1.64), abs=1e-6)


def test_what_cannot_be_detected_is_none() -> None:
    assert foresee(x=1.0, x_sd=0.5, m_sd=0.5, band=QUARTER).detectable_low is None
    open_x = foresee(x=1.0, x_sd=0.01, m_sd=0.01, band=QUARTER, bound_x=np.inf)
    assert (open_x.detectable_high, open_x.p_corresponds) == (None, 0.0)
    assert open_x.detectable_low is not None
    open_m = foresee(x=1.0, x_sd=0.01, m_sd=0.01, band=QUARTER, bound_m=np.inf)
    assert (open_m.detectable_low, open_m.p_corresponds) == (None, 0.0)


def test_without_noise_the_chances_are_0_or_1() -> None:
    flows = expected(x=1.0, x_sd=0.0, m_sd=0.0, ratio=[0.5, 1.0, 2.0])
    assert chance_corresponds(flows, QUARTER).tolist() == [0.0, 1.0, 0.0]
    one_sided = expected(x=1.0, x_sd=0.0, m_sd=0.05, ratio=1.0)
    assert chance_corresponds(one_sided, QUARTER)[0] == pytest.approx(0.979 + 0.9988 - 1.0, abs=2e-3)


def test_chance_of_differs_agrees_with_simulation_on_both_sides() -> None:
    for ratio in (0.7, 1.3, 1.5):
        flows = expected(x=1.0, x_sd=0.05, m_sd=0.05 * ratio, ratio=ratio)
        assert share(drawn(ratio, 0.05), 1, -1) == pytest.approx(float(chance_differs(flows, QUARTER)[0]), abs=0.01)


def test_a_flow_must_be_expected_before_it_is_planned() -> None:
    with pytest.raises(InvalidComparisonError, match="expected x"):
        expected(x=[1.0, 0.0], x_sd=1.0, m_sd=1.0, ratio=1.0)
