"""Headings and subheadings on a planned list, and re-exports as a part of exports: what is counted where."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import small_office
from clip_world import ALL_FLOWS, ALL_LEVELS, BELOW_CELLS, BELOW_CHAPTERS, planned
from hypothesis import given, settings
from hypothesis import strategies as st
from offices import OFFICE, RELEASE, line, publish, write_office

from release.bundle.verification import read_bundle
from release.config import load_release
from release.errors import ConfigError
from release.estimates import Figures, reconciled
from release.mirror.alignment import BY_ORIGIN
from release.mirror.comparison import compare
from release.plan import ReleasePlan, make_plan
from release.tables import NOWHERE, Flow, Layout, Level, added, cells_of_leaves, groupings, leaf_of_code, products_of

LAYOUT = Layout(
    flows=ALL_FLOWS,
    periods=("2024-Q1", "2024-Q2"),
    partners=("DE", "FR", "_X"),
    chapters=("01", "27", "84", "_X"),
    sections=("01", "05", "16", "_X"),
    headings=("2710", "8471", "8473"),
    subheadings=("847130", "847141"),
)
PRODUCTS = ("01", "2710", "27_X", "847130", "847141", "8471_X", "8473", "84_X", "_X")
DEEP = """
[[measures]]
name = "value"
rho = "8"
levels = [
    { level = "total", noise_sd = "4000" },
    { level = "partner", noise_sd = "4000" },
    { level = "partner x chapter", noise_sd = "4000" },
    { level = "partner x heading", noise_sd = "4000" },
    { level = "partner x subheading", noise_sd = "4000" },
]
"""
KEYS = 'chapters = ["01", "27", "84"]\nheadings = ["2710", "8471", "8473"]\nsubheadings = ["847130", "847141"]'
DEEP_RELEASE = (
    RELEASE.split("[[measures]]", maxsplit=1)[0]
    .replace('chapters = ["01", "27", "84"]', KEYS)
    .replace('"2024-Q1", "2024-Q2"', '"2024-Q1"')
    + DEEP
)


def test_leaves_are_what_isnt_split_and_the_rests_of_what_is():
    assert LAYOUT.products == PRODUCTS
    assert products_of(LAYOUT, Level.CHAPTER) == ("01", "27", "84", "_X")
    assert products_of(LAYOUT, Level.HEADING) == ("2710", "27_X", "8471", "8473", "84_X")
    assert products_of(LAYOUT, Level.PARTNER_SUBHEADING) == ("847130", "847141", "8471_X")


@pytest.mark.parametrize("level", list(Level))
def test_a_leaf_adds_to_one_cell_of_its_own_flow_at_most_and_every_cell_has_leaves(level):
    own = cells_of_leaves(LAYOUT, level)
    listed = own[own != NOWHERE]
    assert set(listed.tolist()) == set(range(listed.max() + 1))
    assert (own != NOWHERE).all() == (level.digits <= 2)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        (Level.HEADING, Level.CHAPTER),
        (Level.PARTNER_HEADING, Level.PARTNER_CHAPTER),
        (Level.PARTNER_SUBHEADING, Level.PARTNER_HEADING),
    ],
)
def test_what_is_split_off_adds_up_to_what_it_is_part_of(fine, coarse, seed):
    leaves = np.random.default_rng(seed).random(LAYOUT.leaves)
    above, below = (_sums(level, leaves) for level in (coarse, fine))
    split = [code for code in products_of(LAYOUT, coarse) if any(_within(one, code) for one in below)]
    for code in split:
        parts = sum(figures for one, figures in below.items() if _within(one, code))
        assert parts == pytest.approx(above[code])
    assert split == (["27", "84"] if coarse.by_chapter else ["8471"])


def _within(product: str, code: str) -> bool:
    return product.startswith(code) and product != code


def _sums(level: Level, leaves: np.ndarray) -> dict[str, np.ndarray]:
    codes = products_of(LAYOUT, level)
    cells = cells_of_leaves(LAYOUT, level)
    sums = added(leaves, cells, int(cells[cells != NOWHERE].max()) + 1).reshape(-1, len(codes))
    return dict(zip(codes, sums.T, strict=True))


@pytest.mark.parametrize("level", list(Level))
def test_exports_hold_their_re_exports_and_those_stand_by_themselves_as_well(level):
    leaves = np.random.default_rng(1).random(LAYOUT.leaves).reshape(len(ALL_FLOWS), -1)
    gross = leaves.copy()
    gross[0] += leaves[ALL_FLOWS.index(Flow.RE_IMPORTS)]
    gross[1] += leaves[ALL_FLOWS.index(Flow.RE_EXPORTS)]
    own = cells_of_leaves(LAYOUT, level)
    cells = int(own[own != NOWHERE].max()) + 1
    found = sum(added(leaves.ravel(), grouping, cells) for grouping in groupings(LAYOUT, level))
    assert found == pytest.approx(added(gross.ravel(), own, cells))


def test_re_exports_alone_are_a_flow_like_any_other():
    alone = replace(LAYOUT, flows=(Flow.IMPORTS, Flow.RE_EXPORTS))
    assert alone.of_which == {}
    assert len(groupings(alone, Level.PARTNER)) == 1


@pytest.mark.parametrize(
    ("code", "leaf"),
    [("01", "01"), ("2710", "2710"), ("27", "27_X"), ("84", "84_X"), ("8471", "8471_X"), ("847130", "847130")],
)
def test_a_listed_code_has_its_leaf_and_a_split_one_its_rest(code, leaf):
    assert LAYOUT.products[leaf_of_code(LAYOUT)[code]] == leaf


def deep_lines(flow: str, by_code: dict[str, int]) -> list[dict[str, str]]:
    return [
        line(trader=f"T{code}{n}", flow=flow, commodity=code, value="250", declaration=f"D{flow}{code}{n}")
        for code, count in by_code.items()
        for n in range(count)
    ]


COUNTS = {"8471300000": 900, "84.71.41": 800, "847190": 700, "8473": 600, "84": 500, "271012": 400, "1": 300, "9": 200}
EXPECTED = {
    "partner x chapter": {"84": 3500, "27": 400, "01": 300, "_X": 200},
    "partner x heading": {"8471": 2400, "8473": 600, "84_X": 500, "2710": 400, "27_X": 0},
    "partner x subheading": {"847130": 900, "847141": 800, "8471_X": 700},
}


def test_codes_of_any_length_are_published_in_the_finest_listed_cell_and_all_above_it(tmp_path, mirrors):
    place = write_office(tmp_path, lines=deep_lines("M", COUNTS), release=DEEP_RELEASE)
    ended = mirrors("run", place.release)
    assert ended.code == 0, ended.err
    published = place.published / "AAA" / "2024"
    assert mirrors("verify", published).code == 0
    table = pl.read_csv(published / "observations.csv", infer_schema_length=None)
    own = table.filter(pl.col("flow") == "M", pl.col("partner") == "DE")
    for level, counts in EXPECTED.items():
        found = own.filter(pl.col("level") == level)
        assert set(found["product"]) == set(counts)
        for product, count in counts.items():
            cell = found.filter(pl.col("product") == product)
            assert abs(cell["estimate"].item() - 250 * count) < 6 * cell["sd"].item()
            assert cell["sd"].item() < cell["measured_sd"].item()


def test_re_exports_are_published_as_a_part_of_exports_and_taken_off_for_mirrors_by_origin(tmp_path):
    release = DEEP_RELEASE.replace('["M", "X"]', '["M", "X", "RX"]')
    place = write_office(
        tmp_path / "AAA", lines=deep_lines("X", {"847130": 900}) + deep_lines("RX", {"847130": 600}), release=release
    )
    exporter = read_bundle(publish(place).bundle)
    sheet = OFFICE.replace('"AAA"', '"DEU"').replace('area = "AX"', 'area = "DE"')
    there = DEEP_RELEASE.replace('["DE", "FR", "US"]', '["AX", "FR", "US"]')
    lines = [one | {"partner": "AX"} for one in deep_lines("M", {"847130": 900})]
    importer = read_bundle(publish(write_office(tmp_path / "DEU", lines=lines, office=sheet, release=there)).bundle)
    whole = {cell.level: cell for cell in compare([exporter, importer]).cells if cell.exporter == "AAA"}
    totals = exporter.observations.filter(pl.col("level") == "total")
    gross, again = (totals.filter(pl.col("flow") == flow)["estimate"].item() for flow in ("X", "RX"))
    assert (gross, again) == (pytest.approx(1500 * 250, abs=2e4), pytest.approx(600 * 250, abs=2e4))
    assert exporter.plan["of_which"] == {"RX": "X"}
    assert whole["partner"].basis == BY_ORIGIN
    assert whole["partner"].x == pytest.approx(1.1 * 900 * 250, abs=3e4)
    assert {"partner x heading", "partner x subheading"} <= set(whole)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"8471", "8473"', '"8471", "8573"', "what they are part of isn't listed: 8573"),
        ('"847130", "847141"', '"847130", "847341"', None),
        ('"847130", "847141"', '"847130", "848441"', "what they are part of isn't listed: 848441"),
        ('"8471", "8473"', '"8471", "847"', "a heading has 4 digits"),
        ('"8471", "8473"', '"8471", "8471"', "twice"),
        (KEYS, 'chapters = ["01", "27", "84"]', "lists no code of 4 digits"),
        ('{ level = "partner x subheading"', '{ level = "subheading"', "either by partner or over all partners"),
    ],
)
def test_lists_and_levels_that_dont_fit_are_refused(tmp_path, old, new, words):
    place = write_office(tmp_path, release=DEEP_RELEASE.replace(old, new))
    if words is None:
        make_plan(*load_release(place.release))
        return
    with pytest.raises(ConfigError) as refusal:
        make_plan(*load_release(place.release))
    assert words in str(refusal.value)


@pytest.fixture(scope="module", params=[BELOW_CELLS, BELOW_CHAPTERS], ids=["by partner", "over all partners"])
def deep(request) -> ReleasePlan:
    return planned(
        levels=ALL_LEVELS | request.param,
        flows=ALL_FLOWS,
        partners=("DE", "FR", "US"),
        chapters=("01", "27", "84"),
        headings=("2710", "8471", "8473"),
        subheadings=("847130", "847141"),
    )


def test_headings_add_up_to_their_chapters_after_reconciliation(deep):
    rng = np.random.default_rng(3)
    noise = {one.level: Figures(values=rng.normal(0, one.sd), sd=one.sd) for one in deep.measures[0].levels}
    found = reconciled(deep.layout, noise)
    by_partner = Level.PARTNER_HEADING in found
    chapter, heading, sub = (
        (Level.PARTNER_CHAPTER, Level.PARTNER_HEADING, Level.PARTNER_SUBHEADING)
        if by_partner
        else (Level.CHAPTER, Level.HEADING, Level.SUBHEADING)
    )
    for above, below, codes in ((chapter, heading, ("27", "84")), (heading, sub, ("8471",))):
        coarse, fine = products_of(deep.layout, above), products_of(deep.layout, below)
        figures = {level: found[level].values.reshape(-1, len(products_of(deep.layout, level))) for level in found}
        for code in codes:
            parts = [number for number, one in enumerate(fine) if _within(one, code)]
            assert figures[below][:, parts].sum(axis=1) == pytest.approx(figures[above][:, coarse.index(code)])


def test_estimates_of_headings_are_off_by_their_stated_standard_deviations(deep):
    rng = np.random.default_rng(4)
    levels = deep.measures[0].levels
    leaves = rng.random(deep.layout.leaves) * 1e5
    truth = {one.level: one.sums(leaves) for one in levels}
    scores: dict[Level, list[np.ndarray]] = {one.level: [] for one in levels}
    for _ in range(40):
        drawn = {one.level: Figures(values=rng.normal(truth[one.level], one.sd), sd=one.sd) for one in levels}
        for level, found in reconciled(deep.layout, drawn).items():
            scores[level].append((found.values - truth[level]) / found.sd)
    for level, off in scores.items():
        assert np.mean(np.square(off)) == pytest.approx(1.0, rel=0.25), level


def test_a_heading_measured_below_its_chapter_makes_the_chapter_more_precise(deep):
    levels = deep.measures[0].levels
    noise = {one.level: Figures(values=np.zeros(one.cells), sd=one.sd) for one in levels}
    shallow = {level: figures for level, figures in noise.items() if level.digits <= 2}
    for level in (Level.CHAPTER, Level.PARTNER):
        with_headings, without = reconciled(deep.layout, noise)[level].sd, reconciled(deep.layout, shallow)[level].sd
        assert (with_headings <= without * (1 + 1e-9)).all()
        assert (with_headings < without * 0.999).any()


def test_the_plan_tells_headings_and_what_exports_hold(tmp_path):
    place = write_office(tmp_path, release=DEEP_RELEASE.replace('["M", "X"]', '["M", "X", "RX"]'))
    plan = make_plan(*load_release(Path(place.release)))
    caps = plan.measures[0].caps.reshape(3, -1)
    assert (caps[2] < caps[1]).all(), "a line of re-exports stands in twice as many cells"
    assert plan.layout.products == PRODUCTS


@pytest.mark.parametrize("field", ["value", "date", "trader"])
def test_a_column_by_flow_is_refused_where_rows_are_read_without_their_flow(tmp_path, mirrors, field):
    by_flow = f'{field} = {{ by_flow = {{ M = "{field}", X = "{field}" }} }}'
    place = small_office.write_office(
        tmp_path, release=small_office.RELEASE.replace(f'{field} = "{field}"', by_flow), lines=10
    )
    told = mirrors("plan", place)
    assert told.code == 3
    assert "by_flow goes with partner and commodity alone" in " ".join(told.err.split())
