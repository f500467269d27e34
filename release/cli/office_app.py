"""The commands of what an office keeps: configuration, source, ledger, folder, practice world; as in `app`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from release.cli.options import AsJson, EarlierHeads, OfficeFile, ReleaseFile, SourcePath

config = typer.Typer(help="Configuration files.", no_args_is_help=True)
source = typer.Typer(help="The confidential source, looked at privately.", no_args_is_help=True)
ledger = typer.Typer(help="The office's budget ledger.", no_args_is_help=True)
office = typer.Typer(help="A new office's folder.", no_args_is_help=True)
practice = typer.Typer(help="Practice worlds: synthetic offices with known truth.", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Offices', releases' and comparisons' TOML.")]


class Kind(StrEnum):
    """The kinds of configuration file."""

    OFFICE = "office"
    RELEASE = "release"
    COMPARISON = "comparison"


@source.command("check")
def source_check(file: ReleaseFile, source: SourcePath = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Look at the records privately, before a run does.

    It tells how many rows each rule touches, and what is wrong with the whole. It decides nothing about a release.
    """
    from release.cli import runs

    runs.check(file, source, as_json=as_json)


@source.command("fetch")
def source_fetch(
    file: ReleaseFile,
    out: Annotated[Path, typer.Option("--out", help="A new CSV file.")],
) -> None:
    """Get a release's public figures from UN Comtrade's API.

    They are written as a new file. It needs the network.
    """
    from release.cli import fetching

    fetching.fetch(file, out)


@config.command("check")
def config_check(files: Files) -> None:
    """Tell every fault of configuration files, with its line."""
    from release.cli import configs

    configs.check(files)


@config.command("schema")
def config_schema(kind: Kind) -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    from release.cli import configs

    configs.schema(kind)


@ledger.command("create")
def ledger_create(file: OfficeFile) -> None:
    """Make a new, empty ledger; refused where one exists."""
    from release.cli import ledgers

    ledgers.create(file)


@ledger.command("show")
def ledger_show(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show what accounts have spent and left, and every charge."""
    from release.cli import ledgers

    ledgers.show(file, as_json=as_json)


@ledger.command("verify")
def ledger_verify(file: OfficeFile, heads: EarlierHeads = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Read the whole chain and tell what is wrong with it.

    It exits 5 on a finding.
    """
    from release.cli import ledgers

    ledgers.verify(file, heads, as_json=as_json)


@ledger.command("export")
def ledger_export(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print every entry as stored, one JSON object a line.

    With --json it is one object. Digests of records are keyed; no record is in it.
    """
    from release.cli import ledgers

    ledgers.export(file, as_json=as_json)


@ledger.command("raise")
def ledger_raise(  # noqa: PLR0917 - options, all named
    file: OfficeFile,
    source: Annotated[str, typer.Option(help="The source's name.")],
    year: Annotated[int, typer.Option(help="The accounting year.")],
    limit: Annotated[str, typer.Option(help='The new limit in rho, such as "5".')],
    reason: Annotated[str, typer.Option(help="Why; shown for ever.")],
    tier: Annotated[str, typer.Option(help="uniform or large-trader.")] = "uniform",
    decided_by: Annotated[str | None, typer.Option(help="Under whose authority; shown for ever.")] = None,
) -> None:
    """Raise an account's limit by an entry that says why.

    Change the limit in office.toml with it.
    """
    from release.cli import ledgers

    ledgers.raise_limit(file, source=source, year=year, tier=tier, limit=limit, reason=reason, decided_by=decided_by)


@ledger.command("restore")
def ledger_restore(
    file: OfficeFile,
    exported: Annotated[Path, typer.Argument(metavar="EXPORT", help="What `ledger export` printed.")],
) -> None:
    """Make the office's ledger anew from an export.

    One older than the witness remembers is refused when it is used.
    """
    from release.cli import ledgers

    ledgers.restore_from(file, exported)


@ledger.command("statement")
def ledger_statement(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: ARG001, FBT002
    """Print the public statement of the ledger.

    It is all that an outsider needs to recompute the chain and its losses.
    """
    from release.cli import ledgers

    ledgers.statement(file)


@office.command("new")
def office_new(
    code: Annotated[str, typer.Argument(metavar="ISO3", help="ISO 3166 alpha-3 code, such as DEU.")],
    parent: Annotated[Path, typer.Option("--in", help="Where the office's folder is made.")] = Path("offices"),
    year: Annotated[int | None, typer.Option(help="Of the first release; else last year.")] = None,
    exercise: Annotated[bool, typer.Option("--exercise", help="Keep the key's passphrase in a file.")] = False,  # noqa: FBT002
) -> None:
    """Make a new office's folder, and write over nothing.

    Configuration, key, ledger and a checklist.
    """
    import datetime

    from release.cli import offices

    last_year = datetime.datetime.now(tz=datetime.UTC).year - 1
    offices.new(code, parent, year or last_year, exercise=exercise)


@practice.command("new")
def practice_new(  # noqa: PLR0917 - options, all named
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the world is written.")],
    offices: Annotated[str, typer.Option(help="ISO alpha-3 codes, separated by commas.")] = "USA,GBR,NLD,ITA",
    year: Annotated[int, typer.Option(help="The accounting year; the year before is its public prior.")] = 2024,
    months: Annotated[str, typer.Option(help="Months, as 1-12 or 1,2,3.")] = "1-12",
    traders: Annotated[int, typer.Option(help="Trading firms registered with each office.")] = 1800,
    rows: Annotated[int | None, typer.Option(help="Lines of each office in a year; else 42 a trader.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random draws.")] = 1,
    causes: Annotated[str, typer.Option(help="Causes of asymmetry: usual, or none for equal records.")] = "usual",
    plant: Annotated[list[str] | None, typer.Option(help="A discrepancy, as NLD>ITA*1.6 or NLD>ITA:27,84*1.6.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Make synthetic declarations of several offices.

    The same shipment stands in both countries' records, with known truth.
    """
    from release.cli import practices

    world = practices.world(
        offices=offices,
        year=year,
        months=months,
        traders=traders,
        rows=rows,
        seed=seed,
        causes=causes,
        plant=plant or [],
    )
    practices.new(folder, world, as_json=as_json)
