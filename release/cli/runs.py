"""`mirrors run` and `mirrors source check`: the two commands that open records."""

import datetime
from dataclasses import asdict
from pathlib import Path

import typer
from rich.table import Table

from release.amounts import written
from release.cli import wiring
from release.cli.printing import command, print_json, say
from release.cli.printing import out as console_out
from release.cli.signing import signer_of
from release.confidential.inspection import Finding
from release.confidential.records import Records
from release.confidential.sources import is_there
from release.config import Office, Release
from release.config.office import Engine
from release.errors import SourceMissingError
from release.ledger.values import AccountState
from release.plan import ReleasePlan
from release.privacy import amount_text
from release.run import Outcome, Status, Step
from release.run import run as run_release
from release.wording import count, unit_warning


def run(file: Path, source: Path | None, out: Path | None, registry: Path | None, *, as_json: bool) -> None:
    """Charge the ledger, measure with noise, and publish; or go on with a run that was interrupted."""
    office, release, planned = wiring.planned_file(file, out)
    folder = file.parent
    place = wiring.source_place(release, folder, source)
    signer = signer_of(office, folder, registry)
    if wiring.makes_ledger(office, folder):
        if place is not None and not is_there(place, release.source.layout):
            raise SourceMissingError(str(place.absolute()))
        signer.prepare()
    book = wiring.open_book(office, folder, published=out)
    records = _records(office, release, folder, source, office.engine)
    say(f"release {release.release} of {office.name}: {count(planned.cells)} cells, rho {written(planned.rho)}")
    outcome = run_release(
        planned,
        records=records,
        book=book,
        state=wiring.state_folder(office, folder),
        published=wiring.published_folder(office, folder, out),
        signer=signer,
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        notice=_told,
    )
    account = next(state for state in book.accounts() if state.account == outcome.charge.request.account)
    if as_json:
        print_json(_document(outcome, account))
    else:
        _tell(outcome, account, planned)


def _document(outcome: Outcome, account: AccountState) -> dict[str, object]:
    asked = outcome.charge.request
    return {
        "status": outcome.status,
        "bundle": str(outcome.bundle),
        "release": asked.release,
        "charge": {"sequence": outcome.charge.sequence, "rho": amount_text(asked.rho)},
        "copied": outcome.copied,
        "cells": outcome.cells,
        "digest": outcome.digest,
        "remaining": {"rho": amount_text(account.remaining)},
    }


def _tell(outcome: Outcome, account: AccountState, planned: ReleasePlan) -> None:
    status = "already published; the same bytes were copied to" if outcome.copied else f"{outcome.status}:"
    typer.echo(f"{status} {outcome.bundle}")
    charged_now = outcome.status is Status.PUBLISHED
    cost = f"rho {written(planned.rho)}" if charged_now else "nothing; it was charged before"
    typer.echo(
        f"This run cost {cost}. The account {account.account.source} {account.account.year} has spent rho"
        f" {written(account.spent)} of {written(account.terms.limit)}; {written(account.remaining)} left."
    )
    if any(measure.excess is None and measure.declared is None for measure in planned.measures):
        typer.echo("Cells with large traders are understated by an amount that isn't known: `exposure` is INF there.")
    warning = unit_warning(planned.office.unit.kind)
    if warning:
        typer.echo(warning)
    typer.echo(f"Check it with: {command()} verify {outcome.bundle}")


def _records(office: Office, release: Release, folder: Path, source: Path | None, engine: Engine) -> Records:
    return Records(
        place=wiring.source_place(release, folder, source),
        source=release.source,
        state=wiring.state_folder(office, folder),
        trader_ids=wiring.trader_ids_place(release, folder),
        protected=wiring.protected_place(release, folder),
        engine=engine,
        spark=office.spark,
    )


def _told(step: Step) -> None:
    say(f"  {step}")
    if step is Step.CHARGED:
        say("  reading the records and drawing noise ...")


def check(file: Path, source: Path | None, *, as_json: bool) -> None:
    """Report privately on a source: columns, and how many rows each rule touches. Decides nothing about a release."""
    office, release, planned = wiring.planned_file(file, None)
    records = _records(office, release, file.parent, source, "polars")
    found = asdict(records.reasons(planned))
    findings = records.findings(planned)
    if as_json:
        print_json({"source": release.source.name, **found, "findings": [asdict(finding) for finding in findings]})
    else:
        _print_check(found, findings)
    if any(finding.serious for finding in findings):
        raise typer.Exit(1)


def _print_check(found: dict[str, int], findings: tuple[Finding, ...]) -> None:
    typer.echo("PRIVATE: these counts must not leave the office. They decide nothing about a release.", err=True)
    table = Table(box=None, show_header=False)
    for name, number in found.items():
        table.add_row(_REASON_WORDS[name], f"{number:,}")
    console_out().print(table)
    for finding in findings:
        typer.echo(f"{'WRONG' if finding.serious else 'note'} {finding.code}: {finding.problem}.")
        typer.echo(f"    {finding.remedy[0].upper()}{finding.remedy[1:]}.")


_REASON_WORDS = {
    "rows": "rows",
    "counted": "rows that count",
    "no_trader": "left out: no trader id",
    "other_flow_or_period": "left out: other flow or period, or a date that can't be read",
    "unreadable_value": "left out: the value isn't a number",
    "other_currency": "left out: another currency",
    "residual_partner": "counted in the residual partner",
    "residual_commodity": "counted in the residual commodity",
    "returns": "counted as returns (negative values)",
}
