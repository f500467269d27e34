"""The commands: their names, arguments and help. Their work is in the module named after them, imported when called."""

from pathlib import Path
from typing import Annotated

import typer

from release import __version__
from release.cli.office_app import config, ledger, office, practice, source
from release.cli.options import AsJson, AsOf, EarlierHeads, RegistryPlace, ReleaseFile, RootFile, SourcePath
from release.cli.trust_app import keys, registry

app = typer.Typer(
    name="mirrors",
    help="Differentially private releases of bilateral trade, and their mirrors compared.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(config, name="config")
app.add_typer(source, name="source")
app.add_typer(ledger, name="ledger")
app.add_typer(practice, name="practice")
app.add_typer(keys, name="keys")
app.add_typer(office, name="office")
app.add_typer(registry, name="registry")

OutFolder = Annotated[Path | None, typer.Option("--out", help="The place of publication, in place of the config's.")]
Bundles = Annotated[
    list[str],
    typer.Argument(metavar="BUNDLE...", help="Published releases: folders, https://… or s3://…"),
]


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
    """Show what a release would publish, and cost.

    It tells how precise it would be, and reads no records.
    """
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
    """Charge the ledger, measure with noise, and publish.

    A run that was interrupted goes on under the same charge.
    """
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
    """Check bundles: whole, unaltered, and vouched for by whom.

    It exits 6 when one isn't whole, consistent, unaltered and vouched for.
    """
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
    """Copy verified bundles to a folder or an object store.

    Their offices' statements go with them. A copy that broke off is gone on with.
    """
    from release.cli import places, publishing

    publishing.publish(bundles, places.named([location])[0], registry, as_json=as_json)


@app.command()
def fetch(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="A bundle at https://…, or a store: s3://…")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the bundles are written.")],
    registry: RegistryPlace = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Write a location's verified bundles into a folder.

    For the dashboard, or for an archive.
    """
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
    """Compare one office's exports with its partner's imports.

    Published bundles alone are read; folders are searched for them.
    """
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
    """Hold ledger, bundles, config and policy together.

    They have to say the same; it exits 1 on a finding, and reads no records.
    """
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
    """Tell a trader what releases can give away about it.

    From the trader's own figures, on its own machine. Nothing is sent anywhere.
    """
    from release.cli import protection

    protection.show(policies, declarations, as_json=as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic records; noise can't be seeded.")] = 1,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Make four practice offices, and compare their mirrors.

    Each publishes a release. It takes some seconds.
    """
    from release.cli import practices

    practices.demo(out, seed, as_json=as_json)


@app.command()
def doctor(
    file: Annotated[Path | None, typer.Argument(metavar="[OFFICE.toml]", help="An office to look at besides.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tell whether this machine and an office are fit for a run.

    It reads no records and changes nothing.
    """
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
