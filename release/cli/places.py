"""Where bundles are: the places that a command names are bundles, or hold bundles at any depth.

A place is a folder, a bundle on the web, or a prefix in an object store; the libraries of a store are an extra.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from release.bundle.content import MANIFEST
from release.bundle.reading import Files
from release.errors import UsageError
from release.remote.locations import Location, is_url, location_of

Place = Path | Location


def named(texts: Sequence[str | Path]) -> tuple[Place, ...]:
    """Return the places that texts name.

    Raises:
        UsageError: one of them is no place for bundles.
    """
    return tuple(location_of(str(text)) if is_url(str(text)) else Path(text) for text in texts)


def on_this_machine(texts: Sequence[str]) -> list[Path]:
    """Return the folders and files that texts name.

    Raises:
        UsageError: one of them is reached over a network.
    """
    places = named(texts)
    for place in places:
        if not isinstance(place, Path):
            raise UsageError(f"Fetch them first, `mirrors fetch {place} FOLDER`, and name FOLDER. Nothing was started.")
    return [Path(text) for text in texts]


def found(places: Sequence[Place]) -> tuple[Path | Files, ...]:
    """Return the bundles at the places, each once; a place that holds none stands for itself.

    Raises:
        LocationError: a store can't be asked.
    """
    held: list[Path | Files] = []
    for place in places:
        held += folders([place]) if isinstance(place, Path) else _reached(place)
    return tuple(dict.fromkeys(held))


def folders(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the bundles at places on this machine, each once; a place that holds none stands for itself."""
    held: list[Path] = []
    for place in places:
        own = (place / MANIFEST).exists()
        below = [] if own else sorted(path.parent for path in place.rglob(MANIFEST) if not _hidden(path, place))
        held += below or [place]
    return tuple(dict.fromkeys(held))


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _reached(place: Location) -> Sequence[Files]:
    if place.web:
        from release.remote.web import WebFiles

        return [WebFiles(place.url)]
    hold_to_extra()
    from release.remote.stores import bundles_in, store_at

    return bundles_in(store_at(place.url))


def hold_to_extra() -> None:
    """Refuse an object store where its library isn't installed.

    Raises:
        UsageError: it isn't.
    """
    if find_spec("obstore") is None:
        raise UsageError('Object stores need: pip install "noisy-mirrors[remote]". Nothing was read or written.')
