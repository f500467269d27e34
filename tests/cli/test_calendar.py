"""An office's year: a calendar of twelve monthly releases under one budget, and what doesn't fit in it."""

import datetime
from fractions import Fraction
from pathlib import Path

import pytest
from small_office import OFFICE, RELEASE, write_office

from release.cli import wiring
from release.confidential.records import Records
from release.config import load_release
from release.run import run

MONTHS = [f"2024-{month:02d}" for month in range(1, 13)]
CALENDAR = "calendar = [" + ", ".join(f'{{ release = "{m}", year = 2024, rho = "1/4" }}' for m in MONTHS) + "]"


def monthly(name: str, month: str) -> str:
    head, _, _ = RELEASE.partition("[[measures]]")
    head = head.replace('release = "2024"', f'release = "{name}"').replace(
        'periods = ["2024"]', f'periods = ["{month}"]'
    )
    return f'{head}[[measures]]\nname = "value"\nrho = "1/4"\nlevels = [{{ level = "partner", noise_sd = "3e5" }}]\n'


def publish(file: Path) -> None:
    """Run a release in this process, as `mirrors run` does."""
    office, release = load_release(file)
    folder = file.parent
    state = wiring.state_folder(office, folder)
    run(
        wiring.planned(office, release, folder, None),
        records=Records(place=folder / "declarations.csv", source=release.source, state=state),
        book=wiring.open_book(office, folder, quietly=True),
        state=state,
        published=folder / "published",
        date=datetime.date(2025, 1, 31).isoformat(),
    )


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("year")
    write_office(folder, office=OFFICE.replace('limit = "3"', f'limit = "3"\n{CALENDAR}'), lines=300)
    for month in MONTHS:
        (folder / f"{month}.toml").write_text(monthly(month, month))
        publish(folder / f"{month}.toml")
    return folder


@pytest.mark.slow
def test_twelve_monthly_releases_fill_the_year_and_a_thirteenth_is_refused(year, mirrors):
    shown = mirrors("ledger", "show", year / "office.toml", "--json").json
    assert [charge["release"] for charge in shown["charges"]] == MONTHS
    assert Fraction(shown["accounts"][0]["spent"]["rho"]) == 3
    (year / "thirteenth.toml").write_text(monthly("2024-13", "2024-12"))
    refused = mirrors("run", year / "thirteenth.toml")
    assert refused.code == 5
    assert not (year / "published" / "NLD" / "2024-13").exists()
    told = mirrors("ledger", "show", year / "office.toml").out
    assert "spent rho 3 of 3, 0 left" in told
    assert told.count("published") == 12


@pytest.mark.slow
def test_a_raised_limit_is_shown_with_its_reason_and_makes_room(year, mirrors):
    raised = mirrors(
        "ledger", "raise", year / "office.toml", "--source", "declarations", "--year", "2024", "--limit", "4",
        "--reason", "a revision of the year",
    )  # fmt: skip
    assert raised.code == 0, raised.err
    shown = mirrors("ledger", "show", year / "office.toml").out
    assert "a revision of the year" in shown
    assert "spent rho 3 of 4, 1 left" in shown


@pytest.mark.slow
def test_an_export_restores_the_ledger_and_an_older_one_is_refused_when_used(year, mirrors, tmp_path):
    lines = mirrors("ledger", "export", year / "office.toml").out
    (year / "latest.jsonl").write_text(lines)
    (year / "older.jsonl").write_text("".join(line + "\n" for line in lines.splitlines()[:-3]))
    ledger = year / "state" / "ledger.sqlite"
    ledger.rename(tmp_path / "lost.sqlite")
    (year / "state" / "ledger.sqlite-journal").unlink(missing_ok=True)
    assert mirrors("ledger", "restore", year / "office.toml", year / "older.jsonl").code == 0
    refused = mirrors("run", year / "2024.toml")
    assert refused.code == 5
    ledger.unlink()
    (year / "state" / "ledger.sqlite-journal").unlink(missing_ok=True)
    assert mirrors("ledger", "restore", year / "office.toml", year / "latest.jsonl").code == 0
    assert mirrors("ledger", "verify", year / "office.toml").code == 0
