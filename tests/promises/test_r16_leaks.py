"""R16: no raw value in any log, error, publication, temporary file or page.

Canaries stand in every column, in rows that count and in rows that can't be read. Good runs and failures of many kinds
go through the real command line; then everything that was printed and every file but the records themselves is
searched for them, in many encodings.
"""

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from edited_program import _COMMAND, ROOT, Edit, edited
from offices import OFFICE, PARQUET_RELEASE, RELEASE, Place, csv_bytes, line, some_lines, write_office
from planted import FIGURES, TEXTS, canaries_in, leaks_below

from release.ledger.book import Book
from release.ledger.sql.sqlite import open_sqlite

Figure = Callable[[str, str], None]

WITH_IDS = RELEASE.replace("[source]", '[source]\ntrader_ids = "ids.csv"')
CANARY = TEXTS["trader"]


def planted_lines() -> list[dict[str, str]]:
    """Return ordinary lines, one with figures as canaries, and for each column one with a word where it doesn't fit."""
    whole = line(**(TEXTS | {"flow": "M", "partner": "DE", "currency": "EUR"} | FIGURES))
    return [*(line(**{column: text}) for column, text in TEXTS.items()), whole, *some_lines(40)]


def frame() -> pl.DataFrame:
    """Return the planted lines as a table of text."""
    return pl.DataFrame(planted_lines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: what is changed in the office before it, how it is called, and the exit codes that are right."""

    name: str
    codes: tuple[int, ...]
    prepare: Callable[[Place], None] = lambda _: None
    release: str = RELEASE
    office: str = OFFICE
    command: tuple[str, ...] = ("run",)
    env: Mapping[str, str] | None = None


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    return lambda place: void(place.source.write_bytes(change(place.source.read_bytes())))


def void(_: object) -> None:
    """Return nothing."""


def _file(name: str, content: bytes) -> Callable[[Place], None]:
    def write(place: Place) -> None:
        (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / name).write_bytes(content)

    return write


def _hive(place: Place) -> None:
    part = place.folder / "records" / f"trader={CANARY}"
    part.mkdir(parents=True)
    place.source.rename(part / "part.csv")


def _kind(series: pl.Series) -> Callable[[Place], None]:
    return lambda place: (
        pl.read_parquet(place.source)
        .with_columns(pl.Series("partner", [series[0]] * pl.read_parquet(place.source).height, dtype=series.dtype))
        .write_parquet(place.source)
    )


HIVE = RELEASE.replace("records.csv", "records")
NO_VALUE = RELEASE.replace('value = "value"', 'value = "other"', 1)
HIVE_NO_VALUE = NO_VALUE.replace("records.csv", "records")
IDS = f"alias,trader\nT1,{CANARY}\n".encode()

GOOD = (
    Case(name="a CSV file", codes=(0,)),
    Case(name="a Parquet file", codes=(0,), release=PARQUET_RELEASE),
    Case(name="a zipped CSV file", codes=(0,), prepare=_bytes(gzip.compress)),
    Case(name="folders named by a trader", codes=(0,), release=HIVE, prepare=_hive),
    Case(name="a table of ids", codes=(0,), release=WITH_IDS, prepare=_file("ids.csv", IDS)),
    Case(name="a private check", codes=(0,), command=("source", "check")),
)

FAILURES = (
    Case(name="a column is missing", codes=(4,), release=NO_VALUE),
    Case(name="no header", codes=(4,), prepare=_bytes(lambda text: text.partition(b"\n")[2][::-1])),
    Case(name="a record as header", codes=(4,), prepare=_bytes(lambda text: b",".join([CANARY.encode()] * 9) + text)),
    Case(name="a column twice", codes=(4,), prepare=_bytes(lambda text: text.replace(b"note", b"value", 1))),
    Case(name="zipped and cut", codes=(4,), prepare=_bytes(lambda text: gzip.compress(text)[:-40])),
    Case(name="zipped and damaged", codes=(4,), prepare=_bytes(lambda text: gzip.compress(text, 0)[:-8] + b"12345678")),
    Case(name="not Parquet", codes=(4,), release=PARQUET_RELEASE, prepare=_bytes(lambda _: csv_bytes(planted_lines()))),
    Case(name="Parquet, cut", codes=(4,), release=PARQUET_RELEASE, prepare=_bytes(lambda text: text[: len(text) // 2])),
    Case(
        name="Parquet, damaged within",
        codes=(0, 4),
        release=PARQUET_RELEASE,
        prepare=_bytes(lambda text: text[:100] + bytes(400) + text[500:]),
    ),
    Case(name="Parquet named CSV", codes=(4,), prepare=lambda place: frame().write_parquet(place.source)),
    Case(name="no file", codes=(4,), prepare=lambda place: place.source.unlink()),
    Case(name="nothing in the folder", codes=(4,), release=HIVE, prepare=_file("records/note.md", CANARY.encode())),
    Case(name="bytes for text", codes=(4,), release=PARQUET_RELEASE, prepare=_kind(pl.Series([CANARY.encode()]))),
    Case(name="lists for text", codes=(4,), release=PARQUET_RELEASE, prepare=_kind(pl.Series([[CANARY]]))),
    Case(name="folders, and a column is missing", codes=(4,), release=HIVE_NO_VALUE, prepare=_hive),
    Case(name="a damaged table of ids", codes=(4,), release=WITH_IDS, prepare=_file("ids.csv", IDS + b"T1,T3\n")),
    Case(name="no table of ids", codes=(4,), release=WITH_IDS),
    Case(name="over the limit", codes=(5,), office=OFFICE.replace('limit = "100"', 'limit = "1"')),
    Case(name="a damaged ledger", codes=(5,), prepare=_file("state/ledger.sqlite", b"SQLite format 3\0" + b"x" * 5000)),
    Case(name="a foreign publication", codes=(6,), prepare=_file("published/AAA/2024/note.md", b"other")),
    Case(name="a secret of the wrong length", codes=(4,), prepare=_file("state/secret", b"short")),
    Case(name="a preloaded library", codes=(2,), env={"LD_PRELOAD": "none.so"}),
    Case(name="a talkative engine", codes=(2,), env={"POLARS_VERBOSE": "1", "RUST_LOG": "trace"}),
    Case(name="an unknown key", codes=(3,), release=RELEASE.replace("[source]", "[source]\nreject = true")),
    Case(name="no place for the noisy result", codes=(4,), prepare=_file("state/measurements", b"")),
    Case(name="a check of no CSV", codes=(4,), command=("source", "check"), prepare=_bytes(lambda text: b"\0" + text)),
)  # fmt: skip


def called(root: Path, place: Place, case: Case) -> subprocess.Popen[bytes]:
    """Start the case's command in a folder, with a home and a temporary place of its own."""
    for name in ("tmp", "home", "cwd"):
        (place.folder / name).mkdir(exist_ok=True)
    own = {"TMPDIR": str(place.folder / "tmp"), "HOME": str(place.folder / "home"), **(case.env or {})}
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, str(root), *case.command, str(place.release)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=place.folder / "cwd",
        env=os.environ | own,
        preexec_fn=_as_if_started_by_hand,  # noqa: PLW1509
    )


