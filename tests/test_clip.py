"""The clip keeps its norm and equals the same arithmetic in plain integers, whatever a trader's records are."""

from dataclasses import replace
from fractions import Fraction
from itertools import starmap

import numpy as np
import polars as pl
import pytest
from clip_world import ALL_FLOWS, FLOWS, MONTHS, integers, leaf_sums, planned, uneven_prior
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_clip import cells_of, reference_contribution, reference_pre_noise, reference_whitened, scaled

from release.codelists import area_codes
from release.confidential import clip
from release.errors import ConfigError
from release.plan import PlannedMeasure
from release.tables import Measure

MEASURES = (Measure.VALUE, Measure.RETURNS, Measure.DECLARATIONS, Measure.TRADERS, Measure.NET_MASS)
FLAT = planned(flows=FLOWS[:2], periods=MONTHS[:2], measures=MEASURES)
"""Four blocks of nine leaves."""

_RELATIVE = dict.fromkeys(("total", "partner", "partner x chapter"), "0.07")
UNEVEN = planned(rho="3", levels=_RELATIVE, shape=uneven_prior(planned(levels=_RELATIVE), 3))
ONE_CELL = planned(rho="1/4", levels={"total": "12.34"})
"""One cell fed by nine leaves: every gather is from a series of one."""

PLANNED = [*FLAT.measures, *UNEVEN.measures, *ONE_CELL.measures]
AMOUNTS = st.one_of(
    st.integers(-(2**75), 2**75),
    st.integers(-5, 5),
    st.integers(0, 2**20),
    st.sampled_from([2**52, 2**53 + 1, 2**62, 2**63, -(2**63), 2**64, 2**100, -(2**100)]),
)


@st.composite
def traders(draw: st.DrawFn) -> tuple[PlannedMeasure, list[dict[int, int]]]:
    """Draw a planned measure and the leaf sums of a few traders."""
    measure = draw(st.sampled_from(PLANNED))
    leaves = st.dictionaries(st.integers(0, len(measure.caps) - 1), AMOUNTS, max_size=12)
    return measure, draw(st.lists(leaves, max_size=5))


@settings(max_examples=300)
@given(traders())
def test_the_engine_gives_the_integers_of_plain_python_bit_for_bit(
    drawn: tuple[PlannedMeasure, list[dict[int, int]]],
) -> None:
    measure, vectors = drawn
    assert clip.pre_noise(leaf_sums(vectors), measure).tolist() == reference_pre_noise(vectors, measure)


@settings(max_examples=300)
@given(traders())
def test_no_trader_exceeds_the_integer_norm_or_goes_below_zero(
    drawn: tuple[PlannedMeasure, list[dict[int, int]]],
) -> None:
    measure, vectors = drawn
    for steps in integers(vectors, measure):
        assert sum(step * step for step in steps) <= measure.bound**2
        assert min(steps) >= 0


@given(st.lists(st.integers(0, 2**61), min_size=1, max_size=40), st.integers(1, 2**30))
def test_the_scaled_integers_keep_any_bound(whitened: list[int], bound: int) -> None:
    steps = scaled(dict(enumerate(whitened)), bound)
    assert sum(step * step for step in steps.values()) <= bound**2
    assert all(0 <= step <= whitened[cell] for cell, step in steps.items())


@given(st.integers(0, 2**130))
def test_the_ceiling_root_is_the_smallest_integer_whose_square_is_no_less(square: int) -> None:
    root = clip.ceiling_root(square)
    assert root * root >= square
    assert root == 0 or (root - 1) ** 2 < square


@given(st.integers(1, 2**64))
def test_the_ceiling_root_is_exact_beside_a_square(root: int) -> None:
    assert clip.ceiling_root(root * root) == root
    assert clip.ceiling_root(root * root + 1) == root + 1


@pytest.mark.parametrize("size", [1, 3, 10**6, 2**62, 2**100])
def test_ten_thousand_leaves_of_any_size_keep_the_norm_and_equal_plain_python(size: int) -> None:
    plan = planned(
        rho="3/4",
        partners=area_codes()[:20],
        chapters=tuple(f"{chapter:02}" for chapter in range(1, 12)),
        flows=ALL_FLOWS,
        periods=MONTHS,
    )
    measure = plan.measures[0]
    chance = np.random.default_rng(7)
    full = {leaf: size * factor for leaf, factor in enumerate(chance.integers(-1, 9, plan.layout.leaves).tolist())}
    assert len(full) > 10_000
    (steps,) = integers([full], measure)
    assert dict(enumerate(steps)) == dict.fromkeys(range(measure.cells), 0) | reference_contribution(full, measure)
    norm = sum(step * step for step in steps)
    assert norm <= measure.bound**2
    assert size < 10**6 or norm >= (0.999 * measure.bound) ** 2


@given(st.integers(0, 8), st.integers(0, 2**70), st.integers(1, 2**70))
def test_a_return_lowers_its_own_leaf_only(leaf: int, bought: int, returned: int) -> None:
    measure = UNEVEN.measures[0]
    others = {other: 1000 + other for other in range(9) if other != leaf}
    before = reference_whitened({**others, leaf: bought}, measure)
    after = reference_whitened({**others, leaf: bought - returned}, measure)
    assert all(after[cell] <= before[cell] for cell in before)
    below_zero, absent = integers([{**others, leaf: -returned}, others], measure)
    assert below_zero == absent


