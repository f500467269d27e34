"""How values are written as JSON and read back: amounts as text in lowest terms, named texts as sorted pairs.

Reading refuses, with whatever error comes first, what isn't of the form; `bodies` turns that into one refusal.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from release.errors import InvalidChargeError
from release.ledger.standing import Standing
from release.ledger.values import (
    Account,
    ChargeRequest,
    MeasureLoss,
    Pairs,
    Terms,
    checked_amount,
    checked_integer,
    checked_loss,
    checked_name,
)

Json = Mapping[str, Any]
Shares = tuple[tuple[str, Fraction], ...]
SEQUENCES = range(2**62)
_AMOUNT = re.compile(r"[0-9]+(?:/[0-9]+)?")
_LONGEST_REASON = 500


def account_json(account: Account) -> list[object]:
    """Return the JSON of an account: office, source, year, tier in a list."""
    return [account.office, account.source, account.year, account.tier]


def _amount_json(amount: Fraction) -> str:
    return str(checked_amount("an amount", amount))


def amount_from(text: str) -> Fraction:
    """Return an amount from its text."""
    if not _AMOUNT.fullmatch(text):
        raise InvalidChargeError("an amount isn't one")
    return Fraction(text)


def reason_json(reason: str) -> str:
    """Return a reason that has 1 to 500 printable characters."""
    if not 1 <= len(reason.strip()) <= len(reason) <= _LONGEST_REASON or not reason.isprintable():
        raise InvalidChargeError("a reason has 1 to 500 printable characters")
    return reason


def shares_json(shares: Shares) -> list[list[str]]:
    """Return the JSON of a calendar, which names each release once."""
    if len({release for release, _ in shares}) < len(shares):
        raise InvalidChargeError("a calendar names each release once")
    return [[checked_name("release", release), str(checked_loss("a share", rho))] for release, rho in shares]


def _terms_json(terms: Terms) -> dict[str, object]:
    return {
        "unit": terms.unit,
        "delta": _amount_json(terms.delta),
        "limit": _amount_json(terms.limit),
        "reserve": _amount_json(terms.reserve),
    }


def standing_json(standing: Standing) -> dict[str, object]:
    """Return the JSON of an account's terms and sums."""
    return {
        **_terms_json(standing.terms),
        "ordinary": _amount_json(standing.ordinary),
        "revisions": _amount_json(standing.revisions),
        "outstanding": _amount_json(standing.outstanding),
        "calendar": standing.calendar,
    }


def _loss_json(loss: MeasureLoss) -> dict[str, object]:
    return {
        "measure": loss.measure,
        "mechanism": loss.mechanism,
        "sensitivity": loss.sensitivity,
        "grid_bits": loss.grid_bits,
        "scales_digest": loss.scales_digest,
        "rho": _amount_json(loss.rho),
    }


def request_json(request: ChargeRequest) -> dict[str, object]:
    """Return the JSON of a request, with its exact sum of losses."""
    return {
        "release": request.release,
        "account": account_json(request.account),
        "terms": _terms_json(request.terms),
        "measures": [_loss_json(loss) for loss in request.measures],
        "rho": _amount_json(request.rho),
        "policy": request.policy,
        "plan_digest": request.plan_digest,
        "public_digests": _pairs_json(request.public_digests),
        "keyed_digests": _pairs_json(request.keyed_digests),
        "versions": _pairs_json(request.versions),
        "revision": request.revision,
    }


def _pairs_json(pairs: Pairs) -> list[list[str]]:
    return [list(pair) for pair in sorted(pairs)]


def account_from(value: list[Any]) -> Account:
    """Return an account from its JSON."""
    office, source, year, tier = value
    return Account(office=office, source=source, year=year, tier=tier)


def _terms_from(value: Json) -> Terms:
    amounts = {name: amount_from(value[name]) for name in ("delta", "limit", "reserve")}
    return Terms(unit=value["unit"], **amounts)


def standing_from(value: Json) -> Standing:
    """Return an account's terms and sums from their JSON."""
    sums = {name: amount_from(value[name]) for name in ("ordinary", "revisions", "outstanding")}
    calendar = checked_integer("the calendar", value["calendar"], SEQUENCES)
    return Standing(terms=_terms_from(value), calendar=calendar, **sums)


def _loss_from(value: Json) -> MeasureLoss:
    return MeasureLoss(**{**value, "rho": amount_from(value["rho"])})


def _pairs_from(value: list[list[str]]) -> Pairs:
    return tuple((name, text) for name, text in value)


def request_from(value: Json) -> ChargeRequest:
    """Return a request from its JSON."""
    return ChargeRequest(
        release=value["release"],
        account=account_from(value["account"]),
        terms=_terms_from(value["terms"]),
        measures=tuple(_loss_from(loss) for loss in value["measures"]),
        policy=value["policy"],
        plan_digest=value["plan_digest"],
        public_digests=_pairs_from(value["public_digests"]),
        keyed_digests=_pairs_from(value["keyed_digests"]),
        versions=_pairs_from(value["versions"]),
        revision=value["revision"],
    )
