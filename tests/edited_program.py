"""Copies of the program with a fault planted, run as processes of their own: a promise's test must catch each.

root = edited(tmp_path, Edit(module="confidential/secret.py", old="...", new="..."))
found = call(root, "test_r29_guesses", "leaks", tmp_path)       # the same experiment, under the edited program
ended = mirrors_of(root, "run", release)                        # its command line
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_TESTS = [str(ROOT / "tests"), str(ROOT / "tests" / "promises")]
_CALL = """
import importlib, json, sys
root, module, function, paths, arguments = json.loads(sys.argv[1])
sys.path[:0] = [root, *paths]
import release
assert release.__file__.startswith(root), release.__file__
print("\\n" + json.dumps(getattr(importlib.import_module(module), function)(*arguments)))
"""
_COMMAND = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'mirrors'; from release.cli import main; main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One fault: in a module of the program, `old` (which stands there once) becomes `new`."""

    module: str
    old: str
    new: str
    package: str = "release"


def edited(folder: Path, *edits: Edit) -> Path:
    """Copy the program into a folder with the edits made, and return the copy's root."""
    root = folder / "edited program"
    shutil.copytree(ROOT / "release", root / "release", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data").symlink_to(ROOT / "data")
    for edit in edits:
        plant(root, edit)
    return root


def plant(root: Path, edit: Edit) -> None:
    """Make an edit in the program at `root`."""
    path = root / edit.package / edit.module
    path.write_text(with_fault(path.read_text(), edit))


def with_fault(text: str, edit: Edit) -> str:
    """Return a module's text with the edit made, which must be possible in one place only."""
    assert text.count(edit.old) == 1, f"{edit.module} has changed: the fault can't be planted there any more"
    return text.replace(edit.old, edit.new)


def call(root: Path, module: str, function: str, *arguments: object) -> Any:
    """Return what a function of a test module returns (JSON) in a fresh process under the program at `root`."""
    told = json.dumps([str(root), module, function, _TESTS, [_plain(argument) for argument in arguments]])
    ended = subprocess.run(
        [sys.executable, "-c", _CALL, told], capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.strip().splitlines()[-1])


def mirrors_of(
    root: Path, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line of the program at `root` and return how it ended, with its output as bytes."""
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, str(root), *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=300,
    )


def _plain(argument: object) -> object:
    return str(argument) if isinstance(argument, Path) else argument
