"""How long a reader waits for the dashboard, in a real browser: the first view, every page, and single choices.

    python benchmarks/dashboard.py            # two sets of published figures, one about ten times the other

Seconds from the address or the click until the page's text is there and its script has ended. The published figures are
made without records. Nothing is asserted; the table belongs into docs/dashboard.md with the machine's load.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "dashboard"))

from browsing import a_browser, a_dashboard, a_page, opened, settled
from playwright.sync_api import Browser, Page
from published_world import RATIOS, World, write_world

PAGES = ("", "pair", "explorer", "budget", "releases", "plan", "methods")
MONTHS = tuple(f"2024-{month:02}" for month in range(1, 13))
PARTNERS = (
    *("AT", "AU", "BE", "BR", "CA", "CH", "CN", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "HU"),
    *("IE", "IN", "IT", "JP", "KR", "MX", "NL", "NO", "PL", "PT", "RU", "SE", "TR", "US", "ZA"),
)
OWN = ("DE", "FR", "GB", "IT", "NL", "US")
CHAPTERS = tuple(f"{chapter:02}" for chapter in range(1, 98) if chapter != 77)

SETS = {
    "small": World(periods=MONTHS, partners=OWN, chapters=CHAPTERS[::2], ratios=RATIOS),
    "large": World(periods=MONTHS, partners=PARTNERS, chapters=CHAPTERS, ratios=RATIOS),
}


def main() -> None:
    """Measure the sets that are asked for and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print(f"load of the machine when it began: {os.getloadavg()[0]:.1f}\n")
    print("| published figures | first view | other views: median, worst | choices: median, worst |")
    print("|---|---|---|---|")
    for name in asked.sets:
        with tempfile.TemporaryDirectory() as folder, a_browser() as browser:
            place = write_world(SETS[name], Path(folder))
            print(measured(browser, place, Path(folder), asked.repeats), flush=True)


def measured(browser: Browser, place: Path, folder: Path, repeats: int) -> str:
    """Return one line of the table: a place of publication's."""
    home = folder / "home"
    home.mkdir()
    with a_dashboard(place, home=home) as address:
        with a_page(browser) as (page, _):
            first = timed(lambda: opened(page, address))
            cells = shown_cells(page, address)
        views = [
            timed(lambda page=page, name=name: opened(page, f"{address}/{name}"))
            for _ in range(repeats)
            for name in PAGES
            for page in fresh(browser)
        ]
        choices = [seconds for page in fresh(browser) for seconds in choosing(page, address)]
    return f"| {cells} | {first:.1f} | {worst(views)} | {worst(choices)} |"


def worst(seconds: list[float]) -> str:
    """Return a median and a maximum in words."""
    return f"{statistics.median(seconds):.2f}, {max(seconds):.2f} (of {len(seconds)})"


def fresh(browser: Browser) -> Iterator[Page]:
    """Yield a page without a past, once."""
    with a_page(browser) as (page, _):
        yield page


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def shown_cells(page: Page, address: str) -> str:
    """Return how many figures the page Explorer says are published."""
    text = opened(page, f"{address}/explorer")
    return text.split(" published figures")[0].split(" of ")[-1].strip()


def choosing(page: Page, address: str) -> Iterator[float]:
    """Yield the seconds of single choices on a page: band, period, partner, level, and a search."""
    opened(page, address)
    for label, option in (("Period", "2024-03"), ("Corresponding means within", "±10 %"), ("Period", "2024-07")):
        yield selected(page, label, option)
    opened(page, f"{address}/pair?exporter=NLD&importer=ITA")
    for label, option in (
        ("Imports reported by", "United States of America (USA)"),
        ("Corresponding means within", "a factor of 1.25"),
        ("Imports reported by", "United Kingdom (GBR)"),
        ("Period", "2024-02"),
    ):
        yield selected(page, label, option)
    opened(page, f"{address}/explorer?level=partner+x+chapter")
    for text in ("27", "fuel", "IT", ""):
        box = page.get_by_role("textbox", name="Search partner or product")
        box.fill(text)
        yield timed(lambda: (page.keyboard.press("Enter"), ended(page)))


def selected(page: Page, label: str, option: str) -> float:
    """Return how long the page takes after an option is clicked."""
    page.get_by_role("combobox", name=label).click()
    choice = page.get_by_role("option", name=option, exact=True)
    choice.wait_for()
    return timed(lambda: (choice.click(), ended(page)))


def ended(page: Page) -> None:
    """Wait until the script has started after a choice, and ended."""
    page.wait_for_timeout(30)
    settled(page)


if __name__ == "__main__":
    main()
