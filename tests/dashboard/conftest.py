"""What the dashboard's tests share: published worlds, and one browser and server for all tests that need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import a_browser, a_dashboard
from playwright.sync_api import Browser
from published_world import RATIOS, World, write_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the place of publication of four offices; NLD to ITA and USA to GBR truly differ."""
    return write_world(World(ratios=RATIOS), tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def unbounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same of two offices that state no bound on clipping."""
    offices = World(offices=("NLD", "ITA"), bounded=False, ratios=RATIOS)
    return write_world(offices, tmp_path_factory.mktemp("unbounded"))


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same of two offices that publish three months."""
    offices = World(offices=("NLD", "ITA"), periods=("2024-01", "2024-02", "2024-03"), ratios=RATIOS)
    return write_world(offices, tmp_path_factory.mktemp("months"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a real browser; its tests are left out where there is none."""
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def served(world: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """Return the address of a dashboard of the four offices, started only where there is a browser."""
    del browser
    with a_dashboard(world, home=tmp_path_factory.mktemp("home")) as address:
        yield address
