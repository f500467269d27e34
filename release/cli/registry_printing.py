"""How commands take a day, and print a registry of offices."""

import datetime
from pathlib import Path

import typer

from release.errors import UsageError
from release.registry.metadata import Believed


def day(text: str) -> datetime.date:
    """Return the day that an ISO date names.

    Raises:
        UsageError: it isn't one.
    """
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} isn't a date such as 2027-01-31; nothing was done.") from None


def document(known: Believed) -> dict[str, object]:
    """Return a registry as one JSON object."""
    registry = known.registry
    return {
        "version": registry.version,
        "root_version": registry.root_version,
        "root": f"sha256:{known.first_root}",
        "expires": registry.expires,
        "offices": [
            {
                "reporter": office.reporter,
                "name": office.name,
                "keys": [
                    {
                        "keyid": one.key.keyid,
                        "state": one.state,
                        "since": one.since,
                        "since_date": one.since_date,
                        "until": one.until,
                        "until_date": one.until_date,
                        "reason": one.reason,
                        "kept": [kept.release for kept in one.kept],
                    }
                    for one in office.keys
                ],
            }
            for office in registry.offices.values()
        ],
    }


def show(place: Path, known: Believed) -> None:
    """Print a registry: its keepers, and every office's keys."""
    registry = known.registry
    root = known.root.signed.roles["root"]
    typer.echo(
        f"{place}: version {registry.version}, all versions whole; {root.threshold} of {len(root.keyids)} keepers sign;"
        f" to be renewed by {registry.expires}\n  first root: sha256:{known.first_root}"
    )
    for office in registry.offices.values():
        typer.echo(f"  {office.reporter} ({office.name})")
        for one in office.keys:
            ended = "" if one.until_date is None else f", {one.state} {one.until_date} ({one.reason})"
            keeps = "" if one.until_date is None else f"; releases it still vouches for: {len(one.kept)}"
            typer.echo(f"    key {one.key.keyid[:16]}… since {one.since_date}{ended}{keeps}")
