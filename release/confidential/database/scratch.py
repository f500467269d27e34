"""Folders in the office's private one for what an engine spills, each of one process."""

import os
import secrets
import shutil
from pathlib import Path


def own_folder(folder: Path, engine: str) -> Path:
    """Return a new folder of this process (mode 0700), after removing those of processes that are gone."""
    for left in folder.glob(f"{engine}-*"):
        if not Path("/proc", left.name.removeprefix(f"{engine}-").partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    own = folder / f"{engine}-{os.getpid()}-{secrets.token_hex(4)}"
    own.mkdir(mode=0o700, parents=True)
    return own
