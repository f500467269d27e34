"""Offices that sign, a registry of them in memory, and bundles written as a forger or an honest office would.

world = make_world()                         # three keepers, offices NLD and ITA with a key each
files = release_files(folder)                # the unsigned files of a small published release
place = write_bundle(folder, signed(files, world.keys["NLD"], registry=world.registry.version))
verify(place, world.registry)
"""

import datetime
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from offices import OFFICE, RELEASE, new_book, publish, some_lines, write_office

from release.bundle.content import FORMAT, MANIFEST, manifest_bytes
from release.bundle.signature import released
from release.ledger.book import Book
from release.registry.editing import Change, Offices, with_office
from release.registry.metadata import Believed, believed
from release.registry.offices import Registry
from release.registry.writing import Expiry, Keepers, first_files, next_files
from release.signing.envelope import SIGNATURE, sealed
from release.signing.keys import PrivateKey, new_private_key
from release.signing.statement import Statement, signed_files

DAY = datetime.date(2027, 1, 1)
EXPIRY = Expiry(version=datetime.date(2028, 1, 1), root=datetime.date(2037, 1, 1))
Files = dict[str, bytes]
Changed = Callable[[Offices, Change], Offices]


class MemoryFiles:
    """A registry's files by name."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)

    def read(self, name: str, most: int) -> bytes | None:
        """Return a file's bytes; a file that is too large isn't there."""
        content = self.files.get(name)
        return None if content is None or len(content) > most else content


@dataclass(slots=True, kw_only=True)
class World:
    """Keepers, the registry's files, and the offices' keys by reporter."""

    keepers: tuple[PrivateKey, ...]
    files: MemoryFiles
    keys: dict[str, PrivateKey]

    def believed(self, day: datetime.date | None = DAY) -> Believed:
        """Return the registry as a client reads it."""
        return believed(self.files, today=day)

    @property
    def registry(self) -> Registry:
        """What the registry says now."""
        return self.believed().registry

    def change(self, made: Changed) -> None:
        """Add a version in which `made(offices, change)` is what the registry says."""
        known = self.believed(day=None)
        change = Change(version=known.registry.version + 1, date=DAY.isoformat())
        self.files.files |= next_files(known, made(known.registry.offices, change), self.keepers[:2], EXPIRY)


def make_world(*reporters: str) -> World:
    """Return a registry of two in three keepers that names the reporters (NLD and ITA), each with a key."""
    keepers = tuple(new_private_key() for _ in range(3))
    named = Keepers(keys=tuple(key.public for key in keepers), threshold=2)
    world = World(keepers=keepers, files=MemoryFiles(first_files(named, keepers[:2], EXPIRY)), keys={})
    for reporter in reporters or ("NLD", "ITA"):
        world.keys[reporter] = new_private_key()
        world.change(entering(reporter, world.keys[reporter]))
    return world


def entering(reporter: str, key: PrivateKey) -> Changed:
    """Return the change that enters an office."""
    return lambda offices, change: with_office(offices, change, reporter=reporter, name=reporter, key=key.public)


def release_files(
    folder: Path, *, code: str = "NLD", release: str = "2024", revises: str | None = None, book: Book | None = None
) -> Files:
    """Return the files of a small release that was run, unsigned."""
    office = OFFICE.replace("AAA", code)
    text = RELEASE.replace('release = "2024"', f'release = "{release}"')
    if revises is not None:
        text = f'revision = true\nsupersedes = "{revises}"\n' + text
        office = office.replace('limit = "100"', 'limit = "100"\nreserve = "50"')
    place = write_office(folder, lines=some_lines(60), office=office, release=text, name=f"{release}.toml")
    return files_of(publish(place, book=book or new_book()).bundle)


def files_of(bundle: Path) -> Files:
    """Return a bundle's files by name."""
    return {path.name: path.read_bytes() for path in sorted(bundle.iterdir())}


def statement_over(files: Files, key: PrivateKey, registry: int | None, **changes: object) -> Statement:
    """Return the statement that an office signs over its files, with some of what it says changed."""
    plan, charge = (json.loads(files[name]) for name in ("plan.json", "charge.json"))
    said = released(FORMAT, plan, charge, signed_files(files))
    return Statement(released=replace(said, **changes), key=key.public, registry=registry)


def signed(files: Files, key: PrivateKey, registry: int | None = None, **changes: object) -> Files:
    """Return the files with a signature over all of them."""
    own = {name: content for name, content in files.items() if name != SIGNATURE}
    return {**own, SIGNATURE: sealed(statement_over(own, key, registry, **changes), key)}


def relisted(files: Files) -> Files:
    """Return the files with the manifest that they would have: what a forger writes."""
    others = {name: content for name, content in files.items() if name not in (MANIFEST, SIGNATURE)}
    plan, charge = (json.loads(files[name]) for name in ("plan.json", "charge.json"))
    manifest = manifest_bytes(plan, charge["head"], others)
    return {**{name: content for name, content in files.items() if name != SIGNATURE}, MANIFEST: manifest}


def write_bundle(place: Path, files: Files) -> Path:
    """Write files into a folder in place of what is there, and return it."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place
