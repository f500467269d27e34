"""One flow: what its exporter and its importer report, whether they correspond, and what to ask."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import charts, figures, forward, markup, names, sentences
from dashboard.choices import asked_in_vain, choice
from dashboard.figures import amount, percent
from dashboard.mirrored import PAIRS, Gaps, gaps_of, is_one_sided, noise_explains, product_levels
from dashboard.views import asking, pair_parts, ranking
from dashboard.views.page import Page, can_compare, heading, period_chosen
from release.mirror.comparison import MirrorCell
from release.mirror.history import past_of
from release.wording import ratio, ratio_interval

_OPEN = ""
"""No office is chosen yet."""

_REST = {False: "of which the rest", True: "of which the rest (includes what scaling down took off; no bound)"}

_SAME_LEVEL = 1e-9

_WIDEST = 6.0
"""An interval that is open above is drawn up to here."""


def show(page: Page) -> None:
    """Write the page."""
    heading("One flow, seen from both sides", page)
    if not can_compare(page):
        return
    offices = page.published.offices
    for name in ("exporter", "importer"):
        unknown = asked_in_vain(name, offices)
        if unknown is not None:
            st.html(markup.paragraph(f"No bundle of an office “{unknown}” was found.", "note"))
    exporter, importer = _chosen(offices)
    period = period_chosen(page)
    if not exporter or not importer:
        _to_choose(page, exporter, importer, period)
        return
    flows = page.mirrors(PAIRS, period)
    cell = next((one for one in flows if (one.exporter, one.importer) == (exporter, importer)), None)
    if cell is None:
        st.html(markup.paragraph("The two offices publish no common figure of this flow in this period.", "lead"))
        asking.sheets(page, exporter, importer)
        return
    alike = _alike(page, cell)
    _verdict(page, cell, alike, gaps_of(flows, page.agreement))
    parts = _parts(page, cell)
    gaps = gaps_of(parts, page.agreement)
    if parts:
        pair_parts.products(cell, parts, gaps)
    else:
        st.html(markup.paragraph("The two offices publish no common product detail of this flow.", "quiet"))
    asking.show(page, exporter, importer, gaps)
    _over_time(page, cell, alike)
    public = page.scene.agreed.public
    history = past_of(public.history, exporter, importer, period)
    pair_parts.past(cell, history, public.history_source)
    asking.sheets(page, exporter, importer)


def _chosen(offices: Sequence[str]) -> tuple[str, str]:
    """Return the two offices; one that isn't chosen yet is the empty text."""
    left, right = st.columns(2)
    with left:
        exporter = choice("Exports reported by", (_OPEN, *offices), "exporter", proposal=_OPEN, words=_office)
    partners = [office for office in offices if office != exporter]
    with right:
        importer = choice("Imports reported by", (_OPEN, *partners), "importer", proposal=_OPEN, words=_office)
    return exporter, importer


def _office(code: str) -> str:
    return names.office(code) if code else "choose an office"


def _to_choose(page: Page, exporter: str, importer: str, period: str) -> None:
    """Write which flows there are, those of an office that is chosen already, largest gaps first."""
    st.html(markup.paragraph("Choose the two offices above, or one of these flows.", "lead"))
    st.html(
        markup.paragraph(
            "A flow: what one country reports as exports to another, beside what that one reports as imports from it.",
            "quiet",
        )
    )
    flows = page.mirrors(PAIRS, period)
    cells = [one for one in flows if exporter in {"", one.exporter} and importer in {"", one.importer}]
    ranking.show(cells, gaps_of(flows, page.agreement))


def _verdict(page: Page, cell: MirrorCell, alike: Sequence[MirrorCell], gaps: Gaps) -> None:
    lead = (
        f"{names.area(cell.exporter)} reports {sentences.reports(cell, 'x')} of exports to"
        f" {names.area(cell.importer)} in {cell.period}; {names.area(cell.importer)} reports"
        f" {sentences.reports(cell, 'm')} of imports. Verdict: {figures.verdict(cell)}."
    )
    st.html(markup.paragraph(lead, "lead"))
    st.html(markup.paragraph(sentences.why(cell, page.band)))
    st.html(markup.paragraph(sentences.noise_only(cell)))
    _forward(cell, gaps)
    stands = sentences.among(cell, alike)
    if stands:
        st.html(markup.paragraph(stands))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Where the ratio can lie", anchor=False)
        intervals = pd.DataFrame(_intervals(cell, gaps))
        told = f"Intervals of imports over exports against the band {ratio(cell.band_low)} to"
        st.altair_chart(
            charts.interval_on_band(intervals, (cell.band_low, cell.band_high)),
            width="stretch",
            alt=f"{told} {ratio(cell.band_high)}; the table below holds the same figures.",
        )
        st.html(_figures(cell, gaps, page.band))
    with right:
        st.subheader("What could have been seen", anchor=False)
        st.html(markup.paragraph(sentences.detectable(cell)))
        st.subheader("What explains the gap", anchor=False)
        st.html(_explained(cell, gaps))


