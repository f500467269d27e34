"""R19: a hostile config can't read or write outside its folder, run code or hang.

`make promises` offers some thousand mutated configs; with MIRRORS_FUZZ=500000 in the environment, and Atheris installed
(`pip install atheris`), the same judge is run under its guidance by coverage with as many inputs.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Mirrors
from config_fuzzer import PATHS
from edited_program import Edit, call, edited
from offices import RELEASE, some_lines, write_office

Figure = Callable[[str, str], None]
FUZZER = Path(__file__).with_name("config_fuzzer.py")
GUIDED = int(os.environ.get("MIRRORS_FUZZ", "0"))
INPUTS = 2500


def fuzzed(folder: str, count: int, seed: int) -> dict[str, Any]:
    """Return what was seen when mutated configs were offered to a process of its own."""
    from config_fuzzer import fuzz

    return fuzz(Path(folder), count, seed)


@pytest.mark.slow
def test_hostile_configs_end_in_a_value_or_a_refusal_within_bounds(tmp_path: Path, figure: Figure) -> None:
    ended = subprocess.run(
        [sys.executable, FUZZER, tmp_path, str(INPUTS), "19"], capture_output=True, text=True, check=False, timeout=280
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout)
    assert found["broken"] == []
    assert found["loaded"] > INPUTS // 50
    assert found["refused"] > INPUTS // 2
    assert found["megabytes"] < 200
    figure(
        "R19", f"{INPUTS:,} mutated configs of three kinds: {found['refused']:,} refused, the rest good, none leaves"
    )


@pytest.mark.slow
@pytest.mark.skipif(not GUIDED, reason="MIRRORS_FUZZ says how many inputs are guided by coverage")
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="Atheris isn't installed")
def test_configs_guided_by_coverage_break_nothing(tmp_path: Path, figure: Figure) -> None:
    ended = subprocess.run(
        [sys.executable, FUZZER, tmp_path, "--atheris", f"-runs={GUIDED}"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    done = re.search(r"Done (\d+) runs", ended.stderr)
    assert done is not None
    assert int(done[1]) >= GUIDED
    figure("R19", f"{int(done[1]):,} inputs guided by coverage: only config errors")


PLACES = (
    ("office", "area = ", 'state = "{}"\n'),
    ("office", "area = ", 'published = "{}"\n'),
    ("office", 'url = "sqlite:///', 'url = "sqlite:///{}"\n'),
    ("office", "key = ", 'key = "{}"\n'),
    ("office", "passphrase_file = ", 'passphrase_file = "{}"\n'),
    ("office", 'registry = "registry"', 'registry = "{}"\n'),
    ("release", "office = ", 'office = "{}"\n'),
    ("release", "path = ", 'path = "{}"\n'),
    ("release", 'layout = "csv"', 'layout = "csv"\ntrader_ids = "{}"\n'),
    ("release", 'layout = "csv"', 'layout = "csv"\nprotected_traders = "{}"\n'),
    ("comparison", "bundles = ", 'bundles = ["{}"]\n'),
    ("comparison", "table = ", 'table = "{}"\n'),
    ("comparison", "registry = ", 'registry = "{}"\n'),
)
"""Every key that names a place: the kind of config, how the line in the seed begins, and what to put there."""

LEAVING = ("../outside", "a/../../outside", "..", "/etc/passwd", "//etc/passwd", "link/secret", "./link/secret", "~/x")


def escapes(folder: str) -> list[str]:
    """Return which places of which configs could lead out of the folder."""
    from config_fuzzer import Judge, seeds, write_world

    inner = write_world(Path(folder))
    judge, found = Judge(inner), []
    for kind, begins, put in PLACES:
        lines = seeds()[kind].decode().split("\n")
        at = next(number for number, line in enumerate(lines) if line.startswith(begins))
        kept = lines[at] + "\n" if begins == "area = " else ""
        for path in dict.fromkeys((*LEAVING, *PATHS)):
            text = "\n".join([*lines[:at], kept + put.format(path), *lines[at + 1 :]])
            before = judge.loaded
            try:
                judge.read(kind, text.encode())
            except AssertionError as error:
                found.append(f"{put} {path}: {error}")
                judge._seen.clear()
            if path in LEAVING and judge.loaded > before:
                found.append(f"{put} {path}: accepted")
    return found


def test_no_place_that_a_config_names_lies_outside_its_folder(tmp_path: Path, figure: Figure) -> None:
    assert escapes(str(tmp_path)) == []
    figure("R19", f"{len(PLACES)} places, {len(PATHS)} ways out each: 0 left the folder")


NO_LINKS = Edit(
    module="config/loading.py",
    old="        stays = path.resolve().is_relative_to(folder.resolve())",
    new="        stays = bool(path.resolve())",
)


@pytest.mark.slow
def test_a_program_that_follows_a_link_out_of_the_folder_is_caught(tmp_path: Path, figure: Figure) -> None:
    root = edited(tmp_path, NO_LINKS)
    assert any("link/secret" in one for one in call(root, "test_r19_configs", "escapes", tmp_path / "world"))
    assert call(root, "test_r19_configs", "fuzzed", tmp_path / "fuzzed", 1200, 19)["broken"]
    figure("R19", "mutant that follows links out of the folder caught")


def test_commands_open_nothing_through_a_link_that_leads_out(tmp_path: Path, mirrors: Mirrors) -> None:
    place = write_office(tmp_path / "office", lines=some_lines(10), release=RELEASE.replace("records.csv", "out/x.csv"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.folder / "records.csv").rename(outside / "x.csv")
    (place.folder / "out").symlink_to(outside)
    ended = mirrors("run", place.release)
    assert ended.code == 3
    assert "leads out of the config's folder" in ended.err
    assert [path.name for path in outside.iterdir()] == ["x.csv"]
