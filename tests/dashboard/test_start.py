"""What `mirrors dashboard` refuses before anything is served, and how the server is told of places and root."""

from pathlib import Path

import pytest

from dashboard.settings import places_of, words_of
from release.cli.dashboards import serve
from release.errors import RegistryRefusedError, UsageError

REGISTRY = Path(__file__).resolve().parents[1] / "golden" / "1" / "registry"


def test_a_root_without_a_registry_is_refused() -> None:
    with pytest.raises(UsageError, match="--root goes with --registry"):
        serve([Path("published")], 8501, None, REGISTRY / "1.root.json")


def test_a_registry_of_another_root_is_refused_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes((REGISTRY / "1.targets.json").read_bytes())
    with pytest.raises(RegistryRefusedError):
        serve([Path("published")], 8501, REGISTRY, tmp_path / "root.json")


def test_places_and_root_reach_the_server_as_they_were_named() -> None:
    places, root = (Path("/published"), Path("/--root=x")), Path("/keys/1.root.json")
    assert places_of(words_of(places, root)) == (places, root)
    assert places_of(words_of(places)) == (places, None)
