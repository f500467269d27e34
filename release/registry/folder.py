"""The registry as a folder: read without trust, and added to so that it is never half a version."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from release.errors import RegistryRefusedError
from release.plainfile import NotPlainError, plain_file


class FolderFiles:
    """The registry's files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, most: int) -> bytes | None:
        """Return a file's bytes, or None when it is missing.

        Raises:
            RegistryRefusedError: it is no plain file, too large, or its name leads elsewhere.
        """
        parts = name.split("/")
        if any(part in {"", ".", ".."} or "\0" in part or len(part) > 200 for part in parts) or len(parts) > 2:  # noqa: PLR2004
            raise RegistryRefusedError(str(self._folder), f"it names a file {name[:100]!r} outside itself")
        try:
            return plain_file(self._folder.joinpath(*parts), most).content
        except NotPlainError as error:
            if error.code == "missing file":
                return None
            raise RegistryRefusedError(str(self._folder), f"{name[:100]!r}: {error.reason}") from None


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold the registry for one change at a time.

    Raises:
        RegistryRefusedError: another change is under way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RegistryRefusedError(str(folder), "another change of it is under way", "Try again.") from None
        yield


def add_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a version's files in their order; each is whole or not there.

    Only `timestamp.json` takes the place of another file. A version that was begun and not finished is begun anew.
    """
    (folder / "targets").mkdir(exist_ok=True)
    for name, content in files.items():
        _put(folder / name, content)


def _put(place: Path, content: bytes) -> None:
    staging = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        with staging.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(place)
    finally:
        staging.unlink(missing_ok=True)
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
