"""Whether files are the bundle that they say they are: vouched for, everything listed, every number in its place.

The order is what protects the reader: the signature first, from its own file alone; then each file's size and SHA-256
as the signature, or the manifest of an unsigned bundle, lists them; only then is anything parsed, and nothing that asks
for more room than the plan's cells need. A check returns findings; none raises for what a stranger wrote.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from release.bundle.bounds import LARGEST_LEDGER, document
from release.bundle.content import FORMAT, MANIFEST, BundleContent
from release.bundle.contents import Parsed, findings_within, parsed
from release.bundle.findings import BundleFinding, Stop
from release.bundle.listing import listed_contents
from release.bundle.reading import Files, opened
from release.bundle.signature import Standing, Vouched, hold_to_statement, released, vouched
from release.errors import BundleRefusedError, DamagedLedgerError
from release.ledger.statement import read_statement
from release.measurement import Measurement
from release.registry.offices import Registry
from release.signing.envelope import LARGEST_SIGNATURE, SIGNATURE

_REPORTER = re.compile("[A-Z]{3}")
_RELEASE = re.compile(r"(?=.{1,64}\Z)[0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*")
"""Names that can be folders' without leading anywhere."""

_UNSIGNED = Vouched(standing=Standing.UNSIGNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which release a bundle says it is.

    Attributes:
        reporter: ISO alpha-3 of its office.
        release: its name.
        sequence: of the charge in the office's ledger.
        head: of the ledger at the charge.
        digest: SHA-256 of the manifest.
        supersedes: the release that it takes the place of.
        chain: the ledger's entries up to the charge: hash by sequence.
    """

    reporter: str
    release: str
    sequence: int
    head: str
    digest: str
    supersedes: str | None
    chain: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a bundle; `valid` when there is no finding.

    An unsigned bundle may be valid: it is complete and consistent, but nobody vouches for it.

    Attributes:
        bundle: where it is.
        findings: what is wrong with it.
        vouched: its signature, as far as it could be believed.
        identity: which release it says it is, once that could be read.
        notes: what isn't wrong, but should be known.
    """

    bundle: str
    findings: tuple[BundleFinding, ...]
    vouched: Vouched = _UNSIGNED
    identity: Identity | None = None
    notes: tuple[BundleFinding, ...] = field(default=())

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.findings

    @property
    def signed(self) -> bool:
        """Whether a key that the registry names for its office vouches for it."""
        return self.valid and self.vouched.standing is Standing.SIGNED

    @property
    def signer(self) -> str | None:
        """Who vouches for it, None when that is nobody or unchecked."""
        return self.vouched.signer if self.valid else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """A bundle that was verified when it was read; there is no other way to one.

    Attributes:
        place: where it was read.
        digest: SHA-256 of its manifest.
        plan: the published plan.
        charge: the published charge.
        metadata: the sheet that a mirror needs.
        observations: the published table.
        measurement: the noisy result with the scale of each cell's noise, by tier.
        vouched: who vouches for it.
    """

    place: str
    digest: str
    plan: dict[str, Any]
    charge: dict[str, Any]
    metadata: dict[str, Any]
    observations: pl.DataFrame
    measurement: Measurement
    vouched: Vouched = _UNSIGNED


def read_bundle(place: Path | Files, registry: Registry | None = None) -> Bundle:
    """Return the bundle at `place`, verified; with a registry, by the key of its office.

    Raises:
        BundleRefusedError: it has findings.
    """
    try:
        known = _read(place, registry)
        findings = tuple(findings_within(known.contents, known.values))
    except Stop as stop:
        findings = (stop.finding,)
    if findings:
        raise BundleRefusedError(str(place), [finding.message for finding in findings])
    return Bundle(
        place=str(place),
        digest=hashlib.sha256(known.contents[MANIFEST]).hexdigest(),
        plan=known.values.plan,
        charge=known.values.charge,
        metadata=known.values.metadata,
        observations=known.values.table,
        measurement=known.values.measurement,
        vouched=known.vouched,
    )


def read_files(place: Path | Files, registry: Registry | None = None) -> tuple[Identity, BundleContent]:
    """Return which release the bundle at `place` is and its very files, the signature among them, once it is verified.

    Raises:
        BundleRefusedError: it has findings.
    """
    try:
        known = _read(place, registry)
        findings, identity = tuple(findings_within(known.contents, known.values)), _identity(known)
    except Stop as stop:
        raise BundleRefusedError(str(place), [stop.finding.message]) from None
    if findings:
        raise BundleRefusedError(str(place), [finding.message for finding in findings])
    signature = {} if known.envelope is None else {SIGNATURE: known.envelope}
    return identity, BundleContent(files={**known.contents, **signature})


def verify(place: Path | Files, registry: Registry | None = None) -> Verification:
    """Return everything that is wrong with the bundle at `place`."""
    try:
        known = _read(place, registry)
        identity = _identity(known)
    except Stop as stop:
        return Verification(bundle=str(place), findings=(stop.finding,))
    return Verification(
        bundle=str(place),
        findings=tuple(findings_within(known.contents, known.values)),
        vouched=known.vouched,
        identity=identity,
        notes=_notes(known.vouched, identity, registry),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """A bundle as an audit sees it, which looks on where a reader stops.

    Attributes:
        findings: everything that is wrong with it.
        contents: its files' bytes, where they are the listed ones; else empty.
        values: what they say, None when they can't be read.
        vouched: who vouches for what was signed, even where the files were altered since.
    """

    findings: tuple[BundleFinding, ...]
    contents: dict[str, bytes]
    values: Parsed | None
    vouched: Vouched = _UNSIGNED


def examine(place: Path, registry: Registry | None = None) -> Examined:
    """Return everything that is wrong with the bundle at `place`; one whose signature is refused is looked into too."""
    try:
        known = _read(place, registry)
    except Stop as stop:
        if registry is None:
            return Examined(findings=(stop.finding,), contents={}, values=None)
        further = examine(place)
        findings = tuple(dict.fromkeys((stop.finding, *further.findings)))
        voucher = _voucher(place, registry)
        return Examined(findings=findings, contents=further.contents, values=further.values, vouched=voucher)
    return Examined(
        findings=tuple(findings_within(known.contents, known.values)),
        contents=known.contents,
        values=known.values,
        vouched=known.vouched,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """A bundle's files once they are the listed ones, and its signature's."""

    contents: dict[str, bytes]
    values: Parsed
    vouched: Vouched
    envelope: bytes | None


def _read(place: Path | Files, registry: Registry | None) -> _Known:
    """Return the files and who vouches for them.

    Raises:
        Stop: at the first thing that can't be believed.
    """
    with opened(place) as folder:
        present = folder.names()
        envelope = folder.read(SIGNATURE, LARGEST_SIGNATURE) if SIGNATURE in present else None
        voucher = vouched(envelope, registry)
        contents = listed_contents(folder, present, voucher)
    values = parsed(contents)
    if voucher.statement is not None:
        hold_to_statement(voucher.statement, contents, values.plan, values.charge)
    elif registry is not None and _reporter(values) in registry.offices:
        raise Stop("unsigned", f"it is unsigned, and the registry names {_reporter(values)}, which signs its releases")
    return _Known(contents=contents, values=values, vouched=voucher, envelope=envelope)


def _voucher(place: Path, registry: Registry) -> Vouched:
    """Return who vouched for a bundle whose files aren't, or say something else than, what was signed."""
    try:
        with opened(place) as folder:
            return vouched(folder.read(SIGNATURE, LARGEST_SIGNATURE) if SIGNATURE in folder.names() else None, registry)
    except Stop:
        return _UNSIGNED


def _reporter(values: Parsed) -> str:
    try:
        return str(values.plan["office"]["code"])
    except (KeyError, TypeError):
        raise Stop("structure", "plan.json names no office") from None


def _identity(known: _Known) -> Identity:
    plan, charge = known.values.plan, known.values.charge
    try:
        said = released(FORMAT, plan, charge, ())
    except (KeyError, TypeError):
        said = None
    texts = () if said is None else (said.reporter, said.release, said.head, said.supersedes or "")
    if said is None or type(said.sequence) is not int or not all(isinstance(text, str) for text in texts):
        raise Stop("structure", "plan or charge lack what tells a release from others")
    if not _REPORTER.fullmatch(said.reporter) or not _RELEASE.fullmatch(said.release):
        raise Stop("name", "its office or release has a name that no office or release may have")
    return Identity(
        reporter=said.reporter,
        release=said.release,
        sequence=said.sequence,
        head=said.head,
        digest=hashlib.sha256(known.contents[MANIFEST]).hexdigest(),
        supersedes=said.supersedes,
        chain=_chain(known.contents["ledger.json"]),
    )


def _chain(ledger: bytes) -> dict[int, str]:
    """Return the hashes of a statement's entries; what is wrong with a statement is found elsewhere."""
    try:
        entries = read_statement(document(ledger, "ledger.json", most=LARGEST_LEDGER)).entries
    except (DamagedLedgerError, Stop):
        return {}
    return {entry.sequence: entry.hash for entry in entries}


def _notes(voucher: Vouched, identity: Identity, registry: Registry | None) -> tuple[BundleFinding, ...]:
    if registry is None or voucher.standing is Standing.SIGNED:
        return ()
    message = f"the registry doesn't name {identity.reporter}: nobody known vouches for this bundle"
    return (BundleFinding(code="not in the registry", message=message),)