def _as_if_started_by_hand() -> None:
    """Let a core be written, and an interruption come through: shells have background jobs ignore it."""
    resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def leaks_of(root: Path, folder: Path, case: Case) -> list[str]:
    """Run a case and return where a canary was found, and whether it ended otherwise than it should."""
    place = write_office(folder / "office", lines=planted_lines(), release=case.release, office=case.office)
    case.prepare(place)
    known = {*(path for path in place.folder.rglob("*") if path.is_file())}
    process = called(root, place, case)
    out, err = process.communicate(timeout=120)
    found = [] if process.returncode in case.codes else [f"exit {process.returncode}: {err.decode()[-300:]}"]
    found += ["stdout"] * bool(canaries_in(out)) + ["stderr"] * bool(canaries_in(err))
    return found + leaks_below([place.folder], known - set(place.state.rglob("*")))


@pytest.mark.slow
def test_good_runs_show_no_raw_value(tmp_path: Path, figure: Figure) -> None:
    found = {case.name: leaks_of(ROOT, tmp_path / str(number), case) for number, case in enumerate(GOOD)}
    assert {name: leaks for name, leaks in found.items() if leaks} == {}
    figure("R16", f"{len(GOOD)} good runs: 0 canaries")


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_failures_show_no_raw_value(half: int, tmp_path: Path, figure: Figure) -> None:
    cases = FAILURES[half::2]
    found = {case.name: leaks_of(ROOT, tmp_path / str(number), case) for number, case in enumerate(cases)}
    assert {name: leaks for name, leaks in found.items() if leaks} == {}
    figure("R16", f"{len(cases)} kinds of failure: 0 canaries")


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_run_that_is_stopped_while_it_reads_shows_and_dumps_nothing(
    stop: signal.Signals, tmp_path: Path, figure: Figure
) -> None:
    lines = planted_lines() * 3000
    place = write_office(tmp_path / "office", lines=lines)
    process = called(ROOT, place, Case(name="stopped", codes=()))
    log = place.state / "private.log"
    while process.poll() is None and not (log.exists() and b"reading records" in log.read_bytes()):
        time.sleep(0.005)
    process.send_signal(stop)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0
    assert canaries_in(out + err) == []
    assert leaks_below([tmp_path], [place.source]) == []
    assert not place.published.exists()
    figure("R16", f"{stop.name} while reading: 0 canaries, no core, nothing published")


