"""The bodies of entries: written as canonical JSON, read back as values or refused.

Reading accepts exactly what writing produces: a body with another field, another order, or an amount not in
lowest terms isn't one of ours.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from release.errors import DamagedLedgerError, InvalidChargeError
from release.ledger.entries import Entry, Kind, canonical
from release.ledger.standing import Standing
from release.ledger.values import Account, ChargeRequest, checked_date, checked_digest, checked_integer, checked_name
from release.ledger.wire import (
    SEQUENCES,
    Json,
    Shares,
    account_from,
    account_json,
    amount_from,
    reason_json,
    request_from,
    request_json,
    shares_json,
    standing_from,
    standing_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An account is opened with the terms of `standing`."""

    account: Account
    date: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An account's limit becomes that of `standing`; `decided_by` says under whose authority, where that is stated."""

    account: Account
    date: str
    reason: str
    standing: Standing
    decided_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An account's calendar becomes `shares` (rho for each release)."""

    account: Account
    date: str
    shares: Shares
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A release is charged."""

    request: ChargeRequest
    date: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The charge in entry `charge` has its noisy result, whose bytes have `digest`."""

    release: str
    tier: str
    charge: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The result of the charge in entry `charge` was published in a bundle that has `digest`."""

    release: str
    tier: str
    charge: int
    digest: str


Body = Opened | Limit | Planned | Charged | Measured | Published
AccountBody = Opened | Limit | Planned | Charged


def account_key(account: Account) -> str:
    """Return the text by which stores find an account's entries: the JSON that stands in their bodies."""
    return canonical(account_json(account))


def keys_of(entry: Entry) -> tuple[str | None, str | None]:
    """Return the texts by which an entry is found: its account's key and its release, None where it has none."""
    try:
        body = json.loads(entry.body)
        account, release = body.get("account"), body.get("release")
    except (ValueError, AttributeError, RecursionError):
        return None, None
    return None if account is None else canonical(account), release


def kind_of(body: Body) -> Kind:
    """Return the kind of entry that holds such a body."""
    return Kind(type(body).__name__.lower())


def write(body: Body) -> str:
    """Return the canonical JSON of a body.

    Raises:
        InvalidChargeError: A part of it can't be written, such as a sum whose terms have too many digits.
    """
    if isinstance(body, Measured | Published):
        return canonical(_result(body))
    match body:
        case Opened():
            value: dict[str, object] = {"account": account_json(body.account)}
        case Limit():
            value = {"account": account_json(body.account), "reason": reason_json(body.reason), **_authority(body)}
        case Planned():
            value = {"account": account_json(body.account), "shares": shares_json(body.shares)}
        case _:
            value = request_json(body.request)
    return canonical({**value, "date": checked_date(body.date), "standing": standing_json(body.standing)})


def read(entry: Entry) -> Body:
    """Return what an entry says.

    Raises:
        DamagedLedgerError: It isn't a body that `write` could have written.
    """
    try:
        body = _READERS[Kind(entry.kind)](json.loads(entry.body))
        if write(body) == entry.body:
            return body
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, InvalidChargeError):
        pass
    raise DamagedLedgerError(sequence=entry.sequence, reason="its body isn't one that this ledger writes")


def read_charge(entry: Entry) -> Charged:
    """Return what a `charged` entry says; any other is refused as `read` does."""
    body = read(entry)
    if not isinstance(body, Charged):
        raise DamagedLedgerError(sequence=entry.sequence, reason="it should be a charge and isn't")
    return body


def read_account(entry: Entry) -> AccountBody:
    """Return what an entry that changes an account says; any other is refused as `read` does."""
    body = read(entry)
    if isinstance(body, Measured | Published):
        raise DamagedLedgerError(sequence=entry.sequence, reason="it should concern an account and doesn't")
    return body


def read_shares(entry: Entry) -> Shares:
    """Return the calendar that a `planned` entry declares; any other is refused as `read` does."""
    body = read(entry)
    if not isinstance(body, Planned):
        raise DamagedLedgerError(sequence=entry.sequence, reason="it should be a calendar and isn't")
    return body.shares


def account_of(body: AccountBody) -> Account:
    """Return the account that an entry concerns."""
    return body.request.account if isinstance(body, Charged) else body.account


def _authority(body: Limit) -> dict[str, object]:
    return {} if body.decided_by is None else {"decided_by": reason_json(body.decided_by)}


def _result(body: Measured | Published) -> dict[str, object]:
    return {
        "release": checked_name("release", body.release),
        "tier": checked_name("tier", body.tier),
        "charge": checked_integer("the charge", body.charge, SEQUENCES),
        "digest": checked_digest("the result's digest", body.digest),
    }


def _opened(value: Json) -> Opened:
    account, standing = account_from(value["account"]), standing_from(value["standing"])
    return Opened(account=account, date=value["date"], standing=standing)


def _limit(value: Json) -> Limit:
    account, standing = account_from(value["account"]), standing_from(value["standing"])
    return Limit(
        account=account,
        date=value["date"],
        reason=value["reason"],
        standing=standing,
        decided_by=value.get("decided_by"),
    )


def _planned(value: Json) -> Planned:
    account, standing = account_from(value["account"]), standing_from(value["standing"])
    shares = tuple((release, amount_from(rho)) for release, rho in value["shares"])
    return Planned(account=account, date=value["date"], shares=shares, standing=standing)


def _charged(value: Json) -> Charged:
    return Charged(request=request_from(value), date=value["date"], standing=standing_from(value["standing"]))


def _measured(value: Json) -> Measured:
    return Measured(**value)


def _published(value: Json) -> Published:
    return Published(**value)


_READERS: dict[Kind, Callable[[Json], Body]] = {
    Kind.OPENED: _opened,
    Kind.LIMIT: _limit,
    Kind.PLANNED: _planned,
    Kind.CHARGED: _charged,
    Kind.MEASURED: _measured,
    Kind.PUBLISHED: _published,
}
