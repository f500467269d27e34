"""R01: after `kill -9` at any moment, spent >= released; and the chain is whole.

One single-threaded process forks children that charge, measure and publish in a loop, writing down each
release after its charge was acknowledged. A child is killed at random, or right before its n-th operation on
the disk, so that every step of a commit is met. On PostgreSQL children are killed at random, beside a server
that goes on. The mutant writes a release down before it asks for the charge.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from disk import Disk, campaign
from ledger_world import DAY, request, terms

from release.ledger.book import Book
from release.ledger.findings import Severity
from release.ledger.memory import MemoryStore
from release.ledger.replay import account_states, replay
from release.ledger.sql import create, open_store
from release.ledger.witness import FileWitness

STEPS, RANDOM, SERVER = 120, 90, 90
FLOOR = (0, 1, 2)
"""After how many more releases a child is killed at a random moment."""
ENDLESS = terms("100000")


def release_in_a_loop(url: str, folder: Path, child: int, order: str) -> None:
    """Charge, release, measure and publish one release after another until killed."""
    book = Book(open_store(url), witness=FileWitness(folder / "witness"))
    with (folder / "released").open("ab", buffering=0) as released:
        for number in range(10_000):
            name = f"{child}-{number}"
            if order == "release first":
                released.write(f"{name}\n".encode())
            book.charge(request(name, "1/7", on=ENDLESS), date=DAY)
            if order == "charge first":
                released.write(f"{name}\n".encode())
            book.measured(name, "uniform", f"sha256:{name}")
            book.published(name, "uniform", f"sha256:{name}")


def kill_one(url: str, folder: Path, child: int, order: str, *, at: int, disk: Disk | None) -> None:
    """Fork a child and wait for its death: before its operation `at`, or at random when `at` is 0."""
    pid = os.fork()
    if pid == 0:
        if disk is not None:
            disk.kill(at)
        release_in_a_loop(url, folder, child, order)
        os._exit(3)
    if not at:
        _wait_for(folder / "released", FLOOR[child % len(FLOOR)])
        time.sleep(random.uniform(0.0, 0.06))
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise SystemExit(f"child {child} ended by itself: {status}")


def _wait_for(released: Path, more: int) -> None:
    """Wait until so many more releases were written down: a slow machine isn't killed before it began."""
    wanted = more + _lines(released)
    while _lines(released) < wanted:
        time.sleep(0.001)


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def judge(url: str, folder: Path) -> dict[str, int]:
    """Return what a look at the ledger shows after a death."""
    store = open_store(url)
    with store.reading() as chain:
        seen = replay(chain.entries())
    inspected = [one for one in store.inspect() if one.severity is Severity.ERROR]
    witnessed = FileWitness(folder / "witness").head()
    ahead = witnessed is not None and witnessed.sequence > seen.head.sequence
    charges = {release: charge for (release, _), charge in seen.charges.items()}
    released = (folder / "released").read_text().splitlines() if (folder / "released").exists() else []
    spent = sum((charge.request.rho for charge in charges.values()), Fraction(0))
    shown = sum((state.spent for state in account_states(seen)), Fraction(0))
    return {
        "damaged": len(seen.findings) + len(inspected) + ahead,
        "uncharged": sum(name not in charges for name in released),
        "released": len(released),
        "charges": len(charges),
        "overdrawn": int(spent < Fraction(len(set(released) & set(charges)), 7)) + int(shown != spent),
    }


def campaign_of_kills(url: str, folder: Path, order: str, kills: int, steps: int) -> dict[str, int]:
    """Kill children, `steps` of them at a named operation, and judge the ledger after each."""
    create(url)
    disk = Disk(folder) if steps else None
    worst = {"damaged": 0, "uncharged": 0, "overdrawn": 0}
    for child in range(kills):
        at = 1 + child if child < steps else 0
        kill_one(url, folder, child, order, at=at, disk=disk)
        found = judge(url, folder)
        worst = {name: max(value, found[name]) for name, value in worst.items()}
    return {**worst, "released": found["released"], "charges": found["charges"], "kills": kills}


@pytest.mark.slow
def test_nothing_is_released_uncharged_when_killed_on_sqlite(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    seen = campaign(__file__, url, tmp_path, "charge first", STEPS + RANDOM, STEPS, library=disk)
    assert (seen["damaged"], seen["uncharged"], seen["overdrawn"]) == (0, 0, 0)
    assert seen["charges"] >= seen["released"] >= RANDOM
    figure("R01", f"SQLite: {seen['kills']} kills ({STEPS} at named steps), {seen['released']} released, 0 uncharged")


@pytest.mark.slow
def test_nothing_is_released_uncharged_when_killed_on_postgres(
    new_database: Callable[[], str], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, new_database(), tmp_path, "charge first", SERVER, 0)
    assert (seen["damaged"], seen["uncharged"], seen["overdrawn"]) == (0, 0, 0)
    assert seen["charges"] >= seen["released"] >= SERVER
    figure(
        "R01", f"PostgreSQL: {seen['kills']} kills, {seen['released']} released, 0 uncharged, chain whole after each"
    )


def test_a_program_that_releases_first_is_caught(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    seen = campaign(__file__, url, tmp_path, "release first", 40, 40, library=disk)
    assert seen["uncharged"] > 0
    figure("R01", f"mutant that releases first caught: {seen['uncharged']} released uncharged in 40 kills")


if __name__ == "__main__":
    place, where, order_, kills_, steps_ = sys.argv[1:]
    # Loaded before the forks, so that a child begins to work at once.
    Book(MemoryStore()).verify()
    outcome = campaign_of_kills(place, Path(where), order_, int(kills_), int(steps_))
    sys.stdout.write(json.dumps(outcome))
