"""How the dashboard is served: to this machine only, without statistics, error details or uploads.

The options are passed on the command line, where nothing in a user's or a folder's configuration overrides them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

SAFE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "server.enableStaticServing": "false",
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.maxUploadSize": "0",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "127.0.0.1",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "client.toolbarMode": "minimal",
        "runner.magicEnabled": "false",
    }
)
"""Streamlit's options by name, as text."""

SCRIPT = Path(__file__).parent / "app.py"
"""What Streamlit runs."""


_ROOT = "--root="


def arguments(words: Sequence[str], port: int) -> list[str]:
    """Return the arguments of Streamlit's own command that serve what `words` name on a port of this machine."""
    options = {**SAFE_OPTIONS, "server.port": str(port), "browser.serverPort": str(port)}
    return ["run", str(SCRIPT), *(f"--{name}={value}" for name, value in options.items()), "--", *words]


def words_of(places: Iterable[Path], root: Path | None = None) -> list[str]:
    """Return whole paths for the server, which works elsewhere: the places, and the registry's root where one was had.

    A whole path never begins with a hyphen, so the root is told from places by its first letters.
    """
    return [*(str(place.absolute()) for place in places), *([] if root is None else [f"{_ROOT}{root.absolute()}"])]


def places_of(words: Iterable[str]) -> tuple[tuple[Path, ...], Path | None]:
    """Return the places and the registry's root that `words_of` wrote."""
    given = tuple(words)
    roots = [Path(word.removeprefix(_ROOT)) for word in given if word.startswith(_ROOT)]
    return tuple(Path(word) for word in given if not word.startswith(_ROOT)), next(iter(roots), None)
