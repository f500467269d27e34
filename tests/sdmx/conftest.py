"""A small office's bundles, released by the real command line, for tests of what others read in them."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_office import OFFICE, RELEASE, write_office

LARGE = """[measures.large_traders]
ceiling = "100"
beyond = "assumed none"
levels = [
    { level = "total", noise_sd = "5e5" },
    { level = "partner", noise_sd = "3e5" },
    { level = "section", noise_sd = "3e5" },
    { level = "chapter", noise_sd = "3e5" },
    { level = "heading", noise_sd = "3e5" },
    { level = "subheading", noise_sd = "3e5" },
    { level = "partner x chapter", noise_sd = "2e5" },
]
"""
CHAPTER = '    { level = "chapter", noise_sd = "3e5" },\n'
SECTION = '    { level = "section", noise_sd = "3e5" },\n'
DEEPER = '    { level = "heading", noise_sd = "3e5" },\n    { level = "subheading", noise_sd = "3e5" },\n'
QUARTERS = (
    RELEASE.replace('periods = ["2024"]', 'periods = ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"]')
    .replace("[[measures]]", 'headings = ["8471", "8504"]\nsubheadings = ["847130"]\n[[measures]]', 1)
    .replace(CHAPTER, SECTION + CHAPTER + DEEPER, 1)
)


def with_large_traders(office: str, release: str) -> tuple[str, str]:
    """Return configs in which the value has a tier for large traders."""
    policy = '[policy]\nlarge_traders = "on"\n[account]\nlarge_traders = "1000"'
    first, rest = release.split('[[measures]]\nname = "declarations"')
    return office.replace("[account]", policy), f'{first}{LARGE}[[measures]]\nname = "declarations"{rest}'


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, mirrors) -> Path:
    """Return a bundle of four quarters, three measures and a tier for large traders."""
    office, release = with_large_traders(OFFICE, QUARTERS)
    place = write_office(tmp_path_factory.mktemp("office"), office=office, release=release)
    ended = mirrors("run", place, "--json")
    assert ended.code == 0, ended.err
    return Path(ended.json["bundle"])


@pytest.fixture(scope="session")
def published(bundle: Path) -> pl.DataFrame:
    """Return its observations."""
    return pl.read_parquet(bundle / "observations.parquet")


@pytest.fixture(scope="session")
def plan(bundle: Path) -> dict[str, Any]:
    """Return its published plan."""
    return dict(json.loads((bundle / "plan.json").read_bytes()))
