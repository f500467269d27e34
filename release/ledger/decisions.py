"""The decisions of the ledger, each taken on a chain that its caller holds under the exclusive lock."""

from fractions import Fraction

from release.amounts import written
from release.errors import (
    ChargeMissingError,
    InvalidChargeError,
    ReleaseTakenError,
    SecondResultError,
    TermsError,
)
from release.ledger.bodies import (
    Body,
    Charged,
    Limit,
    Measured,
    Opened,
    Planned,
    Published,
    account_key,
    kind_of,
    read,
    read_account,
    read_charge,
    read_shares,
    write,
)
from release.ledger.charges import charge_difference, follows, new_charge, run_difference, with_result
from release.ledger.entries import Entry, Kind, follow, head_of
from release.ledger.guard import sound
from release.ledger.ports import Reading, Writing
from release.ledger.standing import Standing, admitted, after_charge, after_limit, after_plan, share_of
from release.ledger.values import Account, Charge, ChargeRequest, State, Terms, checked_amount
from release.ledger.wire import Shares, shares_json


def find_charge(chain: Reading, release: str, tier: str) -> Charge | None:
    """Return the charge of a release and tier with what became of it, None when there is none."""
    charge = None
    for entry in chain.of_release(release):
        body = read(sound(chain, entry))
        if isinstance(body, Charged) and body.request.account.tier == tier:
            charge = new_charge(entry, body)
        elif isinstance(body, Measured | Published) and charge is not None and body.charge == charge.sequence:
            charge = with_result(charge, body)
    return charge


def charge_account(chain: Writing, request: ChargeRequest, date: str) -> Charge:
    """Return the charge of this release and tier: the one that stands, or a new one if it fits."""
    charge = find_charge(chain, request.release, request.account.tier)
    if charge is not None:
        _refuse_taken(request, charge.sequence, charge_difference(charge.request, request))
        return charge
    for entry in chain.of_release(request.release):
        if entry.kind == Kind.CHARGED:
            other = read_charge(entry).request
            _refuse_taken(request, entry.sequence, run_difference(other, request))
    return _new_charge(chain, request, date)


def open_account(chain: Writing, account: Account, terms: Terms, date: str) -> Standing:
    """Return where an account stands, which is opened with `terms` unless it was; other terms are refused."""
    standing = _standing(chain, account)
    if standing is None:
        standing = Standing(terms=terms)
        _append(chain, Opened(account=account, date=date, standing=standing))
    _refuse_terms(account, standing.terms, terms)
    return standing


def raise_account(
    chain: Writing, account: Account, limit: Fraction, *, reason: str, decided_by: str | None, date: str
) -> None:
    """Raise an account's limit; the same limit again, as after a lost answer, changes nothing."""
    standing = _opened_standing(chain, account)
    if checked_amount("the limit", limit) < standing.terms.limit:
        fixed = written(standing.terms.limit)
        raise TermsError(account=str(account), term="limit", asked=written(limit), fixed=fixed)
    if limit > standing.terms.limit:
        raised = after_limit(standing, limit)
        _append(chain, Limit(account=account, date=date, reason=reason, standing=raised, decided_by=decided_by))


def declare(chain: Writing, account: Account, shares: Shares, date: str, terms: Terms | None) -> None:
    """Declare an account's calendar, if what isn't charged of it fits; the same calendar again changes nothing."""
    shares_json(shares)
    before = _opened_standing(chain, account) if terms is None else open_account(chain, account, terms, date)
    if _calendar(chain, before) == shares:
        return
    uncharged = [rho for release, rho in shares if find_charge(chain, release, account.tier) is None]
    total = sum(uncharged, Fraction(0))
    after = after_plan(before, total, head_of(chain.last()).sequence + 1)
    admitted(account, before, after, total)
    _append(chain, Planned(account=account, date=date, shares=shares, standing=after))


def record_result(chain: Writing, kind: Kind, release: str, tier: str, digest: str) -> Charge:
    """Return the charge with its noisy result or its publication recorded; the same digest again changes nothing."""
    charge = find_charge(chain, release, tier)
    needed = State.CHARGED if kind is Kind.MEASURED else State.MEASURED
    if charge is None:
        raise ChargeMissingError(release=release, tier=tier, needed=needed)
    recorded = charge.measurement_digest if kind is Kind.MEASURED else charge.bundle_digest
    if recorded is not None:
        _refuse_second(charge, kind, recorded, digest)
        return charge
    result = Measured if kind is Kind.MEASURED else Published
    body = result(release=release, tier=tier, charge=charge.sequence, digest=digest)
    if not follows(charge, body):
        raise ChargeMissingError(release=release, tier=tier, needed=needed)
    _append(chain, body)
    return with_result(charge, body)


def _new_charge(chain: Writing, request: ChargeRequest, date: str) -> Charge:
    account = request.account
    before = open_account(chain, account, request.terms, date)
    share = share_of(request.release, _calendar(chain, before), ())
    after = after_charge(before, request.rho, share, revision=request.revision)
    body = Charged(request=request, date=date, standing=admitted(account, before, after, request.rho))
    return new_charge(_append(chain, body), body)


def _append(chain: Writing, body: Body) -> Entry:
    entry = follow(head_of(chain.last()), kind_of(body), write(body))
    chain.append(entry)
    return entry


def _standing(chain: Reading, account: Account) -> Standing | None:
    entry = chain.last_of_account(account_key(account))
    return None if entry is None else read_account(sound(chain, entry)).standing


def _opened_standing(chain: Reading, account: Account) -> Standing:
    standing = _standing(chain, account)
    if standing is None:
        raise InvalidChargeError(f"{account} was never opened")
    return standing


def _calendar(chain: Reading, standing: Standing) -> Shares:
    entry = chain.entry(standing.calendar)
    return () if entry is None else read_shares(sound(chain, entry))


def _refuse_terms(account: Account, fixed: Terms, asked: Terms) -> None:
    for term in ("unit", "delta", "limit", "reserve"):
        one, other = (_term(terms, term) for terms in (fixed, asked))
        if one != other:
            raise TermsError(account=str(account), term=term, asked=other, fixed=one)


def _term(terms: Terms, name: str) -> str:
    told = getattr(terms, name)
    return told if isinstance(told, str) else written(told)


def _refuse_taken(request: ChargeRequest, sequence: int, differs: str | None) -> None:
    if differs is not None:
        raise ReleaseTakenError(release=request.release, sequence=sequence, differs=differs)


def _refuse_second(charge: Charge, kind: Kind, recorded: str, offered: str) -> None:
    if recorded != offered:
        raise SecondResultError(
            release=charge.request.release,
            tier=charge.request.account.tier,
            state=kind,
            recorded=recorded,
            offered=offered,
        )
