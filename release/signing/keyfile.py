"""Where keys lie: a private one as an encrypted file of mode 0600, its public half as a small JSON file beside it."""

import json
import os
from pathlib import Path

from release.errors import KeyRefusedError
from release.plainfile import NotPlainError, plain_file
from release.plan import canonical_json
from release.signing.keys import SCHEME, PrivateKey, PublicKey, new_private_key
from release.signing.passphrases import Passphrase
from release.signing.pkcs8 import decrypted_pem, encrypted_pem

PUBLIC_FORMAT = "noisy-mirrors/public-key/1"
_LARGEST = 16_384


def create_key(place: Path, passphrase: str) -> PrivateKey:
    """Make a fresh key at a place that must be free, its public half beside it, and return it.

    Raises:
        KeyRefusedError: something stands there already.
    """
    key = new_private_key()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    public = public_place(place)
    for path in (place, public):
        if os.path.lexists(path):
            raise KeyRefusedError(str(path), "something stands there already", "Choose another place; keys are kept.")
    _write(place, encrypted_pem(key.secret, passphrase), 0o600)
    _write(public, public_bytes(key.public), 0o644)
    return key


def replace_key(place: Path, old: PublicKey, passphrase: Passphrase) -> Path:
    """Put a fresh key at a place, keep the old one and its public half beside it, and return where the old one is.

    The fresh key is whole before the old one moves, and the old one has its new name before it loses its place.

    Raises:
        KeyRefusedError: no key is at the place, or the old one's new name is taken.
    """
    _read(place, private=True)
    fresh = place.with_name(f"{place.stem}.new{place.suffix}")
    for left in (fresh, public_place(fresh)):
        left.unlink(missing_ok=True)
    kept = place.with_name(f"{place.stem}-{old.keyid[:16]}{place.suffix}")
    if os.path.lexists(kept):
        raise KeyRefusedError(str(kept), "something stands there already", "Look whether this key was replaced before.")
    create_key(fresh, passphrase())
    os.link(place, kept)
    os.link(public_place(place), public_place(kept))
    fresh.replace(place)
    public_place(fresh).replace(public_place(place))
    return kept


def public_place(place: Path) -> Path:
    """Return where the public half of the key at a place lies."""
    return place.with_name(f"{place.stem}.pub.json")


def public_bytes(key: PublicKey) -> bytes:
    """Return the file of a public key."""
    return canonical_json({"format": PUBLIC_FORMAT, "keyid": key.keyid, "public": key.public, "scheme": SCHEME})


def open_key(place: Path, passphrase: str) -> PrivateKey:
    """Return the private key at a place.

    Raises:
        KeyRefusedError: there is none, others may read it, it isn't encrypted, or the passphrase isn't its own.
    """
    pem = _read(place, private=True)
    if b"ENCRYPTED PRIVATE KEY" not in pem:
        raise KeyRefusedError(
            str(place), "it isn't an encrypted private key", "Make one with: mirrors keys new OFFICE.toml"
        )
    secret = decrypted_pem(pem, passphrase)
    if secret is None:
        raise KeyRefusedError(
            str(place), "the passphrase isn't its own, or the file is damaged", "Check the passphrase and run again."
        )
    return PrivateKey(secret=secret)


def check_key(place: Path) -> None:
    """Refuse a place without a key that only its owner may read, before anyone is asked for a passphrase.

    Raises:
        KeyRefusedError: there is none, or others may read it.
    """
    _read(place, private=True)


def read_public(place: Path) -> PublicKey:
    """Return the public key at a place.

    Raises:
        KeyRefusedError: there is none, or the file isn't one.
    """
    content = _read(place, private=False)
    try:
        key = PublicKey(public=json.loads(content)["public"])
    except (ValueError, KeyError, TypeError, RecursionError):
        key = None
    if key is None or public_bytes(key) != content:
        raise KeyRefusedError(str(place), "it isn't a public key as `mirrors keys` writes it", "Ask for it again.")
    return key


def _read(place: Path, *, private: bool) -> bytes:
    try:
        file = plain_file(place, _LARGEST)
    except NotPlainError as error:
        remedy = "Make one with `mirrors keys new OFFICE.toml`, or correct the place."
        raise KeyRefusedError(str(place), error.reason, remedy) from None
    if private and file.mode & 0o077:
        remedy = "Set its mode to 0600, and think of it as copied."
        raise KeyRefusedError(str(place), "others than its owner may read it", remedy)
    return file.content


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
