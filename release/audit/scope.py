"""What an audit's outcome means: its verdict in a sentence, what it establishes, and what it can't."""

from collections.abc import Iterator, Sequence

from release.audit.evidence import Evidence, View
from release.audit.findings import AuditFinding
from release.ledger.findings import Severity


def verdict(evidence: Evidence, findings: Sequence[AuditFinding]) -> str:
    """Return the audit's outcome in a sentence for a director."""
    errors = sum(one.severity is Severity.ERROR for one in findings)
    if errors:
        return (
            f"Not in order: {_number(errors, 'finding')} {'breaks' if errors == 1 else 'break'} what the office"
            f" promises. Don't rely on the guarantee below until {'it is' if errors == 1 else 'they are'} settled."
        )
    if findings:
        return (
            f"In order, with {_number(len(findings), 'warning')}: the promises are kept; how they are kept should be"
            " mended."
        )
    looked = f"{_number(len(evidence.charges), 'charge')} and {_number(len(evidence.bundles), 'bundle')}"
    if evidence.view is View.OUTSIDER:
        return f"In order, as far as published things show: {looked} agree, and nothing was found."
    return f"In order: ledger, {looked}, config and policy agree, and nothing was found."


def established(evidence: Evidence) -> Iterator[str]:
    """Yield what a clean audit of this kind shows, each in a sentence."""
    yield "The ledger's entries follow one another by their hashes, and every sum, limit and state was computed again."
    yield "Every charge covers what OpenDP states of its sensitivity and noise scale, and the sums are exact."
    yield "Every bundle names its charge, every published charge has its bundle, and each has one noisy result."
    yield "Published estimates, intervals and bounds follow from the noisy measurements beside them."
    yield (
        "In each tier by itself, levels of a release disagree as much as the stated noise makes them. Each release says"
        " how much less or more noise would have been seen, and which measures can't be tested so."
    )
    if evidence.view is View.OFFICE:
        yield "The configs, as they are today, give the plans that were charged; the policy allows what was done."
    if evidence.signers_known:
        yield "Each bundle was signed with a key that the registry gives to this office."


def not_established(evidence: Evidence) -> Iterator[str]:
    """Yield what no audit of this kind can show, and what would."""
    yield (
        "That the records were clipped as stated before noise was added. The proof is in docs/privacy.md;"
        " mirrors audit --noise attacks the real program with invented traders and measures what it gives away."
    )
    yield "That no other noisy result, or the exact figures, left the office by another way than these bundles."
    yield "That sources with different names hold different records, and that a trader's ids were brought together."
    yield "That what the office or its partners publish exactly elsewhere doesn't narrow what the noise protects."
    if not evidence.signers_known:
        yield (
            "Who made the bundles: no registry of keys was at hand, so a forger who made ledger and bundles anew, in"
            " agreement with each other, would pass. Heads kept since earlier (--heads) and a registry would tell."
        )
    if evidence.view is View.OUTSIDER:
        yield (
            "That this statement is the office's latest: later charges would be missing from it. Every bundle's head"
            " stands in it, and a head that you kept from elsewhere can be held against it with --heads."
        )
        yield "That the office's config and policy agree with what was charged: they aren't public; the plans are."
        yield "That the keyed digests name the records that were used: only the office has the key."
        yield "Which noisy results the office keeps, who may read them, and what its witness remembers."


def held_against(evidence: Evidence) -> Iterator[str]:
    """Yield which memories of the ledger's past were held against it, each in a sentence."""
    if evidence.parts is None:
        yield "The office's witness can't be seen from outside."
    elif evidence.parts.witness is None:
        yield "Witness: none."
    else:
        yield f"Witness: entry {evidence.parts.witness.head.sequence}, held against the ledger."
    if evidence.heads:
        yield f"{_number(len(evidence.heads), 'head')} kept since earlier, held against the ledger."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"
