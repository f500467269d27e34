"""R06, in the ledger: one charge, at most one noisy result, ever.

Several processes take the same charges, each draws a noisy result of its own and asks the ledger to record
it; some are killed on the way and their releases are run again. The mutant records whatever comes.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from disk import campaign
from ledger_world import DAY, request, terms

from release import measurement
from release.errors import SecondResultError
from release.ledger.bodies import Measured, kind_of, read, write
from release.ledger.book import Book
from release.ledger.entries import follow, head_of
from release.ledger.ports import Store
from release.ledger.sql import create, open_store

RELEASES, RUNNERS, ROUNDS = 20, 4, 4
ON = terms("1000")


def record(store: Store, name: str, digest: str, kind: str) -> bool:
    """Record a result and say whether it was taken; the mutant appends it without a look."""
    charge = Book(store).charge(request(name, "1/3", on=ON), date=DAY)
    if kind == "unlooking":
        with store.writing() as chain:
            body = Measured(release=name, tier="uniform", charge=charge.sequence, digest=digest)
            chain.append(follow(head_of(chain.last()), kind_of(body), write(body)))
        return True
    with suppress(SecondResultError):
        Book(store).measured(name, "uniform", digest)
        return True
    return False


def run_all(url: str, folder: Path, kind: str, runner: int) -> None:
    """Charge every release, draw a result for it, and publish it when it was taken."""
    store, chance = open_store(url), random.SystemRandom()
    with (folder / "published").open("ab", buffering=0) as published:
        for number in range(RELEASES):
            name, digest = f"release-{number}", f"sha256:{runner}-{chance.getrandbits(64):016x}"
            if record(store, name, digest, kind):
                published.write(f"{name} {digest}\n".encode())


def race(url: str, folder: Path, kind: str) -> dict[str, int]:
    """Return how many charges there were, and how many distinct results were taken for them."""
    create(url)
    for round_ in range(ROUNDS):
        children = []
        for runner in range(RUNNERS):
            pid = os.fork()
            if pid == 0:
                run_all(url, folder, kind, round_ * RUNNERS + runner)
                os._exit(0)
            children.append(pid)
        if round_ < ROUNDS - 1:
            time.sleep(random.uniform(0.02, 0.3))
            for pid in children[: RUNNERS - 1]:
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)
    with open_store(url).reading() as chain:
        bodies = [read(entry) for entry in chain.entries()]
    taken = set((folder / "published").read_text().splitlines())
    recorded = {(body.release, body.digest) for body in bodies if isinstance(body, Measured)}
    return {"published": len(taken), "recorded": len(recorded), "charges": RELEASES}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_a_charge_buys_one_noisy_result(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, figure: Callable[[str, str], None]
) -> None:
    at = f"sqlite:///{tmp_path / 'ledger.db'}"
    url = at if database == "SQLite" else request.getfixturevalue("new_database")()
    seen = campaign(__file__, url, tmp_path, "ours")
    assert seen["published"] <= seen["recorded"] == seen["charges"]
    drawn = RELEASES * RUNNERS * ROUNDS
    figure("R06", f"ledger, {database}: up to {drawn} results offered for {RELEASES} charges, {seen['recorded']} taken")


def test_a_ledger_that_records_whatever_comes_is_caught(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    seen = campaign(__file__, f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path, "unlooking")
    assert seen["recorded"] > seen["charges"]
    figure("R06", f"mutant that records whatever comes caught: {seen['recorded']} for {seen['charges']} charges")


def test_the_noisy_result_that_was_stored_first_stays(tmp_path: Path) -> None:
    assert measurement.store(tmp_path, "2024", b"first") == b"first"
    assert measurement.store(tmp_path, "2024", b"second") == b"first"
    assert measurement.stored(tmp_path, "2024") == b"first"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(race(sys.argv[1], Path(sys.argv[2]), sys.argv[3])))
