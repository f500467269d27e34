"""What a running dashboard remembers: bundles and statements by their stamp, comparisons by the bundles' digests.

Nothing is remembered of what a reader chose; that stands in the address.
"""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.mirrored import agreement_on, family
from dashboard.sources import Place, Published, Refused, Stated, Stamp, bundle_at, published_at, statement_at
from release.bundle.verification import Bundle
from release.mirror.comparison import DEFAULT_CIF_FOB, Agreement, Comparison

TOLERANCES = (0.05, 0.10, 0.25, 0.50)


def published(locations: Sequence[Path]) -> Published:
    """Return what is published at the locations now; unchanged files aren't read again."""
    return published_at(
        locations,
        read=lambda place: _bundle(str(place.path), place.stamp),
        read_ledger=lambda place: _statement(str(place.path), place.stamp),
    )


@st.cache_resource(max_entries=256, show_spinner="Reading and checking published bundles …")
def _bundle(path: str, stamp: Stamp) -> Bundle | Refused:
    return bundle_at(Place(path=Path(path), stamp=stamp))


@st.cache_resource(max_entries=256, show_spinner=False)
def _statement(path: str, stamp: Stamp) -> Stated | Refused:
    return statement_at(Place(path=Path(path), stamp=stamp))


def mirrors_of(found: Published, level: str, period: str | None, agreement: Agreement) -> Comparison:
    """Return one family's mirrors: a level in one period, or in all of them."""
    return _family(found.digests, level, period, agreement.tolerance, agreement.cif_fob, found)


@st.cache_resource(max_entries=512, show_spinner="Comparing …")
def _family(
    digests: tuple[str, ...],  # noqa: ARG001 - what the comparison is known by
    level: str,
    period: str | None,
    tolerance: float,
    cif_fob: float,
    _found: Published,
) -> Comparison:
    return family(_found.bundles, level, period, agreement_on(tolerance, cif_fob))


def choose() -> Agreement:
    """Return the agreement chosen in the side bar; it stands in the address as `t` and `c`."""
    with st.sidebar:
        tolerance = st.selectbox(
            "Corresponding means within",
            TOLERANCES,
            index=TOLERANCES.index(0.25),
            format_func=lambda part: f"±{100 * part:.0f} %",
            key="t",
            bind="query-params",
            help="How far imports over exports may be off the CIF/FOB factor and still count as corresponding.",
        )
        factor = st.number_input(
            "CIF/FOB factor",
            min_value=1.0,
            max_value=1.5,
            value=DEFAULT_CIF_FOB,
            step=0.01,
            format="%.2f",
            key="c",
            bind="query-params",
            help="Imports usually hold freight and insurance, exports don't. The factor is used only where the exports"
            " are valued FOB or FAS and the imports CIF.",
        )
    return agreement_on(float(tolerance or 0.25), round(float(factor or DEFAULT_CIF_FOB), 4))
