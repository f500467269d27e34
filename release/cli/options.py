"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
OfficeFile = Annotated[Path, typer.Argument(metavar="OFFICE.toml", help="The office's configuration.")]
RegistryPlace = Annotated[
    Path | None, typer.Option("--registry", metavar="LOCATION", help="The registry of offices, a folder.")
]
RootFile = Annotated[
    Path | None, typer.Option("--root", metavar="FILE", help="A root of the registry that you had by another way.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Take the registry as not expired on this day.")
]
