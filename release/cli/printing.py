"""How commands print: results to the standard output, progress and messages to the standard error."""

import json
import shutil
import sys
from typing import Any

import typer
from rich.console import Console

_PIPED_WIDTH = 130
_NARROWEST = 118
"""Narrower terminals wrap lines; no figure is ever cut off."""


def out() -> Console:
    """Return where results are printed."""
    console = Console(file=sys.stdout, highlight=False)
    console.width = max(console.width, _NARROWEST) if console.is_terminal else _PIPED_WIDTH
    return console


def command() -> str:
    """Return how this program was called, so that what is suggested can be typed as it stands."""
    return "mirrors" if shutil.which("mirrors") else sys.argv[0]


def say(message: str) -> None:
    """Print a message or progress to the standard error."""
    typer.echo(message, err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON object to the standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
