"""What a release would be like: choose levels and loss, see how precise it would be, take the configuration."""

from fractions import Fraction

import streamlit as st

from dashboard import bounds, drafts, figures, markup, names
from dashboard.bounds import Moved
from dashboard.choices import choice, words
from dashboard.configuration import toml_of
from dashboard.drafts import Draft, Expected, Noise
from dashboard.figures import amount, percent
from dashboard.losses import epsilon
from dashboard.precedents import RHYTHMS, LargeTier, Precedent, precedent
from dashboard.sources import Published, release_of
from dashboard.views import plan_costs
from dashboard.views.page import Page, has_bundles, heading
from release.bundle.verification import Bundle
from release.config.measures import ShapedScale
from release.errors import ConfigError, InvalidAmountError
from release.inference import Band, foresee
from release.mirror.comparison import Agreement
from release.plan import ReleasePlan
from release.privacy import amount_text, parse_delta, parse_rho
from release.tables import Flow
from release.wording import count, decimals_up, ratio

_NONE = "not published"
_POINT = " Use a point for decimals: 0.5."

_NEVER = 0.005
"""Chances below this, or so near to one, are told in words."""

_NOISES = ("0.01", "0.02", "0.03", "0.05", "0.06", "0.08", "0.1", "0.15", "0.2", "0.3", "0.4", "0.6", "1")
_WITH, _WITHOUT = "on", "off"
_NOISE, _BOUND = "noise", "bound"
_KEEPS = {_NOISE: "the noise; the bound moves", _BOUND: "the bound; the noise moves"}
_TIERS = {_WITH: "released in a tier of their own", _WITHOUT: "scaled down, not released"}


def show(page: Page) -> None:
    """Write the page."""
    heading("What would a release be like?", page)
    if not has_bundles(page):
        return
    st.html(
        markup.paragraph(
            "Drafted from public figures alone: the last bundle of an office stands in for what next year may bring,"
            " and every choice begins as that release had it. No record is read, and nothing is charged.",
            "quiet",
        )
    )
    bundle, draft = _drafted(page.published)
    if draft is None:
        return
    try:
        plan = drafts.planned(draft, bundle)
    except ConfigError as error:
        st.html(markup.paragraph("The planner refuses this draft.", "lead"))
        st.html(markup.bullets(f"{fault.key}: {fault.problem}" for fault in error.faults))
        return
    _told(plan, draft, bundle)
    plan_costs.show(plan, RHYTHMS[draft.rhythm].releases, bundle, page.published)
    noise = drafts.noise_of(plan)
    move = bounds.moved(drafts.planned(_unchanged(draft, bundle), bundle), plan)
    _precision(plan, noise, bundle, move)
    _detectable(plan, noise, page, str(bundle.metadata["currency"]))
    st.subheader("The configuration", anchor=False)
    st.html(markup.paragraph("Copy it, complete the source, and check it with mirrors plan.", "quiet"))
    st.code(toml_of(plan.release, drafts.notes_on(plan.release, bundle, draft)), language="toml")