@given(st.lists(st.integers(-(2**70), -1), min_size=1, max_size=9))
def test_a_trader_of_returns_alone_contributes_nothing(amounts: list[int]) -> None:
    (steps,) = integers([dict(enumerate(amounts))], UNEVEN.measures[0])
    assert not any(steps)


@given(st.dictionaries(st.integers(0, 35), st.integers(1, 2000), min_size=1, max_size=6))
def test_a_trader_who_fits_is_not_touched(leaves: dict[int, int]) -> None:
    measure = FLAT.measures[0]
    (steps,) = integers([leaves], measure)
    exact = [0.0] * measure.cells
    offset = 0
    for level in measure.levels:
        for leaf, amount in leaves.items():
            for cell in cells_of(level, leaf):
                exact[offset + cell] += amount * float(level.weights[cell])
        offset += level.cells
    assert all(0 <= whole - step < 1 + 1e-6 for whole, step in zip(exact, steps, strict=True))


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60))
def test_truncation_takes_less_than_one_grid_step_a_trader_from_a_cell(amounts: list[int]) -> None:
    measure = FLAT.measures[0]
    vector = clip.pre_noise(leaf_sums([{0: amount} for amount in amounts]), measure)
    exact = sum(Fraction(amount) * Fraction(float(measure.levels[0].weights[0])) for amount in amounts)
    assert 0 <= exact - int(vector[0]) < len(amounts) + Fraction(1, 1000)


def test_equal_traders_can_lose_nearly_a_whole_step_each_in_a_count() -> None:
    measure = planned(levels={"total": "10.0000005"}, measures=(Measure.TRADERS,)).measures[0]
    weight = Fraction(float(measure.levels[0].weights[0]))
    lost = weight - int(weight)
    vector = clip.pre_noise(leaf_sums([{0: 1}] * 1000), measure)
    assert 1000 * weight - int(vector[0]) == 1000 * lost > 500


@given(st.permutations(range(12)), st.integers(1, 5))
def test_the_order_and_chunks_of_rows_change_nothing(order: list[int], chunks: int) -> None:
    measure = UNEVEN.measures[0]
    whole = leaf_sums([{leaf: 10 ** (leaf + trader) for leaf in range(3)} for trader in range(4)])
    parts = starmap(whole[order].slice, ((first, chunks) for first in range(0, 12, chunks)))
    assert clip.pre_noise(pl.concat(parts, rechunk=False), measure).tolist() == clip.pre_noise(whole, measure).tolist()


def test_no_records_at_all_give_a_vector_of_zeros() -> None:
    for measure in PLANNED:
        assert clip.pre_noise(leaf_sums([]), measure).tolist() == [0] * measure.cells


def test_a_trader_whose_norm_should_still_exceed_the_bound_contributes_nothing_and_stops_nobody() -> None:
    negatives = pl.DataFrame({"trader": [1, 1, 2], "cell": [0, 1, 0], "a": [-1, -1, 1]})
    clipped = clip.clip(negatives.cast({"trader": pl.UInt32, "cell": pl.UInt32, "a": pl.Int64}), 1)
    assert clipped.sort("trader").rows() == [(2, 0, 1)]


def test_sums_and_squares_beside_the_limits_of_their_types_are_exact() -> None:
    near = planned(levels={"total": "4e15", "partner x chapter": "8e15"}).measures[0]
    assert 2**61 < int(near.caps.sum()) < 2**62
    vectors = [dict.fromkeys(range(9), 2**70), {0: int(near.caps[0]) + 1, 8: int(near.caps[8]) - 1}]
    assert integers(vectors, near) == [_dense(leaves, near) for leaves in vectors]
    whole = planned(levels={"total": "9", "partner": "9"}, measures=(Measure.TRADERS,)).measures[0]
    fine = tuple(replace(level, weights=np.full(level.cells, 2.0**24 / 1e-6)) for level in whole.levels)
    counted = replace(whole, levels=fine)  # finer than any plan allows
    assert max(reference_whitened({0: 1}, counted).values()) > 2**43
    assert integers([{0: 1, 8: 1}], counted) == [_dense({0: 1, 8: 1}, counted)]


@pytest.mark.parametrize(("measure", "sd"), [(Measure.VALUE, "1e16"), (Measure.DECLARATIONS, "1e15")])
def test_scales_whose_sums_might_not_fit_are_refused(measure: Measure, sd: str) -> None:
    with pytest.raises(ConfigError):
        planned(levels={"total": sd}, measures=(measure,))


def _dense(leaves: dict[int, int], measure: PlannedMeasure) -> list[int]:
    steps = reference_contribution(leaves, measure)
    return [steps.get(cell, 0) for cell in range(measure.cells)]


def test_an_indicator_of_a_trader_counts_once_a_cell_however_many_its_lines() -> None:
    traders_measure = FLAT.measures[MEASURES.index(Measure.TRADERS)]
    one, many = integers([{0: 1}, {0: 2**90}], traders_measure)
    assert one == many
    assert any(one)


def test_a_trader_with_one_large_integer_keeps_the_whole_bound() -> None:
    one = pl.DataFrame({"trader": [7], "cell": [0], "a": [3 * 2**24]}, schema_overrides={"cell": pl.UInt32})
    assert clip.clip(one, 2**24)["u"].to_list() == [2**24]
