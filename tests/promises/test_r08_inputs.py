"""R08: what was charged is what was released: the config's and the records' bytes.

Files are swapped between every two steps and, by a second thread, at any moment of reading. One side of each swap holds
values, the other noughts in their place, so that the published total shows which was used, or that both were. A run is
refused, or the keyed digests in the ledger are those of the bytes that the published figures came from.
"""

import hashlib
import hmac
import json
import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

import polars as pl
import pytest
from edited_program import Edit, call, edited
from offices import (
    PARQUET_RELEASE,
    RELEASE,
    Place,
    line,
    new_book,
    plan_of,
    publish,
    records_of,
    some_lines,
    write_office,
)

from release.errors import MirrorsError, ReleaseTakenError
from release.ledger.book import Book
from release.run import Step, run

Figure = Callable[[str, str], None]
Swap = Callable[[Path, bytes], None]

WITH_IDS = '[source]\ntrader_ids = "ids.csv"'
SEVERAL = 400
FULL = 7_300_000
"""What the total of imports is about when the full file was used: a trader's 20,000 are cut to about 18,260."""

NEAR = 600_000
"""Six standard deviations of the total's noise."""


def office(folder: Path, release: str = RELEASE) -> tuple[Place, bytes, bytes]:
    """Write an office with trader ids; return it with the bytes of its full and of its empty source, of one length."""
    sides = []
    for value in ("00000", "20000"):
        lines = [line(trader=f"T{number}", value=value) for number in range(SEVERAL)]
        place = write_office(folder, lines=lines, release=release.replace("[source]", WITH_IDS))
        sides.append(place.source.read_bytes())
    (folder / "ids.csv").write_text("alias,trader\nT7-BIS,T7\n")
    return place, sides[1], sides[0]


def keyed(place: Place, content: bytes) -> str:
    """Return the digest that the ledger should hold for a source's bytes, by the written formula."""
    name = place.source.name.encode()
    whole = hashlib.sha256(len(name).to_bytes(8, "big") + name + hashlib.sha256(content).digest()).digest()
    purpose = hashlib.sha256(b"2024/source").digest()
    return hmac.new((place.state / "secret").read_bytes(), purpose + whole, hashlib.sha256).hexdigest()


def rename_over(path: Path, content: bytes) -> None:
    """Put another file under the name."""
    other = path.with_name(path.name + ".other")
    other.write_bytes(content)
    other.replace(path)


