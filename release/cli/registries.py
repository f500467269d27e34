"""`mirrors registry init|add-office|rotate|revoke|keepers|renew|verify`: who may sign for which reporter."""

import datetime
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from release.bundle.signature import Standing
from release.bundle.verification import verify as verify_bundle
from release.cli.places import folders
from release.cli.printing import command, print_json, say
from release.cli.registry_printing import day, document, show
from release.cli.signing import asked
from release.errors import RegistryChangeRefusedError, UsageError
from release.registry.editing import Change, Offices, with_new_key, with_office, with_revoked_key
from release.registry.folder import FolderFiles, add_files, changing
from release.registry.history import history_faults
from release.registry.metadata import LARGEST_METADATA
from release.registry.offices import KeptRelease, Registry
from release.registry.reading import read_registry, today
from release.registry.writing import Expiry, Keepers, first_files, next_files
from release.signing.keyfile import create_key, open_key, public_place, read_public
from release.signing.keys import PrivateKey
from release.signing.passphrases import from_environment, from_file

YEARS, ROOT_YEARS = 1, 10
VARIABLE = "MIRRORS_KEEPERS_PASSPHRASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How the command line names the keepers' keys that sign a change.

    Attributes:
        keys: their files.
        passphrase_files: one for all of them, or one for each; without any, the variable `VARIABLE`, or a prompt.
        expires: ISO date after which the version has to be renewed; a year from now by default.
    """

    keys: tuple[Path, ...]
    passphrase_files: tuple[Path, ...] = ()
    expires: str | None = None


def keeper(place: Path, passphrase_files: tuple[Path, ...]) -> None:
    """Make a keeper's key."""
    key = create_key(place, _passphrases((place,), passphrase_files, fresh=True)[0]()).public
    typer.echo(f"made the keeper's key {key.keyid}\n  private, encrypted: {place}\n  public: {public_place(place)}")


def init(place: Path, keepers: Sequence[Path], threshold: int, signing: Signing, *, as_json: bool) -> None:
    """Begin a registry without offices; refused where one is."""
    with changing(place):
        if FolderFiles(place).read("1.root.json", LARGEST_METADATA) is not None:
            raise RegistryChangeRefusedError(f"there is one at {place} already")
        keys = _opened(signing)
        named = tuple(read_public(one) for one in keepers) or tuple(key.public for key in keys)
        add_files(place, first_files(Keepers(keys=named, threshold=threshold), keys, _expiry(signing)))
    _told(place, "began", as_json=as_json)


def add_office(place: Path, reporter: str, name: str | None, public: Path, signing: Signing, *, as_json: bool) -> None:
    """Enter an office with its key."""
    key = read_public(public)
    _change(
        place,
        signing,
        lambda known, change: with_office(known.offices, change, reporter=reporter, name=name or reporter, key=key),
    )
    _told(place, f"entered {reporter} in", as_json=as_json)


def rotate(
    place: Path, reporter: str, public: Path, bundles: Sequence[Path], signing: Signing, *, as_json: bool
) -> None:
    """Replace an office's key; the old one vouches for the bundles that are named, and for nothing else."""
    key = read_public(public)
    number = 0

    def changed(known: Registry, change: Change) -> Offices:
        nonlocal number
        kept = _kept(known, reporter, bundles)
        number = len(kept)
        return with_new_key(known.offices, change, reporter=reporter, key=key, kept=kept)

    _change(place, signing, changed)
    say(f"the old key of {reporter} goes on vouching for {_releases(number)}, and for nothing else")
    _told(place, f"replaced the key of {reporter} in", as_json=as_json)


def revoke(
    place: Path, reporter: str, keyid: str, signing: Signing, *, reason: str, bundles: Sequence[Path], as_json: bool
) -> None:
    """Revoke a key; it vouches for the bundles that are named, and for nothing else."""
    _change(
        place,
        signing,
        lambda known, change: with_revoked_key(
            known.offices,
            change,
            reporter=reporter,
            keyid=keyid,
            reason=reason,
            kept=_kept(known, reporter, bundles),
        ),
    )
    _told(place, f"revoked a key of {reporter} in", as_json=as_json)


def change_keepers(place: Path, keepers: Sequence[Path], threshold: int, signing: Signing, *, as_json: bool) -> None:
    """Hand the registry to other keepers; old and new ones sign."""
    named = Keepers(keys=tuple(read_public(one) for one in keepers), threshold=threshold)
    _change(place, signing, lambda known, _: known.offices, named)
    _told(place, "handed over", as_json=as_json)


