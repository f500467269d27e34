"""The office's private log: which step happened when, and how many rows each rule touched.

It lies in the state folder (mode 0600) and never leaves the office. A line is a JSON object with `time`, `event` and
numbers; there is no field for text from a record. It is an aid and decides nothing: a log that can't be written stops
no run.
"""

import datetime
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NAME = "private.log"
_LARGEST = 16_000_000


def note(state: Path, event: str, counts: Mapping[str, int] | None = None) -> None:
    """Append one event, a fixed text of the program, and counts to the private log in the state folder."""
    line = {
        "time": datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds"),
        "event": event,
        **{name: int(number) for name, number in (counts or {}).items()},
    }
    with suppress(OSError):
        _append(state, json.dumps(line).encode() + b"\n")


def _append(state: Path, line: bytes) -> None:
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(state / NAME, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        if os.fstat(descriptor).st_size < _LARGEST:
            os.write(descriptor, line)
    finally:
        os.close(descriptor)
