"""The ledger's heads that an office's published bundles name: a chain alone notices no rollback, these do."""

import json
from pathlib import Path

from release.bundle.bounds import LARGEST_DOCUMENT
from release.bundle.content import MANIFEST
from release.ledger.entries import Head


def heads_in(folder: Path) -> tuple[Head, ...]:
    """Return the heads named by the bundles in an office's folder of publication; what can't be read names none."""
    heads = (_head(place) for place in sorted(folder.glob(f"*/{MANIFEST}")) if not place.parent.name.startswith("."))
    return tuple(head for head in heads if head is not None)


def _head(manifest: Path) -> Head | None:
    try:
        if manifest.stat().st_size > LARGEST_DOCUMENT:
            return None
        named = json.loads(manifest.read_bytes())["ledger_head"]
        sequence, digest = named["sequence"], named["hash"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Head(sequence=sequence, hash=digest) if type(sequence) is int and isinstance(digest, str) else None
