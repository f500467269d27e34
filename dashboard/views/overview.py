"""The first page: what can be said of all flows, in one sentence, a matrix and a ranking."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import budgets, charts, figures, markup, sentences
from dashboard.choices import kept
from dashboard.figures import percent
from dashboard.mirrored import PAIRS, gaps_of, is_one_sided, noise_explains, product_levels, products_of
from dashboard.views import ranking
from dashboard.views.page import Page, can_compare, heading, period_chosen, product_chosen
from release.mirror.comparison import MirrorCell
from release.wording import ratio, ratio_interval, within

_USUAL = {True: "unusual", False: "usual", None: "can't be said"}
_AGREED = {
    "agreed": " That was agreed beforehand.",
    "chosen": " That was chosen on this page; nobody agreed on it.",
    "assumed": " That is assumed, as no comparison's file was given; nobody agreed on it.",
}
_SIGNS = {"corresponds": "✓ corresponds", "differs": "≠ differs", "cannot tell": "? cannot tell"}


def show(page: Page) -> None:
    """Write the page."""
    heading("Do the mirrors correspond?", page)
    if not can_compare(page):
        return
    period = period_chosen(page)
    cells = _cells(page, period)
    if not cells:
        st.html(markup.paragraph("The offices publish no common figure for this period and product.", "lead"))
        return
    st.html(markup.paragraph(sentences.lead(cells, page.agreement, page.band), "lead"))
    st.html(markup.paragraph(_budget_used(page)))
    limits = sentences.limits(cells)
    if limits:
        st.html(markup.paragraph(limits, "note"))
    left, right = st.columns([9, 10], gap="medium")
    with left:
        _matrix(page, cells, period)
    with right:
        st.subheader("Largest gaps first", anchor=False)
        ranking.show(cells, gaps_of(cells, page.agreement))
    _all_flows(cells)
    _covers(page)


def _cells(page: Page, period: str) -> tuple[MirrorCell, ...]:
    levels = product_levels(page.published.bundles)
    finest = levels[-1] if levels else PAIRS
    product = product_chosen(products_of(page.published.bundles, finest) if levels else ())
    level = PAIRS if product == "TOTAL" else finest
    return tuple(cell for cell in page.mirrors(level, period) if cell.product == product)


def _budget_used(page: Page) -> str:
    """Return how much of each office's limit is gone, the fullest account of each."""
    used = []
    for office in page.published.offices:
        stated = page.published.stated(office)
        states = () if stated is None else stated.accounts
        uniform = [state for state in states if state.account.tier == "uniform"]
        fullest = max(uniform, key=lambda state: state.spent / state.terms.limit, default=None)
        told = "unknown" if fullest is None else budgets.used(fullest.spent, fullest.terms.limit)
        used.append(f"{office} {told}")
    return f"Privacy budget used so far: {', '.join(used)}."


def _matrix(page: Page, cells: Sequence[MirrorCell], period: str) -> None:
    st.subheader("Exporters by importers", anchor=False)
    st.html(
        markup.paragraph(
            "Each square is one flow. Blue: the exporter reports more. Orange: the importer does. Pale: it can't be"
            " told whether they differ. A dot ● means that the added noise alone could have made the difference."
            " Dashed, with ?: a side is understated by an unknown amount, so no difference is shown."
            " Choose a square to see the pair.",
            "quiet",
        )
    )
    offices = tuple(dict.fromkeys([*(cell.exporter for cell in cells), *(cell.importer for cell in cells)]))
    offices = tuple(sorted(offices))
    told = f"Matrix of {len(cells)} flows in {period}; the table beside it holds the same figures."
    picked = st.altair_chart(
        charts.matrix(pd.DataFrame([_square(cell) for cell in cells]), offices),
        width="stretch",
        on_select="rerun",
        selection_mode=[charts.PICK],
        key="matrix",
        alt=told,
    )
    chosen = picked["selection"].get(charts.PICK) if picked else None
    if chosen and page.pages:
        first = chosen[0]
        st.switch_page(page.pages["pair"], query_params=_address(first["exporter"], first["importer"], period))


def _address(exporter: str, importer: str, period: str) -> dict[str, str]:
    return {"exporter": exporter, "importer": importer, "period": period, **dict(kept("t", "c"))}


def _square(cell: MirrorCell) -> dict[str, object]:
    shade = 0.0 if cell.srd is None or is_one_sided(cell) else max(-charts.CLAMP, min(charts.CLAMP, cell.srd))
    return {
        "exporter": cell.exporter,
        "importer": cell.importer,
        "way": sentences.between(cell),
        "shade": shade,
        "told": "?" if is_one_sided(cell) else percent(cell.srd),
        "difference": _difference(cell),
        "unknown": is_one_sided(cell),
        "sign": _SIGNS[cell.verdict],
        "verdict": figures.verdict(cell),
        "open": cell.verdict == "cannot tell",
        "within": noise_explains(cell),
        "x": figures.side(cell, "x"),
        "m": figures.side(cell, "m"),
        "noise": figures.percent_interval(cell.srd_noise_low, cell.srd_noise_high),
    }


def _ratio(cell: MirrorCell) -> str:
    return f"{figures.one_sided(cell)}{ratio(cell.ratio)}"


def _difference(cell: MirrorCell) -> str:
    return f"{figures.one_sided(cell)}{percent(cell.srd)}"


def _all_flows(cells: Sequence[MirrorCell]) -> None:
    columns = (
        "Flow",
        "Verdict",
        "Exports",
        "Imports",
        "Imports / exports",
        "Difference, of the mean",
        "Gap without freight",
    )
    known = any(cell.unusual for cell in cells)
    rows = [
        (
            ranking.link(cell),
            figures.verdict(cell),
            figures.side(cell, "x"),
            figures.side(cell, "m"),
            f"{_ratio(cell)} ({ratio_interval(cell.ratio_noise_low, cell.ratio_noise_high)})",
            f"{_difference(cell)} ({figures.percent_interval(cell.srd_noise_low, cell.srd_noise_high)})",
            sentences.beyond_freight(cell),
            *((_USUAL[cell.is_unusual],) if known else ()),
        )
        for cell in cells
    ]
    st.subheader("All flows", anchor=False)
    caption = "± is half a 95 % interval of the added noise; in brackets stand 95 % intervals by noise alone."
    caption += f" Gap without freight: imports less exports times the CIF/FOB factor.{sentences.understatement(cells)}"
    heads = (*columns, "For this pair") if known else columns
    st.html(markup.table(caption, heads, rows, numbers=columns[2:], short=columns[:1]))


def _covers(page: Page) -> None:
    agreement = page.agreement
    st.html(
        markup.paragraph(
            f"Corresponding means that imports over exports lie {within(agreement.tolerance)} of the CIF/FOB factor"
            f" {agreement.cif_fob:.4g} ({agreement.cif_fob_source}), where one applies.{_AGREED[page.band]} ± is half a"
            f" 95 % interval of the added noise. {sentences.COVERS}",
            "quiet",
        )
    )
    notes = [f"{exporter} to {importer}: {'; '.join(said)}." for exporter, importer, said in page.notes()]
    if notes:
        with st.expander("What differs between the offices’ figures"):
            st.html(markup.bullets(notes))
