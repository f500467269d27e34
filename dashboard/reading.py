"""What a running dashboard remembers: bundles and statements by their stamp, comparisons by the bundles' digests.

Nothing is remembered of what a reader chose; that stands in the address. What was agreed beforehand is read once, when
the dashboard is started.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import polars as pl
import streamlit as st

from dashboard.choices import choice, factor
from dashboard.mirrored import PAIRS, agreement_on, family, periods_of
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
from release.mirror.agreement import PublicTables
from release.mirror.comparison import Agreement, Comparison
from release.mirror.configured import Agreed, is_comparison, read_agreed
from release.registry.offices import Registry
from release.registry.reading import is_registry

TOLERANCES = (0.05, 0.10, 0.25, 0.50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the dashboard looks for bundles, and what was agreed about them.

    Attributes:
        locations: bundles, and folders that hold bundles and statements at any depth.
        agreed: the comparison's file, where one was named.
        name: of that file; empty without one.
        registry: of the offices whose keys have to have signed; None asks for no signature.
        root: a file of the registry's root that was had by another way.
    """

    locations: tuple[Path, ...]
    agreed: Agreed = field(default_factory=Agreed)
    name: str = ""
    registry: Path | None = None
    root: Path | None = None


def scene_of(places: Sequence[Path], root: Path | None = None) -> Scene:
    """Return the scene of what the command line names: locations, and at most one comparison's file and one registry.

    A file alone is looked up where it says that its bundles are; beside locations, these hold the bundles.

    Raises:
        ConfigError: the comparison's file has faults.
    """
    files = [place for place in places if is_comparison(place)]
    registry = next((place for place in places if is_registry(place)), None)
    locations = tuple(place for place in places if not is_comparison(place) and place != registry)
    if not files:
        return Scene(locations=locations, registry=registry, root=root)
    agreed = _agreed(files[0])
    return Scene(
        locations=locations or agreed.bundles,
        agreed=agreed,
        name=str(files[0]),
        registry=registry or agreed.registry,
        root=root,
    )


_agreed = lru_cache(maxsize=8)(read_agreed)


def warm(scene: Scene) -> None:
    """Read what is published and compare the newest period, so that the first reader needn't wait for it."""
    found = published(scene)
    if len(found.offices) > 1:
        newest = periods_of(found.bundles, scene.agreed.agreement)[-1]
        for period in (newest, None):
            mirrors_of(found, PAIRS, period, scene.agreed.agreement, scene)


def published(scene: Scene) -> Published:
    """Return what is published at the scene's locations now; unchanged files aren't read again.

    With a registry, bundles of the offices that it names are held to its keys; where it can't be believed, nothing is
    shown.
    """
    trusted = None if scene.registry is None else registry_at(scene.registry, scene.root)
    if isinstance(trusted, Refused):
        return Published(bundles=(), statements=(), refused=(trusted,))
    held = None if trusted is None else trusted.known.registry
    known_by = "" if held is None else held.digest
    found = published_at(
        scene.locations,
        read=lambda place: _bundle(str(place.path), place.stamp, known_by, held),
        read_ledger=lambda place: _statement(str(place.path), place.stamp),
    )
    return replace(found, trusted=trusted)


@st.cache_resource(max_entries=1000, show_spinner=False)
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


def mirrors_of(found: Published, level: str, period: str | None, agreement: Agreement, scene: Scene) -> Comparison:
    """Return one family's mirrors: a level in one period, or in all of them."""
    band = (agreement.tolerance, agreement.cif_fob)
    return _family(found.digests, level, period, band, scene.name, found, agreement, scene.agreed.public)


@st.cache_resource(max_entries=64, show_spinner=False)
def _family(
    digests: tuple[str, ...],  # noqa: ARG001 - what the comparison is known by
    level: str,
    period: str | None,
    band: tuple[float, float],  # noqa: ARG001 - as above
    agreed: str,  # noqa: ARG001 - as above
    _found: Published,
    _agreement: Agreement,
    _public: PublicTables,
) -> Comparison:
    return family(_found.bundles, level, period, _agreement, _public)


def cells_published(found: Published) -> pl.DataFrame:
    """Return all published cells as one table."""
    return _cells(found.digests, found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _cells(digests: tuple[str, ...], _found: Published) -> pl.DataFrame:  # noqa: ARG001 - as above
    return cells_of(_found.bundles)


def choose(agreed: Agreement) -> Agreement:
    """Return the agreement with the band chosen in the side bar; it stands in the address as `t` and `c`."""
    with st.sidebar:
        tolerance = choice(
            "Corresponding means within",
            tuple(sorted({*TOLERANCES, agreed.tolerance})),
            "t",
            proposal=agreed.tolerance,
            words=lambda part: f"a factor of {1 + part:.4g}",
            tip="How far imports over exports may be off the CIF/FOB factor and still count as corresponding.",
        )
        c = factor(
            "CIF/FOB factor",
            "c",
            proposal=agreed.cif_fob,
            low=min(1.0, agreed.cif_fob),
            high=max(1.5, agreed.cif_fob),
            tip="Imports usually hold freight and insurance, exports don't. The factor is used only where the exports"
            " are valued FOB or FAS and the imports CIF.",
        )
    return agreement_on(agreed, tolerance, agreed.cif_fob if abs(c - agreed.cif_fob) < _STEP else round(c, 4))


_STEP = 0.005
"""The number is chosen in two decimals; the agreed factor may have more."""
