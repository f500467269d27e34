"""The planner's predictions: what must hold of them whatever the prior and the assumption."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offices import OFFICE
from scipy.stats import norm

from release.config import load_release
from release.config.priors import Assumption, TopShare
from release.plan import PlannedLevel, PriorFigures, ReleasePlan, make_plan
from release.planner import forecast, reach_targets, suggest
from release.planner.clipping import clipped_mass, indexed
from release.planner.outlook import leaf_masses, outlook, reconciled_sd
from release.planner.population import Population, moved, populate
from release.planner.precision import median_error, median_errors, size_bands
from release.planner.scales import covering
from release.planner.search import descend
from release.planner.sizes import shares, stretches
from release.tables import Level, Measure, cell_count, cells_of_leaves

SMALL = Assumption(traders=400, top=3, top_share=Fraction(1, 4))
RELEASE = """
release = "2024"
title = "Trade of 2024"
year = 2024
periods = ["2024-Q1", "2024-Q2"]
flows = ["M", "X"]
[source]
name = "declarations"
layout = "csv"
[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
[keys]
partners = ["DE", "FR", "US"]
chapters = ["01", "27", "84"]
[prior]
table = "2023.csv"
publisher = "us"
period = "2023"
published = "2024-01-31"
[assumption]
traders = 400
top = 3
top_share = "0.25"
[[measures]]
name = "value"
rho = "2"
levels = [
    { level = "total", relative_noise = "0.05", floor = "1e6" },
    { level = "partner", relative_noise = "0.1", floor = "1e6", target = "0.1" },
    { level = "chapter", relative_noise = "0.1", floor = "1e6" },
    { level = "partner x chapter", relative_noise = "0.3", floor = "1e5" },
]
[[measures]]
name = "declarations"
rho = "1/4"
levels = [{ level = "total", noise_sd = "20" }]
"""


WITHOUT_PRIOR = re.sub(
    r'relative_noise = "[0-9.]+", floor = "[0-9e]+"', 'noise_sd = "1e6"', re.sub(r"\[prior\][^\[]*", "", RELEASE)
)


def planned(folder: Path, release: str = RELEASE, *, seed: int = 1) -> ReleasePlan:
    """Return a plan whose prior adds up, heavy-tailed over partners and chapters."""
    (folder / "office.toml").write_text(OFFICE)
    (folder / "2024.toml").write_text(release)
    office, config = load_release(folder / "2024.toml")
    bare = make_plan(office, config)
    if config.prior is None:
        return bare
    leaves = np.exp(np.random.default_rng(seed).normal(16, 1.5, size=bare.layout.leaves))
    figures = {
        (Measure.VALUE, level): np.bincount(cells_of_leaves(bare.layout, level), leaves)
        for level in (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER)
    }
    prior = PriorFigures(
        publisher="us",
        period="2023",
        published="2024-01-31",
        digest="0" * 64,
        growth=Fraction(1),
        same_account=False,
        figures=figures,
    )
    return make_plan(office, config, prior)


masses = st.integers(0, 2**32 - 1).map(
    lambda seed: np.exp(np.random.default_rng(seed).normal(10, 2, size=(2, 2, 4, 3)))
)
assumptions = st.builds(
    Assumption,
    traders=st.integers(50, 3000),
    top=st.integers(1, 10),
    top_share=st.fractions(Fraction(1, 4), Fraction(9, 10), max_denominator=100),
    partners=st.fractions(1, 6, max_denominator=10),
    chapters=st.fractions(1, 4, max_denominator=10),
)


@given(assumption=assumptions)
@settings(max_examples=60, deadline=None)
def test_the_largest_traders_hold_the_share_that_is_assumed(assumption):
    assert shares(assumption, assumption.top).sum() == pytest.approx(float(assumption.top_share), rel=1e-6)
    whole = shares(assumption, assumption.traders)
    assert whole.sum() == pytest.approx(1.0, rel=1e-6)
    assert (np.diff(whole) <= 0).all()


PUBLISHED = (TopShare(top=20, share=Fraction(3, 10)), TopShare(top=1000, share=Fraction(66, 100)))


@pytest.mark.parametrize("traders", [5_000, 300_000])
def test_every_published_share_is_held_and_no_trader_is_larger_than_the_one_before(traders):
    assumption = Assumption(traders=traders, further=PUBLISHED)
    sizes = shares(assumption, traders)
    for top, share in ((5, 0.2), (20, 0.3), (1000, 0.66), (traders, 1.0)):
        assert sizes[:top].sum() == pytest.approx(share, rel=1e-6)
    assert (np.diff(sizes) <= 1e-12).all()


@pytest.mark.parametrize(
    "further",
    [
        (TopShare(top=5, share=Fraction(3, 10)),),
        (TopShare(top=20, share=Fraction(1, 5)),),
        (TopShare(top=20, share=Fraction(9, 10)),),
        (TopShare(top=20, share=Fraction(3, 10)), TopShare(top=10, share=Fraction(4, 10))),
        (TopShare(top=20, share=Fraction(3, 10)), TopShare(top=1000, share=Fraction(1))),
    ],
)
def test_further_shares_that_no_traders_could_hold_are_refused(further):
    with pytest.raises(ValueError, match="further shares"):
        Assumption(further=further)


def test_a_trader_has_the_same_goods_with_all_its_partners():
    room = np.full((1, 1, 40, 30), 1e6)
    broad = Assumption(traders=1000, top=5, top_share=Fraction(1, 100), partners=Fraction(8), chapters=Fraction(2))
    people = populate(room, broad, np.random.default_rng(2))
    own = people.leaves[people.traders == 0]
    assert len(set(own // 30)) > 3
    assert len(set(own % 30)) < len(own) / 1.5


def test_a_large_piece_of_trade_stands_where_there_is_room_for_it():
    room = np.full((1, 1, 50, 1), 1.0)
    room[0, 0, 7] = 60.0
    lone = Assumption(traders=1000, top=1, top_share=Fraction(1, 2), partners=Fraction(1), chapters=Fraction(1))
    people = populate(room, lone, np.random.default_rng(3))
    assert people.leaves[people.traders == 0].tolist() == [7]
    assert people.amounts[people.traders == 0].sum() == pytest.approx(0.5 * room.sum())


def test_the_largest_traders_lean_to_one_flow_by_the_stated_part():
    room = np.full((2, 1, 30, 5), 1e6)
    both = Assumption(traders=200, top=5, top_share=Fraction(1, 20), partners=Fraction(12), main_flow=Fraction(9, 10))
    found = []
    for seed in range(10):
        people = populate(room, both, np.random.default_rng(seed))
        for trader in range(5):
            own = people.traders == trader
            parts = np.bincount(people.leaves[own] // 150, people.amounts[own], 2)
            found.append(parts.max() / parts.sum())
    assert np.mean(found) == pytest.approx(0.9, abs=0.03)


def test_the_stated_spread_is_the_mean_over_the_top_and_falls_with_the_rank_among_them():
    room = np.full((1, 1, 400, 1), 1e6)
    broad = Assumption(traders=200, top=5, top_share=Fraction(1, 20), partners=Fraction(10), narrowing=Fraction(1, 2))
    spreads = np.zeros((30, 5))
    for seed in range(30):
        people = populate(room, broad, np.random.default_rng(seed))
        for trader in range(5):
            own = people.amounts[people.traders == trader]
            spreads[seed, trader] = (own.sum() ** 2) / (own**2).sum()
    assert spreads.mean() == pytest.approx(10, rel=0.15)
    assert spreads[:, 0].mean() > 1.5 * spreads[:, 4].mean()


def test_a_year_moves_amounts_by_factors_of_mean_one():
    many = Population(traders=np.arange(200_000), leaves=np.zeros(200_000, dtype=int), amounts=np.ones(200_000))
    later = moved(many, 0.34, np.random.default_rng(1)).amounts
    assert later.mean() == pytest.approx(1.0, abs=0.005)
    assert np.log(later).std() == pytest.approx(0.34, rel=0.01)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_median_of_many_cells_with_drawn_prior_errors_is_near_the_expected_one(seed):
    rng = np.random.default_rng(seed)
    noise, bias = rng.uniform(0.05, 0.4, 4000), rng.uniform(0, 0.5, 4000)
    drawn = median_errors(noise * np.exp(0.34 * rng.normal(size=(3, 4000))), np.tile(bias, (3, 1)))
    assert drawn == pytest.approx(median_error(noise, bias[None, :], 0.34), rel=0.05)


def test_sums_beyond_ten_thousand_traders_are_those_of_all_terms():
    assumption = Assumption(traders=200_000)
    exact = np.arange(1.0, 200_001.0) ** -stretches(assumption)[0].exponent
    assert exact[:5].sum() / exact.sum() == pytest.approx(0.2, rel=1e-6)


@given(room=masses, assumption=assumptions, seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_population_fits_into_its_priors_and_each_trader_stands_once_in_a_leaf(room, assumption, seed):
    population = populate(room, assumption, np.random.default_rng(seed))
    sums = np.bincount(population.leaves, population.amounts, room.size)
    assert (sums <= room.ravel() * (1 + 1e-9)).all()
    keys = population.traders * room.size + population.leaves
    assert len(np.unique(keys)) == keys.size
    assert (population.amounts > 0).all()


def test_a_population_holds_most_of_its_priors():
    room = np.exp(np.random.default_rng(3).normal(10, 1, size=(2, 1, 30, 40)))
    population = populate(room, Assumption(traders=20_000), np.random.default_rng(1))
    assert population.amounts.sum() > 0.9 * room.sum()


def test_a_trader_trades_in_every_period_by_the_periods_part():
    room = np.ones((1, 1, 3, 3))
    twice = np.concatenate([room, 3 * room], axis=1)
    population = populate(twice, SMALL, np.random.default_rng(1))
    first = population.leaves < 9
    assert population.amounts[first].sum() * 3 == pytest.approx(population.amounts[~first].sum())


def test_a_prior_of_one_cell_leaves_nothing_over():
    room = np.zeros((1, 1, 2, 2))
    room[0, 0, 0, 0] = 5.0
    population = populate(room, Assumption(traders=10, top=2, top_share=Fraction(9, 10)), np.random.default_rng(1))
    assert set(population.leaves) == {0}
    assert population.amounts.sum() == pytest.approx(5.0)


def grouped(*cells: np.ndarray) -> tuple[PlannedLevel, ...]:
    """Return levels whose leaves add to these cells."""
    return tuple(
        PlannedLevel(
            level=Level.TOTAL,
            weights=np.ones(cell.max() + 1),
            sd=np.ones(cell.max() + 1),
            prior=None,
            groupings=(cell.astype(np.uint32),),
        )
        for cell in cells
    )


def by_hand(population: Population, cells: list[np.ndarray], sds: list[np.ndarray], bound: float) -> np.ndarray:
    """Return the clipped mass by leaf, trader by trader in plain loops."""
    taken = np.zeros(cells[0].size)
    for trader in set(population.traders):
        own = np.zeros(cells[0].size)
        for leaf, amount in zip(
            population.leaves[population.traders == trader],
            population.amounts[population.traders == trader],
            strict=True,
        ):
            own[leaf] = amount
        caps = bound / np.sqrt(sum(1 / sd[cell] ** 2 for sd, cell in zip(sds, cells, strict=True)))
        capped = np.minimum(own, caps)
        squares = sum(((np.bincount(cell, capped) / sd) ** 2).sum() for sd, cell in zip(sds, cells, strict=True))
        taken += own - capped * min(1.0, bound / np.sqrt(squares))
    return taken


@given(room=masses, bound=st.floats(0.1, 20), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_predicted_clipping_is_that_of_plain_loops_over_traders(room, bound, seed):
    population = populate(room, replace(SMALL, traders=60), np.random.default_rng(seed))
    leaves = np.arange(room.size)
    cells = [leaves // 12, leaves // 3, leaves]
    sds = [0.2 * np.bincount(cell, room.ravel()) for cell in cells]
    found = clipped_mass(indexed(population, grouped(*cells)), sds, bound)
    assert found[2] == pytest.approx(by_hand(population, cells, sds, bound), rel=1e-9, abs=1e-6)
    assert found[1] == pytest.approx(np.bincount(cells[1], found[2]), abs=1e-6)


@given(room=masses, bound=st.floats(0.1, 5), seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_larger_bound_never_takes_more_and_never_more_than_there_is(room, bound, seed):
    population = populate(room, SMALL, np.random.default_rng(seed))
    leaves = np.arange(room.size)
    own = indexed(population, grouped(leaves // 3, leaves))
    sds = [0.2 * np.bincount(leaves // 3, room.ravel()), 0.5 * room.ravel()]
    less, more = (clipped_mass(own, sds, size)[1].sum() for size in (bound, 2 * bound))
    assert -1e-6 <= more <= less + 1e-6
    assert less <= population.amounts.sum()


def test_the_median_error_without_clipping_is_that_of_the_noise():
    assert median_error(np.array([0.1]), np.zeros((1, 1)), 1e-9) == pytest.approx(0.1 * norm.ppf(0.75), rel=1e-6)


def test_the_median_error_without_noise_is_the_clipped_part():
    assert median_error(np.array([1e-9]), np.array([[0.3]]), 1e-9) == pytest.approx(0.3, rel=1e-6)


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_median_error_is_that_of_a_simulation(seed):
    rng = np.random.default_rng(seed)
    noise, bias = rng.uniform(0.02, 0.5, size=20), rng.uniform(0, 0.4, size=(3, 20))
    draws = np.exp(0.3 * rng.normal(size=(4000, 1, 20))) * noise * rng.normal(size=(4000, 1, 20)) - bias
    assert median_error(noise, bias, 0.3) == pytest.approx(np.median(np.abs(draws)), rel=0.03)


@given(st.lists(st.just(0.0) | st.floats(1e-3, 1e13), min_size=1, max_size=50).map(np.array))
@settings(max_examples=60, deadline=None)
def test_every_cell_with_a_prior_lies_in_one_band(prior):
    held = sum(band.holds(prior).astype(int) for band in size_bands(prior))
    assert np.array_equal(np.broadcast_to(held, prior.shape) == 1, prior > 0)


@given(st.lists(st.floats(1, 1e12), min_size=1, max_size=50).map(np.array))
def test_the_cells_that_count_hold_most_of_a_level_and_are_its_largest(prior):
    chosen = covering(prior)
    assert prior[chosen].sum() >= 0.95 * prior.sum() * (1 - 1e-12)
    assert chosen.all() or prior[chosen].min() >= prior[~chosen].max()


def test_leaves_are_brought_to_the_partners_own_priors(tmp_path):
    plan = planned(tmp_path)
    measure = plan.measures[0]
    partners = replace(measure.levels[1], prior=2 * measure.levels[1].prior)
    doubled = replace(measure, levels=(measure.levels[0], partners, *measure.levels[2:]))
    masses = leaf_masses(doubled, plan.layout)
    assert masses.sum(axis=3).ravel() == pytest.approx(partners.prior)


@pytest.mark.parametrize("kept", [(0,), (1,), (2,), (3,), (0, 1), (0, 2), (1, 2)])
def test_any_levels_prior_gives_populations(tmp_path, kept):
    plan = planned(tmp_path)
    measure = replace(plan.measures[0], levels=tuple(plan.measures[0].levels[number] for number in kept))
    masses = leaf_masses(measure, plan.layout)
    for level in measure.levels:
        summed = level.sums(masses.ravel())
        assert summed.sum() == pytest.approx(level.prior.sum())
    drawn = outlook(measure, plan.layout, SMALL, populations=1).populations[0].population
    assert drawn.amounts.sum() > 0.5 * masses.sum()


def test_predictions_are_repeatable_and_follow_the_plans_order(tmp_path):
    plan = planned(tmp_path)
    first, second = forecast(plan), forecast(plan)
    assert [(level.measure, level.level) for level in first] == [
        (measure.measure, level.level) for measure in plan.measures for level in measure.levels
    ]
    assert [level.whole for level in first] == [level.whole for level in second]


def test_reconciled_noise_is_never_above_the_levels_own(tmp_path):
    plan = planned(tmp_path)
    own = outlook(plan.measures[0], plan.layout, SMALL, populations=0)
    sds = [level.sd for level in plan.measures[0].levels]
    for before, after in zip(sds, reconciled_sd(own, sds), strict=True):
        assert (after <= before * (1 + 1e-9)).all()
        assert (after < before).any()


def test_without_a_prior_nothing_is_predicted_but_noise(tmp_path):
    plan = planned(tmp_path, WITHOUT_PRIOR)
    told = forecast(plan)
    assert all(level.whole is None and not level.bands for level in told)
    assert [level.sd.size for level in told] == [cell_count(plan.layout, level.level) for level in told]


def test_only_measures_of_value_and_mass_have_clipping_predicted(tmp_path):
    plan = planned(tmp_path)
    prior = replace(plan.prior, figures={**plan.prior.figures, (Measure.DECLARATIONS, Level.TOTAL): np.full(4, 900.0)})
    declarations = forecast(make_plan(plan.office, plan.release, prior))[-1]
    assert declarations.measure is Measure.DECLARATIONS
    assert declarations.whole.clipping_bias is None
    assert not declarations.whole.mirrors
    assert declarations.whole.noise_error == pytest.approx(norm.ppf(0.75) * 20 / 900)


def test_more_concentration_predicts_more_clipping(tmp_path):
    shared = RELEASE.replace('top_share = "0.25"', 'top_share = "0.6"')
    even, uneven = (forecast(planned(tmp_path, release))[1].whole for release in (RELEASE, shared))
    assert uneven.clipped_share > 1.5 * even.clipped_share


def test_within_a_declared_bound_no_clipping_is_predicted(tmp_path):
    declared = '[measures.declared_bound]\nsource = "a law"\namount = "1"\n[[measures]]\nname = "declarations"'
    plan = planned(tmp_path, RELEASE.replace('[[measures]]\nname = "declarations"', declared))
    told = [level.whole for level in forecast(plan)[:4]]
    assert [one.clipped_share for one in told] == [0.0] * 4
    assert all(level.whole.clipped_share > 0 for level in forecast(planned(tmp_path))[:4])


def test_the_range_over_populations_holds_the_prediction(tmp_path):
    for level in forecast(planned(tmp_path)):
        for band in level.bands:
            assert band.luckiest <= band.median_error <= band.unluckiest


def test_two_precise_offices_see_more_than_two_coarse_ones(tmp_path):
    fine = RELEASE.replace('"0.1", floor', '"0.02", floor').replace('rho = "2"', 'rho = "500"')
    coarse = forecast(planned(tmp_path))[1].whole.mirrors
    precise = forecast(planned(tmp_path, fine))[1].whole.mirrors
    assert [mirror.tolerance for mirror in precise] == [0.25, 0.10]
    assert precise[0].p_corresponds > coarse[0].p_corresponds
    assert precise[0].detectable_high < coarse[0].detectable_high
    assert precise[1].p_corresponds <= precise[0].p_corresponds


def at_loss(folder: Path, answer, release: str = RELEASE) -> ReleasePlan:
    """Return the plan with the answer's loss and its factor on all scales."""
    factor = Fraction(answer.scale_factor).limit_denominator(10**6)
    for part in ("0.05", "0.1", "0.3"):
        release = release.replace(f'relative_noise = "{part}"', f'relative_noise = "{Fraction(part) * factor}"')
    return planned(folder, release.replace('rho = "2"', f'rho = "{answer.rho}"'))


def test_the_loss_that_is_found_reaches_the_target_and_a_tenth_less_does_not(tmp_path):
    (answer,) = reach_targets(planned(tmp_path))
    assert answer.rho is not None
    assert answer.held_by is Level.PARTNER
    (again,) = reach_targets(at_loss(tmp_path, answer))
    assert again.targets[0].reached <= 0.1 * 1.001
    (less,) = reach_targets(at_loss(tmp_path, replace(answer, rho=answer.rho * Fraction(3, 4))))
    assert less.targets[0].reached > 0.1
    assert less.rho == pytest.approx(float(answer.rho), rel=0.15)


def test_a_target_that_clipping_forbids_is_reached_by_no_loss(tmp_path):
    (answer,) = reach_targets(planned(tmp_path), {Level.PARTNER_CHAPTER: Fraction(1, 1000)})
    assert answer.rho is None
    assert answer.scale_factor is None
    assert not answer.fits


def test_a_looser_target_costs_less(tmp_path):
    plan = planned(tmp_path)
    losses = [reach_targets(plan, {Level.PARTNER: Fraction(part, 100)})[0].rho for part in (8, 20, 40)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1]


def test_proposed_scales_are_better_by_the_planners_own_prediction_and_the_same_each_time(tmp_path):
    plan = planned(tmp_path, re.sub(r'    { level = "(chapter|partner x chapter)".*\n', "", RELEASE))
    (proposal,) = suggest(plan)
    assert proposal == suggest(plan)[0]
    assert [scale.level for scale in proposal.scales] == [Level.TOTAL, Level.PARTNER]
    weights = np.array([1, 2])
    assert weights @ np.log(proposal.after) < weights @ np.log(proposal.before)
    assert all(0 < scale.relative_noise <= 2 and scale.floor > 0 for scale in proposal.scales)


def test_a_search_ends_where_no_step_helps():
    def worth(scales):
        return sum(np.log(part / 0.1) ** 2 + np.log(floor / 1e6) ** 2 for part, floor in scales)

    found = descend(worth, [(1.0, 1e9), (0.001, 10.0)], lambda _, scale: scale[0] < 5)
    assert all(0.09 < part < 0.11 and 0.85e6 < floor < 1.15e6 for part, floor in found)


def test_a_search_keeps_to_what_is_allowed():
    found = descend(lambda scales: scales[0][0], [(1.0, 1.0)], lambda _, scale: scale[0] >= 0.2)
    assert 0.2 <= found[0][0] < 0.3
