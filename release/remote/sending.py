"""Putting a verified bundle into an object store: resumable, never replacing, and visible only when it is whole.

The manifest goes last: readers take a place without one for no bundle. Every other file is put where none is; one that
is there already, from an upload that broke off, has to be the same file to the byte.
"""

from enum import StrEnum
from typing import Protocol

from release.bundle.content import MANIFEST, BundleContent
from release.errors import PublishedOtherwiseError


class Held(Protocol):
    """What sending asks of a store; an object is there whole or not at all."""

    def keys(self, below: str = "") -> tuple[str, ...]:
        """Return the keys below a folder."""

    def read(self, key: str, most: int) -> bytes | None:
        """Return an object's bytes, None where there is none."""

    def create(self, key: str, content: bytes) -> bool:
        """Put an object where none is; return False, and change nothing, where one is."""

    def replace(self, key: str, content: bytes) -> None:
        """Put an object in place of what is there."""


class Sent(StrEnum):
    """What came of it."""

    PUBLISHED = "published"
    RESUMED = "resumed"
    ALREADY_PUBLISHED = "already published"


def send(bundle: BundleContent, held: Held, folder: str) -> Sent:
    """Put a bundle below `folder` of a store, or go on with an upload that broke off.

    Raises:
        PublishedOtherwiseError: something else is there; nothing was replaced.
        LocationError: the store failed; the next call goes on.
    """
    there = frozenset(key.removeprefix(f"{folder}/") for key in held.keys(folder))
    for name in sorted(there - set(bundle.files)):
        raise PublishedOtherwiseError(f"{held}/{folder}", f"it holds {name[:100]!r}, which isn't this bundle's")
    for name in sorted(there):
        _hold_equal(bundle, held, folder, name)
    missing = sorted(set(bundle.files) - there, key=lambda name: (name == MANIFEST, name))
    if MANIFEST in there and missing:
        raise PublishedOtherwiseError(f"{held}/{folder}", f"it holds a bundle without {missing[0]!r}")
    for name in missing:
        if not held.create(f"{folder}/{name}", bundle.files[name]):
            _hold_equal(bundle, held, folder, name)
    if not missing:
        return Sent.ALREADY_PUBLISHED
    return Sent.RESUMED if there else Sent.PUBLISHED


def _hold_equal(bundle: BundleContent, held: Held, folder: str, name: str) -> None:
    """Refuse a file that is there with other bytes."""
    if held.read(f"{folder}/{name}", len(bundle.files[name])) != bundle.files[name]:
        raise PublishedOtherwiseError(f"{held}/{folder}", f"its {name} is another file than this bundle's")
