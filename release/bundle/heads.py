"""The ledger's heads that published things name: a chain alone notices no rollback, these do."""

import json
from collections.abc import Iterable
from pathlib import Path

from release.bundle.bounds import LARGEST_DOCUMENT
from release.bundle.content import MANIFEST
from release.bundle.folder import STATEMENT_ENDING
from release.ledger.entries import Head

_LARGEST_STATEMENT = 100_000_000


def heads_in(folder: Path) -> tuple[Head, ...]:
    """Return the heads named by the bundles in an office's folder of publication; what can't be read names none."""
    return _heads(place for place in sorted(folder.glob(f"*/{MANIFEST}")) if not place.parent.name.startswith("."))


def heads_seen(place: Path, office: str) -> tuple[Head, ...]:
    """Return the heads that an office's bundles and statements name, at any depth below a place or in one file.

    For heads that were kept since earlier: copies of bundles or of statements, wherever an auditor has them.
    """
    return tuple(head for _, head in heads_kept(place, office))


def heads_kept(place: Path, office: str) -> tuple[tuple[Path, Head], ...]:
    """Return the heads of `heads_seen`, each with the first file that names it."""
    named: dict[Head, Path] = {}
    for file in _files(place):
        head = _head(file, office)
        if head is not None:
            named.setdefault(head, file)
    return tuple((file, head) for head, file in named.items())


def _files(place: Path) -> list[Path]:
    return sorted([place] if place.is_file() else [*place.rglob(MANIFEST), *place.rglob(f"*{STATEMENT_ENDING}")])


def _heads(files: Iterable[Path]) -> tuple[Head, ...]:
    return tuple(dict.fromkeys(head for file in files if (head := _head(file, None)) is not None))


def _head(file: Path, office: str | None) -> Head | None:
    """Return the head that a manifest or a statement names, or None when it names none or another office's."""
    manifest = file.name == MANIFEST
    try:
        if file.stat().st_size > (LARGEST_DOCUMENT if manifest else _LARGEST_STATEMENT):
            return None
        document = json.loads(file.read_bytes())
        named = document["ledger_head" if manifest else "head"]
        sequence, digest = named["sequence"], named["hash"]
        owners = {document["office"]} if manifest else {account["office"] for account in document["accounts"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if office is not None and owners != {office}:
        return None
    return Head(sequence=sequence, hash=digest) if type(sequence) is int and isinstance(digest, str) else None
