"""`mirrors ledger create|show|verify|export|statement`."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from release.amounts import written
from release.audit.gathering import stored_results, stored_signatures
from release.audit.kept import unpaid, unpaid_words
from release.cli import wiring
from release.cli.printing import command, out, print_json
from release.config import Office, load_office
from release.errors import DamagedLedgerError, UsageError
from release.ledger.book import Book
from release.ledger.entries import Entry, canonical
from release.ledger.findings import Finding, error
from release.ledger.sql import restore
from release.ledger.values import Account, AccountState, Charge
from release.privacy import POLICY_RHO_CAP, amount_text, parse_rho, volume_interval_percent
from release.tables import Tier
from release.wording import decimals_up, exact, holder, unit_warning, volume_bound

_LETTERS = 3
"""A reason, or who decided, has so many letters at least."""


def create(file: Path) -> None:
    """Make a new, empty ledger; refused where one exists."""
    office = load_office(file)
    typer.echo(f"made a new, empty ledger at {wiring.create_ledger(office, file.parent)}")


def show(file: Path, *, as_json: bool) -> None:
    """Show what each account has spent and has left, and every charge."""
    office = load_office(file)
    book = wiring.open_book(office, file.parent)
    accounts, charges, head = book.accounts(), book.charges(), book.head()
    if as_json:
        print_json(
            {
                "office": office.code,
                "accounts": [_account_document(state) for state in accounts],
                "charges": [_charge_document(charge) for charge in charges],
                "head": {"sequence": head.sequence, "hash": head.hash},
            }
        )
        return
    console = out()
    console.print(f"[bold]Ledger of {office.name} ({office.code})[/bold]")
    for state in sorted(accounts, key=_uniform_first):
        _print_account(state)
        _print_other_limit(state, office)
        _print_charges([charge for charge in charges if charge.request.account == state.account])
    if not accounts:
        console.print("No account has been opened yet.")
    console.print(
        f"\n{head.sequence} entries; head {head.hash[:16]}… Check the whole chain: mirrors ledger verify {file}"
    )


def verify(file: Path, heads: Path | None, *, as_json: bool) -> None:
    """Read the whole chain and tell whatever is wrong with it; exits 5 on a finding."""
    if heads is not None and not heads.exists():
        raise UsageError(f"There is nothing at {heads}; nothing was verified.")
    office = load_office(file)
    book = wiring.open_book(office, file.parent, seen=heads)
    findings = (*book.verify(), *_unpaid(book, wiring.state_folder(office, file.parent)))
    if as_json:
        print_json(
            {
                "ok": not findings,
                "findings": [
                    {"code": one.code, "severity": one.severity, "where": one.where, "message": one.message}
                    for one in findings
                ],
            }
        )
    else:
        for one in findings:
            typer.echo(f"{one.severity}: {one.where}: {one.message} ({one.code})")
        if not findings:
            typer.echo(f"The chain is whole: {book.head().sequence} entries, no finding.")
    if findings:
        raise typer.Exit(5)


def _unpaid(book: Book, state: Path) -> Iterator[Finding]:
    """Yield the kept results and signatures whose charge the ledger doesn't have."""
    try:
        entries = [entry.hash for entry in book.entries()]
    except DamagedLedgerError:
        return  # told already
    for what, kept in (("noisy result", stored_results(state)), ("signature", stored_signatures(state))):
        for one in unpaid(entries, kept):
            yield error(f"{what.split()[-1]}-unpaid", one.name, unpaid_words(what, one))


def export(file: Path, *, as_json: bool) -> None:
    """Print every entry as stored; keyed digests only, no records."""
    book = wiring.open_book(load_office(file), file.parent)
    entries = (
        {
            "sequence": entry.sequence,
            "previous": entry.previous,
            "kind": entry.kind,
            "body": json.loads(entry.body),
            "hash": entry.hash,
        }
        for entry in book.entries()
    )
    if as_json:
        print_json({"entries": list(entries)})
        return
    for entry in entries:
        print_json(entry)


def raise_limit(
    file: Path, *, source: str, year: int, tier: str, limit: str, reason: str, decided_by: str | None = None
) -> None:
    """Raise an account's limit and tell where it stands."""
    for name, text in (("--reason", reason), ("--decided-by", decided_by)):
        if text is not None and sum(map(str.isalpha, text)) < _LETTERS:
            raise UsageError(f"{name} is shown to the public for ever: say it in words. The limit is what it was.")
    office = load_office(file)
    book = wiring.open_book(office, file.parent)
    account = Account(office=office.code, source=source, year=year, tier=tier)
    amount = parse_rho(limit, high=POLICY_RHO_CAP)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    book.raise_limit(account, amount, reason, date=today, decided_by=decided_by)
    typer.echo(f"The limit of {account} is rho {written(amount)} from now on. Write it into {file} too.")


def restore_from(file: Path, exported: Path) -> None:
    """Make the office's ledger anew from the lines of an export."""
    office = load_office(file)
    with exported.open(encoding="utf-8") as lines:
        entries = tuple(_entry(line) for line in lines)
    restore(entries, wiring.ledger_url(office, file.parent))
    typer.echo(f"restored {len(entries)} entries to {office.ledger.url}; check it: mirrors ledger verify {file}")


