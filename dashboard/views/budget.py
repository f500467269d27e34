"""How much of each office's privacy budget is gone, what it bought, and what is left."""

from fractions import Fraction

import pandas as pd
import streamlit as st

from dashboard import budgets, charts, figures, markup, names
from dashboard.sources import Stated
from dashboard.views.page import Page, has_bundles, heading
from release.ledger.values import AccountState
from release.privacy import volume_interval_percent
from release.wording import count


def show(page: Page) -> None:
    """Write the page."""
    heading("How much privacy budget is left?", page)
    if not page.published.statements and not has_bundles(page):
        return
    states = budgets.accounts(page.published.statements)
    if not states:
        st.html(markup.paragraph("No ledger statement was found, so no budget can be shown.", "lead"))
        st.html(markup.paragraph("An office's statement is the file statement.json beside its bundles."))
        return
    _lead(states)
    _chart(page, states)
    known = budgets.published_epsilons(page.published.bundles)
    for stated in page.published.statements:
        for state in stated.accounts:
            _account(stated, state, known)
    _joint(page)
    _without(page)


def _lead(states: tuple[AccountState, ...]) -> None:
    fullest = max(states, key=lambda state: state.spent / state.terms.limit)
    part = round(100 * fullest.spent / fullest.terms.limit)
    many = f"{count(len(states))} {'account' if len(states) == 1 else 'accounts'}"
    st.html(
        markup.paragraph(
            f"Of {many}, the fullest is that of {names.office(fullest.account.office)} for {fullest.account.year}:"
            f" {part} % of its limit is spent, and {figures.rho(fullest.remaining)} of {figures.rho(fullest.terms.limit)}"
            " is left.",
            "lead",
        )
    )
    st.html(
        markup.paragraph(
            "Every release gives a little away about each trader. The loss (rho) adds up over a year and never comes"
            " back; an office stops when its limit is reached.",
            "quiet",
        )
    )


def _name(state: AccountState) -> str:
    account = state.account
    tier = "" if account.tier == "uniform" else f", {account.tier}"
    return f"{account.office} {account.year}, {account.source}{tier}"


def _chart(page: Page, states: tuple[AccountState, ...]) -> None:
    rows = []
    for state in states:
        stated = page.published.stated(state.account.office)
        for step in budgets.steps(state, stated.charges if stated else ()):
            rows.append(
                {
                    "account": _name(state),
                    "release": step.release,
                    "start": float(step.after - step.rho),
                    "end": float(step.after),
                    "kind": "planned" if step.state == "planned" else "charged",
                    "limit": float(state.terms.limit),
                    "words": figures.rho(step.rho),
                }
            )
    if rows:
        st.altair_chart(
            charts.spent(pd.DataFrame(rows)),
            width="stretch",
            alt="Loss of each account by release against its limit; the tables below hold the same figures.",
        )
        st.html(markup.paragraph("The upright mark is the account's limit.", "quiet"))


def _account(stated: Stated, state: AccountState, known: dict[tuple[Fraction, Fraction], float]) -> None:
    account, terms = state.account, state.terms
    st.subheader(f"{account.office} {account.year}", anchor=False)
    loss = budgets.epsilon_of(state.spent, terms.delta, known)
    st.html(
        markup.paragraph(
            f"{names.office(account.office)}, source {account.source}, {account.tier} tier, unit of protection"
            f" {terms.unit}: spent rho {figures.rho(state.spent)} of {figures.rho(terms.limit)},"
            f" {figures.rho(state.remaining)} left."
            + (f" {figures.rho(terms.reserve)} of the limit is kept for corrections." if terms.reserve else "")
        )
    )
    if state.spent:
        st.html(markup.paragraph(_meaning(state.spent)))
        st.html(
            markup.paragraph(f"That is epsilon {loss:.2f} at a delta of 1 in {count(round(1 / terms.delta))}.", "quiet")
        )
    for raised in state.raised:
        st.html(
            markup.paragraph(
                f"The limit was raised to {figures.rho(raised.limit)} on {raised.date}. Reason: {raised.reason}", "note"
            )
        )
    columns = ("Release", "Date", "State", "Costs rho", "Spent after it", "Epsilon after it", "Of the limit")
    rows = [
        (
            step.release,
            step.date or "to come",
            step.state,
            figures.rho(step.rho),
            figures.rho(step.after),
            f"{budgets.epsilon_of(step.after, terms.delta, known):.2f}",
            markup.Share(part=float(step.after / terms.limit), words=f"{round(100 * step.after / terms.limit)} %"),
        )
        for step in budgets.steps(state, stated.charges)
    ]
    if rows:
        st.html(markup.table("Releases in order", columns, rows, numbers=columns[3:6], short=("Date",)))


def _meaning(spent: Fraction) -> str:
    """Return the sentence with p about a trader within the bound."""
    percent = volume_interval_percent(spent)
    useless = ", which is more than the volume itself" if percent > 100 else ""  # noqa: PLR2004
    return (
        "For a trader within the bound: someone who knows every other declaration and the mix of this trader's, and"
        f" nothing else, gets from all these releases no 95 % interval of its volume narrower than ±{percent:.0f} %"
        f"{useless}."
    )


def _joint(page: Page) -> None:
    pairs = budgets.joint(page.published)
    if not pairs:
        return
    st.subheader("One transaction in two offices' records", anchor=False)
    columns = ("Offices", "Year", "One declaration line: rho at most", "Several lines: rho at most", "No interval narrower")
    rows = [
        (
            f"{one.offices[0]} and {one.offices[1]}",
            str(one.year),
            figures.rho(one.one_line),
            figures.rho(one.several_lines),
            figures.narrowest(one.several_lines),
        )
        for one in pairs
    ]
    caption = "A shipment is an export of one country and an import of another; the losses about it add up"
    st.html(markup.table(caption, columns, rows, numbers=columns[2:4]))


def _without(page: Page) -> None:
    missing = [office for office in page.published.offices if page.published.stated(office) is None]
    if missing:
        listed = ", ".join(names.office(office) for office in missing)
        st.html(markup.paragraph(f"No ledger statement was found of {listed}: what they spent isn't known here.", "note"))
