"""Ledgers in databases: `sqlite:///path` by default, `postgresql+psycopg://...` where several machines share one."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from release.errors import UsageError
from release.ledger.entries import Entry
from release.ledger.ports import Store
from release.ledger.sql.postgres import create_postgres, open_postgres
from release.ledger.sql.sqlite import create_sqlite, open_sqlite
from release.ledger.sql.transfer import checked_chain, put_back
from release.ledger.sql.upgrade import upgrade_postgres, upgrade_sqlite

__all__ = ["create", "open_store", "restore", "upgrade"]


def create(url: str) -> Store:
    """Return a new, empty ledger at `url`. The only way to make one; what exists there is refused, unchanged."""
    place = _place(url)
    return create_sqlite(Path(str(place.database))) if _is_sqlite(place) else create_postgres(place)


def open_store(url: str) -> Store:
    """Return the ledger at `url`, whose place, settings and schema were checked; a missing one is refused."""
    place = _place(url)
    return open_sqlite(Path(str(place.database))) if _is_sqlite(place) else open_postgres(place)


def restore(entries: Iterable[Entry], url: str) -> Store:
    """Return a new ledger at `url` that holds an exported chain; what exists there is refused, unchanged.

    Whether the chain is the latest is for the witness and the published heads to say, at its next charge.
    """
    chain = checked_chain(entries)
    store = create(url)
    put_back(chain, store)
    return store


def upgrade(url: str) -> int:
    """Return the schema's version before it was brought to this program's; a refused upgrade changes nothing."""
    place = _place(url)
    return upgrade_sqlite(Path(str(place.database))) if _is_sqlite(place) else upgrade_postgres(place)


def _is_sqlite(place: URL) -> bool:
    return place.drivername == "sqlite"


def _place(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise UsageError("The ledger's place isn't a database URL such as sqlite:///ledger.db.") from None
    if place.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise UsageError(f"A ledger is kept by sqlite:/// or postgresql+psycopg://, not by {place.drivername}.")
    if _is_sqlite(place) and (place.query or place.database in {None, "", ":memory:"}):
        raise UsageError("A ledger in SQLite is a file: sqlite:///PATH, without options.")
    return place
