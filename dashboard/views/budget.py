"""How much of each office's privacy budget is gone, what it bought, and what is left."""

from fractions import Fraction

import pandas as pd
import streamlit as st

from dashboard import budgets, charts, figures, markup, names
from dashboard.views.page import Page, has_bundles, heading
from release.ledger.values import AccountState
from release.wording import count, decimals_up, one_in

UNIFORM = "uniform"
Epsilons = dict[tuple[Fraction, Fraction], float]
_LARGE = (
    "The large-trader tier releases what the bound took off very large traders, under an account of its own. Its loss"
    " is a ceiling on what any trader's can add; traders within the bound lose nothing there, and the largest have no"
    " useful protection."
)


def show(page: Page) -> None:
    """Write the page."""
    heading("How much privacy budget is left?", page)
    if not page.published.statements and not has_bundles(page):
        return
    states = budgets.accounts(page.published.statements)
    if not states:
        st.html(markup.paragraph("No ledger statement was found, so no budget can be shown.", "lead"))
        st.html(markup.paragraph("An office's statement stands beside its folder of bundles, as NLD.statement.json."))
        return
    uniform = tuple(state for state in states if state.account.tier == UNIFORM)
    large = tuple(state for state in states if state.account.tier != UNIFORM)
    known = budgets.published_epsilons(page.published.bundles)
    if uniform:
        _lead(uniform)
        _accounts(uniform, known)
        st.subheader("Release by release", anchor=False)
        _releases(page, uniform, known)
        _joint(page)
    if large:
        st.subheader("Large traders, in accounts of their own", anchor=False)
        st.html(markup.paragraph(_LARGE, "note"))
        _large_accounts(large)
        _releases(page, large, known)
    _without(page)


def _lead(states: tuple[AccountState, ...]) -> None:
    fullest = max(states, key=lambda state: state.spent / state.terms.limit)
    part = budgets.used(fullest.spent, fullest.terms.limit)
    many = f"{count(len(states))} {'account' if len(states) == 1 else 'accounts'}"
    st.html(
        markup.paragraph(
            f"Of {many}, the fullest is that of {names.office(fullest.account.office)} for {fullest.account.year}:"
            f" {part} of its limit is spent, and {figures.budget(fullest.remaining)} of"
            f" {figures.budget(fullest.terms.limit)} is left{_kept(fullest)}.",
            "lead",
        )
    )
    st.html(
        markup.paragraph(
            "Every release gives a little away about each trader. The loss (rho) adds up over a year and never comes"
            " back; an office stops when its limit is reached. The page Plan tells what a next release would take.",
            "quiet",
        )
    )


def _kept(state: AccountState) -> str:
    reserve = budgets.kept(state)
    return f", {figures.budget(reserve)} of it kept for corrections" if reserve else ""


def _name(state: AccountState) -> str:
    return f"{state.account.office} {state.account.year}, {state.account.source}"


def _accounts(states: tuple[AccountState, ...], known: Epsilons) -> None:
    columns = (
        "Account",
        "Used",
        "Spent rho",
        "Limit",
        "Left",
        "of it kept for corrections",
        "Epsilon",
        "A trader’s volume, at best",
    )
    rows = [
        (
            _name(state),
            _share(state.spent, state),
            figures.rho(state.spent),
            figures.budget(state.terms.limit),
            figures.budget(state.remaining),
            figures.budget(budgets.kept(state)),
            _epsilon(state.spent, state, known),
            figures.best_estimate(state.spent),
        )
        for state in states
    ]
    deltas = sorted({state.terms.delta for state in states})
    chance = " or ".join(one_in(delta) for delta in deltas)
    caption = f"Accounts by office and accounting year; epsilon at a delta of {chance}"
    st.html(markup.table(caption, columns, rows, numbers=columns[2:7], short=("Used",)))
    spent = max(state.spent for state in states)
    if spent:
        st.html(markup.paragraph(_meaning(spent), "quiet"))
    for state in states:
        _raises(state)


def _large_accounts(states: tuple[AccountState, ...]) -> None:
    columns = ("Account", "Used", "Spent rho, at most", "Limit", "Left")
    rows = [
        (
            _name(state),
            _share(state.spent, state),
            figures.rho(state.spent),
            figures.budget(state.terms.limit),
            figures.budget(state.remaining),
        )
        for state in states
    ]
    caption = "Accounts of the large-trader tier; its rho isn't comparable with that above, and no epsilon describes it"
    st.html(markup.table(caption, columns, rows, numbers=columns[2:], short=("Used",)))
    for state in states:
        _raises(state)


