"""Reading the registry: the steps of a TUF client, from a root of trust to what each office may sign with.

The order is that of the TUF specification (1.0.34, section 5): roots one by one, each signed by the keepers of the last
and by its own; then timestamp, snapshot and targets, each signed, of the version and the bytes that the one before
names, and none past its date. Where files come from, what day it is and what was seen before are given; nothing is
read, remembered or asked here.
"""

import datetime
import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from tuf.api.exceptions import LengthOrHashMismatchError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError, SerializationError

from release.registry.document import read_office
from release.registry.offices import Office, Registry

LARGEST_METADATA = 2_000_000
LARGEST_OFFICE = 2_000_000
MOST_ROOTS = 256
MOST_OFFICES = 1000
FIRST_ROOT = "1.root.json"
TIMESTAMP = "timestamp.json"

Kind = TypeVar("Kind", Root, Timestamp, Snapshot, Targets)


class Files(Protocol):
    """Where the registry's files are."""

    def read(self, name: str, most: int) -> bytes | None:
        """Return a file's bytes, or None when there is none; `most` is how many it may have."""


class Distrust(Exception):  # noqa: N818
    """Why a registry isn't believed. Callers turn it into a refusal that names the place."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a registry before: the versions never go back, and one version has one content.

    Attributes:
        root_version: of the last root that was believed.
        version: of the last targets' metadata.
        digest: SHA-256 of that.
    """

    root_version: int
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Believed:
    """A registry that was believed, with the metadata that its next version follows.

    Attributes:
        registry: what it says.
        root: the newest root.
        first_root: SHA-256 of the root that the chain began with: what to pin.
    """

    registry: Registry
    root: Metadata[Root]
    first_root: str

    @property
    def seen(self) -> Seen:
        """What to remember of it."""
        known = self.registry
        return Seen(root_version=known.root_version, version=known.version, digest=known.digest)


def believed(
    files: Files, *, today: datetime.date | None, pin: bytes | None = None, seen: Seen | None = None
) -> Believed:
    """Return what the registry says.

    Args:
        files: the registry.
        today: the day that nothing may have expired on; None asks for no date.
        pin: a root's file that was had by another way; without it the first root of the files is taken at its word.
        seen: what was seen of it before.

    Raises:
        Distrust: at the first step that fails.
    """
    root, first = _roots(files, pin)
    timestamp, _ = _verified(files, TIMESTAMP, Timestamp, root.signed)
    snapshot = _named(files, "snapshot", timestamp.signed.snapshot_meta, Snapshot, root.signed)[0]
    if "targets.json" not in snapshot.signed.meta or len(snapshot.signed.meta) != 1:
        raise Distrust("metadata", "its snapshot doesn't name exactly the targets")
    targets, content = _named(files, "targets", snapshot.signed.meta["targets.json"], Targets, root.signed)
    dated = (root.signed, timestamp.signed, snapshot.signed, targets.signed)
    expires = min(one.expires for one in dated).date()
    if today is not None and today > expires:
        raise Distrust("expired", f"it expired on {expires}; its keepers should have renewed it")
    registry = Registry(
        version=targets.signed.version,
        digest=hashlib.sha256(content).hexdigest(),
        root_version=root.signed.version,
        expires=expires.isoformat(),
        offices=_offices(files, targets.signed),
    )
    _hold_to_seen(registry, seen)
    return Believed(registry=registry, root=root, first_root=first)


def _roots(files: Files, pin: bytes | None) -> tuple[Metadata[Root], str]:
    """Return the newest root and the SHA-256 of the one that the chain began with."""
    first = pin if pin is not None else files.read(FIRST_ROOT, LARGEST_METADATA)
    if first is None:
        raise Distrust("missing", f"there is no {FIRST_ROOT}")
    root = _parsed(first, Root, "the root")
    _hold_signed(root.signed, root, "root")
    for _ in range(MOST_ROOTS):
        content = files.read(f"{root.signed.version + 1}.root.json", LARGEST_METADATA)
        if content is None:
            return root, hashlib.sha256(first).hexdigest()
        root = _next_root(root, content)
    raise Distrust("endless", f"it has more than {MOST_ROOTS} roots")


def _next_root(root: Metadata[Root], content: bytes) -> Metadata[Root]:
    following = _parsed(content, Root, "a root")
    if following.signed.version != root.signed.version + 1:
        raise Distrust("root", "a root has another version than its name says")
    _hold_signed(root.signed, following, "root")
    _hold_signed(following.signed, following, "root")
    return following


def _named(files: Files, role: str, meta: MetaFile, kind: type[Kind], root: Root) -> tuple[Metadata[Kind], bytes]:
    """Return the metadata of the version and bytes that other metadata names, and the bytes."""
    name = f"{meta.version}.{role}.json"
    found, content = _verified(files, name, kind, root, meta)
    if found.signed.version != meta.version:
        raise Distrust("mixed", f"{name} has another version than its name says")
    return found, content


def _verified(
    files: Files, name: str, kind: type[Kind], root: Root, meta: MetaFile | None = None
) -> tuple[Metadata[Kind], bytes]:
    content = files.read(name, LARGEST_METADATA)
    if content is None:
        raise Distrust("missing", f"there is no {name}")
    if meta is not None:
        try:
            meta.verify_length_and_hashes(content)
        except LengthOrHashMismatchError:
            raise Distrust("mixed", f"{name} isn't the file that the rest of the metadata names") from None
    metadata = _parsed(content, kind, name)
    _hold_signed(root, metadata, kind.type)
    return metadata, content


def _parsed(content: bytes, kind: type[Kind], name: str) -> Metadata[Kind]:
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(content)
    except (DeserializationError, RecursionError):
        raise Distrust("metadata", f"{name} can't be read") from None
    if not isinstance(metadata.signed, kind):
        raise Distrust("metadata", f"{name} is of another kind than its name says")
    return cast("Metadata[Kind]", metadata)


def _hold_signed(root: Root, metadata: Metadata[Any], role: str) -> None:
    try:
        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (UnsignedMetadataError, ValueError, SerializationError):
        raise Distrust("signature", f"its {role} isn't signed by as many keepers as it takes") from None


def _offices(files: Files, targets: Targets) -> dict[str, Office]:
    if len(targets.targets) > MOST_OFFICES:
        raise Distrust("endless", f"it names more than {MOST_OFFICES} offices")
    offices = {}
    for path, target in sorted(targets.targets.items()):
        digest = target.hashes.get("sha256", "")
        content = files.read(f"targets/{digest}.{path}", min(target.length, LARGEST_OFFICE))
        if content is None:
            raise Distrust("missing", f"there is no file of {path}")
        office = read_office(content) if hashlib.sha256(content).hexdigest() == digest else None
        if office is None or path != f"{office.reporter}.json":
            raise Distrust("mixed", f"the file of {path} isn't the one that the metadata names")
        offices[office.reporter] = office
    return offices


def _hold_to_seen(registry: Registry, seen: Seen | None) -> None:
    if seen is None:
        return
    if registry.version < seen.version or registry.root_version < seen.root_version:
        raise Distrust("rolled back", f"it is version {registry.version}, and version {seen.version} was seen before")
    if registry.version == seen.version and registry.digest != seen.digest:
        raise Distrust("forked", f"version {registry.version} was seen before with another content")
