"""`mirrors doctor`: whether this installation, and an office's folder, are fit for a release. Changes nothing.

It reads no records. Each thing looked at is told with how it stands; what is wrong comes with what would be right.
"""

import datetime
import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import typer

from release.cli import wiring
from release.cli.printing import print_json
from release.codelists import codelist
from release.confidential.environment import check_environment, started_with
from release.config import Office, load_office, load_release
from release.config.loading import inside
from release.errors import KeyNotAllowedError, MirrorsError
from release.ledger.book import Book
from release.registry.offices import may_sign
from release.registry.reading import read_registry, today
from release.signing.keyfile import public_place, read_public
from release.wording import count

Standing = Literal["ok", "note", "wrong"]

LEAST_FREE = 2 * 10**9
"""Bytes of disk below which a run may fail at its end."""

EXACT = ("opendp", "polars")
"""Packages whose very version the guarantee was checked with."""

OLDEST = datetime.date(2025, 1, 1)
"""No run of this program is older, so a clock that says so is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One thing looked at: what, how it stands, what was seen, and what to do where it is wrong."""

    what: str
    standing: Standing
    seen: str
    remedy: str = ""


def examine(file: Path | None, *, as_json: bool) -> None:
    """Look at the installation, and at an office where its config is named; exits 1 when something is wrong."""
    looked = [*installation()]
    if file is not None:
        looked += office_folder(file)
    if as_json:
        print_json({"ok": all(one.standing != "wrong" for one in looked), "looked": [asdict(one) for one in looked]})
    else:
        _print(looked)
    if any(one.standing == "wrong" for one in looked):
        raise typer.Exit(1)


def _print(looked: list[Looked]) -> None:
    for one in looked:
        typer.echo(f"{one.standing:5}  {one.what}: {one.seen}")
        if one.remedy:
            typer.echo(f"       {one.remedy}")
    wrong = sum(one.standing == "wrong" for one in looked)
    typer.echo(f"{count(len(looked))} things were looked at; {wrong or 'none'} {'is' if wrong == 1 else 'are'} wrong.")


def installation() -> Iterator[Looked]:
    """Yield how this installation stands: Python, packages, shipped lists, environment, clock."""
    enough = sys.version_info >= (3, 11)
    yield _looked("Python", enough, platform.python_version(), "Install Python 3.11 or newer.")
    for package in EXACT:
        yield _version(package)
    yield _checked("codelists", _codelists)
    yield _checked("environment", _environment)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    yield _looked("clock", today >= OLDEST, f"{today} (UTC)", "Set the clock: a charge carries its day for ever.")


def _codelists() -> str:
    return f"{count(len(codelist('areas').rows))} areas, {len(codelist('chapters').rows)} chapters"


def _environment() -> str:
    check_environment(started_with())
    return "nothing in it could change the noise"


def _version(package: str) -> Looked:
    needs = metadata.requires("noisy-mirrors") or ()
    wanted = next((need.split("==")[1] for need in needs if need.startswith(f"{package}==")), None)
    try:
        held = metadata.version(package)
    except metadata.PackageNotFoundError:
        held = "not installed"
    remedy = f"Install {package} {wanted}: pip install --require-hashes -r requirements.txt"
    return _looked(package, wanted in (None, held), held, remedy)


def office_folder(file: Path) -> Iterator[Looked]:
    """Yield how an office's folder stands: configs, private places, disk, ledger, key, registry."""
    try:
        office = load_office(file)
    except MirrorsError as error:
        yield Looked(what="office", standing="wrong", seen=str(error))
        return
    folder = file.parent
    yield Looked(what="office", standing="ok", seen=f"{office.name} ({office.code}), unit {office.unit.kind}")
    for release in sorted(path for path in folder.glob("*.toml") if _is_release(path)):
        yield _checked(release.name, lambda release=release: f"release {load_release(release)[1].release}")  # type: ignore[misc]
    state = wiring.state_folder(office, folder)
    yield _private("private folder", state, "Made at the first run, or by `mirrors ledger create`.")
    yield _private("secret", state / "secret", "Made at the first run.")
    yield _disk(folder)
    yield from _ledger(office, folder)
    yield from _signing(office, folder)


