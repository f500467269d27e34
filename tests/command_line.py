"""The real command line, run as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENTRY = "import sys; from release.cli import main; sys.argv[0] = 'mirrors'; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object that it printed."""
        return json.loads(self.out)


Mirrors = Callable[..., Ended]
"""Runs `mirrors` with arguments and waits for its end."""


def run_mirrors(*arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ended:
    """Run `mirrors` with arguments and return how it ended."""
    ended = subprocess.run(
        [sys.executable, "-c", ENTRY, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=300,
    )
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)
