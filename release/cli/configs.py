"""`mirrors config check` and `mirrors config schema`."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter

from release.cli.office_app import Kind
from release.config import Comparison, Office, Release, load_comparison, load_office, load_release
from release.errors import ConfigError, Fault


def check(files: list[Path]) -> None:
    """Check configuration files; tells every fault of every file with its line."""
    faults: list[Fault] = []
    for file in files:
        try:
            kind = kind_of(file)
            _LOADERS[kind](file)
        except ConfigError as error:
            faults += error.faults
        else:
            typer.echo(f"{file}: a good {kind}")
    if faults:
        raise ConfigError(faults)


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
