"""A run, as a straight line: charge the ledger, measure, store, post-process, publish.

The charge is durable before a record is interpreted. A run that died goes on where it stopped, under the same charge
and with the same noisy result; a run of a published release returns what was published, without opening the source.
What touches records comes in through the `Records` protocol, which `release.confidential` implements.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from release.accounting import epsilon
from release.bundle.content import FORMAT, BundleContent, bundle_content
from release.bundle.folder import bundle_place, publish, replace_file, statement_place
from release.bundle.signature import released
from release.charging import charge_release, charge_requests
from release.errors import BundleError, PlacesOverlapError
from release.ledger.book import Book
from release.ledger.values import Charge, State
from release.measurement import Measurement, digest_of, from_bytes, store, stored, to_bytes
from release.plan import ReleasePlan, canonical_json
from release.postprocess import observations
from release.signing.envelope import SIGNATURE, opened
from release.signing.signer import Unsigned
from release.signing.statement import Released, signed_files


class Step(StrEnum):
    """The steps of a run, named when they are done."""

    CHECKED = "the columns are there; rows were not looked at"
    CHARGED = "charged"
    DRAWN = "noise drawn"
    STORED = "noisy result stored"
    MEASURED = "measured"
    PUBLISHED = "published"
    FINISHED = "finished"


class Status(StrEnum):
    """How a run ended."""

    PUBLISHED = "published"
    RESUMED = "resumed"
    ALREADY_PUBLISHED = "already published"


class Records(Protocol):
    """The confidential records, as far as a run may know them."""

    def keyed_digests(self, plan: ReleasePlan) -> tuple[tuple[str, str], ...]:
        """Return keyed digests of all confidential inputs of a release, after checking their form and this process."""

    def measure(self, plan: ReleasePlan, charges: tuple[Charge, ...]) -> Measurement:
        """Return the noisy result that the charges, one a tier, paid for."""


class Signer(Protocol):
    """The office's hand under what it publishes."""

    def prepare(self) -> None:
        """Open the key, try it and have it admitted: what can fail of signing fails before anything is charged."""

    def sign(self, released: Released) -> bytes | None:
        """Return the file `signature.json` over what was released, or None where releases aren't signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run published and what it cost; `bundle` is the folder, `charge` that of the uniform tier.

    `copied` says that it was published before, elsewhere, and its bytes were written to this place of publication.
    """

    status: Status
    bundle: Path
    digest: str
    charge: Charge
    cells: int
    copied: bool


def run(
    plan: ReleasePlan,
    *,
    records: Records,
    book: Book,
    state: Path,
    published: Path,
    date: str,
    signer: Signer | None = None,
    notice: Callable[[Step], None] = lambda _: None,
) -> Outcome:
    """Publish a release, or go on with one that was charged, or return one that was published.

    Args:
        plan: what to release.
        records: the confidential source; opened only when a noisy result has yet to be drawn.
        book: the office's ledger.
        state: the office's private folder, where the noisy result is kept.
        published: the place of publication.
        date: recorded with a charge; decides nothing.
        signer: vouches for what is published; without one nobody does.
        notice: told each step when it is done.
    """
    _check_apart(state, published, plan.office.code)
    signer = signer or Unsigned()
    release = plan.release.release
    known = tuple(charge for tier in plan.tiers if (charge := book.find(release, tier)) is not None)
    charges = known if len(known) == len(plan.tiers) and all(_same_plan(charge, plan) for charge in known) else ()
    content = _stored(charges[0], plan, state) if charges else None
    if content is None:
        signer.prepare()
        requests = charge_requests(plan, records.keyed_digests(plan))
        notice(Step.CHECKED)
        charges = charge_release(plan, requests, book, date=date)
        notice(Step.CHARGED)
        content = _stored(charges[0], plan, state) or _draw(plan, charges, records, state, notice)
    if any(charge.state is State.CHARGED for charge in charges):
        charges = tuple(book.measured(release, tier, digest_of(content)) for tier in plan.tiers)
        notice(Step.MEASURED)
    bundle = _signed(_bundle(plan, charges, content, book), charges, signer, state)
    place = bundle_place(published, plan.office.code, release)
    new = not place.exists()
    publish(bundle, place)
    notice(Step.PUBLISHED)
    status = _status(known, charges)
    if status is not Status.ALREADY_PUBLISHED:
        charges = tuple(book.published(release, tier, bundle.digest) for tier in plan.tiers)
    replace_file(statement_place(published, plan.office.code), canonical_json(book.statement()))
    notice(Step.FINISHED)
    copied = new and status is Status.ALREADY_PUBLISHED
    return Outcome(
        status=status, bundle=place, digest=bundle.digest, charge=charges[0], cells=plan.cells, copied=copied
    )


def _check_apart(state: Path, published: Path, office: str) -> None:
    """Refuse to publish into the private folder, or into a folder of bundles that the private folder lies in.

    Raises:
        PlacesOverlapError: the two don't lie apart.
    """
    private, public = state.resolve(), published.resolve()
    if public.is_relative_to(private) or private == public or private.is_relative_to(public / office):
        raise PlacesOverlapError(str(published))


def _same_plan(charge: Charge, plan: ReleasePlan) -> bool:
    return charge.request.plan_digest == plan.digest


def _stored(charge: Charge, plan: ReleasePlan, state: Path) -> bytes | None:
    """Return the noisy result stored for a charge, or None.

    Raises:
        BundleError: the stored file isn't the one that was drawn for this charge.
    """
    content = stored(state / "measurements", _name(charge))
    if content is None:
        if charge.measurement_digest is not None:
            raise BundleError(
                f"The noisy result of release {plan.release.release} was stored, and is gone. It can't be drawn"
                " again: restore the office's state folder from its backup."
            )
        return None
    recorded = charge.measurement_digest
    measurement = from_bytes(content)
    named = (measurement.plan_digest, measurement.charge_hash)
    if (recorded is not None and recorded != digest_of(content)) or named != (plan.digest, charge.entry_hash):
        raise BundleError(
            f"The stored noisy result of release {plan.release.release} isn't the one that the ledger names."
            " Nothing was published; restore the office's state folder from its backup."
        )
    return content


def _draw(
    plan: ReleasePlan, charges: tuple[Charge, ...], records: Records, state: Path, notice: Callable[[Step], None]
) -> bytes:
    drawn = to_bytes(records.measure(plan, charges))
    notice(Step.DRAWN)
    content = store(state / "measurements", _name(charges[0]), drawn)
    notice(Step.STORED)
    return content


def _name(charge: Charge) -> str:
    return f"{charge.request.release}-{charge.entry_hash[:16]}"


def _bundle(plan: ReleasePlan, charges: tuple[Charge, ...], content: bytes, book: Book) -> BundleContent:
    table = observations(plan, from_bytes(content))
    statement = book.statement(last=max(charge.sequence for charge in charges))
    spent = epsilon(plan.rho, plan.office.account.delta)
    bundle = bundle_content(plan, charges, content, table, epsilon=spent, statement=statement)
    if any(charge.bundle_digest not in (None, bundle.digest) for charge in charges):
        raise BundleError(
            f"Release {plan.release.release} was published by another version of the program, which wrote other bytes."
            " Nothing was written; use the published bundle, or a copy of it."
        )
    return bundle


def _signed(bundle: BundleContent, charges: tuple[Charge, ...], signer: Signer, state: Path) -> BundleContent:
    """Return the bundle with its one signature: the one that is stored, or a new one, stored before it is published.

    A release that was published unsigned stays so: its bytes don't change.

    Raises:
        BundleError: the stored signature is of another bundle.
    """
    folder, name = state / "signatures", _name(charges[0])
    said = _said(bundle)
    envelope = stored(folder, name, ending="json")
    if envelope is None:
        fresh = None if all(charge.state is State.PUBLISHED for charge in charges) else signer.sign(said)
        envelope = None if fresh is None else store(folder, name, fresh, ending="json")
    if envelope is None:
        return bundle
    signed = opened(envelope)
    if signed is None or signed.statement.released != said:
        raise BundleError(
            f"The stored signature {folder / name}.json isn't one of this release's bundle. Nothing was published;"
            " restore the office's state folder from its backup."
        )
    return BundleContent(files={**bundle.files, SIGNATURE: envelope})


def _said(bundle: BundleContent) -> Released:
    plan, charge = (json.loads(bundle.files[name]) for name in ("plan.json", "charge.json"))
    return released(FORMAT, plan, charge, signed_files(bundle.files))


def _status(known: tuple[Charge, ...], charges: tuple[Charge, ...]) -> Status:
    if all(charge.state is State.PUBLISHED for charge in charges):
        return Status.ALREADY_PUBLISHED
    return Status.RESUMED if known else Status.PUBLISHED
