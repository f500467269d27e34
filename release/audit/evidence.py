"""What an audit looks at, as values: a ledger's entries, bundles as they were read, and what only the office has.

An outsider's evidence is the same value with the office's parts left empty. Nothing here is believed yet; the checks
decide.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import polars as pl

from release.audit.problems import KnownProblem
from release.bundle.content import MANIFEST
from release.bundle.contents import Parsed
from release.bundle.findings import BundleFinding
from release.bundle.signature import Standing
from release.bundle.verification import Examined
from release.config import Office, Release
from release.ledger.entries import Entry, Head
from release.ledger.findings import Finding as LedgerFinding
from release.ledger.guard import KnownHead
from release.ledger.replay import Replay
from release.ledger.statement import Statement, write_statement
from release.ledger.values import Charge
from release.measurement import Measurement
from release.plan import ReleasePlan


class View(StrEnum):
    """Who audits: the office, which has its ledger, config and stored results, or anyone with what is published."""

    OFFICE = "office"
    OUTSIDER = "outsider"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Documents:
    """What a bundle's files say, once they could be read at all."""

    plan: dict[str, Any]
    charge: dict[str, Any]
    measurement: Measurement
    table: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditedBundle:
    """A bundle as it was found, whole or not.

    Attributes:
        place: where it was found.
        office: the office that it says it is of; so with `release`.
        digest: SHA-256 of its manifest, None when that can't be read.
        contents: its files' bytes by name; empty when they aren't the listed ones.
        findings: of its verification.
        documents: what its files say, None when they can't be read.
        signed: whether a key that the registry gives to `signer` made its signature; the files may have been altered
            since, which its findings tell.
    """

    place: str
    office: str
    release: str
    digest: str | None
    contents: Mapping[str, bytes]
    findings: tuple[BundleFinding, ...]
    documents: Documents | None
    signed: bool = False
    signer: str | None = None

    @property
    def measurement_digest(self) -> str:
        """SHA-256 of its noisy result."""
        return hashlib.sha256(self.contents["measurement.parquet"]).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A noisy result, or a signature, in the office's private folder: the entry that paid for it, and its digest.

    The hash of the entry is empty where the file can't be read.
    """

    name: str
    charge_hash: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfficeParts:
    """What only the office has.

    Attributes:
        office: its config.
        releases: the configs of releases beside it.
        plans: by release, the plan that the config gives today, where it gives one.
        store: what the ledger's database says of itself.
        witness: the furthest head that the witness remembers.
        published: the statement that stands beside the published bundles.
        stored: noisy results kept in the state folder; so with `signatures`.
        open_places: private places that others on the machine may read or write.
    """

    office: Office
    releases: tuple[Release, ...] = ()
    plans: Mapping[str, ReleasePlan] = field(default_factory=dict)
    store: tuple[LedgerFinding, ...] = ()
    witness: KnownHead | None = None
    published: Statement | None = None
    stored: tuple[StoredResult, ...] = ()
    signatures: tuple[StoredResult, ...] = ()
    open_places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Everything that one audit of one office looks at.

    Attributes:
        office: ISO alpha-3 of the office, `name` as people call it.
        statement: the ledger, as its public extract.
        chain: what the statement's entries amount to.
        bundles: those of this office at the location.
        foreign: other offices' bundles that lie in this office's folder.
        others: other offices' statements at the location.
        heads: seen earlier by whoever audits.
        problems: the shipped list of versions with known problems.
        parts: what only the office has; None for an outsider.
        signers_known: whether a registry of keys was at hand.
    """

    office: str
    name: str
    statement: Statement
    chain: Replay
    bundles: tuple[AuditedBundle, ...]
    problems: tuple[KnownProblem, ...]
    foreign: tuple[AuditedBundle, ...] = ()
    others: tuple[Statement, ...] = ()
    heads: tuple[KnownHead, ...] = ()
    parts: OfficeParts | None = None
    signers_known: bool = False

    @property
    def view(self) -> View:
        """Who audits."""
        return View.OUTSIDER if self.parts is None else View.OFFICE

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The ledger's charges, in order."""
        return tuple(sorted(self.chain.charges.values(), key=lambda charge: charge.sequence))

    def lying_at(self, release: str) -> AuditedBundle | None:
        """Return the bundle that lies in a release's folder and isn't of that release; None when there is none."""
        folder = f"{self.office}/{release}"
        every = (*self.bundles, *self.foreign)
        wrong = (one for one in every if (one.office, one.release) != (self.office, release))
        return next((one for one in wrong if one.place.rstrip("/").endswith(folder)), None)

    def bundles_of(self, release: str) -> tuple[AuditedBundle, ...]:
        """Return the bundles that say they are of a release."""
        return tuple(bundle for bundle in self.bundles if bundle.release == release)


def statement_of(entries: tuple[Entry, ...]) -> Statement:
    """Return the statement that a ledger's entries give."""
    told = write_statement(entries)
    head = Head(sequence=told["head"]["sequence"], hash=told["head"]["hash"])
    return Statement(entries=entries, head=head, accounts=tuple(told["accounts"]), charges=tuple(told["charges"]))


def audited(place: str, examined: Examined, manifest: bytes | None = None) -> AuditedBundle:
    """Return a bundle from what its verification saw; a damaged one's `manifest` says whose it claims to be."""
    own = examined.contents.get(MANIFEST, manifest)
    office, release = _claimed(place, own)
    values = examined.values
    return AuditedBundle(
        place=place,
        office=office,
        release=release,
        digest=None if own is None else hashlib.sha256(own).hexdigest(),
        contents=examined.contents,
        findings=examined.findings,
        documents=None if values is None else _documents(values),
        signed=examined.vouched.standing is Standing.SIGNED,
        signer=examined.vouched.signer,
    )


def _documents(values: Parsed) -> Documents:
    return Documents(plan=values.plan, charge=values.charge, measurement=values.measurement, table=values.table)


def _claimed(place: str, manifest: bytes | None) -> tuple[str, str]:
    """Return the office and release that a bundle names, or else those of its folder."""
    try:
        named = json.loads(manifest or b"")
        return str(named["office"]), str(named["release"])
    except (KeyError, ValueError, TypeError, RecursionError):
        parts = place.rstrip("/").split("/")
        return (parts[-2] if len(parts) > 1 else "", parts[-1])
