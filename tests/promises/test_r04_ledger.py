"""R04: 2 to 16 concurrent runs never overspend, on SQLite and on PostgreSQL.

Processes charge one account as fast as they can, each for releases of its own, until they are refused;
between reading the standing and writing the charge each is made to pause. There is budget for 100. The mutant
takes its decision on what it read outside the lock, and only then takes the lock to write.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import pytest
from disk import campaign
from ledger_world import DAY, faults, request, terms

from release.errors import OverLimitError
from release.ledger.book import Book
from release.ledger.entries import Entry, Kind, follow, head_of
from release.ledger.findings import Finding
from release.ledger.memory import MemoryStore, MemoryView
from release.ledger.ports import Reading, Store, Writing
from release.ledger.sql import create, open_store

BUDGET = 100
CROWDS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
PAUSE = 0.002
SMALL = 12


class Pausing:
    """A view that waits after it has read where an account stands."""

    def __init__(self, view: Writing) -> None:
        self._view = view

    def __getattr__(self, name: str) -> object:
        return getattr(self._view, name)

    def last_of_account(self, key: str) -> Entry | None:
        """Read, then pause."""
        entry = self._view.last_of_account(key)
        time.sleep(PAUSE)
        return entry


class PausingStore:
    """The real store, whose writers pause between reading and writing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def place(self) -> str:
        """Say where it is."""
        return self._store.place

    def reading(self) -> object:
        """Open a view."""
        return self._store.reading()

    @contextmanager
    def writing(self) -> Iterator[Pausing]:
        """Open the exclusive transaction, with its pause."""
        with self._store.writing() as view:
            yield Pausing(view)

    def inspect(self) -> tuple[Finding, ...]:
        """Pass on."""
        return self._store.inspect()


class LooseStore(PausingStore):
    """The mutant: decides on a snapshot, pauses, and then writes what it decided under the lock."""

    @contextmanager
    def writing(self) -> Iterator[Pausing]:
        """Read outside the lock, write inside."""
        with self._store.reading() as chain:
            before = tuple(chain.entries())
        snapshot = MemoryView(before)
        yield Pausing(snapshot)
        with self._store.writing() as chain:
            for entry in snapshot.stored()[len(before) :]:
                _append_again(chain, entry)


def _append_again(chain: Writing, entry: Entry) -> None:
    last: Reading = chain
    if entry.kind != Kind.OPENED or last.last() is None:
        chain.append(follow(head_of(last.last()), Kind(entry.kind), entry.body))


def charge_until_refused(url: str, runner: int, kind: str, acknowledged: Path) -> None:
    """Charge releases of one's own until the account is full, writing down each that was acknowledged."""
    store = open_store(url)
    budget = SMALL if kind == "loose" else BUDGET
    book = Book(LooseStore(store) if kind == "loose" else PausingStore(store))  # type: ignore[arg-type]
    with acknowledged.open("ab", buffering=0) as file:
        for number in range(budget):
            try:
                book.charge(request(f"{runner}-{number}", "1", on=terms(str(budget))), date=DAY)
            except OverLimitError:
                return
            file.write(b"x")


def crowd(url: str, folder: Path, runners: int, kind: str) -> dict[str, int]:
    """Return what a crowd of processes spent and was told."""
    acknowledged = folder / f"acknowledged-{runners}"
    create(url)
    children = []
    for runner in range(runners):
        pid = os.fork()
        if pid == 0:
            charge_until_refused(url, runner, kind, acknowledged)
            os._exit(0)
        children.append(pid)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    book = Book(open_store(url))
    spent = sum(int(charge.request.rho) for charge in book.charges()) if kind != "loose" else 0
    with open_store(url).reading() as chain:
        charged = sum(entry.kind == Kind.CHARGED for entry in chain.entries())
    told = acknowledged.stat().st_size
    return {
        "spent": spent,
        "charged": charged,
        "told": told,
        "failed": sum(map(bool, ended)),
        "faults": len(faults(book)),
    }


def _database(kind: str, new_database: Callable[[], str], tmp_path: Path) -> list[str]:
    if kind == "PostgreSQL":
        return [new_database() for _ in CROWDS]
    return [f"sqlite:///{tmp_path / f'{runners}.db'}" for runners in CROWDS]


@pytest.mark.slow
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_concurrent_runs_spend_the_limit_exactly(
    database: str, new_database: Callable[[], str], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    urls = _database(database, new_database, tmp_path)
    seen = campaign(__file__, "exclusive", tmp_path, *urls)["crowds"]
    whole = {"spent": BUDGET, "charged": BUDGET, "told": BUDGET, "failed": 0, "faults": 0}
    assert seen == [whole] * len(CROWDS)
    figure("R04", f"{database}: {len(CROWDS)} crowds of {CROWDS[0]} to {CROWDS[-1]}, each spent and told {BUDGET}")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_a_ledger_read_outside_its_lock_is_caught_each_time(
    database: str, new_database: Callable[[], str], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    urls = _database(database, new_database, tmp_path)
    seen = campaign(__file__, "loose", tmp_path, *urls)["crowds"]
    assert all(one["charged"] > SMALL and one["faults"] > 0 for one in seen)
    worst = max(one["charged"] for one in seen)
    figure(
        "R04", f"mutant that reads outside the lock caught {len(seen)} of {len(seen)} times (up to {worst} of {SMALL})"
    )


def test_releases_and_revisions_spend_the_limit_together() -> None:
    book, on = Book(MemoryStore()), terms("10", reserve="2")
    for number in range(30):
        with suppress(OverLimitError):
            book.charge(request(f"release-{number}", "1", on=on, revision=number % 3 > 0), date=DAY)
    assert sum(charge.request.rho for charge in book.charges()) == 10


def test_a_limit_exceeded_in_the_thirtieth_place_is_refused() -> None:
    book, third = Book(MemoryStore()), Fraction("0.333333333333333333333333333334")
    for name in ("first", "second"):
        book.charge(request(name, third), date=DAY)
    with pytest.raises(OverLimitError):
        book.charge(request("third", third), date=DAY)


if __name__ == "__main__":
    how, where, *places = sys.argv[1:]
    outcome = [crowd(url, Path(where), runners, how) for url, runners in zip(places, CROWDS, strict=True)]
    sys.stdout.write(json.dumps({"crowds": outcome}))
