"""Where an account stands, and whether a further loss fits: exact arithmetic, no chain and no store.

The one rule: what is committed never exceeds the limit, where

    committed = ordinary charges + planned shares not yet charged + max(reserve, revisions)

so a planned release always fits, a revision uses the reserve first, and nothing else can use either.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from release.errors import OverLimitError
from release.ledger.values import Account, AccountState, Terms
from release.privacy import joint_loss_of_one_line, joint_loss_of_several_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account has committed, in rho: the terms in force and three exact sums.

    `calendar` is the sequence of the entry that declared the calendar in force, 0 when none was declared.
    """

    terms: Terms
    ordinary: Fraction = Fraction(0)
    revisions: Fraction = Fraction(0)
    outstanding: Fraction = Fraction(0)
    calendar: int = 0

    @property
    def committed(self) -> Fraction:
        """What is spent, planned or kept for revisions."""
        return self.ordinary + self.outstanding + max(self.terms.reserve, self.revisions)


def share_of(release: str, shares: tuple[tuple[str, Fraction], ...], done: Container[str]) -> Fraction:
    """Return the planned share that a release still has: 0 when it isn't planned or was charged."""
    return Fraction(0) if release in done else dict(shares).get(release, Fraction(0))


def after_charge(standing: Standing, rho: Fraction, share: Fraction, *, revision: bool) -> Standing:
    """Return the standing after a charge of `rho` by a release whose planned share, not yet charged, is `share`."""
    planned = replace(standing, outstanding=standing.outstanding - share)
    if revision:
        return replace(planned, revisions=planned.revisions + rho)
    return replace(planned, ordinary=planned.ordinary + rho)


def after_plan(standing: Standing, outstanding: Fraction, calendar: int) -> Standing:
    """Return the standing after entry `calendar` declared shares; those not yet charged sum to `outstanding`."""
    return replace(standing, outstanding=outstanding, calendar=calendar)


def after_limit(standing: Standing, limit: Fraction) -> Standing:
    """Return the standing after a new limit."""
    return replace(standing, terms=replace(standing.terms, limit=limit))


def admitted(account: Account, before: Standing, after: Standing, requested: Fraction) -> Standing:
    """Return `after` when it keeps within the limit.

    Raises:
        OverLimitError: What would be committed is more than the limit, by however little.
    """
    if after.committed > after.terms.limit:
        free = requested - (after.committed - after.terms.limit)
        limit = before.terms.limit
        raise OverLimitError(account=str(account), requested=requested, free=free, limit=limit)
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTotal:
    """What several years' accounts of one source and tier add up to (rho), and the years."""

    office: str
    source: str
    tier: str
    unit: str
    years: tuple[int, ...]
    spent: Fraction


def over_years(accounts: tuple[AccountState, ...]) -> tuple[SourceTotal, ...]:
    """Return the exact losses added over years, for each office, source, tier and unit.

    Someone whose records stand in all those years is protected by the sum: zCDP adds (Bun and Steinke 2016,
    lemma 1.7). Epsilon is computed from the sum and never added itself.
    """
    groups: dict[tuple[str, str, str, str], list[AccountState]] = {}
    for state in sorted(accounts, key=lambda state: state.account):
        account = state.account
        groups.setdefault((account.office, account.source, account.tier, state.terms.unit), []).append(state)
    return tuple(
        SourceTotal(
            office=office,
            source=source,
            tier=tier,
            unit=unit,
            years=tuple(state.account.year for state in states),
            spent=sum((state.spent for state in states), Fraction(0)),
        )
        for (office, source, tier, unit), states in sorted(groups.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JointLoss:
    """What two offices' releases of a year together give away of a transaction that stands in the records of both."""

    offices: tuple[str, str]
    year: int
    one_line: Fraction
    several_lines: Fraction


def joint_losses(accounts: Iterable[AccountState]) -> tuple[JointLoss, ...]:
    """Return the joint loss of each pair of offices and accounting year, over all their accounts' uniform tiers."""
    spent: dict[tuple[str, int], Fraction] = {}
    for state in accounts:
        if state.account.tier == "uniform":
            key = (state.account.office, state.account.year)
            spent[key] = spent.get(key, Fraction(0)) + state.spent
    return tuple(
        JointLoss(
            offices=(one, other),
            year=year,
            one_line=joint_loss_of_one_line(rho, spent[other, year]),
            several_lines=joint_loss_of_several_lines(rho, spent[other, year]),
        )
        for (one, year), rho in sorted(spent.items())
        for other in sorted({office for office, _ in spent})
        if one < other and (other, year) in spent
    )
