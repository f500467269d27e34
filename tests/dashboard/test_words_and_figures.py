"""Figures, sentences, tables and files of the dashboard, without Streamlit."""

import io
import math
import random
import tomllib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mirror_world import two
from published_world import OFFICE, World, write_release

from dashboard import exchanges, figures, forward, histories, markup, names, sentences
from dashboard.budgets import accounts, epsilon_of, joint, published_epsilons, steps
from dashboard.configuration import toml_of
from dashboard.drafts import Draft, notes_on, planned
from dashboard.losses import epsilon
from dashboard.mirrored import PAIRS, family, gaps_of, noise_explains
from dashboard.precedents import RHYTHMS, precedent
from dashboard.sources import published_at
from dashboard.tables import (
    COLUMNS,
    Wanted,
    both_sides,
    cells_of,
    csv_of,
    described,
    file_name,
    parquet_of,
    wanted_cells,
    with_verdicts,
)
from dashboard.views import ranking
from release.accounting import epsilon as epsilon_by_opendp
from release.config import load_release
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.mirror.comparison import Agreement, MirrorCell, compare
from release.mirror.summary import largest_sure_gap
from release.plan import make_plan
from release.priors.loading import load_prior
from release.tables import Level
from release.wording import amount, ratio_interval, with_half

DELTA = Fraction(1, 10**8)


@pytest.mark.parametrize("rho", ["1/1000", "1/8", "1/2", "1", "2", "6", "50", "600"])
def test_epsilon_is_what_opendp_says(rho: str) -> None:
    ours, theirs = epsilon(Fraction(rho), DELTA), epsilon_by_opendp(Fraction(rho), DELTA)
    assert math.isclose(ours, theirs, rel_tol=1e-8)


def test_nothing_spent_has_no_epsilon() -> None:
    assert epsilon(Fraction(0), DELTA) == 0.0


