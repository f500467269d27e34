"""The files of the registry's next version, signed by its keepers. Nothing is read or written here.

A version has the four roles of TUF, all signed by the same keepers with the same threshold. The last file makes it the
newest, and no numbered file is written twice.
"""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from release.errors import RegistryChangeRefusedError
from release.registry.document import office_bytes
from release.registry.editing import Offices
from release.registry.metadata import TIMESTAMP, Believed
from release.signing.keys import PrivateKey, PublicKey

ROLES = (Root.type, Targets.type, Snapshot.type, Timestamp.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """The days after which a version, and its root, have to be renewed."""

    version: datetime.date
    root: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepers:
    """Who keeps the registry: their keys, and how many of them it takes.

    Raises:
        RegistryChangeRefusedError: a key stands twice, or the threshold isn't from 1 to their number.
    """

    keys: tuple[PublicKey, ...]
    threshold: int

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= len(set(self.keys)) or len(set(self.keys)) < len(self.keys):
            raise RegistryChangeRefusedError("the threshold isn't from 1 to the number of different keepers' keys")


def first_files(keepers: Keepers, signers: Sequence[PrivateKey], expiry: Expiry) -> dict[str, bytes]:
    """Return the files of a new registry without offices.

    Raises:
        RegistryChangeRefusedError: too few of the keepers sign.
    """
    root = _root(1, keepers, expiry)
    return {"1.root.json": _signed(root, [root], signers), **_version_files(1, {}, [root], signers, expiry)}


def next_files(
    current: Believed,
    offices: Offices,
    signers: Sequence[PrivateKey],
    expiry: Expiry,
    keepers: Keepers | None = None,
) -> dict[str, bytes]:
    """Return the files that the next version adds, in the order in which they are to be written.

    Where the keepers change, old and new ones sign everything, so that the version holds before and after the new root.

    Args:
        current: the version before.
        offices: what the next one says.
        signers: keepers' keys: as many as it takes, of the old and of the new keepers where these change.
        expiry: of the next one.
        keepers: who keeps it from now on, where that changes.

    Raises:
        RegistryChangeRefusedError: too few of the keepers sign.
    """
    old = current.root.signed
    version = current.registry.version + 1
    if keepers is None:
        return _version_files(version, offices, [old], signers, expiry)
    root = _root(old.version + 1, keepers, expiry)
    files = _version_files(version, offices, [root, old], signers, expiry)
    return {**files, f"{root.version}.root.json": _signed(root, [root, old], signers)}


def _root(version: int, keepers: Keepers, expiry: Expiry) -> Root:
    root = Root(version=version, expires=_at(expiry.root), consistent_snapshot=True)
    for role in ROLES:
        for key in keepers.keys:
            root.add_key(key.sslib, role)
        root.roles[role].threshold = keepers.threshold
    return root


def _version_files(
    version: int, offices: Offices, roots: Sequence[Root], signers: Sequence[PrivateKey], expiry: Expiry
) -> dict[str, bytes]:
    """Return the files of a version: offices, targets, snapshot, timestamp; the unnumbered timestamp is last."""
    entries = {f"{reporter}.json": office_bytes(office) for reporter, office in offices.items()}
    named = {path: TargetFile.from_data(path, content, ["sha256"]) for path, content in entries.items()}
    ends = _at(expiry.version)
    targets = _signed(Targets(version=version, expires=ends, targets=named), roots, signers)
    meta = {"targets.json": _meta(version, targets)}
    snapshot = _signed(Snapshot(version=version, expires=ends, meta=meta), roots, signers)
    named_snapshot = _meta(version, snapshot)
    timestamp = _signed(Timestamp(version=version, expires=ends, snapshot_meta=named_snapshot), roots, signers)
    return {
        **{f"targets/{hashlib.sha256(content).hexdigest()}.{path}": content for path, content in entries.items()},
        f"{version}.targets.json": targets,
        f"{version}.snapshot.json": snapshot,
        f"{version}.timestamp.json": timestamp,
        TIMESTAMP: timestamp,
    }


def _signed(
    signed: Root | Targets | Snapshot | Timestamp, roots: Sequence[Root], signers: Sequence[PrivateKey]
) -> bytes:
    """Return metadata signed by the keepers that each of the roots names.

    Raises:
        RegistryChangeRefusedError: there are too few of them.
    """
    metadata: Metadata[Any] = Metadata(signed)
    known = {keyid for root in roots for keyid in root.roles[signed.type].keyids}
    for key in sorted(signers, key=lambda one: one.public.keyid):
        if key.public.keyid in known:
            metadata.sign(key.signer, append=True)
    for root in roots:
        found = root.get_verification_result(signed.type, metadata.signed_bytes, metadata.signatures)
        if not found:
            raise RegistryChangeRefusedError(
                f"{len(found.signed)} of its keepers sign this, and it takes {found.threshold}",
                "Name more keys.",
            )
    return metadata.to_bytes(JSONSerializer(compact=True))


def _meta(version: int, content: bytes) -> MetaFile:
    return MetaFile.from_data(version, content, ["sha256"])


def _at(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
