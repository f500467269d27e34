"""What is published at some locations: verified bundles, refused ones with their reasons, and ledger statements.

Files are looked at by size and times first; one that hasn't changed isn't read again. Nothing that a stranger wrote
raises here: what can't be believed is returned as refused, and never stops the rest.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from release.bundle.content import MANIFEST
from release.bundle.folder import STATEMENT_ENDING
from release.bundle.verification import Bundle, read_bundle
from release.errors import BundleRefusedError, InvalidAmountError, MirrorsError, RegistryRefusedError
from release.ledger.entries import Head
from release.ledger.statement import (
    Statement,
    read_statement,
    statement_accounts,
    statement_charges,
    verify_statement,
)
from release.ledger.values import AccountState, Charge
from release.privacy import DELTA_CAP, DELTA_FLOOR, RHO_CAP, RHO_FLOOR, parse_amount
from release.registry.metadata import Believed
from release.registry.offices import Registry
from release.registry.reading import read_registry, today

LARGEST_STATEMENT = 50_000_000
MOST_PLACES = 2000
_KEY_LISTS = ("periods", "partners", "chapters", "headings", "subheadings", "flows")

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Name, inode, size, and times of change in nanoseconds of each file: another stamp, another reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something published stands: a bundle's folder or a statement's file, and its stamp."""

    path: Path
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something found that isn't what it says; `reasons` are for people."""

    place: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stated:
    """A ledger statement that is whole: one office's accounts and charges.

    Attributes:
        place: where it was read.
        office: ISO alpha-3, of its accounts.
        statement: as it was read.
        accounts: what its entries amount to.
        charges: in the order of the chain.
    """

    place: str
    office: str
    statement: Statement
    accounts: tuple[AccountState, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trusted:
    """The registry of offices that signatures were held to, and what made it believed.

    Attributes:
        place: its folder.
        known: what it says today, and the SHA-256 of its first root.
        root: the file of its root that was had by another way; None where it was taken at its word.
    """

    place: Path
    known: Believed
    root: Path | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Published:
    """All that was found, bundles in order of office and release; `trusted` is the registry, where one was named."""

    bundles: tuple[Bundle, ...]
    statements: tuple[Stated, ...]
    refused: tuple[Refused, ...]
    trusted: Trusted | None = None

    @property
    def offices(self) -> tuple[str, ...]:
        """The codes of offices with a bundle, in order."""
        return tuple(sorted({office_of(bundle) for bundle in self.bundles}))

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all bundles, in their order: what a comparison of them is known by."""
        return tuple(bundle.digest for bundle in self.bundles)

    def of(self, office: str) -> tuple[Bundle, ...]:
        """Return an office's bundles; the last one is the newest by name."""
        return tuple(bundle for bundle in self.bundles if office_of(bundle) == office)

    def stated(self, office: str) -> Stated | None:
        """Return an office's statement, if a whole one was found."""
        return next((one for one in self.statements if one.office == office), None)


ReadBundle = Callable[[Place], "Bundle | Refused"]
ReadStatement = Callable[[Place], "Stated | Refused"]


def office_of(bundle: Bundle) -> str:
    """Return the code of the office that published a bundle."""
    return str(bundle.plan["office"]["code"])


def release_of(bundle: Bundle) -> str:
    """Return the name of the release that a bundle holds."""
    return str(bundle.plan["release"])


def registry_at(place: Path, root: Path | None = None) -> Trusted | Refused:
    """Return the registry of offices at a place as it is today, held to a root if one was had; or why not."""
    try:
        return Trusted(place=place, known=read_registry(place, day=today(), root=root), root=root)
    except RegistryRefusedError as error:
        return Refused(place=str(place), reasons=(f"the registry of offices: {error.reason}",))


def bundle_at(place: Place, registry: Registry | None = None) -> Bundle | Refused:
    """Return the verified bundle at a place, held to the registry's keys where there is one; or why it is refused."""
    try:
        bundle = read_bundle(place.path, registry)
        lacking = _lacking(bundle)
        return Refused(place=str(place.path), reasons=(lacking,)) if lacking else bundle
    except BundleRefusedError as error:
        return Refused(place=str(place.path), reasons=tuple(error.problems))
    except (MirrorsError, OSError, RecursionError, MemoryError):
        return Refused(place=str(place.path), reasons=("it can't be read",))


def _lacking(bundle: Bundle) -> str | None:
    """Return what a bundle lacks of the sheet and the plan that mirrors and pages need, or None."""
    plan, charge, sheet = bundle.plan, bundle.charge, bundle.metadata
    try:
        words = [plan["office"][key] for key in ("code", "name", "area")]
        words += [plan["release"], plan["title"], plan["unit"]["kind"], charge["date"], charge["account"]["source"]]
        words += [sheet[part][flow] for part in ("valuation", "partner") for flow in ("M", "X")]
        words += [sheet[key] for key in ("hs_edition", "trade_system", "currency")]
        amounts = [(plan["rho"], RHO_FLOOR, RHO_CAP), (charge["delta"], DELTA_FLOOR, DELTA_CAP)]
        amounts += [(sheet["usd_per_unit"], Fraction(1, 10**12), Fraction(10**18))]
        for text, low, high in amounts:
            parse_amount(text, low=low, high=high)
        numbers = [charge["epsilon"], charge["head"]["sequence"], charge["account"]["year"]]
        fits = all(isinstance(word, str) for word in words) and all(type(one) in {int, float} for one in numbers)
        listed = all(isinstance(one, str) for key in _KEY_LISTS for one in plan[key])
    except (KeyError, TypeError, InvalidAmountError):
        fits = listed = False
    return None if fits and listed else "its plan, charge or metadata lack something that a comparison needs"


def statement_at(place: Place) -> Stated | Refused:
    """Return the whole statement at a place, or why it is refused."""
    path = place.path
    try:
        if path.stat().st_size > LARGEST_STATEMENT:
            return Refused(place=str(path), reasons=("it is larger than a statement may be",))
        statement = read_statement(json.loads(path.read_bytes()))
        findings = verify_statement(statement)
        if findings:
            return Refused(place=str(path), reasons=tuple(one.message for one in findings[:5]))
        return _stated(path, statement)
    except (MirrorsError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return Refused(place=str(path), reasons=("it isn't a ledger statement of a format that this version knows",))


def _stated(path: Path, statement: Statement) -> Stated | Refused:
    accounts = statement_accounts(statement)
    offices = {state.account.office for state in accounts}
    if len(offices) != 1:
        return Refused(place=str(path), reasons=("it has no account, or accounts of several offices",))
    return Stated(
        place=str(path),
        office=offices.pop(),
        statement=statement,
        accounts=accounts,
        charges=statement_charges(statement),
    )


def published_at(
    locations: Iterable[Path],
    *,
    read: ReadBundle = bundle_at,
    read_ledger: ReadStatement = statement_at,
) -> Published:
    """Return everything published below the locations; `read` and `read_ledger` may remember what they read."""
    places = tuple(locations)
    missing = [Refused(place=str(path), reasons=("there is nothing here",)) for path in places if not path.exists()]
    bundles = [read(place) for place in _bundle_places(places)]
    statements = [read_ledger(place) for place in _statement_places(places)]
    good, twice = _one_of_each([one for one in bundles if isinstance(one, Bundle)])
    stated, disputed = _one_of_each_office([one for one in statements if isinstance(one, Stated)], good)
    refused = [one for one in (*bundles, *statements) if isinstance(one, Refused)]
    return Published(bundles=good, statements=stated, refused=(*missing, *refused, *twice, *disputed))


def _one_of_each(bundles: list[Bundle]) -> tuple[tuple[Bundle, ...], list[Refused]]:
    """Return one bundle for each release; where two differ, neither is taken, since nothing tells which is right."""
    by_release: dict[tuple[str, str], dict[str, Bundle]] = {}
    for bundle in bundles:
        by_release.setdefault((office_of(bundle), release_of(bundle)), {}).setdefault(bundle.digest, bundle)
    good = [next(iter(same.values())) for _, same in sorted(by_release.items()) if len(same) == 1]
    twice = [
        Refused(place=bundle.place, reasons=(f"another bundle says that it is {office} {release}, with other bytes",))
        for (office, release), same in sorted(by_release.items())
        if len(same) > 1
        for bundle in same.values()
    ]
    return tuple(good), twice


def _one_of_each_office(
    statements: list[Stated], bundles: tuple[Bundle, ...]
) -> tuple[tuple[Stated, ...], list[Refused]]:
    """Return each office's longest statement that holds the heads of its bundles."""
    good: dict[str, Stated] = {}
    refused = []
    for one in sorted(statements, key=lambda stated: stated.statement.head.sequence):
        heads = tuple(_head(bundle) for bundle in bundles if office_of(bundle) == one.office)
        findings = verify_statement(one.statement, heads)
        if findings:
            refused.append(Refused(place=one.place, reasons=tuple(finding.message for finding in findings[:3])))
        else:
            good[one.office] = one
    return tuple(good[office] for office in sorted(good)), refused


def _head(bundle: Bundle) -> Head:
    head = bundle.charge["head"]
    return Head(sequence=int(head["sequence"]), hash=str(head["hash"]))


def _bundle_places(locations: tuple[Path, ...]) -> Iterator[Place]:
    for path in _named(locations, MANIFEST):
        yield Place(path=path.parent, stamp=_stamp(path.parent))


def _statement_places(locations: tuple[Path, ...]) -> Iterator[Place]:
    for path in _named(locations, STATEMENT_ENDING):
        yield Place(path=path, stamp=_stamp(path))


def _named(locations: tuple[Path, ...], ending: str) -> list[Path]:
    """Return files whose name ends so, at any depth; hidden ones are left out and links to folders not followed."""
    found: dict[Path, None] = {}
    for location in locations:
        for folder, inside, files in os.walk(location):
            inside[:] = sorted(one for one in inside if not one.startswith("."))
            found |= {Path(folder, name): None for name in sorted(files) if _visible(name, ending)}
            if len(found) >= MOST_PLACES:
                return list(found)
    return list(found)


def _visible(name: str, ending: str) -> bool:
    return name.endswith(ending) and not name.startswith(".")


def _stamp(path: Path) -> Stamp:
    """Return what tells whether files have changed, without reading them."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)[:100] if path.is_dir() else []
        files = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries] or [(path.name, path.stat())]
    except OSError:
        return ()
    return tuple((name, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in files)
