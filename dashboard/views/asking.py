"""What to ask the partner about a flow: by product and the size of its gap, then by how each office records trade."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import figures, markup, names
from dashboard.exchanges import question
from dashboard.mirrored import Gaps, gap_beyond_noise
from dashboard.views.page import Page
from dashboard.views.ranking import beyond_noise, heads, least
from release.mirror.comparison import MirrorCell

MOST_ASKED = 5
_SHEET = {
    "trade_system": "Trade system",
    "re_exports": "Re-exports",
    "thresholds": "Thresholds",
    "confidentiality": "Confidential goods",
    "hs_edition": "Goods classification",
    "territory": "Territory",
    "date_basis": "Date that counts",
    "currency": "Currency",
    "rate_source": "Conversion to US$",
    "vintage": "Vintage",
}


def show(page: Page, exporter: str, importer: str, gaps: Gaps) -> None:
    """Write the questions; `gaps` are of the flow's products of one period."""
    st.subheader("What to ask the partner", anchor=False)
    noisy = sorted((one for one in gaps.sure if gap_beyond_noise(one) > 0), key=gap_beyond_noise, reverse=True)
    if noisy:
        columns = ("Product", "Higher", "Gap", *heads(gaps)[::-1])
        first = noisy[:MOST_ASKED]
        rows = [
            (
                names.product_with_code(one.product),
                _higher(one),
                figures.with_error(abs(one.gap), (one.x_sd**2 + one.m_sd**2) ** 0.5),
                beyond_noise(one),
                least(gaps.least(one)),
            )
            for one in first
        ]
        caption = f"First about the products with most beyond noise ({len(rows)} of {len(noisy)})"
        st.html(markup.table(caption, columns, rows, numbers=columns[2:], short=("Higher",)))
        st.html(markup.bullets([*dict.fromkeys(_about(one) for one in first), *question(gaps)]))
    elif gaps.sure:
        said = "In no single product is the gap beyond noise, so there is none to ask about by itself."
        st.html(markup.paragraph(said))
    x, m = (page.published.of(office)[-1].metadata for office in (exporter, importer))
    asked = questions(x, m)
    if asked:
        st.html(markup.paragraph("About how the two offices record this flow:"))
        st.html(markup.bullets(asked))


def _higher(cell: MirrorCell) -> str:
    return "imports" if cell.gap > 0 else "exports"


def _about(cell: MirrorCell) -> str:
    """Return what to ask about products like this: where the other side may have put what is missing there."""
    if cell.gap > 0:
        return (
            f"To {names.area(cell.exporter)}, where imports are higher: are some of these goods recorded there as"
            " exports to another country, under another chapter, or not at all?"
        )
    return (
        f"To {names.area(cell.importer)}, where exports are higher: are some of these goods recorded there as imports"
        " from another country, as transit, under another chapter, or not at all?"
    )


def sheets(page: Page, exporter: str, importer: str) -> None:
    """Write both offices' metadata side by side."""
    st.subheader("How each office records this flow", anchor=False)
    x, m = (page.published.of(office)[-1].metadata for office in (exporter, importer))
    rows: list[tuple[markup.Value, ...]] = [
        ("Valuation of this flow", _text(x["valuation"]["X"]), _text(m["valuation"]["M"]), ""),
        ("Partner country is the", _text(x["partner"]["X"]), _text(m["partner"]["M"]), ""),
        *((label, _text(x.get(key)), _text(m.get(key)), _same(x, m, key)) for key, label in _SHEET.items()),
    ]
    columns = ("", f"{names.area(exporter)}, exports", f"{names.area(importer)}, imports", "")
    st.html(markup.table("What each office states about its own figures", columns, rows, short=("",)))


def questions(x: Mapping[str, Any], m: Mapping[str, Any]) -> list[str]:
    """Return what to ask, from where the two sheets differ or are silent."""
    asked = []
    valuation_x, valuation_m = _text(x["valuation"]["X"]), _text(m["valuation"]["M"])
    if "unknown" in (valuation_x, valuation_m):
        asked.append("How is this flow valued? One side doesn't say, so no CIF/FOB factor was applied.")
    elif valuation_x in {"FOB", "FAS"} and valuation_m == "CIF":
        asked.append("Which part of the imports' value is freight and insurance? Exports are without it, imports with.")
    by_x, by_m = _text(x["partner"]["X"]), _text(m["partner"]["M"])
    if by_m in {"origin", "consignment"} and by_x != by_m:
        asked.append(f"Which goods come through third countries? Exports are by {by_x}, imports by country of {by_m}.")
    asked += [
        f"{label}: the exporter says “{_text(x.get(key))}”, the importer “{_text(m.get(key))}”. What does it change?"
        for key, label in _SHEET.items()
        if _same(x, m, key) == "differs"
    ]
    stated = {_text(sheet.get("thresholds")) for sheet in (x, m)}
    if stated - {"none", "", "unknown"}:
        asked.append("How much trade lies below the thresholds, by month and chapter?")
    if {_text(sheet.get("confidentiality")) for sheet in (x, m)} - {"none", "", "unknown"}:
        asked.append("Which of the large gaps are confidential goods, booked under another code or country?")
    return asked


def _same(x: Mapping[str, Any], m: Mapping[str, Any], key: str) -> str:
    return "" if x.get(key) == m.get(key) else "differs"


def _text(value: object) -> str:
    return value if isinstance(value, str) else "not stated"
