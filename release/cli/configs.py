"""`mirrors config check` and `mirrors config schema`."""

import json
import tomllib
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter

from release.cli.app import Kind
from release.config import Office, Release, load_office, load_release
from release.errors import ConfigError, Fault


def check(files: list[Path]) -> None:
    """Check configuration files; tells every fault of every file with its line."""
    faults: list[Fault] = []
    for file in files:
        try:
            loaded = load_office(file) if _is_office(file) else load_release(file)
        except ConfigError as error:
            faults += error.faults
        else:
            kind = "release" if isinstance(loaded, tuple) else "office"
            typer.echo(f"{file}: a good {kind}")
    if faults:
        raise ConfigError(faults)


def schema(kind: Kind) -> None:
    """Print the JSON Schema of a kind of configuration file, for editors."""
    typer.echo(json.dumps(json_schema(kind), indent=2, ensure_ascii=False))


def json_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of configuration file."""
    described = TypeAdapter[Any](Office if kind is Kind.OFFICE else Release).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def _is_office(file: Path) -> bool:
    try:
        return "release" not in tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return file.name == "office.toml"