def rewrite(path: Path, content: bytes) -> None:
    """Write other bytes into the file."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def rewrite_and_forge_times(path: Path, content: bytes) -> None:
    """Write other bytes into the file and set its times back."""
    before = path.stat()
    rewrite(path, content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


SWAPS = (rename_over, rewrite, rewrite_and_forge_times)


def one_run(place: Place, sides: dict[bool, bytes], disturb: Callable[[Step | None], None], book: Book) -> str:
    """Return `refused`, `right` or `WRONG` for a run that is disturbed before it and after each step."""
    plan, records = plan_of(place), records_of(place)
    disturb(None)
    try:
        outcome = run(
            plan,
            records=records,
            book=book,
            state=place.state,
            published=place.published,
            date="2025-01-31",
            notice=disturb,
        )
    except MirrorsError:
        return "refused"
    table = pl.read_parquet(outcome.bundle / "observations.parquet")
    total = table.filter(pl.col("measure") == "value", pl.col("level") == "total")["measured"][0]
    told = dict(outcome.charge.request.keyed_digests)
    plan_told = json.loads((outcome.bundle / "charge.json").read_bytes())["plan_digest"]
    plan_used = hashlib.sha256((outcome.bundle / "plan.json").read_bytes()).hexdigest()
    full = abs(total - FULL) < NEAR
    pure = full or abs(total) < NEAR
    right = pure and told["source"] == keyed(place, sides[full]) and plan_told == plan_used == plan.digest
    return "right" if right else "WRONG"


def between_steps(folder: str, release: str) -> dict[str, int]:
    """Swap the source by each way between each two steps, in both directions; return how the runs ended."""
    found = {"refused": 0, "right": 0, "WRONG": 0}
    moments = (None, Step.CHECKED, Step.CHARGED, Step.DRAWN, Step.STORED, Step.MEASURED, Step.PUBLISHED)
    for number, (moment, swap, begins_full) in enumerate(product(moments, SWAPS, (True, False))):
        place, full, empty = office(Path(folder) / str(number), release)
        sides = {True: full, False: empty}
        place.source.write_bytes(sides[begins_full])
        disturb = partial(swap_all, moment, swap, place, sides[not begins_full])
        found[one_run(place, sides, disturb, new_book())] += 1
    return found


def swap_all(moment: Step | None, swap: Swap, place: Place, other: bytes, step: Step | None) -> None:
    """Swap source, ids and config when `step` is the moment for it."""
    if step == moment:
        swap(place.source, other)
        (place.folder / "ids.csv").write_text("alias,trader\nT1,T2\n")
        for config in (place.release, place.folder / "office.toml"):
            config.write_text(config.read_text().replace("1e5", "2e5").replace("100", "90"))


def while_reading(folder: str, release: str, runs: int) -> dict[str, int]:
    """Let a thread swap the source to and fro while runs go on; return how they ended."""
    found = {"refused": 0, "right": 0, "WRONG": 0}
    chance = random.Random(8)
    for number in range(runs):
        place, full, empty = office(Path(folder) / f"r{number}", release)
        ended = threading.Event()
        longest = chance.choice((0.002, 0.05, 1.0))
        swap = chance.choice(SWAPS)
        thread = threading.Thread(target=keep_swapping, args=(place.source, (empty, full), swap, longest, ended))
        thread.start()
        found[one_run(place, {True: full, False: empty}, lambda _: None, new_book())] += 1
        ended.set()
        thread.join()
    return found


def keep_swapping(path: Path, sides: tuple[bytes, bytes], swap: Swap, longest: float, ended: threading.Event) -> None:
    """Swap a file to and fro, with pauses of up to `longest` seconds, until told to end."""
    while not ended.is_set():
        for content in sides:
            with suppress(OSError):
                swap(path, content)
            ended.wait(random.uniform(0, longest))


@pytest.mark.slow
@pytest.mark.parametrize("release", [RELEASE, PARQUET_RELEASE], ids=["csv", "parquet"])
def test_files_swapped_between_every_two_steps_are_noticed_or_not_used(
    release: str, tmp_path: Path, figure: Figure
) -> None:
    found = between_steps(str(tmp_path), release)
    assert found["WRONG"] == 0
    assert found["refused"] > 0
    assert found["right"] > 0
    figure("R08", f"{sum(found.values())} swaps between steps: {found['refused']} refused, {found['right']} right")


@pytest.mark.slow
def test_files_swapped_while_they_are_read_are_noticed_or_not_used(tmp_path: Path, figure: Figure) -> None:
    found = while_reading(str(tmp_path / "csv"), RELEASE, 40)
    assert found["WRONG"] == 0
    assert found["right"] + found["refused"] == 40
    figure("R08", f"40 runs beside a swapping thread: {found['refused']} refused, {found['right']} right")


def test_a_charged_run_goes_on_with_its_own_config_and_records_only(tmp_path: Path, figure: Figure) -> None:
    place, full, empty = office(tmp_path)

    class Cut(Exception):  # noqa: N818
        pass

    def cut(step: Step | None) -> None:
        if step is Step.CHARGED:
            raise Cut

    changes: tuple[tuple[Path, bytes], ...] = (
        (place.source, empty),
        (tmp_path / "ids.csv", b"alias,trader\nT1,T2\n"),
        (place.release, place.release.read_bytes().replace(b"1e5", b"2e5")),
        (tmp_path / "office.toml", (tmp_path / "office.toml").read_bytes().replace(b"Aland", b"Elsewhere")),
    )
    book = new_book()
    with pytest.raises(Cut):
        one_run(place, {True: full, False: empty}, cut, book)
    for path, content in changes:
        kept = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(ReleaseTakenError):
            publish(place, book=book)
        assert not place.published.exists()
        path.write_bytes(kept)
    outcome = publish(place, book=book)
    assert outcome.status == "resumed"
    assert dict(outcome.charge.request.keyed_digests)["source"] == keyed(place, full)
    figure("R08", f"{len(changes)} kinds of change after the charge refused, then resumed")


def test_no_change_of_records_changes_the_table_of_ids_or_its_digest(tmp_path: Path) -> None:
    place, _, _ = office(tmp_path)
    before = dict(records_of(place).keyed_digests(plan_of(place)))
    write_office(tmp_path, lines=some_lines(9), release=place.release.read_text())
    after = dict(records_of(place).keyed_digests(plan_of(place)))
    assert before["trader-ids"] == after["trader-ids"]
    assert before["source"] != after["source"]


BY_NAME = Edit(
    module="confidential/sources.py",
    old='        return f"/proc/self/fd/{self.text}"',
    new='        return os.environ["MUTANT_SOURCE"]',
)
UNNOTICED = Edit(
    module="confidential/records.py",
    old="        if not self._held.unchanged(self._digest):",
    new="        if False:",
)


def by_name(folder: str) -> dict[str, int]:
    """Swap the source by its name right after the charge."""
    return _after_the_charge(folder, rename_over)


def in_place(folder: str) -> dict[str, int]:
    """Rewrite the source right after its digest was compared, as far as a step's notice allows."""
    return _after_the_charge(folder, rewrite)


def _after_the_charge(folder: str, swap: Swap) -> dict[str, int]:
    place, full, empty = office(Path(folder))
    os.environ["MUTANT_SOURCE"] = str(place.source)

    def disturb(step: Step | None) -> None:
        if step is Step.CHARGED:
            swap(place.source, empty)

    return {one_run(place, {True: full, False: empty}, disturb, new_book()): 1}


@pytest.mark.parametrize("experiment", ["by_name", "in_place"])
def test_a_program_that_reads_other_bytes_than_it_charged_for_is_caught(
    experiment: str, tmp_path: Path, figure: Figure
) -> None:
    faults = (BY_NAME, UNNOTICED) if experiment == "by_name" else (UNNOTICED,)
    assert call(edited(tmp_path, *faults), "test_r08_inputs", experiment, tmp_path / "office") == {"WRONG": 1}
    figure("R08", f"mutant {experiment} caught")
