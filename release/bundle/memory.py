"""What a verifier remembers of each office, and what that tells of the next bundles.

A bundle is right or wrong by itself; that it was replayed, replaced or paid for twice shows only beside others. These
are rules over values: `memory_file` keeps them, and only after every check was made.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from release.bundle.findings import BundleFinding
from release.bundle.signature import Standing
from release.bundle.verification import Verification
from release.registry.metadata import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRelease:
    """A release as it was seen.

    Attributes:
        digest: SHA-256 of the manifest.
        sequence: of the charge.
        head: of the ledger at the charge.
        keyid: of the key that vouched for it when a registry said whose it is; None when nobody known did.
        supersedes: the release that it takes the place of.
    """

    digest: str
    sequence: int
    head: str
    keyid: str | None
    supersedes: str | None = None


Releases = Mapping[str, SeenRelease]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was seen: the registry's newest version, and every office's releases by name."""

    registry: Seen | None = None
    offices: Mapping[str, Releases] = field(default_factory=dict)


def seen_release(result: Verification) -> SeenRelease | None:
    """Return what is to be remembered of a verified bundle; None when it isn't valid."""
    identity, statement = result.identity, result.vouched.statement
    if not result.valid or identity is None:
        return None
    known = result.vouched.standing is Standing.SIGNED
    return SeenRelease(
        digest=identity.digest,
        sequence=identity.sequence,
        head=identity.head,
        keyid=statement.key.keyid if known and statement is not None else None,
        supersedes=identity.supersedes,
    )


def held_against(memory: Memory, results: Iterable[Verification]) -> tuple[Verification, ...]:
    """Return the results with what the memory, and the results beside each other, tell of each."""
    all_results = tuple(results)
    offices = {code: dict(releases) for code, releases in memory.offices.items()}
    judged = []
    for result in all_results:
        one = seen_release(result)
        if one is None or result.identity is None:
            judged.append(result)
            continue
        known = offices.setdefault(result.identity.reporter, {})
        found = tuple(_findings(known, result, one))
        judged.append(replace(result, findings=found))
        if not found:
            known[result.identity.release] = _merged(known.get(result.identity.release), one)
    return tuple(_with_notes(result, offices) for result in judged)


def _merged(before: SeenRelease | None, now: SeenRelease) -> SeenRelease:
    return now if before is None else replace(now, keyid=now.keyid or before.keyid)


def _findings(known: Releases, result: Verification, one: SeenRelease) -> Iterator[BundleFinding]:
    identity, statement = result.identity, result.vouched.statement
    if identity is None:
        return
    release, chain = identity.release, identity.chain
    signs = None if statement is None else statement.key.keyid
    before = known.get(release)
    if before is not None and before.digest != one.digest:
        message = f"release {release} was seen before with other bytes: one of the two isn't the office's"
        yield BundleFinding(code="changed", message=message)
    if before is not None and before.keyid is not None and before.keyid != signs:
        message = f"release {release} was signed by its office when it was seen before, and isn't now"
        yield BundleFinding(code="stripped", message=message)
    for name, other in known.items():
        if other.sequence < one.sequence and chain.get(other.sequence) != other.head:
            message = f"its ledger doesn't hold entry {other.sequence}, which paid for release {name}: it was forked"
            yield BundleFinding(code="forked", message=message)
        if name != release and (other.sequence == one.sequence or other.head == one.head):
            message = f"entry {one.sequence} of the ledger paid for release {name}, which was seen before"
            yield BundleFinding(code="forked", message=message)


def _with_notes(result: Verification, offices: Mapping[str, Releases]) -> Verification:
    identity = result.identity
    if identity is None or not result.valid:
        return result
    later = [name for name, one in offices[identity.reporter].items() if one.supersedes == identity.release]
    notes = tuple(
        BundleFinding(code="superseded", message=f"the office has put {name} in its place") for name in sorted(later)
    )
    return replace(result, notes=(*result.notes, *notes))


def remembering(memory: Memory, results: Iterable[Verification], registry: Seen | None) -> Memory:
    """Return the memory with all valid bundles in it, and the registry's version where one was read."""
    offices = {code: dict(releases) for code, releases in memory.offices.items()}
    for result in results:
        one = seen_release(result)
        if one is not None and result.identity is not None:
            known = offices.setdefault(result.identity.reporter, {})
            known[result.identity.release] = _merged(known.get(result.identity.release), one)
    return Memory(registry=registry or memory.registry, offices=offices)
