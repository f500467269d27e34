"""What is protected and what isn't, and how verdicts come about: plain words first, formulas behind a fold."""

import streamlit as st

from dashboard import budgets, markup
from dashboard.views.page import Page, heading
from release.wording import unit_warning

_PROTECTED = "What is protected"

_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "What you see here",
        (
            "Two countries record the same trade: one as an export, the other as an import. The two figures should"
            " agree, and often don't. The records are confidential, so the offices can't lay them side by side.",
            "Instead, each office publishes sums to which it has added random noise of a known size. This page compares"
            " those published figures and nothing else. It has no access to records.",
        ),
    ),
    (
        "How to read a verdict",
        (
            "How far apart may two figures be and still count as the same? The offices agree on it beforehand: a band"
            " for imports divided by exports. Where they didn't, or where a reader tries another, the pages call it"
            " assumed or chosen. Freight and insurance move its centre, the CIF/FOB factor.",
            "From the two noisy figures follows an interval for the true ratio. Inside the band: corresponds. Outside:"
            " differs. Partly in and partly out: cannot tell. Every verdict prints its interval's own level: 95 %, or"
            " more where many flows are compared together. It holds only within the stated bounds on clipping; without"
            " a bound the interval is open on that side.",
            "“Cannot tell” isn't a weak “corresponds”. It says that the figures are too noisy, or that too little is"
            " known about large traders, for an answer either way.",
            "Where many products are looked at together, some would differ by chance alone. “Differs” allows for that;"
            " “corresponds” is meant for each figure on its own.",
        ),
    ),
    (
        _PROTECTED,
        (
            "The unit of protection is a trader's whole calendar year, unless an office says otherwise. How much what"
            " is published can depend on all records of any one trader is bounded by a number, rho. It adds up over an"
            " office's releases of a year, and the office stops at a limit that it has published.",
        ),
    ),
    (
        "What isn't protected",
        (
            "A total that is known anyway. Figures that an office or its partner publishes exactly. A trader who is"
            " nearly the whole of a cell can be known to be large.",
            "Very large traders: they are scaled down to a bound, which lowers the cells that they dominate by an"
            " amount that isn't published. Some offices release that part as well, under a policy of their own; it"
            " gives those traders no useful protection.",
            "Errors in the records, different rules of recording, late declarations: none of it is noise, and no"
            " interval here covers it.",
        ),
    ),
    (
        "What a bundle's checks mean",
        (
            "A bundle is shown only when every file is the one it lists and every measured figure is that of its noisy"
            " result. Its ledger statement shows which charge paid for it.",
            "A signature proves that whoever holds an office's key vouches for every byte of a bundle. Whose key it is,"
            " a registry of offices says, kept by people whom the offices chose; the dashboard believes the registry"
            " that it was started with. Without a registry nothing here proves who wrote a bundle. No signature proves"
            " that the figures are right.",
        ),
    ),
)

_FORMULAS: tuple[tuple[str, str], ...] = (
    (
        "The band for R = M / X, with tolerance t and CIF/FOB factor c",
        r"[L, U] = [\, c / (1 + t),\; c\,(1 + t) \,]",
    ),
    (
        "What is judged: M is the imports, X the exports, s their noise, b what clipping took off at most",
        r"\begin{aligned} T_L &= M - L X, & s_L^2 &= s_M^2 + L^2 s_X^2 \\ T_U &= U X - M, & s_U^2 &= s_M^2 + U^2 s_X^2"
        r"\end{aligned}",
    ),
    ("Corresponds", r"T_L - L\, b_X > z\, s_L \quad\text{and}\quad T_U - b_M > z\, s_U"),
    (
        "Differs, imports lower or higher",
        r"T_L + b_M < -z\, s_L \qquad\text{or}\qquad T_U + U\, b_X < -z\, s_U",
    ),
    ("Symmetric relative difference", r"\mathrm{SRD} = \frac{M - X}{(M + X) / 2}"),
    (
        "What a loss rho means: at best, a trader within the bound has its volume estimated to ± p per cent (95 %)",
        r"p = \frac{196}{\sqrt{2\rho}}",
    ),
    (
        "Epsilon at delta of a loss rho (Canonne, Kamath and Steinke 2020)",
        r"\varepsilon = \min_{\alpha > 1}\; \alpha\rho + \frac{\ln (1 / (\alpha\delta))}{\alpha - 1}"
        r" + \ln\left(1 - \frac{1}{\alpha}\right)",
    ),
)


def show(page: Page) -> None:
    """Write the page."""
    heading("How this works", page)
    for title, texts in _SECTIONS:
        st.subheader(title, anchor=False)
        for text in texts:
            st.html(markup.paragraph(text))
        if title == _PROTECTED:
            for told in budgets.meanings(page.published):
                st.html(markup.paragraph(told))
    with st.expander("Formulas"):
        for words, formula in _FORMULAS:
            st.html(markup.paragraph(words))
            st.latex(formula)
    _own_words(page)


def _own_words(page: Page) -> None:
    """Write how each office says that its unit is formed."""
    rows = [
        (
            str(page.published.of(office)[-1].plan["office"]["name"]),
            str(page.published.of(office)[-1].plan["unit"]["kind"]),
            str(page.published.of(office)[-1].plan["unit"].get("formed_by", "not stated")),
        )
        for office in page.published.offices
    ]
    if rows:
        st.subheader("The offices' own words", anchor=False)
        for unit in dict.fromkeys(unit for _, unit, _ in rows):
            warning = unit_warning(unit)
            if warning:
                st.html(markup.paragraph(f"Where the unit is a {unit}: {warning}"))
        st.html(markup.table("The unit of protection", ("Office", "Unit", "How it is formed"), rows, short=("Unit",)))
