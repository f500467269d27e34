"""`mirrors dashboard`: the published bundles as pages in a browser on this machine."""

import os
import sys
from pathlib import Path

from release.cli.printing import say
from release.errors import UsageError
from release.mirror.configured import is_comparison, read_agreed
from release.registry.reading import is_registry


def serve(places: list[Path], port: int, registry: Path | None = None) -> None:
    """Serve what is published at the places to this machine, until it is stopped; doesn't return.

    A registry goes to the server as one of the places, which knows it by its first root.

    Raises:
        UsageError: two comparisons are named, or what is named as a registry isn't one.
        ConfigError: the comparison's file has faults.
    """
    files = [place for place in places if is_comparison(place)]
    if len(files) > 1:
        raise UsageError("A dashboard shows one comparison; name one TOML. Nothing was started.")
    for file in files:
        read_agreed(file)
    if registry is not None and not is_registry(registry):
        raise UsageError(f"{registry} is no registry of offices: it has no root. Nothing was started.")
    say(f"The dashboard is at http://127.0.0.1:{port} for this machine only. Stop it with Ctrl-C.")
    named = [str(place.absolute()) for place in (*places, *([] if registry is None else [registry]))]
    # -P keeps a folder that happens to hold a streamlit.py from being imported instead.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "dashboard.serving", str(port), *named])  # noqa: S606
