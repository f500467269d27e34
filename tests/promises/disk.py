"""The recording, failing and killing disk of `faulty_disk.c`, as Python sees it.

`compiled` builds it once, `campaign` runs a test's own file under it in a fresh, single-threaded process, and
`Disk` is what that process says to it.
"""

import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_RECORD = struct.Struct("<cIqq")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done to the disk: C create, W write, T truncate, S sync, U unlink, R rename (data is the new name)."""

    kind: str
    path: str
    offset: int
    data: bytes


class Disk:
    """The library under the running process."""

    def __init__(self, root: Path) -> None:
        self._library = ctypes.CDLL(None)
        self._library.disk_root(os.fsencode(root))

    def record(self, log: Path) -> None:
        """Append every operation from now on to `log`."""
        self._library.disk_record(os.fsencode(log))

    def kill(self, at: int) -> None:
        """Kill this process right before its operation number `at`, counted from now; 0 never."""
        self._library.disk_kill(ctypes.c_long(at))

    def fail(self, at: int, times: int, error: int) -> None:
        """Let `times` operations from number `at` on, counted from now, fail with an error number."""
        self._library.disk_fail(ctypes.c_long(at), ctypes.c_long(times), error)

    def count(self) -> int:
        """Return how many operations were counted since the last `kill` or `fail`."""
        return int(self._library.disk_count())

    def clock(self, seconds: int) -> None:
        """Shift the wall clock of this process."""
        self._library.disk_clock(ctypes.c_long(seconds))


def operations(log: Path) -> Iterator[Operation]:
    """Yield what was recorded."""
    text = log.read_bytes()
    at = 0
    while at < len(text):
        kind, name, offset, size = _RECORD.unpack_from(text, at)
        at += _RECORD.size
        path, data = text[at : at + name], text[at + name : at + name + size]
        at += name + size
        yield Operation(kind.decode(), os.fsdecode(path), offset, data)


def compiled(folder: Path) -> Path:
    """Return the library, built in `folder`; the test is skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the simulated disk needs Linux and a C compiler (cc)")
    library = folder / "faulty_disk.so"
    source = HERE / "faulty_disk.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def campaign(script: str, *arguments: object, library: Path | None = None) -> dict[str, Any]:
    """Run a test's file as a program, and return the JSON object that it prints."""
    paths = [str(ROOT), str(ROOT / "tests"), str(HERE)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if library is not None:
        environment["LD_PRELOAD"] = str(library)
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result
