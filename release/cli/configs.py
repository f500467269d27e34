"""`mirrors config check` and `mirrors config schema`."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter

from release.cli import wiring
from release.cli.office_app import Kind
from release.config import Comparison, Office, Release, load_comparison, load_office, load_release
from release.config.loading import inside
from release.errors import ConfigError, Fault


def check(files: list[Path]) -> None:
    """Check configuration files; tells every fault of every file with its line."""
    faults: list[Fault] = []
    for file in files:
        try:
            kind = kind_of(file)
            notes = _release_notes(file) if kind is Kind.RELEASE else _none(_LOADERS[kind](file))
        except ConfigError as error:
            faults += error.faults
        else:
            typer.echo(f"{file}: a good {kind}")
            for note in notes:
                typer.echo(f"  note: {note}")
    if faults:
        raise ConfigError(faults)


def _none(_: object) -> tuple[str, ...]:
    return ()


def _release_notes(file: Path) -> tuple[str, ...]:
    """Return what a release needs that isn't there yet.

    Raises:
        ConfigError: with all the file's faults, those of its prior included.
    """
    office, release = load_release(file)
    source, notes = release.source, []
    place = wiring.source_place(release, file.parent, None)
    if place is not None and not place.exists() and "*" not in place.name:
        notes.append(f"source.path: there is nothing at {place} yet; --source names another place")
    if source.layout != "table" and place is None:
        notes.append("source.path isn't said: --source has to name the records")
    if release.prior is not None and release.prior.table is None:
        bundle = inside(wiring.published_folder(office, file.parent, None), str(release.prior.bundle))
        if not bundle.exists():
            return (*notes, f"prior.bundle: there is no bundle at {bundle} yet; plan and run need it")
    wiring.planned_file(file, None)
    return tuple(notes)


def schema(kind: Kind) -> None:
    """Print the JSON Schema of a kind of configuration file, for editors."""
    typer.echo(json.dumps(json_schema(kind), indent=2, ensure_ascii=False))


def json_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of configuration file."""
    described = TypeAdapter[Any](_KINDS[kind]).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def kind_of(file: Path) -> Kind:
    """Return what a file configures: by its keys, or by its name when it can't be read."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Kind.OFFICE if file.name == "office.toml" else Kind.RELEASE
    if "release" in content:
        return Kind.RELEASE
    return Kind.COMPARISON if "bundles" in content else Kind.OFFICE


_KINDS: dict[Kind, Any] = {Kind.OFFICE: Office, Kind.RELEASE: Release, Kind.COMPARISON: Comparison}
_LOADERS: dict[Kind, Callable[[Path], object]] = {
    Kind.OFFICE: load_office,
    Kind.RELEASE: load_release,
    Kind.COMPARISON: load_comparison,
}
