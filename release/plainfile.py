"""Plain files: one read without trust (no link followed, nothing else opened, bounded), and folders made durable."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_HOLES_FROM = 1_000_000
_HOLES_PART = 16
"""A large file that takes less than a sixteenth of its size on the disk is made of holes."""


class NotPlainError(Exception):
    """Why a file wasn't read: a stable code, and words. Callers turn it into a refusal of their own."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlainFile:
    """A file's bytes and its rights (as `st_mode`)."""

    content: bytes
    mode: int


def plain_file(path: str | Path, most: int, *, folder: int | None = None) -> PlainFile:
    """Return a plain file's bytes, `most` at most.

    Args:
        path: of the file, or its name within `folder`.
        most: how many bytes it may have.
        folder: descriptor of an open folder.

    Raises:
        NotPlainError: it is missing, no plain file, larger, or made of holes.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags, dir_fd=folder)
    except (OSError, ValueError) as error:
        raise NotPlainError("missing file", getattr(error, "strerror", None) or "it can't be opened") from None
    try:
        found = os.fstat(descriptor)
        _hold_plain(found, most)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise NotPlainError("missing file", error.strerror or "it can't be read") from None
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise NotPlainError("size", "it grew while it was read")
    return PlainFile(content=content, mode=found.st_mode)


def _hold_plain(found: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotPlainError("not a file", "it isn't a plain file")
    if found.st_size > most:
        raise NotPlainError("size", f"it is larger than it may be ({most:,} bytes)")
    if found.st_size > _HOLES_FROM and found.st_blocks * 512 * _HOLES_PART < found.st_size:
        raise NotPlainError("holes", "it is mostly holes")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
