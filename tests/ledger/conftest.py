"""Ledgers of every kind, for the tests of the ledger."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ledger_world import plain, postgres

from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.ledger.ports import Store
from release.ledger.sql import create


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty PostgreSQL database and returns its URL."""
    with postgres() as database:
        yield database


@pytest.fixture(scope="session")
def one_database(new_database: Callable[[], str]) -> str:
    """Return the URL of a database that tests use one after the other."""
    return new_database()


@pytest.fixture
def postgres_url(one_database: str) -> str:
    """Return the URL of a database without a ledger."""
    with psycopg.connect(plain(one_database)) as server:
        server.execute("DROP SCHEMA IF EXISTS noisy_mirrors CASCADE")
    return one_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite ledger that doesn't exist yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a ledger that doesn't exist yet, for each database."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return an empty store of each kind: whatever holds for one holds for all."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return create(str(request.getfixturevalue("sqlite_url")))
    return create(str(request.getfixturevalue("postgres_url")))


@pytest.fixture
def book(store: Store) -> Book:
    """Return the book over an empty store of each kind."""
    return Book(store)
