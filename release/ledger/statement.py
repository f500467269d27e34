"""The public extract of a ledger: what bundles carry and anyone can recompute.

Promised: an object with `format`, `head` (`sequence`, `hash`), `entries` (`sequence`, `previous`, `kind`,
`body`, `hash`, in order, the body as the stored text), `accounts` and `charges`. The entries suffice; the
other two are there to be read, and a statement whose accounts or charges aren't what its entries amount to is
refused. It holds dates and no times, keyed digests of confidential inputs and no plain ones, and of a charge
that led to no publication only its state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from release.errors import DamagedLedgerError
from release.ledger.entries import EMPTY, Entry, Head, Kind, head_of
from release.ledger.findings import Finding, error
from release.ledger.replay import Replay, account_states, replay
from release.ledger.values import AccountState, Charge, RaisedLimit

STATEMENT_FORMAT = "noisy-mirrors ledger statement 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as it was read: its entries and head, not yet believed; `verify_statement` decides."""

    entries: tuple[Entry, ...]
    head: Head
    accounts: tuple[Mapping[str, Any], ...]
    charges: tuple[Mapping[str, Any], ...]


def write_statement(entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Return the statement of a chain, as an object for JSON."""
    seen = replay(entries)
    return {
        "format": STATEMENT_FORMAT,
        "head": _head(seen.head),
        "accounts": [_account(state) for state in account_states(seen)],
        "charges": [_charge(charge) for charge in _in_order(seen)],
        "entries": [_entry(entry) for entry in entries],
    }


def read_statement(value: object) -> Statement:
    """Return a statement from its JSON object.

    Raises:
        DamagedLedgerError: It isn't one, or holds fields of another kind.
    """
    try:
        return _read(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DamagedLedgerError(sequence=0, reason="it isn't a ledger statement of this format") from None


def verify_statement(statement: Statement, heads: tuple[Head, ...] = ()) -> tuple[Finding, ...]:
    """Return everything wrong with a statement; `heads` are those seen elsewhere, which its entries have to contain."""
    seen = replay(statement.entries)
    findings = list(seen.findings)
    if seen.head != statement.head:
        findings.append(error("head", "statement", "The statement's head isn't that of its entries."))
    if tuple(_account(state) for state in account_states(seen)) != statement.accounts:
        findings.append(error("accounts", "statement", "The accounts shown aren't what the entries amount to."))
    if tuple(_charge(charge) for charge in _in_order(seen)) != statement.charges:
        findings.append(error("charges", "statement", "The charges shown aren't what the entries amount to."))
    known = {EMPTY, *(head_of(entry) for entry in statement.entries)}
    findings += [
        error(
            "rolled-back",
            f"entry {head.sequence}",
            f"A head seen before, entry {head.sequence}, isn't in it.",
        )
        for head in heads
        if head not in known
    ]
    return tuple(findings)


def statement_accounts(statement: Statement) -> tuple[AccountState, ...]:
    """Return the accounts that a statement's entries amount to."""
    return account_states(replay(statement.entries))


def statement_charges(statement: Statement) -> tuple[Charge, ...]:
    """Return the charges that a statement's entries amount to, in order."""
    return _in_order(replay(statement.entries))


def _in_order(seen: Replay) -> tuple[Charge, ...]:
    return tuple(sorted(seen.charges.values(), key=lambda charge: charge.sequence))


def _head(head: Head) -> dict[str, object]:
    return {"sequence": head.sequence, "hash": head.hash}


def _entry(entry: Entry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "previous": entry.previous,
        "kind": str(entry.kind),
        "body": entry.body,
        "hash": entry.hash,
    }


def _amount(amount: Fraction) -> str:
    return str(amount)


def _account(state: AccountState) -> dict[str, object]:
    account, terms = state.account, state.terms
    return {
        "office": account.office,
        "source": account.source,
        "year": account.year,
        "tier": account.tier,
        "unit": terms.unit,
        "delta": _amount(terms.delta),
        "limit": _amount(terms.limit),
        "reserve": _amount(terms.reserve),
        "spent": _amount(state.spent),
        "remaining": _amount(state.remaining),
        "free": _amount(state.free),
        "revisions": _amount(state.revisions),
        "planned": [{"release": one.release, "rho": _amount(one.rho), "charged": one.charged} for one in state.planned],
        "raised": [_raised(one) for one in state.raised],
    }


def _raised(one: RaisedLimit) -> dict[str, object]:
    by = {} if one.decided_by is None else {"decided_by": one.decided_by}
    return {"date": one.date, "limit": _amount(one.limit), "reason": one.reason, **by}


def _charge(charge: Charge) -> dict[str, object]:
    request = charge.request
    return {
        "sequence": charge.sequence,
        "date": charge.date,
        "release": request.release,
        "source": request.account.source,
        "year": request.account.year,
        "tier": request.account.tier,
        "rho": _amount(request.rho),
        "state": str(charge.state),
        "revision": request.revision,
        "plan_digest": request.plan_digest,
        "bundle_digest": charge.bundle_digest,
    }


def _read(value: Any) -> Statement:
    if value["format"] != STATEMENT_FORMAT:
        raise ValueError
    return Statement(
        entries=tuple(_read_entry(one) for one in value["entries"]),
        head=Head(sequence=_integer(value["head"]["sequence"]), hash=_text(value["head"]["hash"])),
        accounts=tuple(dict(one) for one in value["accounts"]),
        charges=tuple(dict(one) for one in value["charges"]),
    )


def _read_entry(value: Any) -> Entry:
    return Entry(
        sequence=_integer(value["sequence"]),
        previous=_text(value["previous"]),
        kind=Kind(value["kind"]),
        body=_text(value["body"]),
        hash=_text(value["hash"]),
    )


def _integer(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
