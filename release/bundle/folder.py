"""Putting a bundle in its place: whole or not at all."""

import os
import secrets
import shutil
from pathlib import Path

from release.bundle.content import BundleContent
from release.errors import PublicationTakenError
from release.plainfile import sync_folder

SAME_TIME = 315_532_800
"""Every published file's time, 1980-01-01: real ones would tell how long a run took."""

STATEMENT_ENDING = ".statement.json"
"""An office's statement stands beside its folder of bundles, as `NLD.statement.json`."""


def bundle_place(published: Path, office: str, release: str) -> Path:
    """Return the folder of a release's bundle within a place of publication."""
    return published / office / release


def statement_place(published: Path, office: str) -> Path:
    """Return the file of an office's ledger statement within a place of publication, renewed by every run."""
    return published / f"{office}{STATEMENT_ENDING}"


def publish(content: BundleContent, place: Path) -> Path:
    """Write the bundle at `place` by one atomic step and return it; a bundle with the same bytes is left alone.

    Everything is written and synced beside the place under a hidden name, then renamed.

    Raises:
        PublicationTakenError: something else stands there.
    """
    if holds(place, content):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    staging = place.parent / f".{place.name}.{secrets.token_hex(8)}"
    try:
        staging.mkdir()
        for name, content_bytes in content.files.items():
            _write(staging / name, content_bytes)
        sync_folder(staging)
        _put(staging, place, content)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    sync_folder(place.parent)
    return place


def replace_file(place: Path, content: bytes) -> None:
    """Put a file in place of what stands there by one atomic step; the same content is left alone."""
    try:
        if place.read_bytes() == content:
            return
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
    staging = place.parent / f".{place.name}.{secrets.token_hex(8)}"
    try:
        _write(staging, content)
        staging.replace(place)
    finally:
        staging.unlink(missing_ok=True)
    sync_folder(place.parent)


def holds(place: Path, content: BundleContent) -> bool:
    """Return whether the folder holds exactly these files with exactly these bytes."""
    if not place.is_dir() or {path.name for path in place.iterdir()} != set(content.files):
        return False
    return all((place / name).read_bytes() == expected for name, expected in content.files.items())


def _put(staging: Path, place: Path, content: BundleContent) -> None:
    if place.exists():
        raise PublicationTakenError(str(place))
    try:
        staging.rename(place)
    except OSError:
        if not place.exists():
            raise
        if not holds(place, content):
            raise PublicationTakenError(str(place)) from None


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.utime(file.fileno(), (SAME_TIME, SAME_TIME))
        os.fsync(file.fileno())
