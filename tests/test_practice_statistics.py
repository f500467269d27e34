"""The practice world's statistics: right on figures worked out by hand, and near their targets on a default world."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.practice import World, generate
from release.practice.statistics import (
    Statistic,
    cell_deviation,
    hill,
    mirror_cells,
    one_sided,
    pair_deviations,
    pair_means,
    read_truth,
    statistics_of,
    top_share,
)


def cells(rows: list[tuple[str, str, float | None, float | None]]) -> pl.DataFrame:
    """Cells of one pair: period, chapter, x, m."""
    columns = {"period": pl.String, "chapter": pl.String, "x": pl.Float64, "m": pl.Float64}
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(exporter=pl.lit("GB"), importer=pl.lit("IT"))


MIRRORS = cells(
    [
        ("2024-01", "01", 100.0, 110.0),
        ("2024-01", "02", 100.0, 110.0),
        ("2024-02", "01", 50.0, 50.0),
        ("2024-02", "02", None, 10.0),
        ("2024-02", "03", 10.0, None),
    ]
)


def test_a_pair_s_deviation_is_that_of_its_months_log_ratios() -> None:
    ratios = [math.log(1.1), math.log(60 / 60)]
    assert pair_deviations(MIRRORS) == pytest.approx((np.std(ratios, ddof=1),))
    assert pair_means(MIRRORS) == pytest.approx((np.mean(ratios),))


def test_cells_that_one_side_reports_count_as_one_sided_and_not_as_ratios() -> None:
    assert one_sided(MIRRORS) == pytest.approx(2 / 5)
    assert cell_deviation(MIRRORS) == pytest.approx(np.std([math.log(1.1), math.log(1.1), 0.0], ddof=1))


@given(exponent=st.floats(min_value=0.8, max_value=3.0))
def test_hill_s_estimate_finds_the_exponent_of_pareto_quantiles(exponent: float) -> None:
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    assert hill(quantiles ** (-1 / exponent), 0.05) == pytest.approx(exponent, rel=0.01)


def test_hill_s_estimate_compares_the_largest_with_the_next_smaller_value() -> None:
    assert hill(np.asarray([1.0, 8.0, 2.0, 4.0]), 0.5) == pytest.approx(2 / (math.log(4) + math.log(2)))


def test_the_top_share_is_the_part_of_the_largest() -> None:
    assert top_share(np.asarray([1.0] * 99 + [99.0]), 0.01) == pytest.approx(0.5)


def test_a_statistic_is_within_its_target_by_its_median() -> None:
    inside = Statistic(name="s", target_low=1.0, target_high=2.0, values=(0.0, 1.5, 9.0))
    assert inside.within
    assert (inside.low, inside.centre, inside.high) == (0.0, 1.5, 9.0)
    assert not Statistic(name="s", target_low=1.0, target_high=2.0, values=(0.0, 2.5, 9.0)).within


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Statistic]:
    facts = generate(World(seed=11), tmp_path_factory.mktemp("default"))
    return {one.name: one for one in statistics_of(facts)}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("sd of monthly ln(M/X) of a pair", 0.055, 0.15),
        ("sd of monthly ln(M/X) of a pair, imports by origin", 0.055, 0.15),
        ("sd of ln(M/X) of HS2 cells of pair-months", 0.36, 0.52),
        ("one-sided HS2 cells of pair-months, part", 0.045, 0.1),
        ("CIF/FOB of a pair", 1.02, 1.04),
        ("lines that one side puts in another chapter, part", 0.02, 0.04),
        ("Hill exponent of the offices' traders (parts of their office's trade), top 5 %", 1.0, 1.35),
        ("share held by the top 1 % of an office's traders", 0.4, 0.6),
        ("traders with a single partner, part", 0.4, 0.56),
        ("traders with a single chapter, part", 0.33, 0.55),
        ("largest gap to the published total of a pair and year, US$", 0.0, 0.0),
    ],
)
def test_a_default_world_is_like_the_published_one(
    measured: Mapping[str, Statistic], name: str, least: float, most: float
) -> None:
    assert least <= measured[name].centre <= most


def test_mirror_cells_join_both_sides_by_the_chosen_basis(tmp_path: Path) -> None:
    facts = generate(World(traders=100, rows=2000, months=(4,)), tmp_path)
    truth = read_truth(facts.truth)
    by_consignment, by_origin = (mirror_cells(facts, truth, basis) for basis in ("consignment", "origin"))
    assert by_consignment["x"].sum() == pytest.approx(by_origin["x"].sum())
    hub = pl.col("exporter") == "NL"
    assert by_origin.filter(hub)["m"].sum() < by_consignment.filter(hub)["m"].sum()
    assert not by_origin.select("exporter", "importer", "period", "chapter").is_duplicated().any()
