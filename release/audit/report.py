"""What an audit's report tells, as one JSON object: verdict, budgets, releases by layer, findings, how to recompute.

Equal evidence gives equal objects: no clock and no host goes in. Amounts of loss are exact text; epsilon is rounded up
and p down, so that nobody is told more protection than there is. How it looks is in `rendering` and its templates.
"""

from collections.abc import Sequence
from typing import Any

from release import __version__
from release.audit.accounts import account_documents, joint_documents, whole_total, year_documents
from release.audit.checks import Answer, answers
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding
from release.audit.overlaps import overlaps
from release.audit.problems import known_problems
from release.audit.publications import withheld
from release.audit.releases import release_documents
from release.audit.scope import established, held_against, not_established, verdict
from release.privacy import amount_text

FORMAT = "noisy-mirrors/audit/1"


def report_document(evidence: Evidence, findings: Sequence[AuditFinding]) -> dict[str, Any]:
    """Return everything that a report tells of an audit."""
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
            "held": list(held_against(evidence)),
        },
        "findings": [_finding(one) for one in findings],
        "checks": [_answer(one) for one in answers(evidence)],
        "accounts": account_documents(evidence),
        "over_years": year_documents(evidence),
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
        "joint": joint_documents(evidence),
        "withheld": [{"release": release, "reason": reason} for release, reason in withheld(evidence).items()],
        "established": list(established(evidence)),
        "not_established": list(not_established(evidence)),
        "total": {"rho": whole_total(evidence)},
        "known_problems": known_problems().reviewed,
    }


def _answer(one: Answer) -> dict[str, str]:
    if one.unexamined is not None:
        said = f"not examined: {one.unexamined}"
    elif one.findings:
        said = f"no, {len(one.findings)} finding{'' if len(one.findings) == 1 else 's'}"
    else:
        said = "yes"
    return {"check": one.check, "answer": said}


def _finding(one: AuditFinding) -> dict[str, str]:
    return {
        "code": one.code,
        "severity": str(one.severity),
        "where": one.where,
        "message": one.message,
        "why": one.why,
        "remedy": one.remedy,
        "auditor": one.auditor,
    }
