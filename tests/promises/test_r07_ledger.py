"""R07: an unknown outcome of a commit neither charges twice nor releases free.

On PostgreSQL every client speaks through a relay that breaks the connection at a COMMIT: before the server
heard it, after it did and before the client heard that, or in the middle of the message. On SQLite the store
itself breaks off before or after the real commit. The mutants: a book that doesn't look before it tries
again, and one that takes silence for success.
"""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ledger_world import DAY, faults, request, terms
from sqlalchemy import make_url

from release.errors import LedgerUnavailableError
from release.ledger.book import Book
from release.ledger.entries import Entry
from release.ledger.findings import Finding
from release.ledger.ports import OutcomeUnknown, Store, Writing
from release.ledger.sql import create, open_store

DROPS = 200
ON = terms("100000")
_COMMIT = b"COMMIT"


class Relay:
    """Relays clients to a server's socket, and breaks the next connection that commits, when told how."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.how = ""
        self.dropped = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            with suppress(OSError):
                while said := client.recv(65536):
                    if _COMMIT in said and self.how:
                        self._break(client, server, said)
                        break
                    server.sendall(said)
            for one in (server, client):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            back.join()

    def _break(self, client: socket.socket, server: socket.socket, said: bytes) -> None:
        how, self.how = self.how, ""
        self.dropped += 1
        if how == "heard":
            # The client is cut off first, so that it can't hear the answer.
            client.shutdown(socket.SHUT_RDWR)
            server.sendall(said)
        elif how == "half heard":
            server.sendall(said[: len(said) // 2])


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while answer := source.recv(65536):
            target.sendall(answer)


@pytest.fixture
def relayed(new_database: Callable[[], str]) -> Iterator[tuple[str, Relay]]:
    """Return the URL of an empty database behind a relay, and the relay."""
    place = make_url(new_database())
    relay = Relay(f"{place.query['host']}/.s.PGSQL.5432")
    through = place.set(host="127.0.0.1", port=relay.port, query={"sslmode": "disable", "gssencmode": "disable"})
    try:
        yield through.render_as_string(hide_password=False), relay
    finally:
        relay.close()


class Breaking:
    """A store that breaks off at its commit, before or after the real one, when told so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.how = ""
        self.place = store.place

    def reading(self) -> Any:
        """Pass on."""
        return self._store.reading()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Commit, or not, and don't say."""
        how, self.how = self.how, ""
        with suppress(ZeroDivisionError), self._store.writing() as chain:
            yield chain
            if how == "unheard":
                raise ZeroDivisionError
        if how:
            raise OutcomeUnknown

    def inspect(self) -> tuple[Finding, ...]:
        """Pass on."""
        return self._store.inspect()


def charged(book: Book) -> list[str]:
    """Return the releases of all charges, as often as they were charged."""
    from release.ledger.bodies import read_charge

    return [read_charge(entry).request.release for entry in book.entries() if entry.kind == "charged"]


def charge_through(book: Book, broken: Any, drops: int, ways: tuple[str, ...]) -> list[str]:
    """Charge one release for each drop, and return those that were acknowledged."""
    chance = random.Random(7)
    acknowledged = []
    for number in range(drops):
        broken.how = chance.choice(ways)
        with suppress(LedgerUnavailableError):
            book.charge(request(f"release-{number}", "1/3", on=ON), date=DAY)
            acknowledged.append(f"release-{number}")
    broken.how = ""
    return acknowledged


@pytest.mark.slow
def test_a_connection_dropped_at_commit_leaves_one_entry_for_each_run(
    relayed: tuple[str, Relay], figure: Callable[[str, str], None]
) -> None:
    url, relay = relayed
    book = Book(create(url))
    told = charge_through(book, relay, DROPS, ("unheard", "heard", "half heard"))
    assert relay.dropped == DROPS
    assert charged(book) == told == [f"release-{number}" for number in range(DROPS)]
    assert faults(book) == []
    figure("R07", f"PostgreSQL: {DROPS} connections dropped at commit, {len(told)} runs, one entry each")


def test_a_commit_without_an_answer_on_sqlite_leaves_one_entry_for_each_run(
    tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    breaking = Breaking(create(f"sqlite:///{tmp_path / 'ledger.db'}"))
    book = Book(breaking)
    told = charge_through(book, breaking, DROPS, ("unheard", "heard"))
    assert charged(book) == told == [f"release-{number}" for number in range(DROPS)]
    figure("R07", f"SQLite: {DROPS} commits without an answer, one entry each")


class Forgetful:
    """The first mutant's view: it never finds what was charged."""

    def __init__(self, view: Writing) -> None:
        self._view = view

    def __getattr__(self, name: str) -> object:
        return getattr(self._view, name)

    def of_release(self, release: str) -> tuple[Entry, ...]:
        """Find nothing."""
        del release
        return ()


class ForgetfulStore(Breaking):
    """The first mutant: tries again without looking."""

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open the view that forgets."""
        with super().writing() as chain:
            yield Forgetful(chain)


class HopefulStore(Breaking):
    """The second mutant: takes silence for success."""

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Swallow the unknown outcome."""
        with suppress(OutcomeUnknown), super().writing() as chain:
            yield chain


def test_books_that_do_not_look_again_are_caught(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    forgetful = ForgetfulStore(create(f"sqlite:///{tmp_path / 'forgetful.db'}"))
    hopeful = HopefulStore(create(f"sqlite:///{tmp_path / 'hopeful.db'}"))
    told = {}
    for store in (forgetful, hopeful):
        told[store] = charge_through(Book(store), store, 20, ("unheard", "heard"))
    twice = len(charged(Book(forgetful))) - len(set(charged(Book(forgetful))))
    free = len(set(told[hopeful]) - set(charged(Book(open_store(f"sqlite:///{tmp_path / 'hopeful.db'}")))))
    assert twice > 0
    assert free > 0
    figure("R07", f"mutants caught: {twice} charged twice, {free} released free, of 20")
