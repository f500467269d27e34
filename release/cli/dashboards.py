"""`mirrors dashboard`: the published bundles as pages in a browser on this machine."""

import os
import sys
from pathlib import Path

from dashboard.settings import words_of
from release.cli.printing import say
from release.errors import UsageError
from release.mirror.configured import is_comparison, read_agreed
from release.registry.reading import is_registry, read_registry, today


def serve(places: list[Path], port: int, registry: Path | None = None, root: Path | None = None) -> None:
    """Serve what is published at the places to this machine, until it is stopped; doesn't return.

    A registry goes to the server as one of the places, which knows it by its first root.

    Raises:
        UsageError: two comparisons are named, what is named as a registry isn't one, or a root without a registry.
        ConfigError: the comparison's file has faults.
        RegistryRefusedError: the registry isn't the one of that root.
    """
    files = [place for place in places if is_comparison(place)]
    if len(files) > 1:
        raise UsageError("A dashboard shows one comparison; name one TOML. Nothing was started.")
    agreed = [read_agreed(file).registry for file in files]
    if registry is not None and not is_registry(registry):
        raise UsageError(f"{registry} is no registry of offices: it has no root. Nothing was started.")
    if root is not None:
        _hold(next((one for one in (registry, *agreed) if one is not None), None), root)
    say(f"The dashboard is at http://127.0.0.1:{port} for this machine only. Stop it with Ctrl-C.")
    named = words_of([*places, *([] if registry is None else [registry])], root)
    # -P keeps a folder that happens to hold a streamlit.py from being imported instead.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "dashboard.serving", str(port), *named])  # noqa: S606


def _hold(registry: Path | None, root: Path) -> None:
    if registry is None:
        raise UsageError("--root goes with --registry, or with a comparison that names one. Nothing was started.")
    read_registry(registry, day=today(), root=root)
