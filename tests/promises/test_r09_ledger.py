"""R09, in the ledger: the clock decides nothing.

The same requests are put to the ledger in processes whose clock stands in 2000, 2038 and 2100, or is set back
before every request, and with recorded dates that go forwards and backwards. The decisions and, for the same
recorded dates, every byte of the chain have to be the same. The mutant opens the account of the year that its
clock shows.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from disk import Disk, campaign
from ledger_world import account, request, terms

from release.errors import BudgetError
from release.ledger.book import Book
from release.ledger.entries import ChargeRequest
from release.ledger.sql import create

_YEAR = 31_557_600
CLOCKS = {"as it is": (0, 0), "2000": (2000, 0), "2038": (2038, 0), "2100": (2100, 0), "set back": (2100, -5)}
DATES = {"forwards": 1, "backwards": -1, "standing": 0}


def decide(book: Book, asked: ChargeRequest, date: str, mutant: str) -> str:
    """Return what the ledger says to a request."""
    if mutant == "mutant":
        asked = replace(asked, account=account(year=datetime.now(UTC).year))
    try:
        book.charge(asked, date=date)
    except BudgetError as refusal:
        return type(refusal).__name__
    return "charged"


def decisions(folder: Path, clock: str, dates: str, mutant: str) -> dict[str, object]:
    """Return all decisions and the chain's head, under a clock."""
    year, step = CLOCKS[clock]
    shift = (year - datetime.now(UTC).year) * _YEAR if year else 0
    disk, said = Disk(folder), []
    book = Book(create(f"sqlite:///{folder / f'{clock}-{dates}-{mutant}.db'}"))
    for number in range(14):
        disk.clock(shift + number * step * _YEAR)
        date = f"{2050 + number * DATES[dates]}-02-28"
        asked = request(f"release-{number % 11}", "1/10", on=terms(), plan=f"sha256:{number // 13}")
        said.append(decide(book, asked, date, mutant))
    disk.clock(0)
    return {"said": said, "head": book.head().hash, "year": year}


@pytest.mark.slow
def test_every_clock_has_the_same_decisions(disk: Path, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    seen = [campaign(__file__, tmp_path, clock, dates, "ours", library=disk) for clock in CLOCKS for dates in DATES]
    first = seen[0]["said"]
    assert first == ["charged"] * 10 + ["OverLimitError"] + ["charged"] * 2 + ["ReleaseTakenError"]
    assert all(one["said"] == first for one in seen)
    assert len({one["head"] for one in seen}) == len(DATES)
    figure("R09", f"ledger: {len(CLOCKS)} clocks, {len(DATES)} orders of dates: the same decisions, the same bytes")


def test_a_ledger_that_asks_the_clock_for_its_year_is_caught(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = [campaign(__file__, tmp_path, clock, "standing", "mutant", library=disk) for clock in CLOCKS]
    assert len({json.dumps(one["said"]) for one in seen}) > 1
    assert len({one["head"] for one in seen}) > 1
    figure("R09", "mutant that takes the year from its clock caught")


if __name__ == "__main__":
    where, *how = sys.argv[1:]
    sys.stdout.write(json.dumps(decisions(Path(where), *how)))
