"""How commands print: results to the standard output, progress and messages to the standard error."""

import json
import re
import shutil
import sys
from typing import Any, TextIO, cast

import typer
from rich.console import Console
from rich.text import Text

_PIPED_WIDTH = 130
_NARROWEST = 118
"""Narrower terminals wrap lines; no figure is ever cut off."""


_HELD = "\ue000"
"""Stands for a space at which no line is broken, until it is written; rich breaks lines at Unicode's own."""

_WITHIN_FIGURE = re.compile(r"(?<=\d) (?=(?:%|k|m|bn|trn)(?![A-Za-z]))|(?<=[$€£₩±]) (?=\d)")


class _Sheet(Console):
    """A console that keeps a figure and its unit in one line."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_WITHIN_FIGURE.sub(_HELD, text), **options)


class _Written:
    """The standard output, which is written with plain spaces."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.replace(_HELD, " "))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def out() -> Console:
    """Return where results are printed."""
    console = _Sheet(file=cast("TextIO", _Written(sys.stdout)), highlight=False)
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
