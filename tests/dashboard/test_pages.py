"""Each page in each of its states, run by Streamlit's own test runner, without a browser."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from published_world import RATIOS, World, write_release, write_world
from streamlit.testing.v1 import AppTest

from dashboard import sentences
from dashboard.mirrored import PAIRS, family
from dashboard.settings import words_of
from dashboard.sources import published_at
from dashboard.tables import cells_of
from release.mirror.comparison import Agreement
from release.registry.reading import read_registry
from release.wording import with_half

PAGES = ("overview", "pair", "explorer", "budget", "releases", "plan", "methods")


def _script(view: str, locations: list[str]) -> None:
    import importlib

    from dashboard.reading import choose, published, scene_of
    from dashboard.settings import places_of
    from dashboard.views.page import Page

    scene = scene_of(*places_of(locations))
    shown = importlib.import_module(f"dashboard.views.{view}")
    agreement = choose(scene.agreed.agreement)
    shown.show(Page(published=published(scene), agreement=agreement, scene=scene))


def shown(view: str, *locations: Path, root: Path | None = None, **asked: str) -> str:
    """Return all text of a page, tags left out, after it ran without an exception."""
    return text_of(ran(view, *locations, root=root, **asked))


def ran(view: str, *locations: Path, root: Path | None = None, **asked: str) -> AppTest:
    """Return a page that ran once."""
    kwargs = {"view": view, "locations": words_of(locations, root)}
    page = AppTest.from_function(_script, default_timeout=60, kwargs=kwargs)
    for name, value in asked.items():
        page.query_params[name] = value
    return page.run()


def text_of(page: AppTest) -> str:
    """Return all text of a page that ran without an exception, tags left out."""
    assert not page.exception
    written = [*page.title, *page.subheader, *page.html, *page.code]
    return re.sub(
        r"\s+",
        " ",
        unescape(re.sub("<style>.*?</style>|<[^>]+>", " ", " ".join(_body(one) for one in written), flags=re.DOTALL)),
    )


def _body(element: object) -> str:
    return str(getattr(element, "body", None) or getattr(element, "value", ""))


def test_the_overview_begins_with_how_many_flows_correspond_differ_or_cannot_be_told(world: Path) -> None:
    told = shown("overview", world)
    assert "Of 12 flows, 10 correspond, 2 differ and 0 cannot be told within a factor of 1.25 of the assumed" in told
    assert "1.06 (0.85 to 1.33). Largest sure gap" in told
    assert "nobody agreed on it" in told
    assert re.search(
        r"Largest sure gap: Netherlands \(NLD\) to Italy \(ITA\), at least US\$ \d.*bn, imports higher", told
    )
    assert "Privacy budget used so far: GBR 25 %, ITA 25 %, NLD 25 %, USA 25 %." in told


def test_the_figures_of_the_overview_are_those_of_the_comparison(world: Path) -> None:
    told = shown("overview", world)
    bundles = published_at([world]).bundles
    for cell in family(bundles, PAIRS, "2024", Agreement()).cells:
        assert with_half(cell.x, 1.959963984540054 * cell.x_sd, "USD") in told
        assert f"{cell.ratio_noise_low:.2f} to {cell.ratio_noise_high:.2f}" in told


def test_without_bounds_on_clipping_every_verdict_is_cannot_tell_and_the_page_says_why(unbounded: Path) -> None:
    told = shown("overview", unbounded)
    assert "Of 2 flows, none correspond, none differ and 2 cannot be told" in told
    assert "Every verdict here is “cannot tell”: the offices scale down the figures of very large traders" in told
    assert "No gap is sure." in told


def test_every_page_and_the_figures_to_take_away_say_where_records_are_invented(world: Path, tmp_path: Path) -> None:
    write_release(World(offices=("NLD",), name="Practice office (synthetic records)"), "NLD", tmp_path)
    for view in PAGES:
        assert "Practice data: the records of all offices here are invented." in shown(view, tmp_path / "published")
    assert "Practice data" not in shown("overview", world)
    write_release(World(offices=("ITA",)), "ITA", tmp_path)
    assert "the records of NLD are invented" in shown("methods", tmp_path / "published")
    cells = cells_of(published_at([tmp_path / "published"]).bundles)
    assert set(cells.select("office", "synthetic").rows()) == {("NLD", True), ("ITA", False)}


def test_the_methods_state_what_the_spent_loss_means_in_numbers(world: Path, unbounded: Path) -> None:
    of_fitting = "whether the records of a trader within the bound were used can be guessed"
    assert of_fitting in shown("methods", world)
    assert of_fitting not in shown("methods", unbounded)
    assert "whether a trader's records were used can be guessed" in shown("methods", unbounded)
    told = shown("methods", world)
    assert "nearly the same" not in told
    assert "NLD, 2024: by all that is charged so far (rho 1, epsilon 8.98 at delta 1 in 100,000,000)" in told
    assert "can be guessed at most 53 percentage points better than by chance." in told


def test_each_interval_of_a_pair_is_labelled_by_its_level_and_what_it_allows_for(world: Path, unbounded: Path) -> None:
    differing = shown("pair", world, exporter="NLD", importer="ITA")
    assert re.search(r" 95 %, noise 99\.5\d %, noise \+ clipping \+ 12 flows ", differing)
    assert "Sure gap (99.58 %, 12 flows looked at together)" in differing
    for place, importer in ((world, "USA"), (unbounded, "ITA")):
        by_itself = shown("pair", place, exporter="NLD", importer=importer)
        assert "95 %, noise 95 %, noise + clipping Imports over exports" in by_itself
    assert "Assumed band: 0.85 to 1.33 (CIF/FOB factor 1.06, FOB against CIF)" in differing


def test_a_wider_band_in_the_address_changes_the_verdict(world: Path) -> None:
    assert "Verdict: differs, imports higher" in shown("pair", world, exporter="NLD", importer="ITA")
    assert "Verdict: corresponds" in shown("pair", world, exporter="NLD", importer="ITA", t="0.5", c="1.20")


def test_a_product_in_the_address_shows_that_product_of_every_pair(world: Path) -> None:
    assert "Of 12 flows" in shown("overview", world, product="27")


@pytest.mark.parametrize("name", ["exporter", "importer"])
def test_an_unknown_office_in_the_address_is_told_and_the_flows_there_are_are_shown(world: Path, name: str) -> None:
    told = shown("pair", world, **{name: "ZZZ"})
    assert "No bundle of an office “ZZZ” was found." in told
    assert "Choose the two offices above, or one of these flows." in told


def test_where_no_pair_is_chosen_the_largest_gaps_are_shown_to_choose_from(world: Path) -> None:
    every = shown("pair", world)
    assert "Choose the two offices above" in every
    assert every.index("NLD to ITA") < every.index("GBR to NLD")
    from_one = shown("pair", world, exporter="USA")
    assert "USA to GBR" in from_one
    assert "NLD to ITA" not in from_one
    assert "Verdict:" not in from_one


def test_the_pair_says_what_to_ask_and_what_could_have_been_seen(world: Path) -> None:
    told = shown("pair", world, exporter="USA", importer="GBR")
    assert "Verdict: differs, exports higher" in told
    assert "Which goods come through third countries?" in told
    first = told.index("First about the products with most beyond noise")
    assert first < told.index("01 Live animals", first) < told.index("27 Mineral fuels and oils", first)
    assert "To United Kingdom, where exports are higher: are some of these goods recorded there as imports" in told


def test_products_are_told_in_the_same_words_and_figures_in_text_and_table(world: Path) -> None:
    told = shown("pair", world, exporter="NLD", importer="ITA")
    largest = re.search(r"Most beyond noise: 01 Live animals \(imports higher, (≥ US\$ [\d.]+ bn)\)", told)
    assert largest is not None
    assert told.count(largest[1]) >= 3  # in the text, among the questions, and in the table
    assert "of them it is sure" in told
    assert "would be called different four times out of five" in told


def test_months_have_lines_and_a_year_to_date(months: Path) -> None:
    told = shown("pair", months, exporter="NLD", importer="ITA")
    assert "Over time" in told
    assert "The year to 2024-03, looked at after every month" in told


def test_a_month_is_told_to_be_odd_only_beyond_its_own_noise(months: Path) -> None:
    cells = [
        one for one in family(published_at([months]).bundles, PAIRS, None, Agreement()).cells if one.exporter == "NLD"
    ]
    cell = replace(cells[0], period="2024-04", ratio=1.6, ratio_noise_low=1.5, ratio_noise_high=1.7)
    told = sentences.among(cell, cells)
    assert told is not None
    assert told.startswith("In the 3 other periods shown here imports over exports go from 1.")
    assert "not odd among them" in told
    high = replace(cell, ratio=3.0, ratio_noise_low=2.8, ratio_noise_high=None)
    low = replace(cell, ratio=0.5, ratio_noise_low=0.4, ratio_noise_high=0.6)
    assert "above all of them" in str(sentences.among(high, cells))
    assert "below all of them" in str(sentences.among(low, cells))
    assert sentences.among(cell, cells[:2]) is None


AGREED = """
title = "Two offices, three months"
bundles = ["published"]
tolerance = "0.2"
[cif_fob]
factor = "1.035"
source = "a study"
[history]
table = "history.csv"
source = "an exact table of 2023"
"""


def test_a_comparison_s_file_sets_the_band_and_its_history_tells_what_is_usual(months: Path, tmp_path: Path) -> None:
    (tmp_path / "agreed.toml").write_text(AGREED, encoding="utf-8")
    ratios = (1.55, 1.62, 1.60, 1.58, 1.65)
    rows = [f"NLD,ITA,2023-{month:02},100,{100 * ratio}" for month, ratio in enumerate(ratios, start=1)]
    usual = [f"ITA,NLD,2023-{month:02},100,{50 + month}" for month in range(1, 6)]
    table = "\n".join(["exporter,importer,period,exports,imports", *rows, *usual])
    (tmp_path / "history.csv").write_text(table, encoding="utf-8")
    places = (months, tmp_path / "agreed.toml")
    told = shown("pair", *places, exporter="NLD", importer="ITA")
    assert "differs, imports higher" in told
    assert re.search(r"5 earlier periods lead one to expect .* this one is not unusual", told)
    other = shown("pair", *places, exporter="ITA", importer="NLD")
    assert re.search(r"5 earlier periods lead one to expect .* this one is unusual", other)
    overview = shown("overview", *places)
    assert "within a factor of 1.2 of the agreed CIF/FOB factor 1.035 (0.86 to 1.24)" in overview
    assert "the chosen band, 0.83 to 1.29" in shown("pair", *places, exporter="NLD", importer="ITA", t="0.25")
    assert "For this pair" in overview


def test_the_explorer_finds_cells_by_code_and_by_name(world: Path) -> None:
    by_code = shown("explorer", world, q="27", level="partner x chapter")
    by_name = shown("explorer", world, q="mineral fuels", level="partner x chapter")
    assert re.search(r"(\d+) of [\d,]+ published figures fit", by_code)[1] == "40"
    assert re.search(r"(\d+) of [\d,]+ published figures fit", by_name)[1] == "40"
    assert "No published figure fits" in shown("explorer", world, q="nothing is called so")


def test_the_explorer_shows_the_verdict_of_cells_that_have_a_mirror(world: Path) -> None:
    told = shown("explorer", world, verdict="differs")
    assert "4 of " in told  # two flows, each seen from both sides
    assert "differs" in told


def test_the_budget_tells_what_was_spent_and_what_is_planned_and_why_a_limit_was_raised(tmp_path: Path) -> None:
    from fractions import Fraction

    from release.ledger.book import Book
    from release.ledger.memory import MemoryStore
    from release.ledger.values import Account, Terms

    book = Book(MemoryStore())
    account = Account(office="NLD", source="declarations", year=2024, tier="uniform")
    terms = Terms(unit="trader-year", delta=Fraction(1, 10**8), limit=Fraction(4), reserve=Fraction(1, 2))
    book.declare_calendar(
        account, (("2024", Fraction(1)), ("2024-late", Fraction(3, 4))), date="2025-01-01", terms=terms
    )
    write_release(World(offices=("NLD",)), "NLD", tmp_path, book=book)
    book.raise_limit(account, Fraction(5), "a census of ports", date="2025-03-01")
    from release.bundle.folder import replace_file, statement_place
    from release.plan import canonical_json

    replace_file(statement_place(tmp_path / "published", "NLD"), canonical_json(book.statement()))
    told = shown("budget", tmp_path / "published")
    assert "2024-late to come planned 0.75 1.75" in told
    assert "the limit was raised to 5 on 2025-03-01. Reason: a census of ports" in told
    assert "at best to about ±138 % (95 %)" in told
    assert "4 of 5 is left, 0.5 of it kept for corrections" in told
    parts = told.split("Large traders, in accounts of their own")
    assert [part.count("NLD 2024, declarations 1 % 99 1,000 901") + part.count(" 99 1,000 901") for part in parts] == [
        0,
        1,
    ]


def test_releases_are_held_against_their_ledgers(world: Path, tmp_path: Path) -> None:
    assert "4 bundles are whole and consistent; 4 are recorded in the office's ledger." in shown("releases", world)
    place = write_world(World(offices=("NLD",)), tmp_path)
    (place / "NLD.statement.json").unlink()
    assert "no statement to check against" in shown("releases", place)
    assert "what they spent isn't known here" not in shown("releases", place)
    assert "No ledger statement was found" in shown("budget", place)


def test_releases_name_the_keys_that_signed_and_what_made_the_registry_believed(tmp_path: Path) -> None:
    golden = Path(__file__).resolve().parents[1] / "golden" / "1"
    places, root = (golden / "bundle", golden / "registry"), golden / "registry" / "1.root.json"
    known = read_registry(places[1], day=None)
    at_its_word, pinned = (shown("releases", *places, root=one) for one in (None, root))
    for told in (at_its_word, pinned):
        assert known.first_root in told
        for office in published_at([places[0]]).offices:
            key = known.registry.offices[office].keys[0].key
            assert f"by the office, key {key.keyid[:16]}…" in told
            assert f"{key.keyid} (ed25519 {key.public})" in told
    assert "it was taken at its word" in at_its_word
    assert f"its first root is the one in {root}" in pinned
    (tmp_path / "root.json").write_bytes((places[1] / "1.targets.json").read_bytes())
    assert "the registry of offices:" in shown("releases", *places, root=tmp_path / "root.json")


def test_a_plan_begins_as_the_last_release_and_its_cost_stands_beside_what_is_left(world: Path) -> None:
    told = shown("plan", world, of="NLD")
    assert "The release would publish 72 figures about 2025 and cost rho 1" in told
    assert "It fits: it takes 1; NLD's limit of rho for a year is 4, of which 0.5 is kept for corrections." in told
    assert "All traders 1 4 0 3 0.5" in told
    assert "Large traders, at most 99 1,000 0 901 0" in told
    assert "Of 2024's limit of 4, 3 is left, 0.5 of it kept for corrections." in told
    assert 'ceiling = "100"' in told
    without = shown("plan", world, of="NLD", large="off")
    assert "Large traders, at most" not in without
    assert "This draft states no bound" in without
    assert "ceiling" not in without


def test_monthly_releases_are_charged_twelve_times(world: Path) -> None:
    told = shown("plan", world, of="NLD", every="every-month", rho="1/2")
    assert "The first of 12 releases would publish 72 figures about 2025-01 and cost rho 0.5" in told
    assert "The 12 of the year would cost 6." in told
    assert "It does NOT fit: 12 releases take 6;" in told
    assert "At most 0.291 for each would fit." in told
    once = shown("plan", world, of="NLD", every="month", rho="1/2")
    assert "864 figures about 2025-01 to 2025-12 and cost rho 0.5" in once
    assert "That isn't a loss" in shown("plan", world, rho="much")


def test_another_loss_moves_the_bound_or_the_noise_and_the_plan_says_which(world: Path) -> None:
    as_before = shown("plan", world, of="NLD")
    assert "lowers the bound" not in as_before
    assert "The bound stays" not in as_before
    lower = shown("plan", world, of="NLD", rho="1/4")
    found = re.search(r"lowers the bound from US\$ ([\d.]+) m to US\$ ([\d.]+) m, and the noise stays", lower)
    assert found is not None
    assert float(found[1]) == pytest.approx(2 * float(found[2]), rel=0.01)
    assert "come into the tier of large traders, which protects them less" in lower
    assert "understated by more" in shown("plan", world, of="NLD", rho="1/4", large="off")
    kept = shown("plan", world, of="NLD", rho="1/4", keep="bound")
    assert re.search(rf"The bound stays at US\$ {found[1]} m, and the noise is drawn 2 times as large", kept)
    assert "raises the bound" in shown("plan", world, of="NLD", rho="2")
    assert "Use a point for decimals: 0.5." in shown("plan", world, rho="0,5")


def test_what_was_never_chosen_follows_the_office(tmp_path: Path) -> None:
    write_release(World(offices=("ITA",)), "ITA", tmp_path)
    write_release(World(offices=("NLD",), rho="1/2"), "NLD", tmp_path)
    page = ran("plan", tmp_path / "published")
    assert "cost rho 1 " in text_of(page)
    page.selectbox(key="choice-of").select("NLD").run()
    assert "cost rho 0.5 " in text_of(page)
    page.text_input(key="choice-rho").input("3/4").run()
    page.selectbox(key="choice-of").select("ITA").run()
    assert "cost rho 0.75 " in text_of(page)


@pytest.mark.parametrize("view", PAGES)
def test_every_page_says_so_where_nothing_is_published(view: str, tmp_path: Path) -> None:
    told = shown(view, tmp_path)
    assert "No published bundle was found" in told or view == "methods"


@pytest.mark.parametrize("view", PAGES)
def test_every_page_works_with_one_office_alone(view: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = write_world(World(offices=("NLD",)), tmp_path_factory.mktemp("alone"))
    told = shown(view, place)
    if view in {"overview", "pair"}:
        assert "Only Netherlands (NLD) has published." in told


@pytest.mark.parametrize("view", PAGES)
def test_a_refused_bundle_is_told_on_every_page_and_stops_none(
    view: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = write_world(World(offices=("NLD", "ITA", "USA"), ratios=RATIOS), tmp_path_factory.mktemp("tampered"))
    table = place / "USA" / "2024" / "observations.csv"
    table.write_bytes(table.read_bytes().replace(b"1", b"2", 1))
    told = shown(view, place)
    assert "1 thing that was found is refused" in told
    if view == "releases":
        assert "'observations.csv' isn't the file that was listed" in told
