"""The ledger by itself: its chain, its heads as others saw them, and every charge's loss recomputed with OpenDP."""

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from release.accounting import loss_by_map
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found
from release.bundle.folder import STATEMENT_ENDING
from release.ledger.entries import EMPTY, Entry, Head, Kind, head_of
from release.ledger.findings import Finding
from release.ledger.statement import verify_statement
from release.ledger.values import State

_CONSEQUENCES = ("state", "standing", "limit", "account", "terms")
"""Faults that a broken entry may cause in later ones."""


def chain_is_whole(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield every fault of the chain; what follows from a broken entry alone isn't told again.

    That an entry can't be believed because its charge doesn't cover its noise is told as `loss-not-covered`.
    """
    uncovered = {entry.sequence for entry, _ in _uncovered(evidence)}
    first = min(broken_entries(evidence), default=None)
    told: set[str] = set()
    for one in verify_statement(evidence.statement):
        entry = _entry_of(one)
        consequence = first is not None and one.code in _CONSEQUENCES and (entry or 0) >= first
        unread = one.code == "body" and (entry in uncovered or one.where in told)
        if consequence or unread:
            continue
        told.add(one.where)
        yield found(f"ledger-{one.code}", one.where, one.message)


def database_is_sound(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield what the ledger's database says of itself: pages, triggers, rights."""
    for one in () if evidence.parts is None else evidence.parts.store:
        if one.code in ("store", "rights"):
            yield found(f"ledger-{one.code}", one.where, one.message)


def losses_cover_their_noise(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each charge whose loss is below what OpenDP's own map states of its sensitivity and scale."""
    uncovered = tuple(_uncovered(evidence))
    for entry, loss in uncovered:
        yield found("loss-not-covered", f"entry {entry.sequence}", f"Measure {loss['measure']}: {_stated(loss)}")
    for bundle in evidence.bundles:
        charge = {} if bundle.documents is None else bundle.documents.charge
        for tier in filter(None, (charge, charge.get("large_traders"))):
            if tier["head"]["sequence"] in {entry.sequence for entry, _ in uncovered}:
                continue
            for loss in (loss for loss in tier["measures"] if not _covered(loss)):
                yield found("loss-not-covered", bundle.place, f"Measure {loss['measure']}: {_stated(loss)}")


def heads_stand_in_it(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each head that the witness, or whoever audits, saw earlier and that the chain doesn't hold."""
    known = _heads(evidence)
    witness = None if evidence.parts is None else evidence.parts.witness
    for one in (*evidence.heads, *filter(None, [witness])):
        if one.head.sequence > evidence.chain.head.sequence:
            yield found("rolled-back", f"entry {one.head.sequence}", f"{one.origin} saw an entry that is gone.")
        elif one.head not in known:
            yield found("head-differs", f"entry {one.head.sequence}", f"{one.origin} saw another entry there.")
    last = evidence.chain.head
    if witness is not None and witness.head in known and witness.head != last:
        behind = last.sequence - witness.head.sequence
        yield found("witness-behind", witness.origin, f"It lacks the last {behind} entries of the ledger.")


def published_statement_is_that_of_the_ledger(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield how the statement beside the bundles differs from the ledger."""
    if evidence.parts is None:
        return
    published = evidence.parts.published
    if published is None:
        if any(charge.state is State.PUBLISHED for charge in evidence.charges):
            said = f"There is no file {evidence.office}{STATEMENT_ENDING} beside the bundles."
            yield found("statement-missing", "the published statement", said)
        return
    length = len(published.entries)
    same = published.entries == evidence.statement.entries[:length]
    if not same or any(one.code in ("head", "accounts", "charges") for one in verify_statement(published)):
        yield found("statement-differs", "the published statement", "It isn't an earlier state of this ledger.")
    elif length < len(evidence.statement.entries):
        missing = len(evidence.statement.entries) - length
        yield found("statement-behind", "the published statement", f"It lacks the last {missing} entries.")


def broken_entries(evidence: Evidence) -> frozenset[int]:
    """Return the entries whose links, hashes or bodies are wrong, on which no other check rests."""
    faults = evidence.chain.findings
    return frozenset(sequence for one in faults if one.code in ("chain", "body") and (sequence := _entry_of(one)))


def _heads(evidence: Evidence) -> frozenset[Head]:
    return frozenset({EMPTY, *(head_of(entry) for entry in evidence.statement.entries)})


def _entry_of(finding: Finding) -> int | None:
    kind, _, number = finding.where.partition(" ")
    return int(number) if kind == "entry" and number.isdecimal() else None


def _uncovered(evidence: Evidence) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield entries with a measure that wasn't paid, read from their text: the ledger's own reader refuses them."""
    for entry in evidence.statement.entries:
        if entry.kind != Kind.CHARGED:
            continue
        try:
            losses = json.loads(entry.body)["measures"]
            short = [loss for loss in losses if not _covered(loss)]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        yield from ((entry, loss) for loss in short)


def _covered(loss: dict[str, Any]) -> bool:
    return _by_opendp(loss) <= Fraction(loss["rho"])


def _by_opendp(loss: dict[str, Any]) -> Fraction:
    sensitivity, bits = loss["sensitivity"], loss["grid_bits"]
    if type(sensitivity) is not int or type(bits) is not int or not (0 <= sensitivity < 2**62 and 0 <= bits < 64):  # noqa: PLR2004
        raise ValueError
    return _map(sensitivity, bits)


@lru_cache(maxsize=4096)
def _map(sensitivity: int, bits: int) -> Fraction:
    return loss_by_map(sensitivity, grid_bits=bits)


def _stated(loss: dict[str, Any]) -> str:
    most = float(_by_opendp(loss))
    return (
        f"rho {loss['rho']} was charged; by OpenDP, sensitivity {loss['sensitivity']:,} at noise scale"
        f" 2^{loss['grid_bits']} costs {most:.6g}."
    )