def _drafted(found: Published) -> tuple[Bundle, Draft | None]:
    """Return the chosen office's last bundle and what is drafted after it; None where nothing can be."""
    columns = st.columns([2, 3, 2, 3])
    with columns[0]:
        office = choice("Office", found.offices, "of", proposal=found.offices[0], words=names.office)
    bundle = found.of(office)[-1]
    last = precedent(bundle)
    if last is None:
        st.html(
            markup.paragraph("This office's last release has no values, so nothing can be drafted from it.", "note")
        )
        return bundle, None
    with columns[1]:
        rhythm = choice(
            "How the year is released",
            tuple(RHYTHMS),
            "every",
            proposal=last.rhythm,
            words=lambda code: RHYTHMS[code].words,
            tip="Each release is charged its own loss, however many periods it has figures for.",
        )
    with columns[2]:
        text = words(
            "Loss rho of each release",
            "rho",
            proposal=amount_text(last.rho),
            tip="As text, such as 1/2 or 0.5.",
            longest=20,
        )
    with columns[3]:
        keep = choice(
            "Another loss keeps",
            tuple(_KEEPS),
            "keep",
            proposal=_NOISE,
            words=_KEEPS.__getitem__,
            tip="Bound ~ noise × √rho: of the three, a loss other than the last one's moves the bound or the noise.",
        )
    scales, large = _levels(last), _tier(last, release_of(bundle))
    try:
        rho = parse_rho(text.strip())
    except InvalidAmountError as error:
        st.html(markup.paragraph(f"That isn't a loss: {error.reason}.{_POINT if ',' in text else ''}", "note"))
        return bundle, None
    if not scales:
        st.html(markup.paragraph("Choose at least one level.", "note"))
        return bundle, None
    if keep == _BOUND:
        scales = bounds.at_the_same_bound(scales, last.rho, rho)
    return bundle, Draft(rho=rho, rhythm=rhythm, scales=scales, large=large)


def _unchanged(draft: Draft, bundle: Bundle) -> Draft:
    """Return the draft's rhythm with loss, noise and tier as the last release had them."""
    last = precedent(bundle)
    return draft if last is None else Draft(rho=last.rho, rhythm=draft.rhythm, scales=last.scales, large=last.large)


def _levels(last: Precedent) -> tuple[ShapedScale, ...]:
    """Return the levels that are to be published, with the part of each figure that their noise is."""
    st.html(markup.paragraph("Standard deviation of the noise as it is drawn, as a part of each figure:"))
    chosen = []
    for column, scale in zip(st.columns(max(1, len(last.scales))), last.scales, strict=True):
        proposal = amount_text(scale.relative_noise)
        with column:
            noise = choice(
                names.level(scale.level),
                (_NONE, *sorted({*_NOISES, proposal}, key=Fraction)),
                f"noise-{scale.level.replace(' ', '')}",
                proposal=proposal,
                words=lambda text: text if text == _NONE else percent(float(Fraction(text))),
            )
        if noise != _NONE:
            chosen.append(ShapedScale(level=scale.level, relative_noise=Fraction(noise), floor=scale.floor))
    return tuple(chosen)


def _tier(last: Precedent, release: str) -> LargeTier | None:
    """Return the tier for large traders as the last release had it, unless it is left out."""
    if last.large is None:
        told = f"Large traders are scaled down to the bound, and what that takes off isn't released, as in {release}."
        st.html(markup.paragraph(told, "quiet"))
        return None
    with st.columns(2)[0]:
        tier = choice(
            "What the bound takes off large traders is", tuple(_TIERS), "large", proposal=_WITH, words=_told_as
        )
    return last.large if tier == _WITH else None


def _told_as(tier: str) -> str:
    return _TIERS[tier]


def _told(plan: ReleasePlan, draft: Draft, bundle: Bundle) -> None:
    rhythm = RHYTHMS[draft.rhythm]
    delta = parse_delta(bundle.charge["delta"])
    periods = plan.release.periods
    about = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    which = f"The first of {rhythm.releases} releases" if rhythm.releases > 1 else "The release"
    year = plan.rho * rhythm.releases
    times = f" The {rhythm.releases} of the year would cost {figures.rho(year)}." if rhythm.releases > 1 else ""
    st.html(
        markup.paragraph(
            f"{which} would publish {count(plan.cells)} figures about {about} and cost rho {figures.rho(plan.rho)}"
            f" (epsilon {decimals_up(epsilon(plan.rho, delta))}).{times} By all of a year's releases, the volume of a"
            f" trader within the bound could be estimated at best {figures.best_estimate(year)}.",
            "lead",
        )
    )


