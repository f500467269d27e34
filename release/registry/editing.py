"""What a change makes of the registry's offices: one is entered, or its key is replaced or revoked. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from release.errors import RegistryChangeRefusedError
from release.registry.offices import KeptRelease, KeyState, Office, OfficeKey
from release.signing.keys import PublicKey

Offices = Mapping[str, Office]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The version that a change makes, and its ISO date."""

    version: int
    date: str


def with_office(offices: Offices, change: Change, *, reporter: str, name: str, key: PublicKey) -> Offices:
    """Return the offices with a new one.

    Raises:
        RegistryChangeRefusedError: it is there already, or the key is another's.
    """
    if reporter in offices:
        raise RegistryChangeRefusedError(f"{reporter} is in it already; `registry rotate` replaces its key")
    return {**offices, reporter: Office(reporter=reporter, name=name, keys=(_entered(offices, change, key),))}


def with_new_key(
    offices: Offices, change: Change, *, reporter: str, key: PublicKey, kept: Sequence[KeptRelease]
) -> Offices:
    """Return the offices with an office's key replaced; the old one vouches for `kept` and nothing else from now on.

    Raises:
        RegistryChangeRefusedError: there is no such office, or the key was entered before.
    """
    office = _office(offices, reporter)
    old = tuple(_retired(one, change, kept) for one in office.keys)
    return {**offices, reporter: replace(office, keys=(*old, _entered(offices, change, key)))}


def with_revoked_key(
    offices: Offices, change: Change, *, reporter: str, keyid: str, reason: str, kept: Sequence[KeptRelease]
) -> Offices:
    """Return the offices with a key revoked; it vouches for `kept` and nothing else from now on.

    A retired key that is revoked keeps at most what it had kept.

    Raises:
        RegistryChangeRefusedError: the office has no such key, or it is revoked already.
    """
    office = _office(offices, reporter)
    key = next((one for one in office.keys if one.key.keyid.startswith(keyid) and keyid), None)
    if key is None or key.state is KeyState.REVOKED:
        raise RegistryChangeRefusedError(f"{reporter} has no key {keyid[:16]} that could be revoked")
    had = kept if key.state is KeyState.ACTIVE else [one for one in kept if one in key.kept]
    revoked = replace(
        key,
        state=KeyState.REVOKED,
        until=key.until or change.version,
        until_date=key.until_date or change.date,
        reason=reason,
        kept=tuple(had),
    )
    return {**offices, reporter: replace(office, keys=tuple(revoked if one is key else one for one in office.keys))}


def _office(offices: Offices, reporter: str) -> Office:
    if reporter not in offices:
        raise RegistryChangeRefusedError(f"it names no office {reporter}; `registry add-office` enters one")
    return offices[reporter]


def _entered(offices: Offices, change: Change, key: PublicKey) -> OfficeKey:
    if any(one.key == key for office in offices.values() for one in office.keys):
        raise RegistryChangeRefusedError("this key was entered before; a key is of one office, and enters once")
    return OfficeKey(key=key, since=change.version, since_date=change.date)


def _retired(key: OfficeKey, change: Change, kept: Sequence[KeptRelease]) -> OfficeKey:
    if key.state is not KeyState.ACTIVE:
        return key
    return replace(
        key,
        state=KeyState.RETIRED,
        until=change.version,
        until_date=change.date,
        reason="replaced",
        kept=tuple(kept),
    )
