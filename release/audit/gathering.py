"""Reading what an audit looks at: bundles, statements and, for the office, what it keeps. Checks nothing.

Everything here may have been written by a stranger: sizes are bounded, links aren't followed into, and what can't be
read is told by its verification or left out. The ledger's store comes in as a value.
"""

import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from release.audit.evidence import AuditedBundle, StoredResult, audited
from release.bundle.bounds import LARGEST_DOCUMENT
from release.bundle.content import MANIFEST
from release.bundle.folder import STATEMENT_ENDING
from release.bundle.verification import examine
from release.errors import BundleError, DamagedLedgerError, UsageError
from release.ledger.statement import Statement, read_statement
from release.measurement import digest_of, from_bytes
from release.registry.offices import Registry
from release.signing.envelope import LARGEST_SIGNATURE, opened

LARGEST_STATEMENT = 100_000_000


def bundles_at(places: Iterable[Path], registry: Registry | None = None) -> tuple[AuditedBundle, ...]:
    """Return the bundles at the places, each with its verification; by a registry's keys where there is one."""
    return tuple(_bundle(place, registry) for place in places)


def _bundle(place: Path, registry: Registry | None) -> AuditedBundle:
    examined = examine(place, registry)
    return audited(str(place), examined, None if examined.contents else _manifest(place))


def _manifest(place: Path) -> bytes | None:
    """Return a damaged bundle's manifest alone, so that it is known which release it claims to be."""
    try:
        path = place / MANIFEST
        return None if path.is_symlink() or path.stat().st_size > LARGEST_DOCUMENT else path.read_bytes()
    except OSError:
        return None


def statement_in(file: Path) -> Statement:
    """Return the ledger statement that a file holds.

    Raises:
        UsageError: it can't be read, or is no statement.
    """
    if not file.exists():
        raise UsageError(f"There is no file {file}; nothing was audited.")
    try:
        if file.stat().st_size > LARGEST_STATEMENT:
            raise UsageError(f"{file} is larger than a ledger's statement may be; nothing was audited.")
        return read_statement(json.loads(file.read_bytes()))
    except (OSError, ValueError, RecursionError, DamagedLedgerError):
        raise UsageError(
            f"{file} isn't what `mirrors ledger statement` prints, or can't be read; nothing was audited."
        ) from None


def statements_at(location: Path) -> tuple[Statement, ...]:
    """Return the offices' statements that stand at a place of publication; what is none is left out."""
    return tuple(_statements(location))


def _statements(location: Path) -> Iterator[Statement]:
    for file in sorted(location.glob(f"*{STATEMENT_ENDING}")):
        try:
            yield statement_in(file)
        except UsageError:
            continue


def stored_results(state: Path) -> tuple[StoredResult, ...]:
    """Return the noisy results that an office keeps in its private folder."""
    return tuple(_results(state / "measurements"))


def _results(folder: Path) -> Iterator[StoredResult]:
    for file in sorted(folder.glob("*.parquet")):
        content = file.read_bytes()
        try:
            charge = from_bytes(content).charge_hash
        except BundleError:
            charge = ""
        yield StoredResult(name=file.stem, charge_hash=charge, digest=digest_of(content))


def stored_signatures(state: Path) -> tuple[StoredResult, ...]:
    """Return the signatures that an office keeps in its private folder."""
    return tuple(_signatures(state / "signatures"))


def _signatures(folder: Path) -> Iterator[StoredResult]:
    for file in sorted(folder.glob("*.json")):
        content = file.read_bytes()
        signed = opened(content) if len(content) <= LARGEST_SIGNATURE else None
        head = "" if signed is None else signed.statement.released.head
        yield StoredResult(name=file.stem, charge_hash=head, digest=digest_of(content))


def open_places(places: Iterable[Path]) -> tuple[str, ...]:
    """Return those of the existing places that the group or others have rights to."""
    return tuple(
        place.name for place in places if place.exists() and place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )
