"""Ledger and bundles held against each other: every bundle was charged, every charge's result is where it should be."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from release.accounting import epsilon
from release.audit.chain import broken_entries
from release.audit.evidence import AuditedBundle, Evidence
from release.audit.findings import AuditFinding, found
from release.audit.rules import bundle_code
from release.bundle.content import LEDGER, charge_document
from release.errors import DamagedLedgerError
from release.ledger.entries import own_fault
from release.ledger.statement import read_statement, statement_charges, verify_statement
from release.ledger.values import Charge, ChargeRequest, State
from release.privacy import parse_delta
from release.tables import Tier
from release.wording import decimals_up

_NAMED = {"plan_digest": "plan-differs", "public_digests": "prior-differs"}


def bundles_are_whole(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield what each bundle's own verification finds; what is wrong with the ledger itself is told of the ledger."""
    for bundle in evidence.bundles:
        elsewhere = _told_of_our_ledger(evidence, bundle)
        for one in bundle.findings:
            if one.code == "ledger" and elsewhere:
                continue
            since = (
                f" {bundle.signer} signed the bundle; it was altered after that."
                if bundle.signed and not bundle.contents
                else ""
            )
            yield found(bundle_code(one.code), bundle.place, f"{_sentence(one.message)}{since}")


def _sentence(message: str) -> str:
    """Return a message as a sentence; a file's name that begins it keeps its case."""
    named = "." in message.partition(" ")[0]
    return f"{message if named else message[:1].upper() + message[1:]}."


def _told_of_our_ledger(evidence: Evidence, bundle: AuditedBundle) -> bool:
    """Decide whether what is wrong with the statement in a bundle is told of the ledger that is audited.

    So it is where the statement ends with the bundle's charge and is the beginning of our ledger; or where it isn't, as
    after our ledger was written anew, but is whole and holds the charge that ours does, to which charge.json is held.
    """
    if bundle.documents is None or _formless(bundle):
        return False
    try:
        statement = read_statement(json.loads(bundle.contents[LEDGER]))
    except (KeyError, ValueError, RecursionError, DamagedLedgerError):
        return False
    *_, (_, last) = _tiers(bundle)
    head = {"sequence": statement.head.sequence, "hash": statement.head.hash}
    if last.get("head") != head or any(own_fault(entry) for entry in statement.entries):
        return False
    wrong = verify_statement(statement)
    ours = [entry.hash for entry in evidence.statement.entries[: len(statement.entries)]]
    if [entry.hash for entry in statement.entries] == ours:
        return not any(one.code in ("head", "accounts", "charges") for one in wrong)
    return not wrong and _requests(statement_charges(statement), bundle) == _requests(evidence.charges, bundle)


def _requests(charges: Iterable[Charge], bundle: AuditedBundle) -> list[tuple[int, ChargeRequest]]:
    return [(one.sequence, one.request) for one in charges if one.request.release == bundle.release]


def bundles_are_charged(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each bundle whose charge isn't the ledger's: never made, rolled back, rewritten, or told otherwise."""
    for bundle in _readable(evidence):
        yield from _charged(evidence, bundle)


def _charged(evidence: Evidence, bundle: AuditedBundle) -> Iterator[AuditFinding]:
    for tier, told in _tiers(bundle):
        head = told["head"]
        charge = evidence.chain.charges.get((bundle.release, tier))
        if head["sequence"] in broken_entries(evidence):
            continue
        if head["sequence"] > evidence.chain.head.sequence:
            said = f"It names entry {head['sequence']}; the ledger has {evidence.chain.head.sequence}."
            yield found("rolled-back", bundle.place, said)
        elif charge is None or charge.sequence != head["sequence"]:
            said = f"It names entry {head['sequence']}, which is no charge of release {bundle.release}, {tier} tier."
            yield found("charge-missing", bundle.place, said)
        elif charge.entry_hash != head["hash"]:
            yield found("head-differs", bundle.place, f"It names another entry {head['sequence']} than the ledger has.")
            yield from _same_charge(bundle.place, {**told, "head": None}, {**charge_document(charge), "head": None})
        else:
            yield from _same_charge(bundle.place, told, charge_document(charge))


def _same_charge(place: str, told: dict[str, Any], ledgers: dict[str, Any]) -> Iterator[AuditFinding]:
    names = {name for name in (*told, *ledgers) if name not in ("epsilon", "large_traders")}
    differing = sorted(name for name in names if told.get(name) != ledgers.get(name))
    for name in differing:
        if name in _NAMED:
            yield found(_NAMED[name], place, f"Its charge.json states other {name.replace('_', ' ')} than the ledger.")
    others = [name for name in differing if name not in _NAMED]
    if others:
        yield found("charge-differs", place, f"charge.json and the ledger differ in {', '.join(others)}.")


def epsilons_cover_their_loss(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each bundle whose published epsilon is below OpenDP's of the loss and delta that it states."""
    for bundle in _readable(evidence):
        told = _charge(bundle)
        least = epsilon(Fraction(told["rho"]), parse_delta(told["delta"]))
        if not told["epsilon"] >= least * (1 - 1e-9):
            said = f"It states epsilon {told['epsilon']}; OpenDP states {decimals_up(least)} for rho {told['rho']}."
            yield found("epsilon-understated", bundle.place, said)


def results_are_published_once(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield charges with several noisy results, and bundles or results that the ledger doesn't record as they are."""
    for charge in _uniform(evidence):
        whole = [bundle for bundle in evidence.bundles_of(charge.request.release) if bundle.documents is not None]
        results = {bundle.measurement_digest for bundle in whole if _own_result(bundle)}
        results |= {stored.digest for stored in _stored(evidence) if stored.charge_hash == charge.entry_hash}
        where = f"release {charge.request.release}"
        if len(results) > 1:
            yield found(
                "second-result", where, f"{len(results)} noisy results of the charge in entry {charge.sequence}."
            )
        elif charge.measurement_digest is not None and results - {charge.measurement_digest}:
            yield found("measurement-differs", where, f"It isn't the result recorded for entry {charge.sequence}.")
        elif whole and charge.state is not State.PUBLISHED:
            yield found("not-recorded", where, f"It is published, and the ledger says: {charge.state}.")
        else:
            yield from _other_bytes(charge, whole)


def _own_result(bundle: AuditedBundle) -> bool:
    """Decide whether a bundle's noisy result is what it says; if not, its verification tells it."""
    return not {one.code for one in bundle.findings} & {"measurement", "measured", "scales", "structure"}


def _other_bytes(charge: Charge, bundles: list[AuditedBundle]) -> Iterator[AuditFinding]:
    for bundle in bundles:
        if charge.bundle_digest is not None and bundle.digest != charge.bundle_digest:
            said = f"Its digest isn't the one recorded when entry {charge.sequence} was published."
            yield found("bundle-differs", bundle.place, said)


def results_are_fresh(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield noisy results that stand under two charges, tiers or measures."""
    seen: dict[bytes, tuple[str, str]] = {}
    for bundle in _readable(evidence):
        measurement = bundle.documents.measurement if bundle.documents is not None else None
        if measurement is None:
            continue
        for tier, drawn in ((Tier.UNIFORM, measurement.noisy), (Tier.LARGE_TRADER, measurement.excess)):
            for (measure, level), integers in drawn.items():
                if len(integers) < 2:  # noqa: PLR2004 - a single number may fall twice
                    continue
                own = (bundle.release, f"{tier} tier, {measure}, {level}")
                other = seen.setdefault(np.ascontiguousarray(integers).tobytes(), own)
                if other != own:
                    yield found("result-reused", f"release {own[0]}", f"{own[1]} is {other[1]} of release {other[0]}.")
                    return


def charges_are_published(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each measured or published charge whose bundle isn't at the location, unless the office explains it."""
    explained = withheld(evidence)
    for charge in _uniform(evidence):
        release = charge.request.release
        if release in explained or evidence.bundles_of(release):
            continue
        if charge.state is State.PUBLISHED:
            other = evidence.lying_at(release)
            there = "" if other is None else f" In its folder lies release {other.release} of {other.office}."
            said = f"The ledger says it is published; it isn't there.{there}"
            yield found("bundle-missing", f"release {release}", said)
        elif charge.state is State.MEASURED:
            yield found("not-published", f"release {release}", "It was measured and never published.")


def withheld(evidence: Evidence) -> dict[str, str]:
    """Return the releases that the office doesn't show at its place of publication, with its reasons."""
    return {} if evidence.parts is None else {one.release: one.reason for one in evidence.parts.office.withheld}


def _readable(evidence: Evidence) -> tuple[AuditedBundle, ...]:
    """Return the bundles whose files can be read and have the form of a charge."""
    return tuple(bundle for bundle in evidence.bundles if bundle.documents is not None and not _formless(bundle))


def _formless(bundle: AuditedBundle) -> bool:
    return any(one.code == "structure" for one in bundle.findings)


def _charge(bundle: AuditedBundle) -> dict[str, Any]:
    return {} if bundle.documents is None else bundle.documents.charge


def _tiers(bundle: AuditedBundle) -> Iterator[tuple[str, dict[str, Any]]]:
    charge = _charge(bundle)
    yield str(Tier.UNIFORM), charge
    if charge.get("large_traders") is not None:
        yield str(Tier.LARGE_TRADER), charge["large_traders"]


def _uniform(evidence: Evidence) -> tuple[Charge, ...]:
    """Return the charges of uniform tiers; a large-trader tier shares their result and bundle."""
    broken = broken_entries(evidence)
    tiers: dict[str, list[Charge]] = defaultdict(list)
    for charge in evidence.charges:
        tiers[charge.request.release].append(charge)
    return tuple(charges[0] for charges in tiers.values() if not broken & {one.sequence for one in charges})


def _stored(evidence: Evidence) -> Iterator[Any]:
    yield from () if evidence.parts is None else evidence.parts.stored
