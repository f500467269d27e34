"""The commands: their names, arguments and help. Their work is in the module named after them, imported when called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from release import __version__
from release.cli.options import AsJson, AsOf, OfficeFile, RegistryPlace, RootFile
from release.cli.trust_app import keys, registry

app = typer.Typer(
    name="mirrors",
    help="Differentially private releases of bilateral trade, and their mirrors compared.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config = typer.Typer(help="Configuration files.", no_args_is_help=True)
source = typer.Typer(help="The confidential source, looked at privately.", no_args_is_help=True)
ledger = typer.Typer(help="The office's budget ledger.", no_args_is_help=True)
office = typer.Typer(help="A new office's folder.", no_args_is_help=True)
practice = typer.Typer(help="Practice worlds: synthetic offices with known truth.", no_args_is_help=True)
app.add_typer(config, name="config")
app.add_typer(source, name="source")
app.add_typer(ledger, name="ledger")
app.add_typer(practice, name="practice")
app.add_typer(keys, name="keys")
app.add_typer(office, name="office")
app.add_typer(registry, name="registry")

ReleaseFile = Annotated[Path, typer.Argument(metavar="RELEASE.toml", help="The release's configuration.")]
SourcePath = Annotated[Path | None, typer.Option("--source", help="The records, in place of the path in the config.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="The place of publication, in place of the config's.")]
Bundles = Annotated[
    list[str],
    typer.Argument(metavar="BUNDLE...", help="Published releases: folders, https://… or s3://…"),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Offices', releases' and comparisons' TOML.")]


EarlierHeads = Annotated[
    Path | None,
    typer.Option("--heads", help="Bundles or statements kept since earlier: the ledger must hold their heads."),
]


class Kind(StrEnum):
    """The kinds of configuration file."""

    OFFICE = "office"
    RELEASE = "release"
    COMPARISON = "comparison"


def _version(*, shown: bool) -> None:
    if shown:
        typer.echo(__version__)
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=lambda shown: _version(shown=shown), is_eager=True, help="Print the version."),
]


@app.callback()
def _common(version: _Version = False) -> None:  # noqa: FBT002
    """Differentially private releases of bilateral trade, and their mirrors compared."""


@app.command()
def plan(  # noqa: PLR0917 - options, all named
    file: ReleaseFile,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LEVEL=PART]...", help="With --target: targets in place of the config's."),
    ] = None,
    target: Annotated[bool, typer.Option("--target", help="Find the loss that reaches the targets.")] = False,  # noqa: FBT002
    suggest: Annotated[bool, typer.Option("--suggest", help="Propose scales for the release's loss.")] = False,  # noqa: FBT002
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the prediction: .svg, .png, .html, .json.")] = None,
    out: OutFolder = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show what a release would publish, how precise it would be, and what it would cost. Reads no records."""
    from release.cli import plans

    asked = plans.Asked(target=target or bool(targets), targets=tuple(targets or ()), suggest=suggest, plot=plot)
    plans.show(file, out, asked, as_json=as_json)


@app.command()
def run(
    file: ReleaseFile,
    source: SourcePath = None,
    out: OutFolder = None,
    registry: RegistryPlace = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Charge the ledger, measure with noise, and publish; or go on with a run that was interrupted."""
    from release.cli import runs

    runs.run(file, source, out, registry, as_json=as_json)


@app.command()
def verify(  # noqa: PLR0917 - options, all named
    bundles: Bundles,
    registry: RegistryPlace = None,
    root: RootFile = None,
    as_of: AsOf = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Remember what was seen in this file, and hold later bundles to it.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check that bundles are whole, consistent, unaltered and vouched for; exits 6 when one isn't."""
    from release.cli import places, verification

    trust = verification.Trust(registry=registry, root=root, as_of=as_of, state=state)
    verification.verify(places.named(bundles), trust, as_json=as_json)


@app.command()
def publish(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="Folders of published releases.")],
    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="The place of publication: a folder, s3://…, gs://… or az://…")
    ],
    registry: RegistryPlace = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Copy verified bundles and their offices' statements to a location, or go on with a copy that broke off."""
    from release.cli import places, publishing

    publishing.publish(bundles, places.named([location])[0], registry, as_json=as_json)


