"""How an audit is told on the terminal: verdict, budgets, findings with what to do, and where the report is."""

from pathlib import Path
from typing import Any

from rich.markup import escape

from release.cli.printing import out as console_out
from release.wording import exact


def show(document: dict[str, Any], out: Path | None) -> None:
    """Print an audit's report in short."""
    console = console_out()
    console.print(f"[bold]Audit of {escape(document['name'])} ({escape(document['office'])})[/bold]")
    console.print(escape(document["verdict"]))
    for account in document["accounts"]:
        console.print(escape(_account(account)))
    for one in document["ledger"]["held"]:
        console.print(f"  {escape(one)}")
    for finding in document["findings"]:
        console.print(f"\n[bold]{finding['severity']}: {escape(finding['where'])}[/bold] ({finding['code']})")
        office, auditor = f"What to do, the office: {finding['remedy']}", f"An auditor: {finding['auditor']}"
        for line in (finding["message"], finding["why"], office, auditor):
            console.print(f"  {line}", markup=False)
    console.print("\nWhat this audit can't establish:")
    for one in document["not_established"]:
        console.print(f"  - {escape(one)}")
    if out is None:
        console.print("\nThe whole report: add --out FOLDER.")


def _account(account: dict[str, Any]) -> str:
    place, limit = f"  {account['source']}, {account['year']}, {account['tier']} tier", exact(account["limit"]["rho"])
    if account["doubt"] is not None:
        return f"{place}, limit rho {limit}: {account['doubt']['words']}"
    spent, left = (exact(account[name]["rho"]) for name in ("spent", "remaining"))
    told = f"{place}: spent rho {spent} of {limit}, {left} left"
    return told if account["epsilon"] is None else f"{told}; epsilon {account['epsilon']} at delta {account['delta']}"
