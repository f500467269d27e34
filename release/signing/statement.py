"""What a signature says: an in-toto Statement (v1) that names every file of a bundle and what was released.

Promised: the subjects are all files of the bundle but the signature itself, in order of their names, each with its
SHA-256. The predicate holds `format` of the bundle, `reporter`, `release`, `revision`, `supersedes`, `sizes` of all
files, `charge` (its sequence), `ledger` (length and head at that charge), `key` (scheme and public key of the signer)
and `registry` (the version of the registry of offices that it was signed under, or null). A statement has one form,
down to the byte. It has no time, and nothing of a record.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from release.plan import canonical_json
from release.signing.keys import SCHEME, PublicKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:noisy-mirrors:released:1"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """One file that a statement names: its size in bytes and its SHA-256."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was released, apart from who signs it: the part of a statement that the bundle decides.

    Attributes:
        form: format of the bundle.
        reporter: ISO alpha-3 of the office that speaks.
        release: its name.
        revision: whether the charge was one from the part kept for revisions.
        supersedes: the release that this one takes the place of.
        sequence: of the charge in the office's ledger.
        length: of the ledger at the charge.
        head: of the ledger at the charge.
        files: every file but the signature, in order of names.
    """

    form: str
    reporter: str
    release: str
    revision: bool
    supersedes: str | None
    sequence: int
    length: int
    head: str
    files: tuple[SignedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was released, the key that says so, and the registry's version (None: none was known) at that time."""

    released: Released
    key: PublicKey
    registry: int | None

    @property
    def digest(self) -> str:
        """SHA-256 of the statement's bytes: what a registry lists of a key that it has retired."""
        return sha256(statement_bytes(self)).hexdigest()


def signed_files(files: Mapping[str, bytes]) -> tuple[SignedFile, ...]:
    """Return what a statement says of files, by name."""
    return tuple(
        SignedFile(name=name, size=len(files[name]), digest=sha256(files[name]).hexdigest()) for name in sorted(files)
    )


def statement_bytes(statement: Statement) -> bytes:
    """Return the one form of a statement."""
    released = statement.released
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": one.name, "digest": {"sha256": one.digest}} for one in released.files],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "format": released.form,
                "reporter": released.reporter,
                "release": released.release,
                "revision": released.revision,
                "supersedes": released.supersedes,
                "charge": {"sequence": released.sequence},
                "ledger": {"length": released.length, "head": released.head},
                "sizes": {one.name: one.size for one in released.files},
                "key": {"scheme": SCHEME, "public": statement.key.public},
                "registry": None if statement.registry is None else {"version": statement.registry},
            },
        }
    )


def read_statement(content: bytes) -> Statement | None:
    """Return the statement that bytes are; None when they are none, or written in another form."""
    try:
        statement = _read(json.loads(content))
        return statement if statement_bytes(statement) == content else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _read(document: Any) -> Statement:
    said = document["predicate"]
    sizes = said["sizes"]
    registry = said["registry"]
    files = tuple(
        SignedFile(name=_text(one["name"]), size=_count(sizes[one["name"]]), digest=_digest(one["digest"]["sha256"]))
        for one in document["subject"]
    )
    if [one.name for one in files] != sorted({one.name for one in files}):
        raise ValueError
    return Statement(
        released=Released(
            form=_text(said["format"]),
            reporter=_text(said["reporter"]),
            release=_text(said["release"]),
            revision=_truth(said["revision"]),
            supersedes=None if said["supersedes"] is None else _text(said["supersedes"]),
            sequence=_count(said["charge"]["sequence"]),
            length=_count(said["ledger"]["length"]),
            head=_digest(said["ledger"]["head"]),
            files=files,
        ),
        key=PublicKey(public=said["key"]["public"]),
        registry=None if registry is None else _count(registry["version"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TypeError
    return value


def _digest(value: object) -> str:
    if _DIGEST.fullmatch(_text(value)) is None:
        raise ValueError
    return str(value)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError
    return value


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value
