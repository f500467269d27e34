"""`mirrors practice new` and `mirrors demo`: synthetic offices with known truth, and a first look at their mirrors."""

import datetime
import time
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from release.amounts import written
from release.cli import comparison_tables, comparisons, wiring
from release.cli.practice_registry import make_practice_registry
from release.cli.printing import command, print_json, say
from release.cli.printing import out as console_out
from release.cli.signing import signer_of
from release.confidential.records import Records
from release.config import load_release
from release.errors import UsageError
from release.inference import Verdict
from release.mirror.comparison import Comparison, MirrorCell, compare
from release.mirror.configured import read_agreed
from release.practice import Asymmetries, Discrepancy, World, WorldFacts, generate
from release.practice.configuration import SIGNING_KEY, write_configuration
from release.privacy import amount_text, volume_interval_percent
from release.run import run as run_release
from release.signing.keyfile import public_place
from release.tables import Tier
from release.wording import amount, count, exact, percent, volume_bound

AGREED_FILE = "agreed.toml"
DEMO_PLANTED = (
    Discrepancy(exporter="NLD", importer="ITA", factor=1.6),
    Discrepancy(exporter="ITA", importer="USA", factor=0.6),
)
AGREED = """\
title = "The practice world's mirrors"
bundles = ["published"]
registry = "registry"
tolerance = "1/4"
[cif_fob]
factor = "1.03"
source = "the practice world's freight"
"""
"""What the demo's offices agreed on before any figure was seen: a comparison's file."""


def new(folder: Path, world: World, *, as_json: bool) -> None:
    """Make a practice world below a folder, with a configuration for each office."""
    facts = generate(world, folder, progress=_month_told)
    releases = write_configuration(facts)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "offices": [{"office": one.office, "lines": one.lines} for one in facts.offices],
                "releases": [str(release) for release in releases],
            }
        )
        return
    for office in facts.offices:
        typer.echo(f"{office.office}: {count(office.lines)} declaration lines in {office.declarations}")
    typer.echo(f"The planted discrepancies and their truth are in {folder / 'answers.csv'}.")
    typer.echo(f"Next: {command()} plan {releases[0]}")


def world(
    *,
    offices: str,
    year: int,
    months: str,
    traders: int,
    rows: int | None,
    seed: int,
    causes: str,
    plant: list[str],
) -> World:
    """Return the world that the command line's words describe.

    Raises:
        UsageError: months, causes or a discrepancy aren't written as they should be.
        PracticeWorldError: there is no such world.
    """
    if causes not in ("usual", "none"):
        raise UsageError(f"--causes is usual or none, not {causes!r}; nothing was made.")
    return World(
        offices=tuple(offices.split(",")),
        year=year,
        months=_months(months),
        seed=seed,
        traders=traders,
        rows=rows,
        asymmetries=Asymmetries.none() if causes == "none" else Asymmetries(),
        planted=tuple(_discrepancy(text) for text in plant),
        prior_year=True,
    )


def _months(text: str) -> tuple[int, ...]:
    try:
        if "-" in text:
            first, last = text.split("-")
            return tuple(range(int(first), int(last) + 1))
        return tuple(int(month) for month in text.split(","))
    except ValueError:
        raise UsageError(f"--months is written as 1-12 or 1,2,3, not {text!r}; nothing was made.") from None


def _discrepancy(text: str) -> Discrepancy:
    """Return a planted discrepancy written as `NLD>ITA*1.6` or `NLD>ITA:27,84*1.6`.

    Raises:
        UsageError: it isn't written so.
    """
    try:
        pair, _, factor = text.partition("*")
        way, _, chapters = pair.partition(":")
        exporter, importer = way.split(">")
        chosen = tuple(chapters.split(",")) if chapters else ()
        return Discrepancy(exporter=exporter, importer=importer, chapters=chosen, factor=float(factor))
    except ValueError:
        wanted = "NLD>ITA*1.6 or NLD>ITA:27,84*1.6"
        raise UsageError(f"{text!r} isn't a discrepancy such as {wanted}; nothing was made.") from None


