"""What a draft would cost beside what is left, in each account that it would be charged to."""

import math
from fractions import Fraction

import streamlit as st

from dashboard import figures, markup
from dashboard.budgets import Cost, cost, kept
from dashboard.sources import Published, Stated, office_of
from release.bundle.verification import Bundle
from release.ledger.values import Account, AccountState
from release.plan import ReleasePlan
from release.privacy import parse_amount, parse_rho

_TIERS = {"uniform": "All traders", "large-trader": "Large traders, at most"}
_LARGEST_LIMIT = Fraction(10**9)
_STEPS = 1000


def show(plan: ReleasePlan, releases: int, bundle: Bundle, found: Published) -> None:
    """Write the cost of a year's releases beside its limits, and what is left of the year before."""
    stated = found.stated(office_of(bundle))
    costs = _costs(plan, releases, bundle, stated)
    st.subheader("What it costs, and what is left", anchor=False)
    st.html(markup.paragraph(_fit(costs[0], f"{office_of(bundle)}'s limit of rho"), "" if costs[0].fits else "note"))
    for one in costs[1:]:
        if not one.fits:
            told = _fit(one, "their limit of rho")
            st.html(markup.paragraph(f"The account of large traders: {told[0].lower()}{told[1:]}", "note"))
    columns = (f"Account of {costs[0].year}", "One release", *_all_of(releases), "Limit", "Spent so far", "Left after")
    columns += ("of it kept for corrections",)
    rows = [
        (
            _TIERS[one.tier],
            figures.rho(one.each),
            *((figures.rho(one.all),) if releases > 1 else ()),
            figures.budget(one.limit),
            figures.rho(one.spent),
            _signed(one.left),
            "not told" if one.kept is None else figures.budget(one.kept),
        )
        for one in costs
    ]
    st.html(markup.table("Loss in rho, exact", columns, rows, numbers=columns[1:]))
    st.html(markup.paragraph(_this_year(bundle, stated), "quiet"))


def _costs(plan: ReleasePlan, releases: int, bundle: Bundle, stated: Stated | None) -> list[Cost]:
    def account(tier: str) -> Account:
        return Account(office=office_of(bundle), source=plan.release.source.name, year=plan.release.year, tier=tier)

    costs = [
        cost(
            plan.rho,
            releases,
            account("uniform"),
            parse_rho(bundle.charge["limit"]),
            stated,
        )
    ]
    if plan.excess_rho:
        limit = parse_amount(bundle.charge["large_traders"]["limit"], low=Fraction(0), high=_LARGEST_LIMIT)
        costs.append(cost(plan.excess_rho, releases, account("large-trader"), limit, stated))
    return costs


def _all_of(releases: int) -> tuple[str, ...]:
    return (f"All {releases} of the year",) if releases > 1 else ()


def _fit(one: Cost, limit: str) -> str:
    """Return whether a year's releases fit, and what would where they don't."""
    taken = (
        f"{one.releases} releases take {figures.rho(one.all)}"
        if one.releases > 1
        else f"it takes {figures.rho(one.all)}"
    )
    less = f", of which {figures.budget(one.kept)} is kept for corrections" if one.kept else ""
    spent = f" and {figures.rho(one.spent)} is spent already" if one.spent else ""
    told = f"{limit} for a year is {figures.budget(one.limit)}{less}{spent}"
    if one.fits:
        return (
            f"It fits: {taken}; {told}. {figures.budget(one.left - (one.kept or 0))} would be left for other releases."
        )
    most = Fraction(math.floor(one.largest * _STEPS), _STEPS)
    instead = f" At most {figures.budget(most)} for each would fit." if most > 0 else ""
    return f"It does NOT fit: {taken}; {told}.{instead}"


def _signed(left: Fraction) -> str:
    return figures.budget(left) if left >= 0 else f"{figures.rho(-left)} too little"


def _this_year(bundle: Bundle, stated: Stated | None) -> str:
    """Return what is left of the last release's own year."""
    if stated is None:
        return "No ledger statement of this office was found, so what is spent and kept for corrections isn't known."
    own = bundle.charge["account"]
    state = next(
        (
            one
            for one in stated.accounts
            if (one.account.source, one.account.year, one.account.tier) == (own["source"], own["year"], "uniform")
        ),
        None,
    )
    carried = "A year's remainder isn't carried over; the limit of the year to come is taken to be the last one."
    return carried if state is None else f"{_left(state)} {carried}"


def _left(state: AccountState) -> str:
    return (
        f"Of {state.account.year}'s limit of {figures.budget(state.terms.limit)}, {figures.budget(state.remaining)} is"
        f" left, {figures.budget(kept(state))} of it kept for corrections."
    )