def _entry(line: str) -> Entry:
    try:
        told = json.loads(line)
        return Entry(
            sequence=told["sequence"],
            previous=told["previous"],
            kind=told["kind"],
            body=canonical(told["body"]),
            hash=told["hash"],
        )
    except (ValueError, KeyError, TypeError):
        raise UsageError("That isn't what `mirrors ledger export` prints; nothing was made.") from None


def statement(file: Path) -> None:
    """Print the public statement: a JSON object in any case."""
    print_json(wiring.open_book(load_office(file), file.parent).statement())


def _account_document(state: AccountState) -> dict[str, Any]:
    delta = state.terms.delta
    return {
        "source": state.account.source,
        "unit": state.terms.unit,
        "year": state.account.year,
        "tier": state.account.tier,
        "limit": {"rho": amount_text(state.terms.limit)},
        "spent": {"rho": amount_text(state.spent)},
        "remaining": {"rho": amount_text(state.remaining)},
        "epsilon": _epsilon(state),
        "delta": amount_text(delta),
        "planned": [{"release": one.release, "rho": amount_text(one.rho)} for one in state.planned if not one.charged],
        "raised": [
            {
                "date": one.date,
                "limit": {"rho": amount_text(one.limit)},
                "reason": one.reason,
                "decided_by": one.decided_by,
            }
            for one in state.raised
        ],
    }


def _epsilon(state: AccountState) -> float | None:
    """Return epsilon at delta of what is spent; None for the large-trader tier, where it would say nothing."""
    from release.accounting import epsilon

    if state.account.tier == Tier.LARGE_TRADER:
        return None
    return epsilon(state.spent, state.terms.delta) if state.spent else 0.0


def _charge_document(charge: Charge) -> dict[str, Any]:
    return {
        "sequence": charge.sequence,
        "release": charge.request.release,
        "year": charge.request.account.year,
        "tier": charge.request.account.tier,
        "rho": amount_text(charge.request.rho),
        "state": charge.state,
        "plan_digest": charge.request.plan_digest,
    }


def _kept(state: AccountState) -> str:
    return f", of which {written(state.kept)} is kept for revisions" if state.kept else ""


def _uniform_first(state: AccountState) -> tuple[str, int, bool]:
    return state.account.source, state.account.year, state.account.tier != Tier.UNIFORM


def _print_account(state: AccountState) -> None:
    told = _account_document(state)
    console = out()
    console.print(
        f"\n[bold]{told['source']}, {told['year']}[/bold] ({told['tier']} tier, unit {told['unit']}):"
        f" spent rho {written(state.spent)} of {written(state.terms.limit)}, {written(state.remaining)} left"
        f"{_kept(state)}."
    )
    if state.spent and state.account.tier == Tier.LARGE_TRADER:
        console.print(
            "  That is a ceiling on what any trader's policy loss can add to the uniform tier's, by the published rule"
            " P(v); no trader's realised loss is recorded. Traders that fit the bound lose nothing here, and the"
            " largest have no useful protection."
        )
    elif state.spent:
        console.print(
            f"  That is epsilon {decimals_up(told['epsilon'])} at delta {written(state.terms.delta)}. A fitting"
            f" {holder(told['unit'])}'s volume can be estimated at best"
            f" {volume_bound(volume_interval_percent(state.spent))} (95 %)."
        )
    warning = unit_warning(told["unit"])
    if warning:
        console.print(f"  {warning}")
    for one in told["raised"]:
        console.print(f"  The limit was raised on {one['date']} to {exact(one['limit']['rho'])}: {one['reason']}")
    for one in told["planned"]:
        console.print(f"  planned: {one['release']}, rho {exact(one['rho'])}")


def _print_other_limit(state: AccountState, office: Office) -> None:
    """Tell that the config says another limit than the account has: every run under it would be refused."""
    terms = office.account
    said = terms.large_traders if state.account.tier == Tier.LARGE_TRADER else terms.limit
    if said in (None, state.terms.limit):
        return
    account = state.account
    remedy = f"set it back to {written(state.terms.limit)}"
    if said > state.terms.limit:
        tier = f" --tier {account.tier}" if account.tier == Tier.LARGE_TRADER else ""
        remedy = (
            f"`{command()} ledger raise OFFICE.toml --source {account.source} --year {account.year}{tier}"
            f" --limit {amount_text(said)} --reason …` raises the account's"
        )
    out().print(
        f"  office.toml says a limit of {written(said)}, so runs are refused: {remedy}.", style="bold", markup=False
    )


def _print_charges(charges: list[Charge]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("  entry", "release", "date", "rho", "state"):
        table.add_column(name, justify="right" if name in ("  entry", "rho") else "left")
    for charge in charges:
        state = "charged, not released" if charge.state == "charged" else str(charge.state)
        table.add_row(str(charge.sequence), charge.request.release, charge.date, written(charge.request.rho), state)
    if charges:
        out().print(table)
