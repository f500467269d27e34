"""R17: no timing, count, host, path or memory figure leaves.

The same release is run over 10 and over some 100,000 rows, in other folders, time zones, locales and with other
temporary places. What is published differs in noisy numbers, digests of published bytes and hashes of ledger
entries only.
"""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from edited_program import ROOT, Edit, edited, mirrors_of
from offices import Place, some_lines, write_office
from published_shape import shape

Figure = Callable[[str, str], None]

MANY = 99_871
"""About a hundred thousand rows, in a number that stands nowhere else."""

SETTINGS = (
    {"TZ": "Asia/Tokyo", "LANG": "C", "COLUMNS": "40"},
    {"TZ": "America/Caracas", "LANG": "de_DE.UTF-8", "USER": "somebody-else", "HOSTNAME": "elsewhere"},
)
TIME = re.compile(rb"\d\d:\d\d:\d\d|T\d\d:\d\d|\d{10,}\.\d+")


def released(root: Path, folder: Path, rows: int, env: dict[str, str]) -> Place:
    """Run a release of so many rows by the command line of the program at `root`."""
    place = write_office(folder, lines=some_lines(rows, traders=max(2, rows // 8)))
    (folder / "tmp").mkdir()
    ended = mirrors_of(root, "run", place.release, env=env | {"TMPDIR": str(folder / "tmp")}, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return place


def public_text(place: Place) -> bytes:
    """Return the bytes of everything published that is text or holds metadata; noisy digits aside."""
    noisy = ("observations.csv", "sdmx-data.csv", "sdmx-data.xml", "README.html")
    paths = (path for path in place.published.rglob("*") if path.is_file() and path.name not in noisy)
    return b"\n".join(path.read_bytes() for path in paths)


def statement(root: Path, place: Place) -> dict[str, object]:
    """Return the published statement of the office's ledger without digests, hashes and the entries' texts of them."""
    printed = mirrors_of(root, "ledger", "statement", place.folder / "office.toml").stdout.decode()
    return dict(json.loads(re.sub(r"[0-9a-f]{64}", "(digest)", printed)))


def differences(root: Path, folder: Path) -> list[str]:
    """Return what differs between the publications of 10 and of 100,000 rows, and what of the machine is in them."""
    few = released(root, folder / "few", 10, SETTINGS[0])
    many = released(root, folder / "other place" / "many", MANY, SETTINGS[1])
    first, second = (shape(place.published / "AAA" / "2024") for place in (few, many))
    found = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    if statement(root, few) != statement(root, many):
        found.append("statement")
    written = {path.stat().st_mtime for place in (few, many) for path in place.published.rglob("*") if path.is_file()}
    found += ["the times of the files"] if len(written) > 1 else []
    for place in (few, many):
        text = public_text(place)
        words = (str(place.folder), str(MANY), f"{MANY:,}", socket.gethostname(), "somebody-else", "elsewhere", "Tokyo")
        found += [word for word in words if word.encode() in text]
        found += [match.decode() for match in TIME.findall(text)]
    return found


@pytest.mark.slow
def test_ten_and_a_hundred_thousand_rows_are_published_alike(tmp_path: Path, figure: Figure) -> None:
    assert differences(ROOT, tmp_path) == []
    figure("R17", "10 and 100,000 rows: bundle and statement differ in noise, digests and hashes only")


TIMED = Edit(
    module="measurement.py",
    old='"charge_hash": measurement.charge_hash}',
    new='"charge_hash": measurement.charge_hash, "took": str(__import__("time").process_time())}',
)
PLACED = Edit(
    module="measurement.py",
    old='"charge_hash": measurement.charge_hash}',
    new='"charge_hash": measurement.charge_hash, "by": os.getcwd()}',
)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [TIMED, PLACED], ids=["its time", "its folder"])
def test_a_program_that_publishes_something_of_its_run_is_caught(
    fault: Edit, tmp_path: Path, figure: Figure, request: pytest.FixtureRequest
) -> None:
    assert differences(edited(tmp_path, fault), tmp_path / "offices")
    figure("R17", f"mutant that publishes {request.node.callspec.id} caught")
