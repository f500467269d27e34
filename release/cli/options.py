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
ReleaseFile = Annotated[Path, typer.Argument(metavar="RELEASE.toml", help="The release's configuration.")]
SourcePath = Annotated[Path | None, typer.Option("--source", help="The records, in place of the path in the config.")]
EarlierHeads = Annotated[
    Path | None,
    typer.Option("--heads", help="Bundles or statements kept since earlier: the ledger must hold their heads."),
]
