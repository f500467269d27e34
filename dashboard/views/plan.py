"""What a release would be like: choose levels and loss, see how precise it would be, take the configuration."""

from fractions import Fraction

import streamlit as st

from dashboard import drafts, figures, markup, names
from dashboard.choices import choice, words
from dashboard.drafts import Draft, Expected, expected, flow_to, planned, toml_of, usual_levels
from dashboard.losses import epsilon
from dashboard.sources import Published
from dashboard.views.page import Page, has_bundles, heading
from release.bundle.verification import Bundle
from release.errors import ConfigError, InvalidAmountError
from release.inference import Band, foresee
from release.mirror.comparison import Agreement
from release.plan import ReleasePlan
from release.privacy import parse_delta, parse_rho
from release.wording import amount, count, decimals_up, percent

_USUAL = {"total": "0.06", "partner": "0.08", "section": "0.1", "chapter": "0.15", "partner x section": "0.3"}
_FINEST = "0.4"
_NONE = "not published"
_NOISES = (_NONE, "0.01", "0.02", "0.03", "0.05", "0.06", "0.08", "0.1", "0.15", "0.2", "0.3", "0.4", "0.6", "1")
_FLOOR = Fraction(10**8)


def show(page: Page) -> None:
    """Write the page."""
    heading("What would a release be like?", page)
    if not has_bundles(page):
        return
    st.html(
        markup.paragraph(
            "Drafted from public figures alone: the last bundle of an office stands in for what next year may bring."
            " No record is read, and nothing is charged.",
            "quiet",
        )
    )
    bundle, draft = _drafted(page.published)
    if draft is None:
        return
    try:
        plan = planned(draft, bundle)
    except ConfigError as error:
        st.html(markup.paragraph("The planner refuses this draft.", "lead"))
        st.html(markup.bullets(f"{fault.key}: {fault.problem}" for fault in error.faults))
        return
    _told(plan, bundle, page)
    st.subheader("The configuration", anchor=False)
    st.html(markup.paragraph("Copy it, complete the source, and check it with mirrors plan.", "quiet"))
    st.code(toml_of(plan), language="toml")


def _drafted(found: Published) -> tuple[Bundle, Draft | None]:
    columns = st.columns(3)
    with columns[0]:
        office = choice("Office", found.offices, "of", proposal=found.offices[0], words=names.office)
    with columns[1]:
        every = choice("One figure for each", tuple(drafts.PARTS), "every", proposal="year")
    with columns[2]:
        text = words("Loss rho of the release (empty: 1)", "rho", tip="As text, such as 1/2 or 0.5.", longest=20)
    bundle = found.of(office)[-1]
    levels = _levels(usual_levels(bundle))
    try:
        rho = parse_rho(text.strip() or "1")
    except InvalidAmountError as error:
        st.html(markup.paragraph(f"That isn't a loss: {error.reason}.", "note"))
        return bundle, None
    if not levels:
        st.html(markup.paragraph("Choose at least one level.", "note"))
        return bundle, None
    return bundle, Draft(rho=rho, every=every, levels=levels)


def _levels(known: tuple[str, ...]) -> tuple[tuple[str, Fraction, Fraction], ...]:
    """Return the levels that are to be published, with the part of the prior that their noise is."""
    st.html(markup.paragraph("Standard deviation of the noise, as a part of each figure:"))
    chosen = []
    for column, level in zip(st.columns(max(1, len(known))), known, strict=False):
        with column:
            noise = choice(
                names.level(level),
                _NOISES,
                f"noise-{level.replace(' ', '')}",
                proposal=_USUAL.get(level, _FINEST),
                words=lambda text: text if text == _NONE else percent(float(text)),
            )
        if noise != _NONE:
            chosen.append((level, Fraction(noise), _FLOOR))
    return tuple(chosen)


def _told(plan: ReleasePlan, bundle: Bundle, page: Page) -> None:
    delta = parse_delta(bundle.charge["delta"])
    st.html(
        markup.paragraph(
            f"It would publish {count(plan.cells)} figures and cost rho {figures.rho(plan.rho)}, epsilon"
            f" {decimals_up(epsilon(plan.rho, delta))}. The volume of a trader within the bound could be"
            f" estimated at best {figures.best_estimate(plan.rho)}.",
            "lead",
        )
    )
    st.html(markup.paragraph(_account(plan, bundle)))
    currency = str(bundle.metadata["currency"])
    columns = ("Level", "Figures", "Noise, median", "Half a 95 % interval, median")
    rows = [_level(one, currency) for one in expected(plan)]
    caption = "Expected precision, by the added noise alone"
    st.html(markup.table(caption, columns, rows, numbers=columns[1:]))
    lone = amount(expected(plan)[0].lone_trader, currency)
    st.html(
        markup.paragraph(
            f"A trader whose whole trade is one product with one partner counts there with at most {lone} (median over"
            " such cells). A larger loss rho raises that; the noise stays as chosen.",
            "quiet",
        )
    )
    _detectable(plan, page, currency)


def _account(plan: ReleasePlan, bundle: Bundle) -> str:
    limit = parse_rho(bundle.charge["limit"])
    times = int(limit / plan.rho)
    if not times:
        return f"It would NOT fit in a year's limit of {figures.rho(limit)}."
    return f"A year's limit of {figures.rho(limit)}, the last published, has room for {count(times)} of this cost."


def _level(one: Expected, currency: str) -> tuple[str, ...]:
    part = f"±{percent(one.part)} of the figure" if one.part is not None else figures.NONE
    return (
        names.level(one.level),
        count(one.cells),
        amount(one.sd, currency),
        part,
    )


def _detectable(plan: ReleasePlan, page: Page, currency: str) -> None:
    """Write the smallest discrepancy that each partner's whole flow could show, were the partner as precise."""
    offices = {names.alpha3_of(partner): partner for partner in plan.layout.partners}
    partners = [code for code in page.published.offices if code in offices]
    rows = []
    for code in partners:
        for flow in plan.layout.flows:
            found = flow_to(plan, str(flow), offices[code])
            if found is not None and found[0] > 0:
                rows.append(_flow(code, str(flow), found, page.agreement, currency))
    if rows:
        st.subheader("What comparisons could show", anchor=False)
        columns = ("Flow", "Expected", "Chance to see agreement", "Called different below", "or above")
        caption = (
            "M / X of whole flows, four times out of five, if the partner's noise were as large and nothing clipped."
            " Where no bound on clipping is stated, nothing can be told at all"
        )
        st.html(markup.table(caption, columns, rows, numbers=columns[1:]))


def _flow(code: str, flow: str, found: tuple[float, float], agreement: Agreement, currency: str) -> tuple[str, ...]:
    size, sd = found
    band = Band(tolerance=agreement.tolerance, cif_fob=agreement.cif_fob)
    sight = foresee(x=size, x_sd=sd, m_sd=sd * agreement.cif_fob, band=band)
    way = "imports from" if flow == "M" else "exports to" if flow == "X" else f"{names.flow(flow)},"
    return (
        f"{way} {names.office(code)}",
        figures.with_error(size, sd, currency),
        percent(sight.p_corresponds),
        figures.ratio(sight.detectable_low),
        figures.ratio(sight.detectable_high),
    )