def _epsilon(spent: Fraction, state: AccountState, known: Epsilons) -> str:
    """Return epsilon of a loss at the account's delta."""
    return decimals_up(budgets.epsilon_of(spent, state.terms.delta, known)) if spent else "0"


def _share(spent: Fraction, state: AccountState) -> markup.Share:
    limit = state.terms.limit
    return markup.Share(part=float(spent / limit), words=budgets.used(spent, limit))


def _raises(state: AccountState) -> None:
    """Write every raise of an account's limit."""
    for raised in state.raised:
        told = f"{_name(state)}: the limit was raised to {figures.budget(raised.limit)} on {raised.date}."
        st.html(markup.paragraph(f"{told} Reason: {raised.reason}", "note"))


def _releases(page: Page, states: tuple[AccountState, ...], known: Epsilons) -> None:
    _chart(page, states)
    _steps(page, states, known)


def _chart(page: Page, states: tuple[AccountState, ...]) -> None:
    rows = [
        {
            "account": _name(state),
            "release": step.release,
            "start": float((step.after - step.rho) / state.terms.limit),
            "end": float(step.after / state.terms.limit),
            "kind": "planned" if step.state == "planned" else "charged",
            "words": figures.rho(step.rho),
        }
        for state in states
        for step in _of(page, state)
    ]
    if rows:
        st.altair_chart(
            charts.spent(pd.DataFrame(rows), [_name(state) for state in states]),
            width="stretch",
            alt="Loss of each account by release, in parts of its limit; the table below holds the same figures.",
        )


def _of(page: Page, state: AccountState) -> tuple[budgets.Step, ...]:
    stated = page.published.stated(state.account.office)
    return budgets.steps(state, stated.charges if stated else ())


def _steps(page: Page, states: tuple[AccountState, ...], known: Epsilons) -> None:
    epsilons = ("Epsilon after it",) if states[0].account.tier == UNIFORM else ()
    columns = ("Account", "Release", "Date", "State", "Costs rho", "Spent after it", "Of the limit", *epsilons)
    rows = [
        (
            _name(state),
            step.release,
            step.date or "to come",
            step.state,
            figures.rho(step.rho),
            figures.rho(step.after),
            _share(step.after, state),
            *((_epsilon(step.after, state, known),) if state.account.tier == UNIFORM else ()),
        )
        for state in states
        for step in _of(page, state)
    ]
    if rows:
        doubt = "; epsilon doesn't add up, it follows from the summed rho" if epsilons else ""
        caption = f"Releases in order, with what is planned{doubt}"
        numbers = (*columns[4:6], *epsilons)
        st.html(markup.table(caption, columns, rows, numbers=numbers, short=("Date", "State", "Of the limit")))


def _meaning(spent: Fraction) -> str:
    """Return the sentence with p about a trader within the bound."""
    return (
        "For a trader within the bound: someone who knows every other declaration and the mix of this trader's, and"
        " nothing else, can estimate its volume from all releases of the fullest account at best"
        f" {figures.best_estimate(spent)} (95 %)."
    )


def _joint(page: Page) -> None:
    pairs = budgets.joint(page.published)
    if not pairs:
        return
    st.subheader("One transaction in two offices' records", anchor=False)
    columns = ("Offices", "Year", "One declaration line: rho at most", "Several lines: rho at most")
    rows = [
        (
            f"{one.offices[0]} and {one.offices[1]}",
            str(one.year),
            figures.rho(one.one_line),
            figures.rho(one.several_lines),
        )
        for one in pairs
    ]
    caption = (
        "A shipment is an export of one country and an import of another; the losses about it add up. Nothing is said"
        " here of shipments of large traders"
    )
    st.html(markup.table(caption, columns, rows, numbers=columns[2:4]))


def _without(page: Page) -> None:
    missing = [office for office in page.published.offices if page.published.stated(office) is None]
    if missing:
        listed = ", ".join(names.office(office) for office in missing)
        st.html(
            markup.paragraph(f"No ledger statement was found of {listed}: what they spent isn't known here.", "note")
        )