def _forward(cell: MirrorCell, gaps: Gaps) -> None:
    """Write what would help a flow that can't be told, with the way to the silent offices' drafts."""
    helps = forward.told(cell, gaps)
    if helps is None:
        return
    drafts = [
        markup.Link(page="plan", shown=(("of", code),), words=f"Draft {code}'s next release")
        for code in forward.silent_sides(cell)
    ]
    st.html(markup.paragraph(helps, links=drafts))


def _intervals(cell: MirrorCell, gaps: Gaps) -> list[dict[str, object]]:
    by_noise, with_clipping = _kinds(cell, gaps)
    shown = [
        (with_clipping, cell.ratio_low, cell.ratio_high),
        (by_noise, cell.ratio_noise_low, cell.ratio_noise_high),
    ]
    widest = max(_WIDEST / 2, *(1.2 * (high or 0.0) for _, _, high in shown), 1.4 * cell.band_high)
    return [
        {
            "kind": kind,
            "shown_low": low or 0.0,
            "shown_high": widest if high is None else min(high, _WIDEST),
            "ratio": None if cell.ratio is None or cell.ratio > _WIDEST else cell.ratio,
            "open_low": not low,
            "open_high": high is None or high > _WIDEST,
            "words": ratio_interval(low, high),
        }
        for kind, low, high in shown
    ]


def _figures(cell: MirrorCell, gaps: Gaps, word: str) -> str:
    rows = [
        (
            "Imports over exports (M / X)",
            ratio(cell.ratio),
            ratio_interval(cell.ratio_noise_low, cell.ratio_noise_high),
            ratio_interval(cell.ratio_low, cell.ratio_high),
        ),
        (
            "Relative difference",
            percent(cell.srd),
            figures.percent_interval(cell.srd_noise_low, cell.srd_noise_high),
            figures.percent_interval(cell.srd_low, cell.srd_high),
        ),
        (
            "Gap (M − X)",
            amount(cell.gap, "USD"),
            figures.gap_interval(cell.gap_noise_low, cell.gap_noise_high),
            figures.gap_interval(cell.gap_low, cell.gap_high),
        ),
    ]
    by_noise, with_clipping = _kinds(cell, gaps)
    band = f"{word.capitalize()} band: {ratio(cell.band_low)} to {ratio(cell.band_high)}"
    valued = f"CIF/FOB factor {cell.cif_fob:.4g}, {cell.valuation_x} against {cell.valuation_m}"
    return markup.table(
        f"{band} ({valued}). An arrow: no limit on that side",
        ("Figure", "Estimate", by_noise, with_clipping),
        rows,
        short=("Estimate",),
    )


def _kinds(cell: MirrorCell, gaps: Gaps) -> tuple[str, str]:
    """Return what the two intervals are: their level, and what each allows for."""
    alone, level = figures.confidence(gaps.alone), figures.confidence(cell.confidence)
    together = "" if cell.confidence <= gaps.alone + _SAME_LEVEL else f" + {len(gaps.sure)} flows"
    return f"{alone}, noise", f"{level}, noise + clipping{together}"


def _explained(cell: MirrorCell, gaps: Gaps) -> str:
    """Return the gap in two parts: freight by the CIF/FOB factor, and the rest; both from the whole flow's figures."""
    freight = cell.cif_fob - 1.0
    rows = [
        ("Gap, imports less exports", figures.with_error(cell.gap, (cell.m_sd**2 + cell.x_sd**2) ** 0.5)),
        (
            f"of which freight and insurance (factor {cell.cif_fob:.4g})",
            figures.with_error(freight * cell.x, freight * cell.x_sd) if freight else "none: no factor applies",
        ),
        (_REST[is_one_sided(cell)], sentences.beyond_freight(cell)),
        (
            f"Sure gap ({figures.confidence(gaps.level)}, {len(gaps.sure)} flows looked at together)",
            ranking.least(gaps.least(cell)),
        ),
        ("Could noise alone have made the gap?", "yes" if noise_explains(cell) else "no"),
        ("Large traders scaled down, exports", _bound(cell.bound_x)),
        ("Large traders scaled down, imports", _bound(cell.bound_m)),
    ]
    return markup.table(
        "± is half a 95 % interval of the added noise", ("Part", "US dollars"), rows, numbers=("US dollars",)
    )


def _bound(bound: float | None) -> str:
    return "no bound is stated" if bound is None else f"at most {amount(bound, 'USD')}"


def _parts(page: Page, cell: MirrorCell) -> list[MirrorCell]:
    """Return the flow's products in its period, at the finest level that is published."""
    levels = product_levels(page.published.bundles)
    return [
        one
        for level in levels[-1:]
        for one in page.mirrors(level, cell.period)
        if (one.exporter, one.importer) == (cell.exporter, cell.importer)
    ]


def _alike(page: Page, cell: MirrorCell) -> list[MirrorCell]:
    """Return the flow in all periods as long as this one, this one among them."""
    return [
        one
        for one in page.mirrors(PAIRS)
        if (one.exporter, one.importer) == (cell.exporter, cell.importer) and len(one.period) == len(cell.period)
    ]


def _over_time(page: Page, cell: MirrorCell, alike: Sequence[MirrorCell]) -> None:
    if len(alike) > 1:
        looks = [one for one in page.looks() if (one.exporter, one.importer) == (cell.exporter, cell.importer)]
        pair_parts.over_time(alike, looks)
