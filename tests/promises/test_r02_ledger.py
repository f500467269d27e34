"""R02: after a power cut no acknowledged charge is missing.

A process charges a ledger on a disk that records every operation. A power cut is then taken at random places
of that record: whatever was synced is there; of what wasn't, every write is kept, dropped or torn at 512-byte
sectors, and every creation, removal or renaming is kept or dropped, each by itself and in no order. The
mutant is the same program with the settings that Python's SQLite has by default.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from disk import Disk, Operation, campaign, operations
from ledger_world import DAY, request

from release.errors import MirrorsError
from release.ledger.book import Book
from release.ledger.replay import replay
from release.ledger.sql import create, open_store, sqlite
from release.ledger.witness import FileWitness

CUTS = 5_000
CHARGES = 25
SECTOR = 512


@dataclass(slots=True)
class Inode:
    """A file's synced bytes, and what was done to it since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)


@dataclass(slots=True)
class Folder:
    """A folder's synced names, the names that a running process sees, and what was done to names since the sync."""

    synced: dict[str, Inode] = field(default_factory=dict)
    seen: dict[str, Inode] = field(default_factory=dict)
    pending: list[tuple[str, str, Inode]] = field(default_factory=list)


def perform(folder: Folder, root: str, operation: Operation) -> None:
    """Do to the model what the process did to the disk."""
    path = operation.path
    if operation.kind == "C":
        folder.seen[path] = Inode()
        folder.pending.append(("", path, folder.seen[path]))
    elif operation.kind == "U":
        folder.pending.append((path, "", folder.seen.pop(path)))
    elif operation.kind == "R":
        target = operation.data.decode()
        folder.seen[target] = folder.seen.pop(path)
        folder.pending.append((path, target, folder.seen[target]))
    elif operation.kind == "S" and path == root:
        folder.synced = dict(folder.seen)
        folder.pending = []
    elif operation.kind == "S":
        inode = folder.seen[path]
        for one in inode.pending:
            apply(inode.synced, one)
        inode.pending = []
    else:
        folder.seen[path].pending.append(operation)


def apply(content: bytearray, operation: Operation) -> None:
    """Write to, or truncate, a file's bytes."""
    end = operation.offset + len(operation.data)
    if operation.kind == "T":
        del content[operation.offset :]
    content.extend(bytes(max(0, end - len(content))))
    content[operation.offset : end] = operation.data


def survive(inode: Inode, chance: random.Random, odds: float) -> bytes:
    """Return what a file holds after the cut: each unsynced operation is kept, dropped or torn."""
    content = bytearray(inode.synced)
    for operation in inode.pending:
        fate = chance.random()
        if fate < odds:
            apply(content, operation)
        elif fate < odds + 0.2 and operation.kind == "W":
            for at in range(0, len(operation.data), SECTOR):
                if chance.random() < 0.5:
                    part = operation.data[at : at + SECTOR]
                    apply(content, Operation("W", operation.path, operation.offset + at, part))
    return bytes(content)


def after_cut(folder: Folder, chance: random.Random) -> dict[str, bytes]:
    """Return the files that are there after the cut, by path."""
    odds = chance.choice((0.0, 0.4, 0.8))
    names = dict(folder.synced)
    for source, target, inode in folder.pending:
        if chance.random() < odds:
            names.pop(source, None)
            if target:
                names[target] = inode
    return {path: survive(inode, chance, odds) for path, inode in names.items()}


def cuts(log: Path, root: Path, number: int, seed: int) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield the acknowledged charges and the surviving files of random cuts, once the ledger existed."""
    record = list(operations(log))
    first = next(at for at, one in enumerate(record) if one.path.endswith("acknowledged"))
    chance = random.Random(seed)
    wanted = sorted(chance.randrange(first + 1, len(record) + 1) for _ in range(number))
    folder, acknowledged, done = Folder(), 0, 0
    for at in wanted:
        for operation in record[done:at]:
            if operation.path.endswith("acknowledged"):
                acknowledged += operation.kind == "W"
            else:
                perform(folder, str(root), operation)
        done = at
        yield acknowledged, after_cut(folder, chance)


def lost(acknowledged: int, files: dict[str, bytes], place: Path) -> str:
    """Return what the cut destroyed: an acknowledged charge, or the ledger; nothing when all is there."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for path, content in files.items():
        (place / Path(path).name).write_bytes(content)
        (place / Path(path).name).chmod(0o600)
    try:
        with open_store(f"sqlite:///{place / 'ledger.db'}").reading() as chain:
            seen = replay(chain.entries())
    except MirrorsError:
        return "corrupt"
    if seen.findings:
        return "corrupt"
    if any((f"release-{number}", "uniform") not in seen.charges for number in range(acknowledged)):
        return "lost"
    witness = FileWitness(place / "witness").head()
    return "witness ahead" if witness is not None and witness.sequence > seen.head.sequence else ""


def losses(disk: Path, folder: Path, settings: str, number: int = CUTS) -> dict[str, int]:
    """Return how many of the cuts destroyed something, by what."""
    root, log = folder / "live", folder / "log"
    root.mkdir()
    campaign(__file__, root, log, settings, library=disk)
    counted: dict[str, int] = {}
    for acknowledged, files in cuts(log, root, number, seed=2):
        outcome = lost(acknowledged, files, folder / "after")
        counted[outcome] = counted.get(outcome, 0) + 1
    return counted


@pytest.mark.slow
def test_no_acknowledged_charge_is_missing_after_a_power_cut(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    assert losses(disk, tmp_path, "ours") == {"": CUTS}
    figure("R02", f"{CUTS} power cuts in {CHARGES} charges: 0 lost, 0 corrupt")


def test_a_witness_is_never_ahead_of_the_ledger_after_a_power_cut(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    number = CUTS // 5
    assert losses(disk, tmp_path, "witnessed", number) == {"": number}
    figure("R02", f"{number} more beside a witness: never ahead of its ledger")


@pytest.mark.slow
def test_the_default_settings_lose_acknowledged_charges(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    counted = losses(disk, tmp_path, "defaults")
    assert counted.get("lost", 0) > CUTS // 100
    figure("R02", f"mutant with Python's defaults caught: {counted['lost']} of {CUTS} lost one")


def charge_under_record(root: Path, log: Path, settings: str) -> None:
    """Create a ledger and charge it, acknowledging each charge in a file of the recorded folder."""
    disk = Disk(root)
    disk.record(log)
    if settings == "defaults":
        sqlite.SETTINGS = ()  # type: ignore[misc]
    witness = FileWitness(root / "witness") if settings == "witnessed" else None
    book = Book(create(f"sqlite:///{root / 'ledger.db'}"), witness=witness)
    with (root / "acknowledged").open("wb", buffering=0) as acknowledged:
        for number in range(CHARGES):
            book.charge(request(f"release-{number}", "1/100"), date=DAY)
            acknowledged.write(b"x")


if __name__ == "__main__":
    charge_under_record(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    sys.stdout.write(json.dumps({}))