def _precision(plan: ReleasePlan, noise: Noise, bundle: Bundle, move: Moved) -> None:
    currency = str(bundle.metadata["currency"])
    st.subheader("How precise the figures would be", anchor=False)
    _moved(move, release_of(bundle), currency)
    columns = ("Level", "Figures", "Noise, median sd", "Half a 95 % interval, median")
    rows = [_level(one, currency) for one in drafts.expected(plan, noise)]
    tiers = " of both tiers" if plan.excess_rho else ""
    caption = f"{plan.release.periods[0]}, by the added noise alone{tiers}, after all levels are fitted to each other"
    st.html(markup.table(caption, columns, rows, numbers=columns[1:]))
    lone = amount(drafts.lone_trader(plan), currency)
    rest = "The rest is released in the tier of large traders." if plan.excess_rho else "The rest is taken off."
    st.html(
        markup.paragraph(
            f"A trader whose whole trade is one product with one partner counts there with at most {lone} (median over"
            f" such cells). {rest}",
            "quiet",
        )
    )


def _moved(move: Moved, release: str, currency: str) -> None:
    """Write what a draft changes of bound and noise beside the last release's choices."""
    told = bounds.sentence(move, currency)
    if told is not None:
        st.html(markup.paragraph(told, "note" if move.is_lower else ""))
    columns = ("", f"As in {release}", "This draft")
    rows = [
        ("Bound of a trader with one product and one partner, median", *(amount(one, currency) for one in move.bound)),
        (f"Noise as drawn, {names.level(move.level)}, median sd", *(amount(one, currency) for one in move.noise)),
    ]
    st.html(
        markup.table("Loss, bound and noise hang together: bound ~ noise × √rho", columns, rows, numbers=columns[1:])
    )


def _level(one: Expected, currency: str) -> tuple[str, ...]:
    part = f"±{percent(one.part)} of the figure" if one.part is not None else figures.NONE
    return (
        names.level(one.level),
        count(one.cells),
        amount(one.sd, currency),
        part,
    )


def _detectable(plan: ReleasePlan, noise: Noise, page: Page, currency: str) -> None:
    """Write the smallest discrepancy that each partner's whole flow could show, were the partner as precise."""
    offices = {names.alpha3_of(partner): partner for partner in plan.layout.partners}
    partners = [code for code in page.published.offices if code in offices]
    rows = []
    for code in partners:
        for flow in plan.layout.flows:
            found = drafts.flow_to(plan, noise, flow, offices[code])
            if found is not None and found[0] > 0:
                rows.append(_flow(code, flow, found, page.agreement, currency))
    if not rows:
        return
    st.subheader("What comparisons could show", anchor=False)
    if not plan.excess_rho:
        st.html(
            markup.paragraph(
                "This draft states no bound on what scaling down large traders takes off. Beside a partner that states"
                " none either, every verdict is “cannot tell”, whatever the noise.",
                "note",
            )
        )
    columns = ("Flow", "Expected", "Chance to see agreement", "Called different below", "or above")
    caption = (
        f"Imports over exports of whole flows in {plan.release.periods[0]}, four times out of five, if the partner's"
        " noise were as large and nothing clipped"
    )
    st.html(markup.table(caption, columns, rows, numbers=columns[1:]))


def _chance(part: float) -> str:
    return "none" if part < _NEVER else "over 99 %" if part > 1 - _NEVER else percent(part)


def _flow(code: str, flow: Flow, found: tuple[float, float], agreement: Agreement, currency: str) -> tuple[str, ...]:
    size, sd = found
    band = Band(tolerance=agreement.tolerance, cif_fob=agreement.cif_fob)
    sight = foresee(x=size, x_sd=sd, m_sd=sd * agreement.cif_fob, band=band)
    way = "imports from" if flow == "M" else "exports to" if flow == "X" else f"{names.flow(flow)},"
    return (
        f"{way} {names.office(code)}",
        figures.with_error(size, sd, currency),
        _chance(sight.p_corresponds),
        ratio(sight.detectable_low),
        ratio(sight.detectable_high),
    )
