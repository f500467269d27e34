"""Where each account of the offices stands, from their statements: amounts exact, epsilon at the account's delta."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from dashboard.losses import epsilon
from dashboard.sources import Published, Stated
from release.bundle.verification import Bundle
from release.ledger.values import AccountState, Charge
from release.privacy import joint_loss_of_one_line, joint_loss_of_several_lines, parse_delta, parse_rho


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One charge, or one release still to come, with what the account has spent after it."""

    release: str
    date: str
    rho: Fraction
    after: Fraction
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """What two offices' releases together give away of a transaction that stands in the records of both."""

    offices: tuple[str, str]
    year: int
    one_line: Fraction
    several_lines: Fraction


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


def published_epsilons(bundles: Iterable[Bundle]) -> dict[tuple[Fraction, Fraction], float]:
    """Return epsilon by (rho, delta) as the bundles state it, computed by OpenDP at the office."""
    return {
        (parse_rho(bundle.charge["rho"]), parse_delta(bundle.charge["delta"])): float(bundle.charge["epsilon"])
        for bundle in bundles
    }


def epsilon_of(rho: Fraction, delta: Fraction, known: dict[tuple[Fraction, Fraction], float]) -> float:
    """Return epsilon at delta of a loss: the published one where there is one, else this program's upper bound."""
    return known.get((rho, delta)) or epsilon(rho, delta)


def joint(found: Published) -> tuple[Joint, ...]:
    """Return the joint loss of each pair of offices and accounting year, over all their accounts' uniform tiers."""
    spent: dict[tuple[str, int], Fraction] = {}
    for state in accounts(found.statements):
        if state.account.tier == "uniform":
            key = (state.account.office, state.account.year)
            spent[key] = spent.get(key, Fraction(0)) + state.spent
    return tuple(
        Joint(
            offices=(one, other),
            year=year,
            one_line=joint_loss_of_one_line(rho, spent[other, year]),
            several_lines=joint_loss_of_several_lines(rho, spent[other, year]),
        )
        for (one, year), rho in sorted(spent.items())
        for other in sorted({office for office, _ in spent})
        if one < other and (other, year) in spent
    )