def renew(place: Path, signing: Signing, *, as_json: bool) -> None:
    """Sign the registry anew, so that it doesn't expire."""
    _change(place, signing, lambda known, _: known.offices)
    _told(place, "renewed", as_json=as_json)


def verify(place: Path, root: Path | None, as_of: str | None, *, as_json: bool) -> None:
    """Check the registry and all its versions; exits 6 on a finding."""
    known = read_registry(place, root=root, day=today() if as_of is None else day(as_of))
    faults = list(history_faults(FolderFiles(place), known))
    if as_json:
        findings = [{"code": "history", "message": f"version {one.version}: {one.message}"} for one in faults]
        print_json({"valid": not faults, "findings": findings, **document(known)})
    else:
        for one in faults:
            typer.echo(f"version {one.version}: {one.message}")
        show(place, known)
    if faults:
        raise typer.Exit(6)


def _change(
    place: Path, signing: Signing, changed: Callable[[Registry, Change], Offices], keepers: Keepers | None = None
) -> None:
    """Add the next version to a registry that is believed; an expired one may be changed, and so renewed."""
    with changing(place):
        known = read_registry(place, day=None)
        change = Change(version=known.registry.version + 1, date=today().isoformat())
        offices = changed(known.registry, change)
        add_files(place, next_files(known, offices, _opened(signing), _expiry(signing), keepers))


def _kept(registry: Registry, reporter: str, bundles: Sequence[Path]) -> tuple[KeptRelease, ...]:
    """Return what a key goes on vouching for: bundles of the office that verify under the registry as it is.

    Raises:
        RegistryRefusedError: one of them doesn't.
    """
    kept = []
    for place in folders(bundles):
        result = verify_bundle(place, registry)
        statement = result.vouched.statement
        if not result.valid or statement is None or result.vouched.standing is not Standing.SIGNED:
            reason = result.findings[0].message if result.findings else "nobody that it names vouches for it"
            raise RegistryChangeRefusedError(f"the bundle {place} can't be kept: {reason}")
        if statement.released.reporter == reporter:
            released = statement.released
            kept.append(KeptRelease(release=released.release, sequence=released.sequence, digest=statement.digest))
    return tuple(sorted(set(kept), key=lambda one: (one.sequence, one.release, one.digest)))


def _releases(number: int) -> str:
    return "1 release" if number == 1 else f"{number} releases"


def _opened(signing: Signing) -> list[PrivateKey]:
    phrases = _passphrases(signing.keys, signing.passphrase_files)
    return [open_key(place, phrase()) for place, phrase in zip(signing.keys, phrases, strict=True)]


def _passphrases(
    keys: tuple[Path, ...], files: tuple[Path, ...], *, fresh: bool = False
) -> tuple[Callable[[], str], ...]:
    if files and len(files) not in (1, len(keys)):
        raise UsageError("Name one --passphrase-file for all keys, or one for each; nothing was done.")
    if files:
        named = files * len(keys) if len(files) == 1 else files
        return tuple(_from_file(place) for place in named)
    if VARIABLE in os.environ:
        return tuple(lambda: from_environment(VARIABLE, os.environ) for _ in keys)
    return tuple(_from_prompt(key, fresh=fresh) for key in keys)


def _from_file(place: Path) -> Callable[[], str]:
    return lambda: from_file(place)


def _from_prompt(key: Path, *, fresh: bool) -> Callable[[], str]:
    return lambda: asked(f"Passphrase of the keeper's key {key}", fresh=fresh)


def _expiry(signing: Signing) -> Expiry:
    version = _years_on(YEARS) if signing.expires is None else day(signing.expires)
    return Expiry(version=version, root=max(version, _years_on(ROOT_YEARS)))


def _years_on(years: int) -> datetime.date:
    return today() + datetime.timedelta(days=365 * years + 1)


def _told(place: Path, what: str, *, as_json: bool) -> None:
    known = read_registry(place, day=None)
    if as_json:
        print_json(document(known))
        return
    typer.echo(
        f"{what} the registry at {place}: version {known.registry.version}, renew it by {known.registry.expires}"
    )
    typer.echo(f"Its first root's SHA-256 is {known.first_root}; give it to those who verify, by another way.")
    typer.echo(f"Check it with: {command()} registry verify {place}")
