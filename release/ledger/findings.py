"""What an audit of the ledger finds: values, never raised."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error breaks what the ledger promises; a warning weakens how it is kept."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: a stable code, its severity, where it stands, and what it means in words."""

    code: str
    severity: Severity
    where: str
    message: str


def error(code: str, where: str, message: str) -> Finding:
    """Return a finding that breaks a promise."""
    return Finding(code=code, severity=Severity.ERROR, where=where, message=message)


def warning(code: str, where: str, message: str) -> Finding:
    """Return a finding that weakens one."""
    return Finding(code=code, severity=Severity.WARNING, where=where, message=message)


def at_entry(code: str, sequence: int, message: str) -> Finding:
    """Return an error that stands at one entry of the chain."""
    return error(code, f"entry {sequence}", f"Entry {sequence}: {message}.")