class _Read(HTMLParser):
    """What a browser would make of markup: its tags, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert all(name in {"class", "scope", "href", "target", "role", "style"} for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(st.text(max_size=60), st.text(max_size=60))
@example("<b>x", "<img src=x>")
@example("</td><td>", '"><script>')
def test_whatever_stands_in_a_table_is_text(one: str, other: str) -> None:
    link = markup.Link(page="pair", shown=(("exporter", one),), words=other)
    read = _Read()
    read.feed(markup.table(one, (other, "b", "c"), [(one, link, markup.Share(part=0.5, words=other))]))
    assert set(read.tags) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "a", "span"}
    assert read.tags.count("td") == 2


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15), st.floats(0, 1e12))
def test_no_figure_is_written_with_an_exponent_or_nan(figure: float, sd: float) -> None:
    told = figures.with_error(figure, sd)
    assert "e+" not in told
    assert "nan" not in told
    assert "±" in told


def test_losses_are_exact_where_they_are_short_and_never_less_and_what_is_left_never_more() -> None:
    assert figures.rho(Fraction(19999)) == "19,999"
    assert figures.rho(Fraction(11, 24)) == "11/24"
    assert figures.rho(Fraction("1234.123456789")) == "1,234.123457"
    assert figures.rho(Fraction("1234.123456001")) == "1,234.123457"
    assert figures.budget(Fraction("1234.123456999")) == "1,234.123456"
    assert figures.rho(Fraction(10, 3**12)) == "0.000019"
    assert figures.budget(Fraction(10, 3**12)) == "0.000018"
    assert figures.rho(Fraction(8333333, 1000)) == "8,333.333"


def test_open_sides_of_intervals_are_told_in_words() -> None:
    assert ratio_interval(None, None) == "no limit"
    assert ratio_interval(0.4, None) == "at least 0.40"
    assert ratio_interval(0.0, 1.2) == "at most 1.20"
    assert figures.gap_interval(None, 2e9) == "at most US$ 2.00 bn"
    assert figures.gap_interval(None, None) == "no limit on either side"


def test_a_family_has_the_figures_of_the_whole_comparison(world: Path) -> None:
    bundles = published_at([world]).bundles
    agreement = Agreement()
    whole = compare(bundles, agreement).cells
    for level in (PAIRS, "partner x chapter"):
        parts = family(bundles, level, "2024", agreement).cells
        assert parts == tuple(cell for cell in whole if cell.level == level)


def test_a_gap_whose_sign_is_open_is_no_sure_gap(world: Path) -> None:
    cells = family(published_at([world]).bundles, PAIRS, "2024", Agreement()).cells
    differing = next(cell for cell in cells if (cell.exporter, cell.importer) == ("NLD", "ITA"))
    assert gaps_of([differing], Agreement()).least(differing) > 0
    unbounded = replace(differing, bound_x=None)
    assert gaps_of([unbounded], Agreement()).least(unbounded) == 0
    assert not noise_explains(differing)
    assert noise_explains(replace(differing, gap_noise_low=-1.0, gap_noise_high=1.0))


@pytest.mark.parametrize("level", [PAIRS, "partner x chapter"])
def test_the_largest_sure_gap_is_that_of_the_comparison(world: Path, level: str) -> None:
    agreement = Agreement()
    cells = family(published_at([world]).bundles, level, "2024", agreement).cells
    largest = largest_sure_gap(cells, alpha=agreement.alpha)
    assert largest is not None
    assert max(map(gaps_of(cells, agreement).least, cells)) == largest.least
    assert amount(largest.least, "USD") in sentences.lead(cells, agreement, "agreed")


def test_of_unclipped_gaps_those_furthest_beyond_their_noise_are_sure(world: Path) -> None:
    agreement, chance = Agreement(), random.Random(7)
    found = family(published_at([world]).bundles, "partner x chapter", "2024", agreement).cells
    whole = [
        replace(one, gap=chance.uniform(-5, 5), x_sd=chance.uniform(0, 1), m_sd=1, bound_x=0, bound_m=0, bound_over_x=0)
        for one in found
    ]
    gaps = gaps_of(whole, agreement)
    by_z = sorted(whole, key=lambda one: abs(one.gap) / math.hypot(one.x_sd, one.m_sd), reverse=True)
    sure = [gaps.least(one) > 0 for one in by_z]
    assert sure == sorted(sure, reverse=True)
    assert 0 < sum(sure) < len(sure)
    for one in by_z:
        reach = abs(one.gap) / math.hypot(one.x_sd, one.m_sd)
        assert (gaps.least(one) > 0) == (math.erfc(reach / math.sqrt(2)) < 1 - gaps.level)


def test_the_reason_of_a_verdict_names_what_keeps_it_open(unbounded: Path) -> None:
    cell = family(published_at([unbounded]).bundles, PAIRS, "2024", Agreement()).cells[0]
    assert "neither office states a bound" in sentences.why(cell, "assumed")
    assert "the exporter states no bound" in sentences.why(replace(cell, bound_m=0.0), "assumed")
    assert "the importer states no bound" in sentences.why(replace(cell, bound_x=0.0), "assumed")
    assert "scaling down took off could hide a difference" in sentences.detectable(cell)
    told = forward.told(cell, gaps_of([cell], Agreement()))
    assert told is not None
    assert "turn on the tier for large traders" in told
    assert "A larger loss rho alone would give no verdict." in told


@pytest.mark.parametrize(("level", "told"), [(0.95, "95 %"), (0.995833, "99.58 %"), (1.0, "99.99 %")])
def test_a_level_of_confidence_is_never_a_hundred(level: float, told: str) -> None:
    assert figures.confidence(level) == told


def test_without_flows_the_overview_has_nothing_to_rank() -> None:
    assert sentences.lead((), Agreement(), "assumed").startswith("Of 0 flows, none correspond")


def test_cells_are_found_by_code_name_and_both(world: Path) -> None:
    cells = cells_of(published_at([world]).bundles)
    for search, fits in (("27", "27"), ("mineral", "27"), ("italy 27", "27")):
        found = wanted_cells(cells, Wanted(level="partner x chapter", search=search))
        assert set(found["product"]) == {fits}
        assert len(found) > 0
    assert set(wanted_cells(cells, Wanted(search="italy"))["partner"]) == {"IT"}
    assert set(wanted_cells(cells, Wanted(office="NLD", flow="M"))["office"]) == {"NLD"}


def test_a_verdict_stands_beside_both_sides_of_its_flow_and_nowhere_else(world: Path) -> None:
    bundles = published_at([world]).bundles
    mirrors = family(bundles, PAIRS, "2024", Agreement()).cells
    judged = with_verdicts(wanted_cells(cells_of(bundles), Wanted(level=PAIRS)), mirrors)
    told = judged.filter(pl.col("verdict") == "differs").select("office", "flow", "partner").rows()
    assert sorted(told) == [("GBR", "M", "US"), ("ITA", "M", "NL"), ("NLD", "X", "IT"), ("USA", "X", "GB")]
    assert judged.filter(pl.col("partner") == "DE")["verdict"].is_null().all()


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(text: str) -> None:
    table = pl.DataFrame({"partner": [text, "IT"], "estimate": [-1.5, 2.0]})
    read = pl.read_csv(csv_of(table))
    assert read["partner"].to_list() == [f"'{text}", "IT"]
    assert read["estimate"].to_list() == [-1.5, 2.0]
    assert pl.read_parquet(io.BytesIO(parquet_of(table))).equals(table)


def test_the_budget_is_that_of_the_ledger(tmp_path: Path) -> None:
    book = Book(MemoryStore())
    write_release(World(offices=("NLD",)), "NLD", tmp_path, book=book)
    write_release(World(offices=("NLD",), release="2024b", rho="1/2", seed=2), "NLD", tmp_path, book=book)
    write_release(World(offices=("ITA",)), "ITA", tmp_path)
    found = published_at([tmp_path])
    uniform = [state for state in accounts(found.statements) if state.account.tier == "uniform"]
    assert {state.account.office: state.spent for state in uniform} == {"NLD": Fraction(3, 2), "ITA": Fraction(1)}
    own = next(state for state in uniform if state.account.office == "NLD")
    stated = found.stated("NLD")
    assert stated is not None
    assert [step.after for step in steps(own, stated.charges)] == [Fraction(1), Fraction(3, 2)]
    assert own.spent == next(one for one in book.accounts() if one.account == own.account).spent
    (pair,) = joint(found)
    assert (pair.one_line, pair.several_lines) == (Fraction(5, 2), Fraction(5))
    known = published_epsilons(found.bundles)
    assert epsilon_of(Fraction(1), DELTA, known) == found.of("ITA")[0].charge["epsilon"]


def test_a_later_release_of_the_same_cells_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    book = Book(MemoryStore())
    write_release(World(offices=("NLD",)), "NLD", tmp_path, book=book)
    write_release(World(offices=("NLD",), release="2024b", rho="1/2"), "NLD", tmp_path, book=book)
    first, second = histories.histories(published_at([tmp_path]))
    assert first.superseded_by == "2024b"
    assert second.superseded_by is None
    assert "loss rho: 1 before, 0.5 now" in second.changes
    assert first.recorded is second.recorded is histories.Recorded.YES


def test_a_bundle_that_its_ledger_does_not_know_is_told(tmp_path: Path) -> None:
    write_release(World(offices=("NLD",)), "NLD", tmp_path)
    found = published_at([tmp_path])
    (bundle,) = found.bundles
    stated = found.stated("NLD")
    assert stated is not None
    assert histories.recorded(replace(bundle, digest="0" * 64), stated) is histories.Recorded.ANOTHER
    assert histories.recorded(bundle, replace(stated, charges=())) is histories.Recorded.MISSING
    assert histories.recorded(bundle, None) is histories.Recorded.UNKNOWN


@pytest.mark.parametrize("rhythm", list(RHYTHMS))
@pytest.mark.parametrize("place", ["world", "months"])
def test_a_draft_is_a_configuration_that_the_program_plans_alike(
    place: str, request: pytest.FixtureRequest, tmp_path: Path, rhythm: str
) -> None:
    published = request.getfixturevalue(place)
    (bundle,) = published_at([published]).of("NLD")
    last = precedent(bundle)
    assert last is not None
    draft = Draft(rho=Fraction(1, 2), rhythm=rhythm, scales=last.scales, large=last.large)
    plan = planned(draft, bundle)
    text = toml_of(plan.release, notes_on(plan.release, bundle, draft))
    assert tomllib.loads(text)["year"] == 2025
    (tmp_path / "office.toml").write_text(OFFICE.format(code="NLD", area="NL", name="Office"), encoding="utf-8")
    (tmp_path / "draft.toml").write_text(text, encoding="utf-8")
    office, release = load_release(tmp_path / "draft.toml")
    assert (release.periods, release.measures) == (plan.release.periods, plan.release.measures)
    assert (plan.rho, plan.excess_rho) == (Fraction(1, 2), Fraction(199, 2))
    if release.prior is not None and release.prior.table is not None:
        assert "added up" in text
        return
    theirs = make_plan(office, release, load_prior(office, release, folder=tmp_path, published=published))
    assert theirs.measures[0].scales_digest == plan.measures[0].scales_digest


def test_the_noise_of_the_last_release_is_read_off_its_scales(world: Path) -> None:
    last = precedent(published_at([world]).of("NLD")[0])
    assert last is not None
    assert (last.rhythm, last.rho) == ("year", Fraction(1))
    by_level = {scale.level: scale for scale in last.scales}
    assert math.isclose(by_level[Level.PARTNER].relative_noise * by_level[Level.PARTNER].floor, 1e8, rel_tol=0.1)
    assert last.large is not None
    assert last.large.ceiling == 100
    assert [scale.level for scale in last.large.scales] == list(by_level)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        (names.area, "NL", "Netherlands"),
        (names.area, "W0", "all partners"),
        (names.area, "??", "??"),
        (names.product_with_code, "27", "27 Mineral fuels and oils"),
        (names.product_with_code, "TOTAL", "All products"),
        (names.office, "ITA", "Italy (ITA)"),
        (names.office, "ZZZ", "ZZZ"),
        (names.alpha3_of, "NL", "NLD"),
        (names.flow, "RX", "re-exports"),
    ],
)
def test_codes_have_names_and_unknown_ones_stay(name: Callable[[str], str], code: str, told: str) -> None:
    assert name(code) == told


def test_a_side_without_a_bound_is_at_least_what_it_reports_and_its_gap_may_be_clipping(world: Path) -> None:
    cells = family(published_at([world]).bundles, PAIRS, "2024", Agreement()).cells
    cell = next(one for one in cells if (one.exporter, one.importer) == ("NLD", "ITA"))
    assert figures.side(cell, "x") == figures.with_error(cell.x, cell.x_sd)
    silent = replace(cell, bound_x=None)
    assert figures.side(silent, "x") == f"≥ {figures.with_error(cell.x, cell.x_sd)}"
    assert figures.side(silent, "m") == figures.with_error(cell.m, cell.m_sd)
    assert "understated by an unknown amount" in sentences.reports(silent, "x")
    signs = [figures.one_sided(replace(cell, **{name: None})) for name in ("bound_x", "bound_m", "bound_over_x")]
    assert signs == ["≤ ", "≥ ", "? "]
    assert ranking.beyond_noise(silent) == f"{ranking.beyond_noise(cell)},\nor clipping"
    assert "unless scaling down" in sentences.noise_only(silent)
    assert "unless" not in sentences.noise_only(replace(cell, bound_m=None))
    others = [one for one in cells if "NLD" not in {one.exporter, one.importer}]
    told = sentences.limits([silent, *others])
    assert told is not None
    assert "In its one flow the figure of NLD is the lower one; scaling down alone would do this." in told
    behind = ranking.ranked([silent, *others], gaps_of([silent, *others], Agreement()))
    assert behind[-1] is silent


def test_a_gap_without_freight_is_imports_less_exports_times_the_factor(world: Path) -> None:
    cells = family(published_at([world]).bundles, PAIRS, "2024", Agreement()).cells
    cell = replace(cells[0], x=100e6, x_sd=3e6, m=110e6, m_sd=4e6, cif_fob=1.06, gap=10e6)
    assert sentences.beyond_freight(cell) == "US$ 4 ± 10 m"
    largest = next(one for one in cells if (one.exporter, one.importer) == ("NLD", "ITA"))
    assert "imports higher, freight and insurance included." in sentences.lead([largest], Agreement(), "agreed")
    valued_alike = replace(largest, cif_fob=1.0)
    assert "freight" not in sentences.lead([valued_alike], Agreement(), "agreed")


def _mirror(x: float, m: float, sd: float) -> MirrorCell:
    """Return the judged mirror of one flow with these figures and noise, bounds and valuations aside."""
    return next(iter(compare(two(x, m, sd=sd)).cells))


def test_less_noise_by_the_told_factor_gives_the_told_verdict_and_a_little_more_does_not() -> None:
    for ratio in (1.05, 1.45):
        cell = _mirror(100.0, 100.0 * ratio, 30.0)
        assert cell.verdict == "cannot tell"
        found = forward.needed(cell, gaps_of([cell], Agreement()))
        assert found is not None
        assert found.times < 1
        assert f"± {amount(found.times * figures.Z95 * 30.0)}" in str(forward.told(cell, gaps_of([cell], Agreement())))
        assert _mirror(100.0, 100.0 * ratio, 0.99 * found.times * 30.0).verdict == found.verdict
        assert _mirror(100.0, 100.0 * ratio, 1.01 * found.times * 30.0).verdict == "cannot tell"


def test_goods_are_taken_to_be_exchanged_only_between_sure_gaps_of_one_section(world: Path) -> None:
    one = family(published_at([world]).bundles, "partner x chapter", "2024", Agreement()).cells[0]

    def gap(product: str, size: float, sd: float = 1.0) -> MirrorCell:
        limits = {"gap_noise_low": size - 2 * sd, "gap_noise_high": size + 2 * sd}
        plain = {"bound_x": 0.0, "bound_m": 0.0, "bound_over_x": 0.0}
        return replace(one, product=product, gap=size, x_sd=sd, m_sd=0.0, **limits, **plain)

    def asked(*cells: MirrorCell) -> list[str]:
        return exchanges.question(gaps_of(cells, Agreement()))

    (question,) = asked(gap("61", 50.0), gap("62", -49.0))
    assert "books under 62 booked by the importer under 61" in question
    assert asked(gap("61", 50.0), gap("31", -49.0)) == []
    assert asked(gap("61", 50.0), gap("62", -49.0, sd=40.0)) == []
    assert asked(gap("61", 50.0), gap("62", 49.0)) == []
    assert asked(gap("61", 90.0), gap("62", -49.0)) == []


@pytest.mark.parametrize(
    ("figure", "half", "told"),
    [
        (14.31e9, 664e6, "US$ 14.31 ± 0.66 bn"),
        (997e6, 1.22e9, "US$ 1.0 ± 1.2 bn"),
        (-38.6e6, 775e6, "-US$ 39 ± 780 m"),
        (49.4e9, 2.49e9, "US$ 49.4 ± 2.5 bn"),
        (-0.2, 15, "US$ 0 ± 15"),
        (5.0, 0.0, "US$ 5 ± 0"),
    ],
)
def test_a_figure_and_its_error_stand_in_one_unit_with_as_many_decimals(figure: float, half: float, told: str) -> None:
    assert with_half(figure, half, "USD") == told


def test_the_ends_of_the_relative_difference_are_no_limits_and_nothing_is_a_negative_zero() -> None:
    assert figures.percent_interval(-2.0, 1.14) == "at most 114 %"
    assert figures.percent_interval(0.2, 2.0) == "at least 20 %"
    assert figures.percent_interval(-2.0, None) == "no limit"
    assert figures.percent_interval(-0.073, 0.0001) == "−7.3 % to 0.0 %"
    assert figures.percent(-0.0001) == "0.0 %"


def test_figures_to_take_away_have_names_codes_level_status_and_what_their_verdict_rests_on(world: Path) -> None:
    bundles, agreement = published_at([world]).bundles, Agreement()
    wanted = Wanted(office="NLD", flow="X", period="2024", level="partner x chapter", search="IT")
    mirrors = family(bundles, wanted.level, "2024", agreement).cells
    cells = described(with_verdicts(wanted_cells(cells_of(bundles), wanted), mirrors))
    row = cells.filter(pl.col("product") == "27").row(0, named=True)
    named = {"partner_iso3": "ITA", "partner_name": "Italy", "product_name": "27 Mineral fuels and oils"}
    stated = {"interval_level": 0.95, "obs_status": "E", "valuation": "FOB", "synthetic": False}
    assert {name: row[name] for name in named | stated} == named | stated
    cell = next(one for one in mirrors if (one.exporter, one.importer, one.product) == ("NLD", "ITA", "27"))
    assert (row["band_low"], row["band_high"], row["verdict_level"]) == (cell.band_low, cell.band_high, cell.confidence)
    assert row["conditional_on"] == cell.conditional
    silent = described(cells.with_columns(exposure=pl.lit(math.inf)).drop("obs_status"))
    assert set(silent["obs_status"]) == {"L"}
    assert file_name(wanted) == "NLD-X-IT-2024-partner-chapter"
    assert file_name(Wanted()) == "figures"
    told = {name for names_ in COLUMNS for name in names_.split(", ")}
    assert told <= set(cells.columns)


def test_a_pair_to_take_away_has_every_product_and_its_sure_gap(world: Path) -> None:
    cells = family(published_at([world]).bundles, "partner x chapter", "2024", Agreement()).cells
    own = [one for one in cells if (one.exporter, one.importer) == ("NLD", "ITA")]
    gaps = gaps_of(own, Agreement())
    table = both_sides([cells[0], *own], gaps) if cells[0] not in own else both_sides(own, gaps)
    assert table.tail(len(own))["sure_gap"].to_list() == [gaps.least(one) for one in own]
    assert set(table.tail(len(own))["sure_gap_level"]) == {gaps.level}
    assert table.tail(len(own))["x"].to_list() == [one.x for one in own]
