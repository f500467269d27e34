"""Where each account of the offices stands, from their statements: amounts exact, epsilon at the account's delta."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from dashboard.figures import rho
from dashboard.losses import epsilon
from dashboard.sources import Published, Stated
from release.bundle.verification import Bundle
from release.ledger.standing import JointLoss, joint_losses
from release.ledger.values import Account, AccountState, Charge
from release.privacy import parse_delta, parse_rho, presence_advantage
from release.wording import decimals_up, one_in, points_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One charge, or one release still to come, with what the account has spent after it."""

    release: str
    date: str
    rho: Fraction
    after: Fraction
    state: str


def accounts(statements: Iterable[Stated]) -> tuple[AccountState, ...]:
    """Return all accounts of the statements, by office, year, source and tier."""
    states = [state for stated in statements for state in stated.accounts]
    return tuple(sorted(states, key=lambda state: state.account))


def steps(state: AccountState, charges: Iterable[Charge]) -> tuple[Step, ...]:
    """Return an account's charges in order and then what is planned, with the cumulative loss after each."""
    after = Fraction(0)
    found = []
    for charge in charges:
        if charge.request.account == state.account:
            after += charge.request.rho
            told = "charged, not released" if charge.state == "charged" else str(charge.state)
            found.append(
                Step(release=charge.request.release, date=charge.date, rho=charge.request.rho, after=after, state=told)
            )
    for share in state.planned:
        if not share.charged:
            after += share.rho
            found.append(Step(release=share.release, date="", rho=share.rho, after=after, state="planned"))
    return tuple(found)


def used(spent: Fraction, limit: Fraction) -> str:
    """Return the part of a limit that is spent, rounded up to a per cent."""
    return f"{math.ceil(100 * spent / limit)} %"


def meanings(found: Published) -> tuple[str, ...]:
    """Return for each office's fullest account what its spent loss means for whom it holds.

    With a tier for large traders the loss is that of traders within the bound; others have more.
    """
    told = []
    for office in found.offices:
        own = [one for one in accounts(found.statements) if one.account.office == office]
        uniform = [one for one in own if one.account.tier == "uniform"]
        most = max(uniform, key=lambda one: one.spent, default=None)
        tiered = any(one.account.tier != "uniform" and one.spent > 0 for one in own)
        whose = "the records of a trader within the bound" if tiered else "a trader's records"
        if most is not None and most.spent > 0:
            told.append(
                f"{office}, {most.account.year}: by all that is charged so far (rho {rho(most.spent)}, epsilon"
                f" {decimals_up(epsilon(most.spent, most.terms.delta))} at delta {one_in(most.terms.delta)}), whether"
                f" {whose} were used can be guessed at most {points_up(presence_advantage(most.spent))}"
                " percentage points better than by chance."
            )
    return tuple(told)


def kept(state: AccountState) -> Fraction:
    """Return what of an account's remainder is kept for corrections."""
    return max(state.terms.reserve - state.revisions, Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a year of a draft's releases would take from one account.

    Attributes:
        tier: `uniform` or `large-trader`.
        year: the accounting year.
        each: the loss of one release.
        releases: how many the year has.
        limit: of the year.
        spent: what is spent of it already.
        kept: what of the rest is kept for corrections; None where no statement tells.
    """

    tier: str
    year: int
    each: Fraction
    releases: int
    limit: Fraction
    spent: Fraction
    kept: Fraction | None

    @property
    def all(self) -> Fraction:
        """The loss of all releases of the year."""
        return self.each * self.releases

    @property
    def left(self) -> Fraction:
        """What they leave of the limit; below 0 where they don't fit."""
        return self.limit - self.spent - self.all

    @property
    def fits(self) -> bool:
        """Whether they fit without what is kept for corrections."""
        return self.left >= (self.kept or 0)

    @property
    def largest(self) -> Fraction:
        """The most that each release could cost, so that all fit; not above 0 where none does."""
        return (self.limit - self.spent - (self.kept or 0)) / self.releases


def cost(each: Fraction, releases: int, account: Account, limit: Fraction, stated: Stated | None) -> Cost:
    """Return what releases would take from an account of a year to come.

    Its limit is the one that its statement tells, else that of the newest earlier year; `limit` where none is told.
    """
    states = () if stated is None else stated.accounts
    own = [state for state in states if (state.account.source, state.account.tier) == (account.source, account.tier)]
    newest = max(own, key=lambda state: state.account.year, default=None)
    opened = newest is not None and newest.account.year >= account.year
    return Cost(
        tier=account.tier,
        year=account.year,
        each=each,
        releases=releases,
        limit=limit if newest is None else newest.terms.limit,
        spent=newest.spent if newest is not None and opened else Fraction(0),
        kept=None if newest is None else kept(newest) if opened else newest.terms.reserve,
    )


def published_epsilons(bundles: Iterable[Bundle]) -> dict[tuple[Fraction, Fraction], float]:
    """Return epsilon by (rho, delta) as the bundles state it, computed by OpenDP at the office."""
    return {
        (parse_rho(bundle.charge["rho"]), parse_delta(bundle.charge["delta"])): float(bundle.charge["epsilon"])
        for bundle in bundles
    }


def epsilon_of(rho: Fraction, delta: Fraction, known: dict[tuple[Fraction, Fraction], float]) -> float:
    """Return epsilon at delta of a loss: the published one where there is one, else this program's upper bound."""
    return known.get((rho, delta)) or epsilon(rho, delta)


def joint(found: Published) -> tuple[JointLoss, ...]:
    """Return the joint loss of each pair of offices and accounting year, over all their accounts' uniform tiers."""
    return joint_losses(accounts(found.statements))
