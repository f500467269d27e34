"""The chain read from its first entry: what it amounts to, and every entry that breaks a rule.

The full audit of a ledger or of a published statement. It trusts nothing stored: links, hashes, sums,
standings and limits are all recomputed. After a fault it goes on with what the faulty entry says, so that one
fault is told once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from release.errors import DamagedLedgerError
from release.ledger.bodies import (
    AccountBody,
    Body,
    Charged,
    Limit,
    Measured,
    Opened,
    Planned,
    Published,
    account_of,
    read,
)
from release.ledger.charges import follows, new_charge, run_difference, with_result
from release.ledger.entries import EMPTY, Entry, Head, head_of, link_fault
from release.ledger.findings import Finding, at_entry
from release.ledger.standing import Standing, after_charge, after_limit, after_plan, share_of
from release.ledger.values import Account, AccountState, Charge, ChargeRequest, PlannedShare, RaisedLimit
from release.ledger.wire import Shares

Key = tuple[str, str]


@dataclass(slots=True)
class Replay:
    """What was read so far: each account's standing, calendar and history, every charge, the head, the findings."""

    head: Head = EMPTY
    standings: dict[Account, Standing] = field(default_factory=dict)
    calendars: dict[Account, Shares] = field(default_factory=dict)
    raised: dict[Account, list[RaisedLimit]] = field(default_factory=dict)
    releases: dict[Account, set[str]] = field(default_factory=dict)
    first: dict[str, ChargeRequest] = field(default_factory=dict)
    charges: dict[Key, Charge] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    first_fault: int = 0

    def fault(self, sequence: int, code: str, message: str) -> None:
        """Note that an entry breaks a rule."""
        if not self.findings:
            self.first_fault = sequence
        self.findings.append(at_entry(code, sequence, message))


def replay(entries: Iterable[Entry]) -> Replay:
    """Return what a chain amounts to, with every fault found in it, in order.

    A store that can't read an entry ends the replay there, with a finding.
    """
    seen = Replay()
    try:
        for entry in entries:
            _read_on(seen, entry)
    except DamagedLedgerError as damaged:
        seen.fault(damaged.sequence, "store", damaged.reason)
    return seen


def _read_on(seen: Replay, entry: Entry) -> None:
    broken = link_fault(seen.head, entry)
    if broken is not None:
        seen.fault(entry.sequence, "chain", broken)
    try:
        _apply(seen, entry, read(entry))
    except DamagedLedgerError as damaged:
        seen.fault(entry.sequence, "body", damaged.reason)
    seen.head = head_of(entry)


def account_states(seen: Replay) -> tuple[AccountState, ...]:
    """Return every account as it stands after the replay, sorted."""
    return tuple(_state(seen, account) for account in sorted(seen.standings))


def _state(seen: Replay, account: Account) -> AccountState:
    standing = seen.standings[account]
    done = seen.releases.get(account, set())
    shares = seen.calendars.get(account, ())
    return AccountState(
        account=account,
        terms=standing.terms,
        ordinary=standing.ordinary,
        revisions=standing.revisions,
        outstanding=standing.outstanding,
        planned=tuple(PlannedShare(release=name, rho=rho, charged=name in done) for name, rho in shares),
        raised=tuple(seen.raised.get(account, ())),
        charges=len(done),
    )


def _apply(seen: Replay, entry: Entry, body: Body) -> None:
    if isinstance(body, Measured | Published):
        _apply_result(seen, entry, body)
        return
    account = account_of(body)
    before = seen.standings.get(account)
    if (before is None) != isinstance(body, Opened):
        seen.fault(entry.sequence, "account", f"{account} is opened twice, or used before it was opened")
    after = _after(seen, entry, body, before or body.standing)
    if after != body.standing:
        seen.fault(entry.sequence, "standing", f"{account} doesn't stand where this entry says")
    elif after.committed > after.terms.limit:
        seen.fault(entry.sequence, "limit", f"{account} has committed more than its limit")
    seen.standings[account] = body.standing


def _apply_result(seen: Replay, entry: Entry, body: Measured | Published) -> None:
    key = (body.release, body.tier)
    charge = seen.charges.get(key)
    if charge is None or charge.sequence != body.charge:
        seen.fault(entry.sequence, "state", f"release {body.release}, tier {body.tier}, has no such charge")
    elif not follows(charge, body):
        seen.fault(
            entry.sequence,
            "state",
            f"release {body.release}, tier {body.tier}, can't be that after {charge.state}",
        )
    else:
        seen.charges[key] = with_result(charge, body)


def _after(seen: Replay, entry: Entry, body: AccountBody, before: Standing) -> Standing:
    match body:
        case Opened():
            return Standing(terms=body.standing.terms)
        case Limit():
            return _after_limit(seen, entry, body, before)
        case Planned():
            done = seen.releases.get(body.account, set())
            seen.calendars[body.account] = body.shares
            uncharged = (rho for release, rho in body.shares if release not in done)
            return after_plan(before, sum(uncharged, Fraction(0)), entry.sequence)
        case _:
            return _after_charge(seen, entry, body, before)


def _after_limit(seen: Replay, entry: Entry, body: Limit, before: Standing) -> Standing:
    limit = body.standing.terms.limit
    if limit <= before.terms.limit:
        seen.fault(entry.sequence, "limit", "a limit may only rise")
    rise = RaisedLimit(
        sequence=entry.sequence,
        date=body.date,
        before=before.terms.limit,
        limit=limit,
        spent=before.ordinary + before.revisions,
        reason=body.reason,
        decided_by=body.decided_by,
    )
    seen.raised.setdefault(body.account, []).append(rise)
    return after_limit(before, limit)


def _after_charge(seen: Replay, entry: Entry, body: Charged, before: Standing) -> Standing:
    request = body.request
    if request.terms != before.terms:
        seen.fault(entry.sequence, "terms", "the charge names other terms than its account has")
    done = seen.releases.setdefault(request.account, set())
    first = seen.first.setdefault(request.release, request)
    if request.release in done or run_difference(first, request) is not None:
        seen.fault(entry.sequence, "release", f"release {request.release} was charged already")
    share = share_of(request.release, seen.calendars.get(request.account, ()), done)
    done.add(request.release)
    seen.charges[request.release, request.account.tier] = new_charge(entry, body)
    return after_charge(before, request.rho, share, revision=request.revision)
