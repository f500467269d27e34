"""What a running dashboard remembers: bundles and statements by their stamp, comparisons by the bundles' digests.

Nothing is remembered of what a reader chose; that stands in the address.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import streamlit as st

from dashboard.choices import choice, factor
from dashboard.mirrored import agreement_on, family
from dashboard.sources import (
    Place,
    Published,
    Refused,
    Stamp,
    Stated,
    bundle_at,
    published_at,
    registry_at,
    statement_at,
)
from dashboard.tables import cells_of
from release.bundle.verification import Bundle
from release.mirror.comparison import DEFAULT_CIF_FOB, DEFAULT_TOLERANCE, Agreement, Comparison
from release.registry.offices import Registry

TOLERANCES = (0.05, 0.10, 0.25, 0.50)


def published(locations: Sequence[Path], registry: Path | None = None) -> Published:
    """Return what is published at the locations now; unchanged files aren't read again.

    With a registry, bundles of the offices that it names are held to its keys; one that can't be believed vouches for
    nothing, and then nothing is shown.
    """
    held = None if registry is None else registry_at(registry)
    if isinstance(held, Refused):
        return Published(bundles=(), statements=(), refused=(held,))
    return published_at(
        locations,
        read=lambda place: _bundle(str(place.path), place.stamp, "" if held is None else held.digest, held),
        read_ledger=lambda place: _statement(str(place.path), place.stamp),
    )


@st.cache_resource(max_entries=1000, show_spinner="Reading and checking published bundles …")
def _bundle(
    path: str,
    stamp: Stamp,
    registry: str,  # noqa: ARG001 - what the registry is known by
    _held: Registry | None,
) -> Bundle | Refused:
    return bundle_at(Place(path=Path(path), stamp=stamp), _held)


@st.cache_resource(max_entries=1000, show_spinner=False)
def _statement(path: str, stamp: Stamp) -> Stated | Refused:
    return statement_at(Place(path=Path(path), stamp=stamp))


def mirrors_of(found: Published, level: str, period: str | None, agreement: Agreement) -> Comparison:
    """Return one family's mirrors: a level in one period, or in all of them."""
    return _family(found.digests, level, period, agreement.tolerance, agreement.cif_fob, found)


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _family(
    digests: tuple[str, ...],  # noqa: ARG001 - what the comparison is known by
    level: str,
    period: str | None,
    tolerance: float,
    cif_fob: float,
    _found: Published,
) -> Comparison:
    return family(_found.bundles, level, period, agreement_on(tolerance, cif_fob))


def cells_published(found: Published) -> pl.DataFrame:
    """Return all published cells as one table."""
    return _cells(found.digests, found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _cells(digests: tuple[str, ...], _found: Published) -> pl.DataFrame:  # noqa: ARG001 - as above
    return cells_of(_found.bundles)


def choose() -> Agreement:
    """Return the agreement chosen in the side bar; it stands in the address as `t` and `c`."""
    with st.sidebar:
        tolerance = choice(
            "Corresponding means within",
            TOLERANCES,
            "t",
            proposal=DEFAULT_TOLERANCE,
            words=lambda part: f"±{100 * part:.0f} %",
            tip="How far imports over exports may be off the CIF/FOB factor and still count as corresponding.",
        )
        c = factor(
            "CIF/FOB factor",
            "c",
            proposal=DEFAULT_CIF_FOB,
            low=1.0,
            high=1.5,
            tip="Imports usually hold freight and insurance, exports don't. The factor is used only where the exports"
            " are valued FOB or FAS and the imports CIF.",
        )
    return agreement_on(tolerance, round(c, 4))