STRICT = Edit(
    module="confidential/rules.py",
    old='    units = pl.concat_str(pl.lit("0"), whole.str.slice(0, room)).cast(pl.Int64, strict=False)',
    new='    units = pl.concat_str(pl.lit("0"), text).cast(pl.Int64, strict=True)',
)
LOGGED = Edit(
    module="confidential/boundary.py",
    old="        except BaseException:  # noqa: BLE001 - a panic of native code isn't an Exception\n",
    new="        except BaseException as error:\n"
    "            __import__('pathlib').Path('run.log').write_text(str(error))\n",
)
QUOTED = Edit(
    module="confidential/boundary.py",
    old="        except BaseException:  # noqa: BLE001 - a panic of native code isn't an Exception\n"
    "            refusal = MicrodataError(step)",
    new="        except BaseException as error:\n            refusal = MicrodataError(str(error))",
)


ONLY_CANARIES = Case(
    name="every value is a canary",
    codes=(4,),
    prepare=lambda place: void(place.source.write_bytes(csv_bytes([line(**FIGURES)] * 30))),
)


def test_a_reader_that_fails_at_a_row_still_tells_nothing_and_was_charged_before(tmp_path: Path) -> None:
    found = leaks_of(edited(tmp_path, STRICT), tmp_path, ONLY_CANARIES)
    assert found == []
    charges = Book(open_sqlite(tmp_path / "office" / "state" / "ledger.sqlite")).charges()
    assert len(charges) == 1


@pytest.mark.parametrize("fault", [LOGGED, QUOTED], ids=["logs an exception", "quotes an exception"])
def test_a_program_that_lets_an_exception_out_is_caught(
    fault: Edit, tmp_path: Path, figure: Figure, request: pytest.FixtureRequest
) -> None:
    found = leaks_of(edited(tmp_path, STRICT, fault), tmp_path, ONLY_CANARIES)
    assert any(one == "stderr" or one.endswith("run.log") for one in found)
    figure("R16", f"mutant that {request.node.callspec.id} caught")
