"""Where each account of the offices stands, from their statements: amounts exact, epsilon at the account's delta."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from dashboard.losses import epsilon
from dashboard.sources import Published, Stated
from release.bundle.verification import Bundle
from release.ledger.standing import JointLoss, joint_losses
from release.ledger.values import AccountState, Charge
from release.privacy import parse_delta, parse_rho


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
