"""What became of a charge, and whether two requests are the same run."""

from dataclasses import replace

from release.ledger.bodies import Charged, Measured, Published
from release.ledger.entries import Entry
from release.ledger.values import Charge, ChargeRequest, Pairs, State


def new_charge(entry: Entry, body: Charged) -> Charge:
    """Return the charge that an entry makes."""
    return Charge(
        sequence=entry.sequence,
        date=body.date,
        request=body.request,
        state=State.CHARGED,
        measurement_digest=None,
        bundle_digest=None,
        entry_hash=entry.hash,
    )


def follows(charge: Charge, body: Measured | Published) -> bool:
    """Decide whether a result may come next: charged, then measured, then published."""
    needed = State.CHARGED if isinstance(body, Measured) else State.MEASURED
    return charge.state is needed


def with_result(charge: Charge, body: Measured | Published) -> Charge:
    """Return the charge after its result."""
    if isinstance(body, Measured):
        return replace(charge, state=State.MEASURED, measurement_digest=body.digest)
    return replace(charge, state=State.PUBLISHED, bundle_digest=body.digest)


def run_difference(charged: ChargeRequest, asked: ChargeRequest) -> str | None:
    """Return in what two charges of one release differ that have to be of one run: None when in nothing.

    Tiers differ within a run; its office, source, year, plan, policy and inputs don't.
    """
    for name, one, other in (
        ("office", charged.account.office, asked.account.office),
        ("source", charged.account.source, asked.account.source),
        ("year", charged.account.year, asked.account.year),
        ("plan", charged.plan_digest, asked.plan_digest),
        ("policy", charged.policy, asked.policy),
        ("public input", _sorted(charged.public_digests), _sorted(asked.public_digests)),
        ("confidential input", _sorted(charged.keyed_digests), _sorted(asked.keyed_digests)),
    ):
        if one != other:
            return name
    return None


def charge_difference(charged: ChargeRequest, asked: ChargeRequest) -> str | None:
    """Return in what a request differs from the charge that its release and tier have: None when in nothing.

    Versions may differ: a run that died may be resumed by a corrected program. So may the limit, which may
    have been raised since.
    """
    if charged.measures != asked.measures:
        return "loss"
    if charged.revision != asked.revision:
        return "purpose (revision)"
    if (charged.terms.unit, charged.terms.delta) != (asked.terms.unit, asked.terms.delta):
        return "unit or delta"
    return run_difference(charged, asked)


def _sorted(pairs: Pairs) -> Pairs:
    return tuple(sorted(pairs))
