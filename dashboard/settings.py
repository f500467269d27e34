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

SCRIPT = Path(__file__).parent / "app.py"
"""What Streamlit runs."""


def arguments(places: tuple[Path, ...], port: int) -> list[str]:
    """Return the arguments of Streamlit's own command that serve what is at `places` on a port of this machine."""
    options = {**SAFE_OPTIONS, "server.port": str(port), "browser.serverPort": str(port)}
    return ["run", str(SCRIPT), *(f"--{name}={value}" for name, value in options.items()), "--", *map(str, places)]