@app.command()
def fetch(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="A bundle at https://…, or a store: s3://…")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the bundles are written.")],
    registry: RegistryPlace = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Write the verified bundles of a location into a folder, for the dashboard or an archive."""
    from release.cli import places, publishing

    publishing.fetch(places.named([location])[0], folder, registry, as_json=as_json)


@app.command()
def compare(  # noqa: PLR0917 - options, all named
    bundles: Annotated[
        list[str], typer.Argument(metavar="BUNDLE... | COMPARISON.toml", help="Published releases, or what is agreed.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Write all cells and a page into this folder.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="t, how far M / X may be off: 0.25 (25 %) by default.")
    ] = None,
    cif_fob: Annotated[
        float | None, typer.Option("--cif-fob", help="Factor from FOB exports to CIF imports, 1.06 by default.")
    ] = None,
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Explain a pair, as 'NLD>ITA'.")] = None,
    sums: Annotated[bool, typer.Option("--sums", help="Add up offices' flows, with intervals.")] = False,  # noqa: FBT002
    published: Annotated[
        Path | None, typer.Option("--bundles", help="Where the TOML's bundles are, in place of its own folder.")
    ] = None,
    registry: RegistryPlace = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Compare published mirrors: one office's exports with its partner's imports. Folders are searched for bundles."""
    from release.cli import comparisons, places

    asked = comparisons.Asked(
        places=places.named(bundles),
        published=published,
        tolerance=tolerance,
        cif_fob=cif_fob,
        pairs=tuple(pair or ()),
        sums=sums,
        registry=registry,
    )
    comparisons.run(asked, out, as_json=as_json)


