"""`mirrors publish` and `mirrors fetch`: whole verified bundles, from here to a location and from a location to here.

A run publishes to a folder; this is a step of its own after it, that anyone may repeat. What is sent, and what is
written, are the very bytes that were verified.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from release.bundle.bounds import LARGEST_LEDGER
from release.bundle.content import BundleContent
from release.bundle.folder import bundle_place, holds, replace_file, statement_place
from release.bundle.folder import publish as put_folder
from release.bundle.reading import Files
from release.bundle.verification import Identity, read_files
from release.cli.places import Place, folders, found, hold_to_extra
from release.cli.printing import print_json, say
from release.errors import BundleRefusedError, UsageError
from release.ledger.entries import Head
from release.plainfile import NotPlainError, plain_file
from release.registry.offices import Registry
from release.registry.reading import read_registry, today
from release.remote.sending import Sent
from release.remote.standing import renews


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One bundle that was copied: which it is, where it is now, and what came of it."""

    bundle: str
    office: str
    release: str
    digest: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A verified bundle of this machine, and its office's statement beside it."""

    identity: Identity
    content: BundleContent
    statement: bytes | None

    @property
    def head(self) -> Head:
        return Head(sequence=self.identity.sequence, hash=self.identity.head)


def publish(bundles: list[Path], location: Place, registry: Path | None, *, as_json: bool) -> None:
    """Copy verified bundles, and their offices' statements, to a location.

    Raises:
        BundleRefusedError: one can't be believed; it wasn't sent, nor those named after it.
        PublishedOtherwiseError: something else is there; nothing was replaced.
        LocationError: the store failed; the next call goes on.
    """
    if not isinstance(location, Path) and location.web:
        raise UsageError(f"{location} can only be read: name a folder or an object store. Nothing was sent.")
    known, copied = _registry(registry), []
    for place in folders(bundles):
        own = _own(place, known)
        say(f"  {own.identity.reporter} {own.identity.release}: {len(own.content.files)} files to {location}")
        copied.append(_to_folder(own, location) if isinstance(location, Path) else _to_store(own, location.url))
    _tell(copied, as_json=as_json)


def _own(place: Path, registry: Registry | None) -> _Own:
    identity, content = read_files(place, registry)
    beside = statement_place(place.absolute().parent.parent, identity.reporter)
    return _Own(identity=identity, content=content, statement=_file(beside))


def _file(place: Path) -> bytes | None:
    if not place.exists():
        return None
    try:
        return plain_file(place, LARGEST_LEDGER).content
    except NotPlainError as error:
        raise BundleRefusedError(str(place), [error.reason]) from None


def _to_folder(own: _Own, folder: Path) -> Copied:
    statement = statement_place(folder, own.identity.reporter)
    if own.statement and renews(own.statement, _file(statement), place=str(statement), head=own.head):
        replace_file(statement, own.statement)
    place = bundle_place(folder, own.identity.reporter, own.identity.release)
    status = Sent.ALREADY_PUBLISHED if holds(place, own.content) else Sent.PUBLISHED
    return _copied(own.identity, put_folder(own.content, place), status)


def _to_store(own: _Own, url: str) -> Copied:
    hold_to_extra()
    from release.remote.sending import send
    from release.remote.stores import store_at

    store, reporter = store_at(url), own.identity.reporter
    key = statement_place(Path(), reporter).name
    there = store.read(key, LARGEST_LEDGER)
    if own.statement and renews(own.statement, there, place=f"{store}/{key}", head=own.head):
        store.replace(key, own.statement)
    folder = f"{reporter}/{own.identity.release}"
    return _copied(own.identity, f"{store}/{folder}", send(own.content, store, folder))


def fetch(location: Place, folder: Path, registry: Path | None, *, as_json: bool) -> None:
    """Write the verified bundles at a location into a folder, by office and release.

    Raises:
        BundleRefusedError: one can't be believed; it wasn't written, nor those after it.
        LocationError: the store can't be asked.
    """
    known = _registry(registry)
    _tell([_fetched(place, folder, known) for place in found([location])], as_json=as_json)


def _fetched(place: Path | Files, folder: Path, registry: Registry | None) -> Copied:
    say(f"  {place}")
    identity, content = read_files(place, registry)
    written = bundle_place(folder, identity.reporter, identity.release)
    status = "already there" if holds(written, content) else "fetched"
    return _copied(identity, put_folder(content, written), status)


def _registry(place: Path | None) -> Registry | None:
    return None if place is None else read_registry(place, day=today()).registry


def _copied(identity: Identity, place: Path | str, status: str) -> Copied:
    return Copied(
        bundle=str(place), office=identity.reporter, release=identity.release, digest=identity.digest, status=status
    )


def _tell(copied: list[Copied], *, as_json: bool) -> None:
    if as_json:
        print_json({"bundles": [asdict(one) for one in copied]})
        return
    for one in copied:
        typer.echo(f"{one.status}: {one.bundle}")
