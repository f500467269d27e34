"""A file that remembers the furthest head committed, so that a rolled back ledger is noticed.

It should lie on another disk, or under other hands, than the ledger: whoever can replace both can still
deceive this file, and then the heads in published bundles are what notices. Promised: one line of canonical
JSON, `format`, `sequence` and `hash`. It is replaced atomically and synced, and never goes back.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.errors import LedgerUnavailableError, UnsafeLedgerError
from release.ledger.entries import Head, canonical
from release.plainfile import sync_folder

WITNESS_FORMAT = "noisy-mirrors ledger witness 1"
_MODE = 0o600


class FileWitness:
    """The witness kept at `path`; a second file, `path` with `.lock`, orders processes that write it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """Say where the witness is."""
        return str(self._path)

    def head(self) -> Head | None:
        """Return the head remembered, None when the file doesn't exist.

        Raises:
            UnsafeLedgerError: The file isn't a witness.
            LedgerUnavailableError: It can't be read.
        """
        try:
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            text = ""
        except OSError as error:
            raise LedgerUnavailableError(self.place, f"the witness can't be read ({error.strerror})") from None
        return _read(self.place, text)

    def record(self, head: Head) -> None:
        """Remember `head`, durably, unless a further one is remembered.

        Raises:
            LedgerUnavailableError: It can't be written. What was committed stands; run again.
        """
        try:
            with self._locked():
                known = self.head()
                if known is None or head.sequence > known.sequence:
                    self._replace(head)
        except OSError as error:
            raise LedgerUnavailableError(self.place, f"the witness can't be written ({error.strerror})") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _replace(self, head: Head) -> None:
        line = canonical({"format": WITNESS_FORMAT, "sequence": head.sequence, "hash": head.hash}) + "\n"
        fresh = f"{self._path}.new"
        target = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        with os.fdopen(target, "w", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)  # noqa: PTH105 - the same call, beside its fsync of the folder
        sync_folder(self._path.parent)


def _read(place: str, text: str) -> Head:
    try:
        value = json.loads(text)
        head = Head(sequence=value["sequence"], hash=value["hash"])
        expected = canonical({"format": WITNESS_FORMAT, "sequence": head.sequence, "hash": head.hash}) + "\n"
    except (ValueError, TypeError, KeyError):
        expected = None
    if text != expected:
        remedy = "Restore it; or verify the ledger against every published bundle and let a new witness adopt its head."
        raise UnsafeLedgerError(place, "the witness isn't one that this program wrote", remedy)
    return head