@app.command()
def audit(  # noqa: PLR0917 - options, all named
    office: Annotated[
        Path | None, typer.Argument(metavar="OFFICE.toml", help="The office's configuration; none for an outsider.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--statement", help="An office's published statement, in place of its config.")
    ] = None,
    bundles: Annotated[Path | None, typer.Option("--bundles", help="Where the published bundles are.")] = None,
    heads: EarlierHeads = None,
    registry: RegistryPlace = None,
    root: RootFile = None,
    noise: Annotated[bool, typer.Option("--noise", help="Attack the plans with invented traders.")] = False,  # noqa: FBT002
    out: Annotated[Path | None, typer.Option("--out", help="Write the report into this folder.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Hold ledger, bundles, config and policy against each other; exits 1 on a finding. Reads no records."""
    from release.cli import audits

    if noise:
        audits.attack(office, out, as_json=as_json)
        return
    asked = audits.Asked(office=office, statement=statement, bundles=bundles, heads=heads, registry=registry, root=root)
    audits.run(asked, out, as_json=as_json)


@app.command()
def protect(
    policies: Annotated[list[Path], typer.Argument(metavar="POLICY...", help="Bundles of one office and year.")],
    declarations: Annotated[
        Path, typer.Option("--declarations", help="Your own figures: CSV flow,period,partner,product,value.")
    ],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tell a trader, from its own figures, what published releases can give away about it. Sends nothing anywhere."""
    from release.cli import protection

    protection.show(policies, declarations, as_json=as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic records; noise can't be seeded.")] = 1,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Make four practice offices, release each, compare them, and tell what was found. Takes some seconds."""
    from release.cli import practices

    practices.demo(out, seed, as_json=as_json)


@app.command()
def doctor(
    file: Annotated[Path | None, typer.Argument(metavar="[OFFICE.toml]", help="An office to look at besides.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tell whether this installation, and an office's folder, are fit for a release. Reads no records."""
    from release.cli import doctor as examination

    examination.examine(file, as_json=as_json)


@app.command()
def dashboard(
    locations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LOCATION...]",
            help="Folders searched for bundles, and a comparison's TOML for what was agreed; else published.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine; nothing else can reach it.")] = 8501,
    registry: RegistryPlace = None,
    root: RootFile = None,
) -> None:
    """Show published bundles, their mirrors and budgets in a browser. Nothing leaves this machine."""
    from release.cli import dashboards, places

    dashboards.serve(places.on_this_machine(locations or ["published"]), port, registry, root)


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
    """Make synthetic declarations in which the same shipment stands in both countries' records, with known truth."""
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


@source.command("check")
def source_check(file: ReleaseFile, source: SourcePath = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Report privately on a source: columns, and how many rows each rule touches. Decides nothing about a release."""
    from release.cli import runs

    runs.check(file, source, as_json=as_json)


@source.command("fetch")
def source_fetch(
    file: ReleaseFile,
    out: Annotated[Path, typer.Option("--out", help="A new CSV file.")],
) -> None:
    """Ask UN Comtrade's API for a release's public figures and write them as a file. Needs the network."""
    from release.cli import fetching

    fetching.fetch(file, out)


@config.command("check")
def config_check(files: Files) -> None:
    """Check configuration files; tells every fault of every file with its line."""
    from release.cli import configs

    configs.check(files)


@config.command("schema")
def config_schema(kind: Kind) -> None:
    """Print the JSON Schema of a kind of configuration file, for editors."""
    from release.cli import configs

    configs.schema(kind)


@ledger.command("create")
def ledger_create(file: OfficeFile) -> None:
    """Make a new, empty ledger; refused where one exists."""
    from release.cli import ledgers

    ledgers.create(file)


@ledger.command("show")
def ledger_show(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show what each account has spent and has left, and every charge."""
    from release.cli import ledgers

    ledgers.show(file, as_json=as_json)


@ledger.command("verify")
def ledger_verify(file: OfficeFile, heads: EarlierHeads = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Read the whole chain and tell whatever is wrong with it; exits 5 on a finding."""
    from release.cli import ledgers

    ledgers.verify(file, heads, as_json=as_json)


@ledger.command("export")
def ledger_export(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print every entry as stored, one JSON object a line (or one object). Keyed digests only; no records."""
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
) -> None:
    """Raise an account's limit by an entry that says why. Change office.toml's limit with it."""
    from release.cli import ledgers

    ledgers.raise_limit(file, source=source, year=year, tier=tier, limit=limit, reason=reason)


@ledger.command("restore")
def ledger_restore(
    file: OfficeFile,
    exported: Annotated[Path, typer.Argument(metavar="EXPORT", help="What `ledger export` printed.")],
) -> None:
    """Make the office's ledger anew from an export; an older one than the witness remembers is refused when used."""
    from release.cli import ledgers

    ledgers.restore_from(file, exported)


@ledger.command("statement")
def ledger_statement(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: ARG001, FBT002
    """Print the public statement: all that an outsider needs to recompute the chain and its losses."""
    from release.cli import ledgers

    ledgers.statement(file)


@office.command("new")
def office_new(
    code: Annotated[str, typer.Argument(metavar="ISO3", help="ISO 3166 alpha-3 code, such as DEU.")],
    parent: Annotated[Path, typer.Option("--in", help="Where the office's folder is made.")] = Path("offices"),
    year: Annotated[int | None, typer.Option(help="Of the first release; else last year.")] = None,
    exercise: Annotated[bool, typer.Option("--exercise", help="Keep the key's passphrase in a file.")] = False,  # noqa: FBT002
) -> None:
    """Make a new office's folder: configuration, key, ledger, checklist. Writes over nothing."""
    import datetime

    from release.cli import offices

    last_year = datetime.datetime.now(tz=datetime.UTC).year - 1
    offices.new(code, parent, year or last_year, exercise=exercise)
