"""Where a ledger's file may lie: a plain file of its own, private, on a disk of this machine."""

import os
import stat
from pathlib import Path

from release.errors import LedgerMissingError, UnsafeLedgerError

_MOUNTS = Path("/proc/self/mountinfo")
_OTHERS = 0o077
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "fuseblk", "gfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "virtiofs",
    }
)  # fmt: skip


def check_file(path: Path, mounts: Path = _MOUNTS) -> None:
    """Refuse a ledger file that is missing, linked, open to others, or on a network file system.

    Raises:
        LedgerMissingError: There is no file.
        UnsafeLedgerError: It is a link, has a second name, isn't a plain file, others may open it, or its
        locks may not hold.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise LedgerMissingError(str(path), error.strerror or "it can't be reached") from None
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeLedgerError(str(path), "it is a link or no plain file", "Name the file itself.")
    if found.st_nlink != 1:
        remedy = "Find out who made the second name, remove it, and verify the ledger."
        raise UnsafeLedgerError(str(path), "the file has more than one name (hard links)", remedy)
    if found.st_mode & _OTHERS:
        raise UnsafeLedgerError(str(path), "others may open the file", "Set its mode to 0600.")
    check_folder(path.parent, mounts)


def check_folder(folder: Path, mounts: Path = _MOUNTS) -> None:
    """Refuse a folder on a network file system, whose locks and syncs can't be relied on.

    Raises:
        UnsafeLedgerError: It is on one.
    """
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse."):
        remedy = "Keep it on a disk of this machine, or use PostgreSQL."
        raise UnsafeLedgerError(str(folder), f"it lies on a network file system ({kind})", remedy)


def file_system(folder: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the file system that a folder lies on; `unknown` where the system doesn't tell."""
    try:
        lines = mounts.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return "unknown"
    place = os.path.realpath(folder)
    best, kind = "", "unknown"
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = _unescaped(fields.split(" ")[4])
        if _within(place, point) and len(point) >= len(best):
            best, kind = point, rest.split(" ")[0]
    return kind


def _within(place: str, point: str) -> bool:
    return point in {"/", place} or place.startswith(point + "/")


def _unescaped(text: str) -> str:
    for escape, character in _ESCAPES:
        text = text.replace(escape, character)
    return text
