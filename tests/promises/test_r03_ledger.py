"""R03, at the charge: full disk, quota, read-only disk, I/O error: refused, nothing damaged or acknowledged.

Each operation of a charge on the disk, of the ledger's file and of the witness's, fails once or from then on,
with each error; then the disk is well again. What was acknowledged has to be there, and the ledger whole. The
mutant passes over a failing commit as if it had worked.
"""

import errno
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from disk import Disk, campaign
from ledger_world import DAY, faults, request, terms

from release.errors import BudgetError
from release.ledger.book import Book
from release.ledger.ports import OutcomeUnknown, Writing
from release.ledger.sql import create, open_store
from release.ledger.sql.sqlite import SqliteStore
from release.ledger.witness import FileWitness

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
ON = terms("100000")


class HopefulStore(SqliteStore):
    """The mutant: what fails at the commit is passed over."""

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Swallow what the commit says."""
        with suppress(OutcomeUnknown), super().writing() as chain:
            yield chain


def book_at(folder: Path, kind: str) -> Book:
    """Return the book, or the mutant's."""
    path = folder / "ledger.db"
    store = HopefulStore(path) if kind == "hopeful" else open_store(f"sqlite:///{path}")
    # A witness would notice the mutant at once; the ledger has to be right without it.
    return Book(store, witness=FileWitness(folder / "witness") if kind == "ours" else None)


def faulty_charges(folder: Path, kind: str) -> dict[str, int]:
    """Return what came of charges during which the disk failed."""
    create(f"sqlite:///{folder / 'ledger.db'}")
    disk = Disk(folder)
    book = book_at(folder, kind)
    book.charge(request("well-0", "1/7", on=ON), date=DAY)
    disk.fail(0, 0, 0)
    book.charge(request("well-1", "1/7", on=ON), date=DAY)
    steps = disk.count()
    tally = {"faults": 0, "refused": 0, "acknowledged": 0, "missing": 0, "damaged": 0, "other": 0, "steps": steps}
    for error in ERRORS:
        for times in (1, 10**6):
            for step in range(1, steps + 1):
                one_fault(folder, kind, disk, (step, times, error), tally)
    return tally


def one_fault(folder: Path, kind: str, disk: Disk, fault: tuple[int, int, int], tally: dict[str, int]) -> None:
    """Charge while the disk fails, then look at the ledger on a well disk."""
    name = f"release-{tally['faults']}"
    asked = request(name, "1/7", on=ON)
    tally["faults"] += 1
    told = False
    book = book_at(folder, kind)
    disk.fail(*fault)
    try:
        book.charge(asked, date=DAY)
        told = True
    except BudgetError:
        tally["refused"] += 1
    except Exception:  # noqa: BLE001 - anything but a refusal is what this counts
        tally["other"] += 1
    disk.fail(0, 0, 0)
    after = book_at(folder, "ours" if kind == "ours" else "looking")
    tally["acknowledged"] += told
    tally["missing"] += told and after.find(name) is None
    tally["damaged"] += after.charge(asked, date=DAY) != after.find(name)
    if tally["faults"] % 10 == 0:
        tally["damaged"] += len(faults(after))


@pytest.mark.slow
def test_a_charge_on_a_failing_disk_is_refused_or_stands(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, tmp_path, "ours", library=disk)
    assert (seen["missing"], seen["damaged"], seen["other"]) == (0, 0, 0)
    assert seen["refused"] > seen["faults"] / 2
    assert seen["refused"] + seen["acknowledged"] == seen["faults"] == seen["steps"] * len(ERRORS) * 2
    figure(
        "R03",
        f"charge: {seen['faults']} faults at {seen['steps']} steps, {seen['refused']} refused, "
        f"{seen['acknowledged']} acknowledged and there",
    )


@pytest.mark.slow
def test_a_ledger_that_passes_over_a_failing_commit_is_caught(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, tmp_path, "hopeful", library=disk)
    assert seen["missing"] > 0
    figure("R03", f"mutant that passes over a failing commit caught: {seen['missing']} acknowledged and missing")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(faulty_charges(Path(sys.argv[1]), sys.argv[2])))
