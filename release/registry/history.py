"""All versions of a registry: each there and signed in its time, and none takes back what one before it said."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from release.registry.document import read_office
from release.registry.metadata import LARGEST_METADATA, LARGEST_OFFICE, Believed, Files
from release.registry.offices import KeyState, Office, OfficeKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFault:
    """What is wrong with a version, in words."""

    version: int
    message: str


def history_faults(files: Files, current: Believed) -> Iterator[HistoryFault]:
    """Yield what is wrong with the versions up to the one that was believed."""
    roots = _roots(files, current.registry.root_version)
    versions: list[dict[str, Office]] = []
    for version in range(1, current.registry.version + 1):
        offices = _offices_of(files, version, roots)
        if offices is None:
            yield HistoryFault(
                version=version, message="its metadata or a file of it is missing, or no keepers signed it"
            )
        else:
            versions.append(offices)
    for version, (before, after) in enumerate(pairwise(versions), start=2):
        for reporter, office in before.items():
            if reporter not in after or not _follows(office, after[reporter]):
                message = f"it takes back something that the version before said of {reporter}"
                yield HistoryFault(version=version, message=message)


def _roots(files: Files, newest: int) -> list[Root]:
    found = []
    for version in range(1, newest + 1):
        content = files.read(f"{version}.root.json", LARGEST_METADATA)
        if content is not None:
            found.append(Metadata[Root].from_bytes(content).signed)
    return found


def _offices_of(files: Files, version: int, roots: list[Root]) -> dict[str, Office] | None:
    content = files.read(f"{version}.targets.json", LARGEST_METADATA)
    try:
        metadata = None if content is None else Metadata[Targets].from_bytes(content)
    except (DeserializationError, RecursionError):
        metadata = None
    if metadata is None or metadata.signed.version != version or not any(_signed_under(one, metadata) for one in roots):
        return None
    offices = {}
    for path, target in metadata.signed.targets.items():
        entry = files.read(f"targets/{target.hashes.get('sha256')}.{path}", min(target.length, LARGEST_OFFICE))
        office = None if entry is None else read_office(entry)
        if office is None:
            return None
        offices[office.reporter] = office
    return offices


def _signed_under(root: Root, metadata: Metadata[Targets]) -> bool:
    try:
        root.verify_delegate(Targets.type, metadata.signed_bytes, metadata.signatures)
    except (UnsignedMetadataError, ValueError):
        return False
    return True


def _follows(before: Office, after: Office) -> bool:
    same = len(after.keys) >= len(before.keys) and after.reporter == before.reporter
    return same and all(_key_follows(old, new) for old, new in zip(before.keys, after.keys, strict=False))


def _key_follows(old: OfficeKey, new: OfficeKey) -> bool:
    """Decide whether a key's entry may follow another: it ends once, and what it vouches for never grows again."""
    if (old.key, old.since, old.since_date) != (new.key, new.since, new.since_date):
        return False
    if old.state is KeyState.ACTIVE or old == new:
        return True
    ended_alike = (old.until, old.until_date) == (new.until, new.until_date)
    return ended_alike and new.state is KeyState.REVOKED and set(new.kept) <= set(old.kept)
