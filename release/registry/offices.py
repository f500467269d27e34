"""What the registry says, and whether it admits a signed statement. Values and rules; no input, no output.

A statement's registry version, date and charge are its signer's own words, so none of them can tell whether a retired
key signed before or after it was retired. What can is the list of statements that the registry kept when it retired the
key: such a key vouches for these, and for nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from release.signing.keys import PublicKey
from release.signing.statement import Statement


class KeyState(StrEnum):
    """How a key stands: it may sign, it gave way to another, or it is no longer trusted."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """A release that a retired key still vouches for, by the SHA-256 of the statement that it signed."""

    release: str
    sequence: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeKey:
    """A key of an office.

    Attributes:
        key: the public key.
        since: the registry's version that entered it.
        since_date: the date of that.
        until: the version that retired or revoked it, None while it is active.
        until_date: the date of that.
        state: how it stands.
        reason: why it was retired or revoked.
        kept: what it still vouches for once it isn't active.
    """

    key: PublicKey
    since: int
    since_date: str
    until: int | None = None
    until_date: str | None = None
    state: KeyState = KeyState.ACTIVE
    reason: str | None = None
    kept: tuple[KeptRelease, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A reporter and all keys that it ever had, oldest first; at most one is active."""

    reporter: str
    name: str
    keys: tuple[OfficeKey, ...]

    def key(self, keyid: str) -> OfficeKey | None:
        """Return the office's key of that id."""
        return next((one for one in self.keys if one.key.keyid == keyid), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What one version of the registry says.

    Attributes:
        version: of the targets' metadata, which counts every change.
        digest: SHA-256 of that metadata.
        root_version: of the root's metadata, which names the keepers.
        expires: ISO date after which its keepers should have renewed it.
        offices: by reporter.
    """

    version: int
    digest: str
    root_version: int
    expires: str
    offices: Mapping[str, Office] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a statement isn't admitted: a stable code, and words."""

    code: str
    message: str


def refusal(registry: Registry, statement: Statement) -> Refusal | None:
    """Return why the registry doesn't let the statement's key vouch for it; None when it does."""
    older = outdated(registry, statement)
    if older is not None:
        return older
    reporter, keyid = statement.released.reporter, statement.key.keyid
    office = registry.offices.get(reporter)
    if office is None:
        return Refusal(code="office unknown", message=f"the registry names no office {reporter}")
    key = office.key(keyid)
    if key is None:
        return Refusal(code="key unknown", message=f"the key {keyid[:16]}… isn't one that {reporter} ever had")
    return _version_refusal(statement.registry, key) or _state_refusal(statement, key)


def outdated(registry: Registry, statement: Statement) -> Refusal | None:
    """Return that a statement names a later version of the registry, which may know more offices and keys."""
    version = statement.registry
    if version is None or version <= registry.version:
        return None
    said = f"it was signed under version {version} of the registry, and this is version {registry.version}"
    return Refusal(code="registry older", message=f"{said}: get the registry anew")


def _version_refusal(version: int | None, key: OfficeKey) -> Refusal | None:
    """Hold the statement to the registry's version that it names: the key had to be allowed then."""
    if version is None:
        return None
    if version < key.since:
        said = f"under version {version} of the registry, which it names, its key wasn't entered yet"
        return Refusal(code="key not yet allowed", message=said)
    if key.until is not None and version >= key.until:
        said = f"under version {version} of the registry, which it names, its key was {key.state} already"
        return Refusal(code=f"key {key.state}", message=said)
    return None


def _state_refusal(statement: Statement, key: OfficeKey) -> Refusal | None:
    if key.state is KeyState.ACTIVE or statement.digest in {one.digest for one in key.kept}:
        return None
    said = f"its key was {key.state} on {key.until_date}, and it isn't among the releases that were kept then"
    return Refusal(code=f"key {key.state}", message=said)


def may_sign(registry: Registry, reporter: str, key: PublicKey) -> str | None:
    """Return why a key may not sign for a reporter now; None when it may."""
    office = registry.offices.get(reporter)
    if office is None:
        return "the registry names no such office"
    known = office.key(key.keyid)
    if known is None:
        return "it isn't one that the registry names for this office"
    return None if known.state is KeyState.ACTIVE else f"it was {known.state} on {known.until_date}"
