"""The dashboard as people use it: a real browser, the server as the command line starts it, the network watched."""

import io
import shutil
from pathlib import Path

import polars as pl
import pytest
from browsing import a_dashboard, a_page, expect_text, opened, settled, text_of
from playwright.sync_api import Browser, Page
from published_world import World, write_release, write_world

pytestmark = pytest.mark.slow

PAGES = ("", "pair", "explorer", "budget", "releases", "plan", "methods")


def test_every_page_opens_without_an_error_and_without_a_request_off_the_machine(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        for name in PAGES:
            opened(page, f"{served}/{name}")
            page.wait_for_timeout(300)
    assert watched.quiet, watched


def test_a_square_of_the_matrix_leads_to_its_pair_and_the_way_back_works(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        opened(page, f"{served}/?t=0.1")
        chart = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
        chart.wait_for()
        page.wait_for_timeout(1000)
        box = chart.bounding_box()
        assert box is not None
        _click_square(page, box)
        expect_text(page, "One flow, seen from both sides")
        settled(page)
        assert "exporter=GBR" in page.url
        assert "t=0.1" in page.url
        page.go_back()
        expect_text(page, "Do the mirrors correspond?")
    assert watched.quiet, watched


def _click_square(page: Page, box: dict[str, float]) -> None:
    """Click into the upper right square, GBR to USA, wherever the chart ends up to the pixel."""
    for across in (0.88, 0.8, 0.7):
        page.mouse.click(box["x"] + across * box["width"], box["y"] + 0.22 * box["height"])
        try:
            page.wait_for_url("**/pair?**", timeout=8000)
        except Exception:  # noqa: BLE001, S112 - the next place is tried
            continue
        return


def test_a_deep_link_shows_what_it_names_and_a_choice_changes_the_address(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        opened(page, f"{served}/pair?exporter=NLD&importer=ITA&t=0.1&c=1.00")
        for told in ("Netherlands reports", "differs, imports higher", "0.91 to 1.10"):
            expect_text(page, told)
        page.get_by_label("Imports reported by").click()
        page.get_by_role("option", name="United States of America (USA)").click()
        expect_text(page, "to United States of America in 2024")
        assert "importer=USA" in page.url
        assert "t=0.1" in page.url
    assert watched.quiet, watched


def test_what_was_chosen_stays_while_pages_are_changed(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        opened(page, served)
        for name in ("Budget", "Methods", "Plan", "Overview"):
            page.get_by_role("link", name=name, exact=True).click()
            page.wait_for_url(f"**/{'' if name == 'Overview' else name.lower()}*")
            settled(page)
            assert page.get_by_role("combobox", name="Corresponding means within").input_value() == "a factor of 1.25"
            assert page.get_by_role("spinbutton").first.input_value() == "1.06"
        expect_text(page, "Of 12 flows, 10 correspond, 2 differ")
    assert watched.quiet, watched


def test_the_pair_page_opened_from_the_side_bar_leads_to_a_pair(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        opened(page, served)
        page.get_by_role("link", name="Pair", exact=True).click()
        expect_text(page, "Choose the two offices above, or one of these flows.")
        page.get_by_role("link", name="NLD to ITA", exact=True).click()
        expect_text(page, "What to ask the partner")
        assert "exporter=NLD" in page.url
    assert watched.quiet, watched


def test_the_table_beside_the_matrix_is_reached_by_keyboard(browser: Browser, served: str) -> None:
    with a_page(browser) as (page, watched):
        opened(page, f"{served}/")
        link = page.get_by_role("link", name="NLD to ITA").first
        link.focus()
        page.keyboard.press("Enter")
        expect_text(page, "Netherlands reports")
        settled(page)
        assert page.get_by_role("rowheader", name="Valuation of this flow").is_visible()
        page.wait_for_selector("[data-testid=stVegaLiteChart] [aria-label]", state="attached")
    assert watched.quiet, watched


def test_what_is_filtered_is_what_is_downloaded(browser: Browser, served: str, world: Path) -> None:
    with a_page(browser) as (page, watched):
        opened(page, f"{served}/explorer?level=partner+x+chapter&office=NLD")
        expect_text(page, "published figures fit.")
        page.wait_for_timeout(1000)
        page.get_by_role("textbox", name="Search partner or product").fill("27")
        page.keyboard.press("Enter")
        expect_text(page, "10 of ")
        settled(page)  # until then the buttons are those of the figures before
        files = {}
        for kind in ("CSV", "Parquet"):
            with page.expect_download() as found:
                page.get_by_role("button", name=f"Download {kind}").click()
            files[kind] = Path(found.value.path()).read_bytes()
    table = pl.read_parquet(io.BytesIO(files["Parquet"]))
    published = pl.read_parquet(world / "NLD" / "2024" / "observations.parquet")
    expected = published.filter((pl.col("level") == "partner x chapter") & (pl.col("product") == "27"))
    assert table.select(expected.columns).equals(expected)
    text = pl.read_csv(files["CSV"], schema_overrides=table.schema)
    assert text.equals(table)
    assert watched.quiet, watched


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> object:
    """Return a place of publication, its folder, and the address of a dashboard that watches it."""
    del browser
    folder = tmp_path_factory.mktemp("changing")
    place = write_world(World(offices=("NLD",)), folder)
    with a_dashboard(place, home=tmp_path_factory.mktemp("home")) as address:
        yield place, folder, address


def test_bundles_that_appear_are_shown_and_tampered_ones_refused_on_refresh(
    browser: Browser, changing: tuple[Path, Path, str]
) -> None:
    place, folder, address = changing
    with a_page(browser) as (page, watched):
        opened(page, address)
        expect_text(page, "A mirror needs the bundles of two offices")
        write_release(World(offices=("ITA",)), "ITA", folder)
        page.reload()
        expect_text(page, "Of 2 flows")
        (place / "ITA" / "2024" / "plan.json").write_bytes(b"{}")
        page.reload()
        expect_text(page, "1 thing that was found is refused")
        assert "Netherlands (NLD)" in text_of(page)
        shutil.rmtree(place / "ITA")
        page.reload()
        expect_text(page, "A mirror needs the bundles of two offices")
    assert watched.quiet, watched


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, served: str, colours: str) -> None:
    with a_page(browser, colours=colours) as (page, watched):
        opened(page, f"{served}/budget")
        page.wait_for_selector(".nm td")
        ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        text = page.evaluate("getComputedStyle(document.querySelector('.nm td')).color")
        assert _contrast(ground, text) >= 7
        assert (_luminance(ground) < 0.5) == (colours == "dark")
    assert watched.quiet, watched


def _luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
