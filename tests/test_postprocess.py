"""From noisy integers to published figures: what must hold of every table, whatever the noise was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offices import OFFICE

from release.config import load_release
from release.estimates import Figures, reconciled
from release.measurement import Measurement
from release.plan import ReleasePlan, make_plan
from release.postprocess import measured_figures, observations, shown
from release.privacy import GRID_BITS
from release.tables import Level, Measure

ADDITIVE = (Level.TOTAL, Level.PARTNER, Level.SECTION, Level.CHAPTER, Level.PARTNER_SECTION, Level.PARTNER_CHAPTER)
HEAD = """
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
chapters = ["01", "02", "27", "84"]
"""


def planned(folder: Path, levels: tuple[Level, ...] = ADDITIVE, measure: str = "value") -> ReleasePlan:
    """Return a plan with these levels, each with a noise of its own size."""
    sizes = ", ".join(
        f'{{ level = "{level}", noise_sd = "{1000 * (3 + number)}" }}' for number, level in enumerate(levels)
    )
    (folder / "office.toml").write_text(OFFICE)
    (folder / "2024.toml").write_text(f'{HEAD}[[measures]]\nname = "{measure}"\nrho = "1"\nlevels = [{sizes}]\n')
    return make_plan(*load_release(folder / "2024.toml"))


def measured(plan: ReleasePlan, seed: int, *, around: float = 0.0) -> Measurement:
    """Return a measurement of random integers around a figure, in noise standard deviations."""
    rng = np.random.default_rng(seed)
    (measure,) = plan.measures
    return Measurement(
        plan_digest=plan.digest,
        charge_hash="",
        noisy={
            (measure.measure, level.level): np.round(rng.normal(around, 1, size=level.cells) * 2**GRID_BITS).astype(
                np.int64
            )
            for level in measure.levels
        },
        weights={(measure.measure, level.level): level.weights for level in measure.levels},
    )


def sums(table: pl.DataFrame, level: Level, *keys: str) -> dict[tuple[str, ...], float]:
    own = table.filter(pl.col("level") == str(level))
    added = own.group_by("flow", "period", *keys).agg(pl.col("estimate").sum())
    return {tuple(row[:-1]): row[-1] for row in added.select("flow", "period", *keys, "estimate").iter_rows()}


def rounding(table: pl.DataFrame) -> float:
    """Return how far sums may be off because figures are stated to a hundred-thousandth of their noise."""
    return 1e-5 * float(table["measured_sd"].sum())


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> ReleasePlan:
    return planned(tmp_path_factory.mktemp("office"))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_estimates_add_up_across_levels_within_each_flow_and_period(plan, seed):
    table = observations(plan, measured(plan, seed))
    whole, off = sums(table, Level.TOTAL), rounding(table)
    for level in ADDITIVE:
        assert sums(table, level) == pytest.approx(whole, rel=1e-9, abs=off)
    assert sums(table, Level.PARTNER_CHAPTER, "partner") == pytest.approx(
        sums(table, Level.PARTNER, "partner"), abs=off
    )
    assert sums(table, Level.PARTNER_SECTION, "partner") == pytest.approx(
        sums(table, Level.PARTNER, "partner"), abs=off
    )
    assert sums(table, Level.PARTNER_CHAPTER, "product") == pytest.approx(
        sums(table, Level.CHAPTER, "product"), abs=off
    )
    assert sums(table, Level.PARTNER_SECTION, "product") == pytest.approx(
        sums(table, Level.SECTION, "product"), abs=off
    )


def test_measured_figures_dont_add_up_so_that_the_law_above_can_fail(plan):
    table = observations(plan, measured(plan, 1)).with_columns(estimate="measured")
    assert sums(table, Level.PARTNER) != pytest.approx(sums(table, Level.TOTAL), rel=1e-3)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_no_cell_is_less_precise_than_it_was_measured(plan, seed):
    table = observations(plan, measured(plan, seed))
    finest = table.filter(~pl.col("level").str.contains("section"))
    assert (finest["sd"] <= finest["measured_sd"] * (1 + 1e-9)).all()
    assert (finest["sd"] < finest["measured_sd"] * 0.999).all()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_what_is_displayed_is_never_negative_and_estimates_may_be(plan, seed):
    table = observations(plan, measured(plan, seed))
    assert (table["display"] >= 0).all()
    assert (table["estimate"] < 0).any()
    assert (table["low"] < table["estimate"]).all()
    assert (table["high"] - table["low"]).to_numpy() == pytest.approx(
        2 * 1.959963984540054 * table["sd"].to_numpy(), rel=1e-4
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> list[pl.DataFrame]:
    levels = (Level.TOTAL, Level.PARTNER, Level.SECTION, Level.CHAPTER, Level.PARTNER_CHAPTER)
    plan = planned(tmp_path_factory.mktemp("office"), levels)
    return [observations(plan, measured(plan, seed)) for seed in range(60)]


def test_estimates_are_off_by_their_stated_standard_deviations(drawn):
    scores = np.array([(table["estimate"] / table["sd"]).to_numpy() for table in drawn])
    assert np.mean(scores**2) == pytest.approx(1.0, rel=0.08)


@pytest.mark.parametrize("level", [Level.TOTAL, Level.PARTNER, Level.SECTION, Level.CHAPTER, Level.PARTNER_CHAPTER])
def test_so_are_those_of_each_level_sections_being_sums(drawn, level):
    chosen = (drawn[0]["level"] == str(level)).to_numpy()
    scores = np.array([(table["estimate"] / table["sd"]).to_numpy()[chosen] for table in drawn])
    assert np.mean(scores**2) == pytest.approx(1.0, rel=0.3)


def test_a_constant_truth_comes_back_unbiased(tmp_path):
    plan = planned(tmp_path, (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER))
    truth = np.arange(1.0, plan.layout.leaves + 1) * 1e6
    exact = {level.level: Figures(values=level.sums(truth), sd=level.sd) for level in plan.measures[0].levels}
    for level, found in reconciled(plan.layout, exact).items():
        assert found.values == pytest.approx(exact[level].values, rel=1e-12)


def test_sections_without_chapters_are_reconciled_with_their_own_measurements(tmp_path):
    plan = planned(tmp_path, (Level.TOTAL, Level.SECTION))
    table = observations(plan, measured(plan, 3))
    own = table.filter(pl.col("level") == "section")
    assert sums(table, Level.SECTION) == pytest.approx(sums(table, Level.TOTAL), abs=rounding(table))
    assert (own["sd"] < own["measured_sd"]).all()


@pytest.mark.parametrize("level", list(ADDITIVE))
def test_a_level_by_itself_is_published_as_measured(tmp_path, level):
    plan = planned(tmp_path, (level,))
    table = observations(plan, measured(plan, 5))
    assert table["estimate"].to_list() == table["measured"].to_list()
    assert table["sd"].to_list() == table["measured_sd"].to_list()


def test_traders_are_not_reconciled_because_they_dont_add_up(tmp_path):
    plan = planned(tmp_path, (Level.TOTAL, Level.PARTNER), "traders")
    table = observations(plan, measured(plan, 5))
    assert table["estimate"].to_list() == table["measured"].to_list()


def test_flows_and_periods_dont_lend_to_each_other(plan):
    first = measured(plan, 1)
    key = (Measure.VALUE, Level.TOTAL)
    moved = replace(first, noisy={**first.noisy, key: first.noisy[key] + np.array([2**30, 0, 0, 0])})
    before, after = observations(plan, first), observations(plan, moved)
    changed = before.filter(before["estimate"] != after["estimate"]).select("flow", "period").unique()
    assert changed.rows() == [("M", "2024-Q1")]


@given(
    estimate=st.floats(-1e15, 1e15),
    sd=st.floats(1e-4, 1e13),
)
def test_display_is_rounded_to_the_noises_first_digit(estimate, sd):
    (found,) = shown(np.array([estimate]), np.array([sd]))
    assert found >= 0
    place = 10.0 ** np.floor(np.log10(sd))
    assert abs(found - max(estimate, 0.0)) <= 0.5 * place * (1 + 1e-6) + 1e-9 * abs(estimate)


def test_measured_figures_are_in_the_measures_unit(plan):
    figures = measured_figures(plan.measures[0], measured(plan, 1))
    assert {level: set(np.round(found.sd)) for level, found in figures.items()} == {
        level: {1000.0 * (3 + number)} for number, level in enumerate(ADDITIVE)
    }