def _is_release(path: Path) -> bool:
    return path.name != "office.toml" and 'release = "' in path.read_text(encoding="utf-8", errors="replace")


def _private(what: str, place: Path, made: str) -> Looked:
    try:
        found = place.lstat()
    except OSError:
        return Looked(what=what, standing="note", seen=f"{place} isn't there yet", remedy=made)
    safe = not stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid()
    mode = "0700" if place.is_dir() else "0600"
    seen = f"{place}, mode {stat.S_IMODE(found.st_mode):04o}"
    return _looked(what, safe, seen, f"Others may open it, or own it: set its mode to {mode} and its owner to yours.")


def _disk(folder: Path) -> Looked:
    free = shutil.disk_usage(folder).free
    return _looked("disk", free >= LEAST_FREE, f"{free / 1e9:.1f} GB free", "Make room: a run stores its result first.")


def _ledger(office: Office, folder: Path) -> Iterator[Looked]:
    book: list[Book] = []

    def opened() -> str:
        book.append(wiring.open_book(office, folder))
        findings = book[0].verify()
        if findings:
            raise MirrorsError("; ".join(f"{one.where}: {one.message}" for one in findings))
        return f"whole, {count(book[0].head().sequence)} entries"

    if office.ledger.on_missing == "create":
        yield Looked(
            what="ledger", standing="note", seen="on_missing = create: a lost ledger would be made anew, empty"
        )
        if not _exists(office, folder):
            return
    yield _checked("ledger", opened)
    if book:
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        latest = max((charge.date for charge in book[0].charges()), default="")
        seen = f"the latest charge is of {latest}" if latest else "nothing was charged yet"
        remedy = "The clock was set back, or forward when that charge was made."
        yield _looked("clock beside the ledger", latest <= today, seen, remedy)


def _exists(office: Office, folder: Path) -> bool:
    url = wiring.ledger_url(office, folder)
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()


def _signing(office: Office, folder: Path) -> Iterator[Looked]:
    signing = office.signing
    if signing is None:
        yield Looked(what="key", standing="note", seen="no [signing]: what is published is unsigned")
        return
    place = inside(folder, signing.key)
    yield _private("key", place, "Make it with `mirrors keys new`.")
    if place.exists():
        yield _checked("public key", lambda: read_public(public_place(place)).keyid)
    if signing.registry is None:
        yield Looked(what="registry", standing="note", seen="none is named: no run asks whether the key may sign")
    else:
        registry = inside(folder, signing.registry)
        yield _checked("registry", lambda: _admitted(office, place, registry))


def _admitted(office: Office, key: Path, registry: Path) -> str:
    """Return which version of the registry lets the office's key sign.

    Raises:
        RegistryRefusedError: it can't be believed, or has expired.
        KeyNotAllowedError: it doesn't let this key sign.
    """
    known = read_registry(registry, day=today()).registry
    public = read_public(public_place(key))
    refused = may_sign(known, office.code, public)
    if refused is not None:
        raise KeyNotAllowedError(reporter=office.code, keyid=public.keyid, reason=refused)
    return f"version {known.version} lets the key sign; it expires on {known.expires}"


def _looked(what: str, good: object, seen: str, remedy: str) -> Looked:
    return Looked(what=what, standing="ok" if good else "wrong", seen=seen, remedy="" if good else remedy)


def _checked(what: str, look: Callable[[], Any]) -> Looked:
    """Return what a look saw, or the refusal that it met."""
    try:
        return Looked(what=what, standing="ok", seen=str(look()))
    except MirrorsError as error:
        return Looked(what=what, standing="wrong", seen=str(error))
