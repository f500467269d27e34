"""How the dashboard is served: to this machine only, without statistics, error details or uploads.

The options are passed on the command line, where nothing in a user's or a folder's configuration overrides them.
"""

from collections.abc import Mapping
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

REGISTRY = "--registry="
"""How the script is told which registry of offices bundles are held to."""

SCRIPT = Path(__file__).parent / "app.py"
"""What Streamlit runs."""


def arguments(locations: tuple[Path, ...], port: int, registry: Path | None = None) -> list[str]:
    """Return the arguments of `python -P -m streamlit` that serve bundles at `locations` on a port of this machine."""
    options = {**SAFE_OPTIONS, "server.port": str(port), "browser.serverPort": str(port)}
    told = [] if registry is None else [f"{REGISTRY}{registry}"]
    given = (f"--{name}={value}" for name, value in options.items())
    return ["run", str(SCRIPT), *given, "--", *told, *map(str, locations)]
