"""R27: backup and restore are safe: the latest backup is accepted, an older one is refused.

Backups are taken while other processes charge; each has to be whole and to hold every charge acknowledged
before it began. When all is quiet the ledger is lost, and backups are put in its place. On PostgreSQL a
backup is the exported chain, restored into a new database. The mutant, a ledger without a witness, takes the
older ones too.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from disk import campaign
from ledger_world import DAY, faults, request, terms

from release.errors import RolledBackError
from release.ledger.book import Book
from release.ledger.sql import create, open_store, restore
from release.ledger.sql.sqlite import SqliteStore, open_sqlite
from release.ledger.witness import FileWitness

BACKUPS, WRITERS = 12, 3
ON = terms("100000")


def charge_on_and_on(url: str, folder: Path, writer: int) -> None:
    """Charge until killed, acknowledging each charge."""
    book = Book(open_store(url), witness=FileWitness(folder / "witness"))
    with (folder / "acknowledged").open("ab", buffering=0) as file:
        for number in range(100_000):
            book.charge(request(f"{writer}-{number}", "1/7", on=ON), date=DAY)
            file.write(f"{writer}-{number}\n".encode())


def backups_under_load(url: str, folder: Path) -> dict[str, int]:
    """Take backups while others charge, and return how many of them lack something."""
    store = create(url)
    children = []
    for writer in range(WRITERS):
        pid = os.fork()
        if pid == 0:
            charge_on_and_on(url, folder, writer)
        children.append(pid)
    lacking, acknowledged = 0, folder / "acknowledged"
    for number in range(BACKUPS):
        time.sleep(0.1)
        before = acknowledged.read_text().split() if acknowledged.exists() else []
        copy = Book(back_up(store, folder, number))
        held = {charge.request.release for charge in copy.charges()}
        lacking += bool(faults(copy)) or not held.issuperset(before)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    back_up(store, folder, BACKUPS)
    return {"lacking": lacking, "charges": len(Book(store).charges())}


def back_up(store: object, folder: Path, number: int) -> SqliteStore:
    """Return a backup as a ledger of its own: SQLite's own copy, or the exported chain in a new file."""
    target = folder / f"backup-{number}.db"
    if isinstance(store, SqliteStore):
        store.backup(target)
    else:
        restore(Book(store).entries(), f"sqlite:///{target}")  # type: ignore[arg-type]
    return open_sqlite(target)


def taken(book: Book) -> bool:
    """Decide whether a restored ledger takes the next charge."""
    try:
        book.charge(request("after-the-restore", "1/7", on=ON), date=DAY)
    except RolledBackError:
        return False
    return True


@pytest.mark.slow
def test_the_latest_sqlite_backup_is_taken_and_older_ones_are_refused(
    tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    path = tmp_path / "ledger.db"
    seen = campaign(__file__, f"sqlite:///{path}", tmp_path)
    assert (seen["lacking"], seen["charges"] > BACKUPS) == (0, True)
    witness = FileWitness(tmp_path / "witness")
    alone = 0
    for number in range(BACKUPS):
        shutil.copyfile(tmp_path / f"backup-{number}.db", path)
        alone += taken(Book(open_sqlite(path)))
        shutil.copyfile(tmp_path / f"backup-{number}.db", path)
        assert not taken(Book(open_sqlite(path), witness=witness))
    shutil.copyfile(tmp_path / f"backup-{BACKUPS}.db", path)
    assert taken(Book(open_sqlite(path), witness=witness))
    assert alone == BACKUPS
    figure(
        "R27", f"SQLite: {BACKUPS} backups beside {WRITERS} writers whole, the latest taken, {BACKUPS} older refused"
    )
    figure("R27", f"mutant without a witness caught: it took {alone} older ones")


@pytest.mark.slow
def test_the_latest_export_of_a_postgres_ledger_is_taken_and_older_ones_are_refused(
    new_database: Callable[[], str], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, new_database(), tmp_path)
    assert (seen["lacking"], seen["charges"] > 0) == (0, True)
    witness = FileWitness(tmp_path / "witness")
    for number, accepted in ((0, False), (BACKUPS // 2, False), (BACKUPS, True)):
        exported = Book(open_sqlite(tmp_path / f"backup-{number}.db")).entries()
        restored = Book(restore(exported, new_database()), witness=witness)
        assert taken(restored) is accepted
    figure("R27", f"PostgreSQL: {BACKUPS} exports beside {WRITERS} writers whole, the latest taken, 2 older refused")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(backups_under_load(sys.argv[1], Path(sys.argv[2]))))
