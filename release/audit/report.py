"""What an audit's report tells, as one JSON object: verdict, budgets, releases by layer, findings, how to recompute.

Equal evidence gives equal objects: no clock and no host goes in. Amounts of loss are exact text; epsilon is rounded up
and p down, so that nobody is told more protection than there is. How it looks is in `rendering` and its templates.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from release import __version__
from release.accounting import epsilon
from release.audit.checks import CHECKS
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding
from release.audit.overlaps import overlaps
from release.audit.problems import known_problems
from release.audit.publications import withheld
from release.audit.releases import release_documents
from release.audit.scope import established, not_established, verdict
from release.audit.words import guarantee
from release.ledger.replay import account_states
from release.ledger.standing import joint_losses, over_years
from release.ledger.statement import statement_accounts
from release.ledger.values import AccountState, Charge
from release.privacy import amount_text, presence_advantage, total, volume_interval_percent
from release.tables import Tier
from release.wording import decimals_up, points_up, volume_bound

FORMAT = "noisy-mirrors/audit/1"


def report_document(evidence: Evidence, findings: Sequence[AuditFinding]) -> dict[str, Any]:
    """Return everything that a report tells of an audit."""
    accounts = [_account(evidence, state) for state in sorted(account_states(evidence.chain), key=_order)]
    return {
        "format": FORMAT,
        "program": f"noisy-mirrors {__version__}",
        "office": evidence.office,
        "name": evidence.name,
        "view": str(evidence.view),
        "ok": not findings,
        "verdict": verdict(evidence, findings),
        "ledger": {
            "entries": evidence.chain.head.sequence,
            "head": evidence.chain.head.hash,
            "last_charge": max((charge.date for charge in evidence.charges), default=None),
        },
        "findings": [_finding(one) for one in findings],
        "checks": [check.__name__.replace("_", " ") for check in CHECKS],
        "accounts": accounts,
        "over_years": [
            {
                "source": one.source,
                "tier": one.tier,
                "unit": one.unit,
                "years": list(one.years),
                "rho": amount_text(one.spent),
                "p": volume_bound(volume_interval_percent(one.spent)) if one.spent and one.tier == "uniform" else None,
            }
            for one in over_years(account_states(evidence.chain))
        ],
        "releases": list(release_documents(evidence)),
        "overlaps": [
            {
                "releases": list(one.releases),
                "measures": list(one.measures),
                "months": one.months,
                "rho": amount_text(one.rho),
                "same_account": one.same_account,
            }
            for one in overlaps(evidence)
        ],
        "joint": list(_joint(evidence)),
        "withheld": [{"release": release, "reason": reason} for release, reason in withheld(evidence).items()],
        "established": list(established(evidence)),
        "not_established": list(not_established(evidence)),
        "total": {"rho": amount_text(total(charge.request.rho for charge in evidence.charges))},
        "known_problems": known_problems().reviewed,
    }


def _finding(one: AuditFinding) -> dict[str, str]:
    return {
        "code": one.code,
        "severity": str(one.severity),
        "where": one.where,
        "message": one.message,
        "why": one.why,
        "remedy": one.remedy,
    }


def _order(state: AccountState) -> tuple[int, str, bool]:
    """Order accounts by year, then source, the uniform tier first."""
    return -state.account.year, state.account.source, state.account.tier != Tier.UNIFORM


def _account(evidence: Evidence, state: AccountState) -> dict[str, Any]:
    terms, large = state.terms, state.account.tier == Tier.LARGE_TRADER
    charges = [charge for charge in evidence.charges if charge.request.account == state.account]
    told = bool(state.spent) and not large
    return {
        "source": state.account.source,
        "year": state.account.year,
        "tier": state.account.tier,
        "unit": terms.unit,
        "delta": amount_text(terms.delta),
        "limit": {"rho": amount_text(terms.limit)},
        "spent": {"rho": amount_text(state.spent)},
        "remaining": {"rho": amount_text(state.remaining)},
        "reserve": {"rho": amount_text(terms.reserve)},
        "used_percent": math.ceil(100 * state.spent / terms.limit),
        "epsilon": decimals_up(epsilon(state.spent, terms.delta)) if told else None,
        "p_percent": math.floor(volume_interval_percent(state.spent)) if told else None,
        "presence_percent": points_up(presence_advantage(state.spent)) if told else None,
        "guarantee": guarantee(state),
        "planned": [{"release": one.release, "rho": amount_text(one.rho)} for one in state.planned if not one.charged],
        "raised": [
            {"date": one.date, "limit": {"rho": amount_text(one.limit)}, "reason": one.reason} for one in state.raised
        ],
        "charges": list(_charges(evidence, charges)),
    }


def _charges(evidence: Evidence, charges: Sequence[Charge]) -> Iterator[dict[str, Any]]:
    after = Fraction(0)
    for charge in charges:
        after += charge.request.rho
        yield {
            "sequence": charge.sequence,
            "release": charge.request.release,
            "date": charge.date,
            "rho": amount_text(charge.request.rho),
            "after": amount_text(after),
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


def _joint(evidence: Evidence) -> Iterator[dict[str, Any]]:
    others = [state for one in evidence.others for state in statement_accounts(one)]
    for one in joint_losses([*account_states(evidence.chain), *others]):
        if evidence.office in one.offices:
            yield {
                "offices": list(one.offices),
                "year": one.year,
                "one_line": {"rho": amount_text(one.one_line), **_known(one.one_line)},
                "several_lines": {"rho": amount_text(one.several_lines), **_known(one.several_lines)},
            }


def _known(rho: Fraction) -> dict[str, str | None]:
    return {"p": volume_bound(volume_interval_percent(rho)) if rho else None}
