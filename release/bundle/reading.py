"""Reading a stranger's folder: plain files of its own only, no more bytes than they may have, each read once.

What is digested is what is parsed, since both see the same bytes. No name leads out of the folder: names come from the
folder itself, a link isn't followed, and what is no plain file isn't opened.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.bundle.findings import Stop
from release.plainfile import NotPlainError, plain_file

MOST_FILES = 64
LONGEST_NAME = 128


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
        if not name or "/" in name or "\0" in name or name in {".", ".."} or len(name) > LONGEST_NAME:
            raise Stop("path", f"{_told(name)} isn't the name of a file in the bundle")
        try:
            return plain_file(name, most, folder=self._descriptor).content
        except NotPlainError as error:
            raise Stop(error.code, f"{_told(name)}: {error.reason}") from None

    def exactly(self, name: str, size: int, digest: str) -> bytes:
        """Return a file's bytes, which have that size and SHA-256.

        Raises:
            Stop: they haven't.
        """
        content = self.read(name, size)
        if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
            raise Stop("digest", f"{_told(name)} isn't the file that was listed: its size or SHA-256 is another")
        return content


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
