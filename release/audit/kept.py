"""What an office keeps of its releases, held against its ledger: each noisy result and signature names its charge.

A charge is durable before anything is drawn for it. So a result or a signature without its charge tells of a ledger
that was longer once, even when every bundle and the witness that knew of it are gone.
"""

from collections.abc import Iterable, Iterator

from release.audit.evidence import Evidence, StoredResult
from release.audit.findings import AuditFinding, found


def witness_is_there(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield that a ledger with entries has no witness."""
    if evidence.parts is not None and evidence.parts.witness is None and evidence.statement.entries:
        said = f"There is none, and the ledger has {evidence.chain.head.sequence} entries."
        yield found("witness-missing", "the ledger's witness", said)


def kept_things_were_paid_for(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each noisy result and signature in the state folder whose charge the ledger doesn't have."""
    if evidence.parts is None:
        return
    entries = [entry.hash for entry in evidence.statement.entries]
    for one in unpaid(entries, evidence.parts.stored):
        yield found("result-unpaid", f"state/measurements/{one.name}", unpaid_words("noisy result", one))
    for one in unpaid(entries, evidence.parts.signatures):
        yield found("signature-unpaid", f"state/signatures/{one.name}", unpaid_words("signature", one))


def unpaid(entries: Iterable[str], kept: Iterable[StoredResult]) -> tuple[StoredResult, ...]:
    """Return what names no entry of the ledger, by the entries' hashes."""
    paid = frozenset(entries)
    return tuple(one for one in kept if one.charge_hash not in paid)


def unpaid_words(what: str, one: StoredResult) -> str:
    """Return in a sentence what is missing for a kept file."""
    if not one.charge_hash:
        return f"A {what} is kept there that can't be read, so it names no charge of the ledger."
    return f"A {what} is kept there that was paid for by the entry {one.charge_hash[:16]}…; the ledger has no such one."
