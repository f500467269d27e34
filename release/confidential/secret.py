"""The office's secret, and digests under it.

A plain digest of records would let anyone test a guess of them, so a digest of anything confidential is keyed.
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from release.errors import DataError

_LENGTH = 32


def office_secret(state: Path) -> bytes:
    """Return the office's secret of 32 bytes, made at first use in its private state folder (mode 0600).

    It is written whole beside its place and linked there, so that a crash leaves no half of one and two first uses at
    the same time agree.

    Raises:
        DataError: the file is there but isn't a secret, or others than its owner may read it.
    """
    place = state / "secret"
    if not place.exists():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(place)
    return _read(place)


def _make(place: Path) -> None:
    fresh = place.with_name(f".secret.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, place)
    finally:
        fresh.unlink()
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keyed_digest(secret: bytes, content_digest: bytes, *, purpose: str) -> str:
    """Return HMAC-SHA256 of a purpose and a digest under the office's secret, as hexadecimal text.

    The purpose names the release: digests of one input for two releases can't be compared, or they would tell whether
    any record had changed between them.
    """
    named = hashlib.sha256(purpose.encode()).digest()
    return hmac.new(secret, named + content_digest, hashlib.sha256).hexdigest()


def _read(place: Path) -> bytes:
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        open_to_others = os.fstat(descriptor).st_mode & 0o077
        secret = file.read(_LENGTH + 1)
    if open_to_others:
        raise DataError(
            f"{place} can be read by others than its owner, who could test guesses of records with it. Nothing was read"
            " or charged; set its mode to 0600, and think of those guesses as tested."
        )
    if len(secret) != _LENGTH:
        raise DataError(f"{place} isn't the office's secret (32 bytes). Nothing was read or charged; restore it.")
    return secret
