"""The excess of large traders: 0 for who fits, exact, below the ceiling, and no more than the published policy says."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from clip_world import ALL_FLOWS, AT_THE_END, FLOWS, MONTHS, edited, integers, leaf_sums, planned, uneven_prior
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference_clip import cells_of, reference_contribution, reference_excess, reference_whitened, scaled

from release.confidential import excess as excess_module
from release.confidential.excess import added_integers, excess_square, pre_noise_excess, whitened_excess
from release.errors import ConfigError
from release.plan import PlannedMeasure
from release.policy import modelled_loss, policy_loss
from release.privacy import GRID_BITS
from release.tables import Measure

MEASURES = (Measure.VALUE, Measure.RETURNS, Measure.DECLARATIONS, Measure.TRADERS, Measure.NET_MASS)
FLAT = planned(flows=FLOWS[:2], periods=MONTHS[:2], measures=MEASURES, ceiling="2000")
_RELATIVE = dict.fromkeys(("total", "partner", "partner x chapter"), "0.07")
UNEVEN = planned(rho="3", levels=_RELATIVE, shape=uneven_prior(planned(levels=_RELATIVE), 3), ceiling="5000")
ONE_CELL = planned(rho="1/4", levels={"total": "12.34"}, ceiling="100")
WIDE = planned(ceiling="10000000")
"""A ceiling that traders of up to 3,500 times the bound stay below."""

PLANNED = [*FLAT.measures, *UNEVEN.measures, *ONE_CELL.measures, *WIDE.measures]
AMOUNTS = st.one_of(
    st.integers(-(2**75), 2**75),
    st.integers(-5, 5),
    st.integers(0, 2**24),
    st.sampled_from([2**52, 2**53 + 1, 2**62, 2**63, -(2**63), 2**64, 2**100, -(2**100)]),
)


@st.composite
def traders(draw: st.DrawFn) -> tuple[PlannedMeasure, list[dict[int, int]]]:
    """Draw a planned measure and the leaf sums of a few traders: of any size, or each leaf a part of its cap."""
    measure = draw(st.sampled_from(PLANNED))
    own = st.integers(0, len(measure.caps) - 1)
    by_caps = st.dictionaries(own, st.integers(1, 1100), max_size=9).map(
        lambda parts: {leaf: part * int(measure.caps[leaf]) // 1000 for leaf, part in parts.items()}
    )
    return measure, draw(st.lists(st.dictionaries(own, AMOUNTS, max_size=9) | by_caps, max_size=4))


def tier(measure: PlannedMeasure) -> PlannedMeasure:
    assert measure.excess is not None
    return measure.excess


def square(steps: dict[int, int]) -> int:
    return sum(step * step for step in steps.values())


@settings(max_examples=50, deadline=None)
@given(traders())
def test_the_engine_gives_the_excess_of_plain_python_bit_for_bit(
    drawn: tuple[PlannedMeasure, list[dict[int, int]]],
) -> None:
    measure, vectors = drawn
    expected = [0] * measure.cells
    for leaves in vectors:
        for cell, steps in scaled(reference_excess(leaves, measure, tier(measure)), tier(measure).bound).items():
            expected[cell] += steps
    assert pre_noise_excess(leaf_sums(vectors), measure, tier(measure)).tolist() == expected


def test_a_leaf_whose_cap_rounds_to_nothing_is_all_excess() -> None:
    measure = FLAT.measures[0]
    shut = replace(measure, caps=np.where(np.arange(len(measure.caps)) == 0, 0, measure.caps))
    leaves = {0: 10**6, 1: 10**4}
    expected = [0] * shut.cells
    for cell, steps in scaled(reference_excess(leaves, shut, tier(shut)), tier(shut).bound).items():
        expected[cell] += steps
    assert sum(map(bool, expected)) >= 2
    assert pre_noise_excess(leaf_sums([leaves]), shut, tier(shut)).tolist() == expected


@settings(max_examples=50, deadline=None)
@given(traders())
def test_what_a_trader_spends_is_at_most_its_policy_and_the_policy_at_most_the_ceiling(
    drawn: tuple[PlannedMeasure, list[dict[int, int]]],
) -> None:
    measure, vectors = drawn
    ceiling = measure.rho + tier(measure).rho
    for leaves in vectors:
        own = leaf_sums([leaves])
        loss = policy_loss(measure.rho, ceiling, excess_square(own, measure, tier(measure)))
        uniform, more = (sum(step * step for step in vector.tolist()) for vector in added_integers(own, measure))
        assert min(pre_noise_excess(own, measure, tier(measure)), default=0) >= 0
        assert more <= tier(measure).bound ** 2
        assert Fraction(more, 2 * 4**GRID_BITS) <= loss.excess
        assert Fraction(uniform + more, 2 * 4**GRID_BITS) <= loss.rho <= ceiling


@settings(max_examples=50, deadline=None)
@given(traders())
def test_a_trader_who_fits_has_no_excess_at_all_and_the_uniform_loss(
    drawn: tuple[PlannedMeasure, list[dict[int, int]]],
) -> None:
    measure, vectors = drawn
    for leaves in vectors:
        uncapped = reference_whitened(leaves, replace(measure, caps=tier(measure).caps))
        fits = uncapped == reference_contribution(leaves, measure)
        excess = whitened_excess(leaf_sums([leaves]), measure, tier(measure))
        assert excess.is_empty() if fits else True
        loss = policy_loss(
            measure.rho, measure.rho + tier(measure).rho, excess_square(leaf_sums([leaves]), measure, tier(measure))
        )
        assert loss.alike or not fits


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 8), st.integers(0, 2**33), min_size=1, max_size=9))
def test_both_tiers_together_recover_the_unclipped_value_within_a_grid_step_of_each(leaves: dict[int, int]) -> None:
    measure = WIDE.measures[0]
    excess = tier(measure)
    assume(all(amount <= excess.caps[leaf] for leaf, amount in leaves.items()))
    assume(excess_square(leaf_sums([leaves]), measure, excess) <= excess.bound**2)
    uniform, more = added_integers(leaf_sums([leaves]), measure)
    offset = 0
    for level, its in zip(measure.levels, excess.levels, strict=True):
        whole = [0] * level.cells
        for leaf, amount in leaves.items():
            for cell in cells_of(level, leaf):
                whole[cell] += amount
        for cell, amount in enumerate(whole):
            one, other = Fraction(float(level.weights[cell])), Fraction(float(its.weights[cell]))
            told = int(uniform[offset + cell]) / one + int(more[offset + cell]) / other
            missing = amount - told
            assert -amount * Fraction(1, 2**50) <= missing < 1 / one + 1 / other + amount * Fraction(1, 2**50)
        offset += level.cells


@pytest.mark.parametrize("name", ["flat", "uneven", "wide"])
def test_where_only_the_norm_binds_the_excess_is_what_the_norm_cut_off(name: str) -> None:
    measure = {"flat": FLAT, "uneven": UNEVEN, "wide": WIDE}[name].measures[0]
    leaves = {leaf: int(measure.caps[leaf]) * 9 // 10 for leaf in range(9)}
    whole = reference_whitened(leaves, measure)
    assert square(whole) > measure.bound**2
    (kept,) = integers([leaves], measure)
    found = whitened_excess(leaf_sums([leaves]), measure, tier(measure))
    told = dict(zip(found["cell"].to_list(), found["a"].to_list(), strict=True))
    assert told
    assert told == {cell: step for cell, step in reference_excess(leaves, measure, tier(measure)).items() if step}
    assert all(kept[cell] < whole[cell] for cell in told)


def test_where_only_a_leafs_cap_binds_the_excess_is_what_the_cap_cut_off() -> None:
    measure = next(one for one in planned(rho="1/2", ceiling="10000").measures)
    leaves = {0: 3 * int(measure.caps[0])}
    (kept,) = integers([leaves], measure)
    capped = reference_whitened(leaves, measure)
    assert {cell: step for cell, step in enumerate(kept) if step} == capped, "the norm binds here as well"
    excess = reference_excess(leaves, measure, tier(measure))
    for (cell, step), level, its in zip(excess.items(), measure.levels, tier(measure).levels, strict=True):
        expected = 2 * int(measure.caps[0]) * float(its.weights[0])
        assert step == pytest.approx(expected, rel=1e-6), (cell, level.level)
    assert excess_square(leaf_sums([leaves]), measure, tier(measure)) == square(excess)


@pytest.mark.parametrize("measure", [one for one in PLANNED if one.measure is not Measure.TRADERS])
def test_a_leaf_beyond_what_is_looked_at_is_above_the_ceiling_so_that_nothing_hangs_on_the_rest(
    measure: PlannedMeasure,
) -> None:
    excess = tier(measure)
    for leaf in range(0, len(measure.caps), 4):
        losses = [
            policy_loss(
                measure.rho,
                measure.rho + excess.rho,
                excess_square(leaf_sums([{leaf: times * int(excess.caps[leaf])}]), measure, excess),
            )
            for times in (1, 2, 2**40)
        ]
        assert losses[0] == losses[1] == losses[2]
        assert losses[0].binds


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 2), st.integers(1, 2**34), min_size=1, max_size=3))
def test_the_model_of_the_policy_agrees_with_the_exact_one(leaves: dict[int, int]) -> None:
    measure = UNEVEN.measures[0]
    exact = policy_loss(
        measure.rho, measure.rho + tier(measure).rho, excess_square(leaf_sums([leaves]), measure, tier(measure))
    )
    amounts = np.array([leaves.get(leaf, 0) / measure.minor_units for leaf in range(3)])
    assert modelled_loss(measure, np.arange(3), amounts) == pytest.approx(float(exact.rho), rel=1e-5, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 8), st.integers(1, 2**60), st.integers(1, 2**60))
def test_more_trade_in_a_leaf_never_lowers_the_policy_loss_of_a_trader_of_one_leaf(
    leaf: int, one: int, more: int
) -> None:
    measure = UNEVEN.measures[0]
    losses = [excess_square(leaf_sums([{leaf: amount}]), measure, tier(measure)) for amount in (one, one + more)]
    assert losses[0] <= losses[1]


def test_the_number_of_traders_is_excess_of_an_indicator_and_exact() -> None:
    measure = planned(measures=(Measure.TRADERS,), levels={"total": "2", "partner": "1.2"}, ceiling="50").measures[0]
    many = dict.fromkeys(range(9), 1)
    assert pre_noise_excess(leaf_sums([many]), measure, tier(measure)).any()
    assert whitened_excess(leaf_sums([many] * 3), measure, tier(measure))["trader"].n_unique() == 3


def test_no_records_at_all_give_no_excess() -> None:
    for measure in PLANNED:
        assert pre_noise_excess(leaf_sums([]), measure, tier(measure)).tolist() == [0] * measure.cells


def test_scales_whose_excess_might_not_fit_its_type_are_refused() -> None:
    near = {"total": "4e15", "partner x chapter": "8e15"}
    assert planned(levels=near).measures[0].excess is None
    with pytest.raises(ConfigError):
        planned(levels=near, ceiling="2000")


ROUNDED = {
    'whole = whitened(capped(amounts.join(large, on="trader", how="semi"), excess), measure)': (
        "whole = _rounded(capped(amounts, excess), measure)"
    ),
    'kept = clip(fitted.join(large, on="trader", how="semi"), measure.bound)': "kept = clip(fitted, measure.bound)",
    AT_THE_END: (
        "\ndef _rounded(amounts, measure):\n    return whitened(amounts, measure).with_columns(pl.col('a') + 1)\n"
    ),
}


def test_an_excess_from_another_rounding_is_caught_since_a_fitting_trader_has_one(tmp_path: Path) -> None:
    broken = edited(excess_module, place=tmp_path, name="mutant_rounded", edits=ROUNDED)
    measure = FLAT.measures[0]
    fitting = leaf_sums([{0: 5}])
    assert excess_square(fitting, measure, tier(measure)) == 0
    assert broken.whitened_excess(fitting, measure, tier(measure))["a"].sum() > 0


def test_a_trader_on_several_thousand_leaves_spends_its_policy_and_equals_plain_python() -> None:
    plan = planned(
        rho="3/4",
        chapters=tuple(f"{chapter:02}" for chapter in range(1, 12)),
        flows=ALL_FLOWS,
        periods=MONTHS,
        ceiling="900",
    )
    measure = plan.measures[0]
    chance = np.random.default_rng(7)
    full = {leaf: 10**6 * factor for leaf, factor in enumerate(chance.integers(-1, 9, plan.layout.leaves).tolist())}
    expected = reference_excess(full, measure, tier(measure))
    assert len(full) > 1_000
    found = whitened_excess(leaf_sums([full]), measure, tier(measure))
    assert dict(zip(found["cell"].to_list(), found["a"].to_list(), strict=True)) == {
        cell: steps for cell, steps in expected.items() if steps
    }
    spent = square(scaled(expected, tier(measure).bound))
    assert spent <= min(square(expected), tier(measure).bound ** 2)
    assert found["a"].dtype == pl.Int64
