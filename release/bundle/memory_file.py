"""A verifier's memory as a file: JSON, replaced by one atomic step.

Promised: `format`, `registry` (`root_version`, `version`, `digest`, or null) and `offices`: by reporter and release
`digest`, `sequence`, `head`, `keyid`, `supersedes`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from release.bundle.folder import replace_file
from release.bundle.memory import Memory, SeenRelease
from release.errors import BundleError
from release.plainfile import NotPlainError, plain_file
from release.plan import canonical_json
from release.registry.metadata import Seen

MEMORY_FORMAT = "noisy-mirrors/seen/1"
_LARGEST = 50_000_000


def read_memory(place: Path) -> Memory:
    """Return what a memory file holds; nothing when there is none yet.

    Raises:
        BundleError: it is something else.
    """
    try:
        return _memory(json.loads(plain_file(place, _LARGEST).content))
    except NotPlainError as error:
        if error.code == "missing file" and not place.is_symlink():
            return Memory()
        reason = error.reason
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        reason = "it isn't one"
    raise BundleError(
        f"{place} is refused as a memory of what was seen: {reason}. Nothing was verified or written; restore it, or"
        " name another file and lose what it remembers."
    )


def write_memory(place: Path, memory: Memory) -> None:
    """Write a memory in place of what stands there."""
    replace_file(place, canonical_json({"format": MEMORY_FORMAT, **asdict(memory)}))


def _memory(document: Any) -> Memory:
    if document["format"] != MEMORY_FORMAT:
        raise ValueError
    registry = document["registry"]
    return Memory(
        registry=None if registry is None else Seen(**registry),
        offices={
            code: {name: SeenRelease(**one) for name, one in releases.items()}
            for code, releases in document["offices"].items()
        },
    )
