"""Reading a stranger's files: plain files of its own only, no more bytes than they may have, each read once.

`Files` is the port: a folder here, an object store or a web server in `release.remote`. What is digested is what is
parsed, since both see the same bytes. No name leads out of a folder: names come from the folder itself, a link isn't
followed, and what is no plain file isn't opened.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from release.bundle.findings import Stop
from release.plainfile import NotPlainError, plain_file

MOST_FILES = 64
LONGEST_NAME = 128


class Files(Protocol):
    """A bundle's files, wherever they are; its text tells people where."""

    def names(self) -> frozenset[str]:
        """Return the names of all files; raises `Stop` when there are too many, or there is no bundle."""

    def read(self, name: str, most: int) -> bytes:
        """Return a file's bytes; raises `Stop` when it is missing, or larger than `most`."""


class Folder:
    """A bundle's folder, open: names are looked up in it whatever happens to its path."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def names(self) -> frozenset[str]:
        """Return the names of all files.

        Raises:
            Stop: there are too many, or something is no plain file.
        """
        found: set[str] = set()
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                if len(found) >= MOST_FILES:
                    raise Stop("too many files", f"it has more than the {MOST_FILES} files that a bundle may have")
                if not entry.is_file(follow_symlinks=False):
                    raise Stop("not a file", f"{_told(entry.name)} isn't a plain file")
                found.add(entry.name)
        return frozenset(found)

    def read(self, name: str, most: int) -> bytes:
        """Return a file's bytes.

        Raises:
            Stop: it is missing, no plain file, larger than `most` bytes, or made of holes.
        """
        hold_to_name(name)
        try:
            return plain_file(name, most, folder=self._descriptor).content
        except NotPlainError as error:
            raise Stop(error.code, f"{_told(name)}: {error.reason}") from None


def exactly(files: Files, name: str, size: int, digest: str) -> bytes:
    """Return a file's bytes, which have that size and SHA-256.

    Raises:
        Stop: they haven't.
    """
    other = Stop("digest", f"{_told(name)} isn't the file that was listed: its size or SHA-256 is another")
    try:
        content = files.read(name, size)
    except Stop as stop:
        raise (other if stop.finding.code == "size" else stop) from None
    if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
        raise other
    return content


def hold_to_name(name: str) -> None:
    """Refuse a name that isn't one of a file right within a bundle.

    Raises:
        Stop: it could lead elsewhere, or is absurdly long.
    """
    if not name or "/" in name or "\0" in name or name in {".", ".."} or len(name) > LONGEST_NAME:
        raise Stop("path", f"{_told(name)} isn't the name of a file in the bundle")


@contextmanager
def opened(place: Path | Files) -> Iterator[Files]:
    """Open a bundle: a folder by its path; what is read over a network is open as it stands.

    Raises:
        Stop: there is none.
    """
    if isinstance(place, Path):
        with opened_folder(place) as folder:
            yield folder
    else:
        yield place


@contextmanager
def opened_folder(place: Path) -> Iterator[Folder]:
    """Open a bundle's folder.

    Raises:
        Stop: there is none.
    """
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise Stop("missing", f"there is no bundle at {place}") from None
    try:
        yield Folder(descriptor)
    finally:
        os.close(descriptor)


def _told(name: str) -> str:
    """Return a stranger's name so that a terminal can show it."""
    return repr(name[:LONGEST_NAME])
