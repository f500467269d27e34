"""`mirrors dashboard`: the published bundles as pages in a browser on this machine."""

import os
import sys
from pathlib import Path

from dashboard.settings import arguments
from release.cli.printing import say


def serve(locations: list[Path], port: int, registry: Path | None = None) -> None:
    """Serve what is published at the locations to this machine, until it is stopped; doesn't return."""
    say(f"The dashboard is at http://127.0.0.1:{port} for this machine only. Stop it with Ctrl-C.")
    places = tuple(location.absolute() for location in locations)
    held = None if registry is None else registry.absolute()
    # -P keeps a folder that happens to hold a streamlit.py from being imported instead.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", *arguments(places, port, held)])  # noqa: S606
