"""Accounts as a report tells them: what was spent, by which charges, under which limits; and what offices share.

Where the chain is broken no sum of it can be believed. Then a report says so, and what was spent at least, by the
entries that are whole and the charges that stand in bundles.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from release.accounting import epsilon
from release.audit.chain import broken_entries
from release.audit.evidence import Evidence
from release.audit.words import can_not_be_told, guarantee
from release.ledger.replay import account_states
from release.ledger.standing import joint_losses, over_years
from release.ledger.statement import statement_accounts
from release.ledger.values import Account, AccountState, Charge
from release.privacy import amount_text, presence_advantage, total, volume_interval_percent
from release.tables import Tier
from release.wording import decimals_up, points_up, volume_bound


def account_documents(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what is told of each account: by year, the latest first, then source, the uniform tier first."""
    return [_account(evidence, state) for state in sorted(account_states(evidence.chain), key=_order)]


def _order(state: AccountState) -> tuple[int, str, bool]:
    return -state.account.year, state.account.source, state.account.tier != Tier.UNIFORM


def _account(evidence: Evidence, state: AccountState) -> dict[str, Any]:
    terms, large = state.terms, state.account.tier == Tier.LARGE_TRADER
    charges = [charge for charge in evidence.charges if charge.request.account == state.account]
    doubt = _doubt(evidence, state.account)
    known = doubt is None
    told = known and bool(state.spent) and not large
    return {
        "source": state.account.source,
        "year": state.account.year,
        "tier": state.account.tier,
        "unit": terms.unit,
        "delta": amount_text(terms.delta),
        "limit": {"rho": amount_text(terms.limit)},
        "spent": {"rho": amount_text(state.spent) if known else None},
        "remaining": {"rho": amount_text(state.remaining) if known else None},
        "doubt": doubt,
        "reserve": {"rho": amount_text(terms.reserve)},
        "revisions": {"rho": amount_text(state.revisions)},
        "used_percent": math.ceil(100 * state.spent / terms.limit) if known else None,
        "epsilon": decimals_up(epsilon(state.spent, terms.delta)) if told else None,
        "p_percent": math.floor(volume_interval_percent(state.spent)) if told else None,
        "presence_percent": points_up(presence_advantage(state.spent)) if told else None,
        "guarantee": guarantee(state) if doubt is None else doubt["words"],
        "planned": [{"release": one.release, "rho": amount_text(one.rho)} for one in state.planned if not one.charged],
        "raised": list(_raised(state)),
        "charges": list(_charges(evidence, state, charges, known=known)),
    }


def _raised(state: AccountState) -> Iterator[dict[str, Any]]:
    for one in state.raised:
        yield {
            "sequence": one.sequence,
            "date": one.date,
            "before": {"rho": amount_text(one.before)},
            "limit": {"rho": amount_text(one.limit)},
            "spent": {"rho": amount_text(one.spent)},
            "reason": one.reason,
            "decided_by": one.decided_by,
        }


def _charges(
    evidence: Evidence, state: AccountState, charges: Sequence[Charge], *, known: bool
) -> Iterator[dict[str, Any]]:
    after = Fraction(0)
    for charge in charges:
        after += charge.request.rho
        yield {
            "sequence": charge.sequence,
            "release": charge.request.release,
            "date": charge.date,
            "rho": amount_text(charge.request.rho),
            "after": amount_text(after) if known else None,
            "limit": amount_text(_limit_at(state, charge.sequence)),
            "state": "charged, not released" if charge.state == "charged" else str(charge.state),
            "revision": charge.request.revision,
            "seen": bool(evidence.bundles_of(charge.request.release)),
            "measures": [
                {
                    "measure": loss.measure,
                    "sensitivity": loss.sensitivity,
                    "grid_bits": loss.grid_bits,
                    "rho": amount_text(loss.rho),
                }
                for loss in charge.request.measures
            ],
        }


def _limit_at(state: AccountState, sequence: int) -> Fraction:
    """Return the limit that was in force at an entry."""
    later = (one.before for one in state.raised if one.sequence > sequence)
    return next(later, state.terms.limit)


def _doubt(evidence: Evidence, account: Account) -> dict[str, Any] | None:
    """Return why an account's sums can't be told, and what was spent at least; None where the chain is whole."""
    broken = sorted(broken_entries(evidence))
    if not broken:
        return None
    least = amount_text(_at_least(evidence, account, frozenset(broken)))
    return {"entries": broken, "at_least": {"rho": least}, "words": can_not_be_told(broken, least)}


def _at_least(evidence: Evidence, account: Account, broken: frozenset[int]) -> Fraction:
    """Return what whole entries charged to an account, and, where a charge isn't whole, its release's bundle states."""
    tier = str(account.tier)
    whole = {
        charge.request.release: charge.request.rho
        for charge in evidence.charges
        if charge.request.account == account and charge.sequence not in broken
    }
    for bundle in evidence.bundles:
        charge = {} if bundle.documents is None else bundle.documents.charge
        told = charge.get("large_traders") if tier == Tier.LARGE_TRADER else charge
        if told and bundle.release not in whole and _named(told) == (account.source, account.year):
            whole[bundle.release] = Fraction(told["rho"])
    return total(whole.values())


def _named(charge: dict[str, Any]) -> tuple[str, int]:
    return charge["account"]["source"], charge["account"]["year"]


def whole_total(evidence: Evidence) -> str | None:
    """Return the sum of all charges, by which a recomputation is checked; None where the chain is broken."""
    if broken_entries(evidence):
        return None
    return amount_text(total(charge.request.rho for charge in evidence.charges))


def year_documents(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what accounts of several years add up to; nothing where the chain is broken."""
    if broken_entries(evidence):
        return []
    return [
        {
            "source": one.source,
            "tier": one.tier,
            "unit": one.unit,
            "years": list(one.years),
            "rho": amount_text(one.spent),
            "p": volume_bound(volume_interval_percent(one.spent)) if one.spent and one.tier == "uniform" else None,
        }
        for one in over_years(account_states(evidence.chain))
    ]


def joint_documents(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what two offices' releases give away of a shipment that both report; nothing where the chain is broken.

    `tiered` names those of the two that released a tier for large traders: then the sums are of traders within both
    bounds, and nothing is said of others' transactions.
    """
    if broken_entries(evidence):
        return []
    states = [*account_states(evidence.chain), *(one for other in evidence.others for one in statement_accounts(other))]
    tiered = frozenset(_tiered(states))
    return [
        {
            "offices": list(one.offices),
            "year": one.year,
            "one_line": {"rho": amount_text(one.one_line)},
            "several_lines": {"rho": amount_text(one.several_lines)},
            "tiered": (both := [office for office in one.offices if (office, one.year) in tiered]),
            "p": None if both or not one.several_lines else volume_bound(volume_interval_percent(one.several_lines)),
        }
        for one in joint_losses(states)
        if evidence.office in one.offices
    ]


def _tiered(states: Iterable[AccountState]) -> Iterator[tuple[str, int]]:
    for state in states:
        if state.account.tier == Tier.LARGE_TRADER and state.spent:
            yield state.account.office, state.account.year