def demo(folder: Path, seed: int, *, as_json: bool) -> None:
    """Make four offices, release each, compare them, and tell what was found.

    Raises:
        UsageError: the folder isn't empty; a demo never mixes with what is there.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} isn't empty; nothing was made. Name another folder with --out, or remove it.")
    began = time.monotonic()
    say("1/3 making four practice offices: the same shipments in both countries' records")
    world = World(seed=seed, prior_year=True, planted=DEMO_PLANTED)
    facts = generate(world, folder / "offices", progress=_month_told)
    releases = write_configuration(facts)
    say("2/3 releasing each office's trade with noise, under its budget")
    registry = folder / "registry"
    keys = {one.office: public_place(folder / "offices" / one.office / SIGNING_KEY) for one in facts.offices}
    make_practice_registry(registry, folder / "keepers", keys)
    budgets = [_release(file, folder / "published", registry) for file in releases]
    say("3/3 comparing the published mirrors")
    bundles = comparisons.bundles_of([folder / "published"], registry)
    say(f"    {count(len(bundles))} bundles verified: each is signed by the key that the registry names for its office")
    agreed = folder / AGREED_FILE
    agreed.write_text(AGREED, encoding="utf-8")
    comparison = compare(bundles, read_agreed(agreed).agreement)
    comparisons.write(comparison, folder / "comparison")
    say(f"done in {time.monotonic() - began:.0f} s")
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "registry": str(registry),
                "offices": budgets,
                "pairs": len([cell for cell in comparison.cells if cell.level == "partner"]),
                **comparisons.document(comparison),
            }
        )
    else:
        _tell(folder, facts, budgets, comparison)


def _month_told(done: int, steps: int) -> None:
    if done == steps or done % 6 == 0:
        say(f"    {done} of {steps} months")


def _release(file: Path, published: Path, registry: Path) -> dict[str, Any]:
    """Release one practice office and return what became of its budget."""
    office, release = load_release(file)
    folder = file.parent
    plan = wiring.planned(office, release, folder, published)
    state = wiring.state_folder(office, folder)
    book = wiring.open_book(office, folder, published=published, quietly=True)
    outcome = run_release(
        plan,
        records=Records(place=wiring.source_place(release, folder, None), source=release.source, state=state),
        book=book,
        state=state,
        published=published,
        signer=signer_of(office, folder, registry),
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    )
    account = next(state for state in book.accounts() if state.account.tier == Tier.UNIFORM)
    say(f"    {office.code}: {count(plan.cells)} cells, rho {written(plan.rho)}")
    return {
        "office": office.code,
        "bundle": str(outcome.bundle),
        "spent": {"rho": amount_text(account.spent)},
        "limit": {"rho": amount_text(account.terms.limit)},
        "p_percent": volume_interval_percent(account.spent),
        "large_traders": office.policy.large_traders,
    }


def _tell(folder: Path, facts: WorldFacts, budgets: list[dict[str, Any]], comparison: Comparison) -> None:
    console = console_out()
    planted = ", ".join(f"{one.exporter} to {one.importer} (times {one.factor:g})" for one in DEMO_PLANTED)
    console.print(
        f"\n[bold]Planted discrepancies found: {_found(comparison)} of {len(DEMO_PLANTED)}[/bold]: {planted}."
    )
    console.print("\n[bold]Twelve pairs: what one office reports as exported, and its partner as imported[/bold]\n")
    comparison_tables.show(comparison)
    console.print("\n[bold]Three pairs in words[/bold]\n")
    for cell in _three(comparison):
        console.print(f"- {_in_words(cell)}")
    console.print("\n[bold]Budget used[/bold]\n")
    _tell_budgets(console, budgets)
    _tell_places(console, folder, facts.offices[0].office, facts.world.year)


def _tell_budgets(console: Console, budgets: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("office", "rho spent", "limit", "for a trader within the bound", "large traders"):
        table.add_column(name)
    large = {"on": "measured besides, and not protected", "off": "protected alike, and understated"}
    for one in budgets:
        meaning = f"its volume can be estimated at best {volume_bound(one['p_percent'])}"
        spent, limit = (exact(one[name]["rho"]) for name in ("spent", "limit"))
        table.add_row(one["office"], spent, limit, meaning, large[one["large_traders"]])
    console.print(table)
    without = [one["office"] for one in budgets if one["large_traders"] == "off"]
    if without:
        console.print(
            f"{' and '.join(without)} measured no large traders besides. Finer noise would cut these down further, so"
            " its figures carry more noise although it spent more."
        )


def _tell_places(console: Console, folder: Path, first: str, year: int) -> None:
    """Print where everything is, and what could be done next."""
    console.print(f"\nThe comparison as a page, to open in a browser: {folder / 'comparison' / 'comparison.html'};")
    console.print(f"all its cells: {folder / 'comparison' / 'comparison.csv'};")
    console.print(f"records and configuration: {folder / 'offices'}; bundles: {folder / 'published'};")
    console.print(f"what was planted: {folder / 'offices' / 'answers.csv'};")
    console.print(f"who may sign for whom: {folder / 'registry'}. Every bundle was verified with it.")
    console.print("Keys and passphrases lie side by side here, for practice only: they protect nothing.")
    console.print("\nNext:")
    console.print(f"  {command()} dashboard {folder / 'published'} --registry {folder / 'registry'}")
    console.print(f"  {command()} verify {folder / 'published' / first / str(year)} --registry {folder / 'registry'}")
    console.print(f"  {command()} ledger show {folder / 'offices' / first / 'office.toml'}")
    console.print(f"  {command()} plan {folder / 'offices' / first / f'{year}.toml'}")
    console.print(f"  {command()} dashboard {folder / AGREED_FILE}")
    audited = f"{folder / 'offices' / first / 'office.toml'} --bundles {folder / 'published'}"
    console.print(f"  {command()} audit {audited} --registry {folder / 'registry'} --out {folder / 'audit'}")


def _three(comparison: Comparison) -> list[MirrorCell]:
    """Return the first pair of each verdict: one that corresponds, one that differs, one that can't be told."""
    pairs = [cell for cell in comparison.cells if cell.level == "partner"]
    firsts = (next((cell for cell in pairs if cell.verdict == verdict), None) for verdict in Verdict)
    return [cell for cell in firsts if cell is not None]


def _found(comparison: Comparison) -> int:
    """Return how many of the planted discrepancies the pairs' verdicts found."""
    differing = {(cell.exporter, cell.importer) for cell in comparison.cells if _differs_in_all(cell)}
    return sum((planted.exporter, planted.importer) in differing for planted in DEMO_PLANTED)


def _differs_in_all(cell: MirrorCell) -> bool:
    return cell.level == "partner" and cell.verdict == Verdict.DIFFERS


def _in_words(cell: MirrorCell) -> str:
    return (
        f"{cell.exporter} to {cell.importer}: {cell.exporter} reports {amount(cell.x, 'USD')} ±"
        f" {amount(1.96 * cell.x_sd)} of exports, {cell.importer} {amount(cell.m, 'USD')} ± {amount(1.96 * cell.m_sd)}"
        f" of imports, a symmetric relative difference of {percent(cell.srd)}. Verdict: {cell.verdict}. {cell.because}"
    )
