"""The bodies of entries: written as canonical JSON, read back as values or refused.

Reading accepts exactly what writing produces: a body with another field, another order, or an amount not in
lowest terms isn't one of ours.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from release.errors import DamagedLedgerError, InvalidChargeError
from release.ledger.entries import Entry, Kind, canonical
from release.ledger.standing import Standing
from release.ledger.values import (
    Account,
    ChargeRequest,
    MeasureLoss,
    Pairs,
    Terms,
    checked_amount,
    checked_date,
    checked_digest,
    checked_integer,
    checked_loss,
    checked_name,
)

Json = Mapping[str, Any]
Shares = tuple[tuple[str, Fraction], ...]
_AMOUNT = re.compile(r"[0-9]+(?:/[0-9]+)?")
_SEQUENCES = range(2**62)
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An account is opened with the terms of `standing`."""

    account: Account
    date: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An account's limit becomes that of `standing`."""

    account: Account
    date: str
    reason: str
    standing: Standing


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
    return canonical(_account(account))


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
    match body:
        case Opened(account=account, date=date, standing=standing):
            value: dict[str, object] = {"account": _account(account), "date": checked_date(date)}
        case Limit(account=account, date=date, reason=reason, standing=standing):
            value = {"account": _account(account), "date": checked_date(date), "reason": _reason(reason)}
        case Planned(account=account, date=date, shares=shares, standing=standing):
            value = {"account": _account(account), "date": checked_date(date), "shares": _shares(shares)}
        case Charged(request=request, date=date, standing=standing):
            value = {**_request(request), "date": checked_date(date)}
        case Measured() | Published():
            return canonical(_result(body))
    return canonical({**value, "standing": _standing(standing)})


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


def _account(account: Account) -> list[object]:
    return [account.office, account.source, account.year, account.tier]


def _amount(amount: Fraction) -> str:
    return str(checked_amount("an amount", amount))


def _fraction(text: str) -> Fraction:
    if not _AMOUNT.fullmatch(text):
        raise InvalidChargeError("an amount isn't one")
    return Fraction(text)


def _reason(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= len(reason) <= _LONGEST_REASON or not reason.isprintable():
        raise InvalidChargeError("a reason has 1 to 500 printable characters")
    return reason


def _shares(shares: Shares) -> list[list[str]]:
    if len({release for release, _ in shares}) < len(shares):
        raise InvalidChargeError("a calendar names each release once")
    return [[checked_name("release", release), str(checked_loss("a share", rho))] for release, rho in shares]


def _terms(terms: Terms) -> dict[str, object]:
    return {
        "unit": terms.unit,
        "delta": _amount(terms.delta),
        "limit": _amount(terms.limit),
        "reserve": _amount(terms.reserve),
    }


def _standing(standing: Standing) -> dict[str, object]:
    return {
        **_terms(standing.terms),
        "ordinary": _amount(standing.ordinary),
        "revisions": _amount(standing.revisions),
        "outstanding": _amount(standing.outstanding),
        "calendar": standing.calendar,
    }


def _loss(loss: MeasureLoss) -> dict[str, object]:
    return {
        "measure": loss.measure,
        "mechanism": loss.mechanism,
        "sensitivity": loss.sensitivity,
        "grid_bits": loss.grid_bits,
        "scales_digest": loss.scales_digest,
        "rho": _amount(loss.rho),
    }


def _request(request: ChargeRequest) -> dict[str, object]:
    return {
        "release": request.release,
        "account": _account(request.account),
        "terms": _terms(request.terms),
        "measures": [_loss(loss) for loss in request.measures],
        "rho": _amount(request.rho),
        "policy": request.policy,
        "plan_digest": request.plan_digest,
        "public_digests": _pairs(request.public_digests),
        "keyed_digests": _pairs(request.keyed_digests),
        "versions": _pairs(request.versions),
        "revision": request.revision,
    }


def _pairs(pairs: Pairs) -> list[list[str]]:
    return [list(pair) for pair in sorted(pairs)]


def _result(body: Measured | Published) -> dict[str, object]:
    return {
        "release": checked_name("release", body.release),
        "tier": checked_name("tier", body.tier),
        "charge": checked_integer("the charge", body.charge, _SEQUENCES),
        "digest": checked_digest("the result's digest", body.digest),
    }


def _read_account(value: list[Any]) -> Account:
    office, source, year, tier = value
    return Account(office=office, source=source, year=year, tier=tier)


def _read_terms(value: Json) -> Terms:
    amounts = {name: _fraction(value[name]) for name in ("delta", "limit", "reserve")}
    return Terms(unit=value["unit"], **amounts)


def _read_standing(value: Json) -> Standing:
    sums = {name: _fraction(value[name]) for name in ("ordinary", "revisions", "outstanding")}
    calendar = checked_integer("the calendar", value["calendar"], _SEQUENCES)
    return Standing(terms=_read_terms(value), calendar=calendar, **sums)


def _read_loss(value: Json) -> MeasureLoss:
    return MeasureLoss(**{**value, "rho": _fraction(value["rho"])})


def _read_pairs(value: list[list[str]]) -> Pairs:
    return tuple((name, text) for name, text in value)


def _read_request(value: Json) -> ChargeRequest:
    return ChargeRequest(
        release=value["release"],
        account=_read_account(value["account"]),
        terms=_read_terms(value["terms"]),
        measures=tuple(_read_loss(loss) for loss in value["measures"]),
        policy=value["policy"],
        plan_digest=value["plan_digest"],
        public_digests=_read_pairs(value["public_digests"]),
        keyed_digests=_read_pairs(value["keyed_digests"]),
        versions=_read_pairs(value["versions"]),
        revision=value["revision"],
    )


def _opened(value: Json) -> Opened:
    account, standing = _read_account(value["account"]), _read_standing(value["standing"])
    return Opened(account=account, date=value["date"], standing=standing)


def _limit(value: Json) -> Limit:
    account, standing = _read_account(value["account"]), _read_standing(value["standing"])
    return Limit(account=account, date=value["date"], reason=value["reason"], standing=standing)


def _planned(value: Json) -> Planned:
    account, standing = _read_account(value["account"]), _read_standing(value["standing"])
    shares = tuple((release, _fraction(rho)) for release, rho in value["shares"])
    return Planned(account=account, date=value["date"], shares=shares, standing=standing)


def _charged(value: Json) -> Charged:
    return Charged(
        request=_read_request(value), date=value["date"], standing=_read_standing(value["standing"])
    )


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
