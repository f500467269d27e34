"""Where bundles are: the places that a command names are bundles, or folders that hold bundles at any depth."""

from collections.abc import Sequence
from pathlib import Path

from release.bundle.content import MANIFEST


def found(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the bundles at the places, each once; a place that holds none stands for itself."""
    held: list[Path] = []
    for place in places:
        own = (place / MANIFEST).exists()
        below = [] if own else sorted(path.parent for path in place.rglob(MANIFEST) if not _hidden(path, place))
        held += below or [place]
    return tuple(dict.fromkeys(held))


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
