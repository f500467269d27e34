"""What an audit finds: values with a stable code, what was seen, why it matters and what to do. Never raised."""

from dataclasses import dataclass

from release.audit.rules import RULES, auditors_advice
from release.ledger.findings import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One thing found.

    Attributes:
        code: stable, one of `RULES`.
        severity: an error breaks a promise, a warning weakens one.
        where: an entry, bundle, account or file.
        message: what was seen there.
        why: why it matters.
        remedy: what the office has to do.
        auditor: what someone outside the office can do.
    """

    code: str
    severity: Severity
    where: str
    message: str
    why: str
    remedy: str
    auditor: str


def found(code: str, where: str, message: str) -> AuditFinding:
    """Return a finding of a known code, with the words that go with it."""
    rule = RULES[code]
    return AuditFinding(
        code=code,
        severity=rule.severity,
        where=where,
        message=message,
        why=rule.why,
        remedy=rule.remedy,
        auditor=auditors_advice(code),
    )
