"""How commands print: results to the standard output, progress and messages to the standard error."""

import json
import sys
from typing import Any

import typer
from rich.console import Console

_PIPED_WIDTH = 130


def out() -> Console:
    """Return where results are printed."""
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def say(message: str) -> None:
    """Print a message or progress to the standard error."""
    typer.echo(message, err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON object to the standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
