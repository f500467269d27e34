"""R05: a rolled back, forked, cut, deleted or recomputed ledger is refused.

300 attacks by someone who may write to the database and knows the program, of seven kinds. Each is met by the
office's next charge, which knows a witness and the heads of the bundles published so far, and by a full
audit, which has to name the first bad entry. The mutant is a ledger that looks at its chain alone.
"""

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from ledger_world import DAY, faults, plain, request, terms

from release.errors import BudgetError
from release.ledger.book import Book
from release.ledger.entries import EMPTY, Entry, Head, Kind, canonical, entry_hash, follow, head_of
from release.ledger.memory import MemoryStore
from release.ledger.sql import create, open_store, sqlite

ROUNDS = 43
ON = terms("1000")
_INSERT = "INSERT INTO {table} (sequence, previous, kind, body, hash) VALUES ({mark}, {mark}, {mark}, {mark}, {mark})"
Chain = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """What the attacker leaves behind, and the first entry at which it isn't what it was.

    `broken` is the entry at which the chain itself shows that, None when only a head seen before can show it.
    """

    chain: Chain
    first_bad: int
    broken: int | None = None


def true_chain(releases: int) -> Chain:
    """Return an honest chain: each release charged, measured and published."""
    book = Book(MemoryStore())
    for number in range(releases):
        publish(book, f"release-{number}")
    return tuple(book.entries())


def publish(book: Book, name: str) -> None:
    """Let a release run to its end."""
    book.charge(request(name, "1/3", on=ON), date=DAY)
    book.measured(name, "uniform", f"sha256:n{name}")
    book.published(name, "uniform", f"sha256:b{name}")


def rolled_back(chain: Chain, chance: random.Random) -> Attack:
    """An older copy is put in place."""
    length = chance.randrange(1, len(chain) - 1)
    return Attack(chain[:length], length + 1)


def forked(chain: Chain, chance: random.Random) -> Attack:
    """An older copy is put in place and goes on, as far as the true one or further."""
    attack = rolled_back(chain, chance)
    book = Book(MemoryStore(attack.chain))
    number = 0
    while book.head().sequence <= len(chain):
        book.charge(request(f"forked-{number}", "1/5", on=ON), date=DAY)
        number += 1
    return Attack(tuple(book.entries()), attack.first_bad)


def cut(chain: Chain, chance: random.Random) -> Attack:
    """The first entries are gone."""
    at = chance.randrange(1, len(chain) - 1)
    return Attack(chain[at:], 1, at + 1)


def removed(chain: Chain, chance: random.Random) -> Attack:
    """One entry in the middle is gone."""
    at = chance.randrange(1, len(chain) - 1)
    return Attack(chain[:at] + chain[at + 1 :], at + 1, at + 2)


def edited(chain: Chain, chance: random.Random) -> Attack:
    """One charge says less, and its own hash says so too."""
    at = chance.choice([index for index, entry in enumerate(chain) if entry.kind == Kind.CHARGED])
    entry = cheaper(chain[at])
    return Attack((*chain[:at], entry, *chain[at + 1 :]), at + 1, at + 1)


def recomputed(chain: Chain, chance: random.Random) -> Attack:
    """One charge says less, and every hash from there on is computed anew."""
    attack = edited(chain, chance)
    fresh: list[Entry] = []
    for entry in attack.chain:
        fresh.append(follow(head_of(fresh[-1]) if fresh else EMPTY, Kind(entry.kind), entry.body))
    return Attack(tuple(fresh), attack.first_bad, attack.first_bad)


def deleted(chain: Chain, chance: random.Random) -> Attack:
    """Everything is gone, or begun anew."""
    again = () if chance.random() < 0.5 else begun_anew()
    return Attack(again, 1 + sum(one == other for one, other in zip(again, chain, strict=False)))


def begun_anew() -> Chain:
    """Return the chain of a ledger that was created again and spends its budget again."""
    book = Book(MemoryStore())
    book.charge(request("anew", "1/5", on=ON), date=DAY)
    return tuple(book.entries())


KINDS = (rolled_back, forked, cut, removed, edited, recomputed, deleted)


def cheaper(entry: Entry) -> Entry:
    """Return a charge whose loss and standing were made smaller, with a fitting hash of its own."""
    body = json.loads(entry.body)
    body["rho"] = body["measures"][0]["rho"] = "1/1000"
    body["measures"][0]["sensitivity"] = 1
    text = canonical(body)
    return replace(entry, body=text, hash=entry_hash(entry.sequence, entry.previous, entry.kind, text))


def put(url: str, chain: Chain) -> None:
    """Put a chain in place of what a database holds, as someone who may do everything there."""
    rows = [(one.sequence, one.previous, str(one.kind), one.body, one.hash) for one in chain]
    if url.startswith("sqlite"):
        triggers = [text for name, text in sqlite.SCHEMA.items() if "TRIGGER" in text]
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for text in triggers:
                connection.execute(f"DROP TRIGGER {text.split()[2]}")
            connection.execute("DELETE FROM ledger_entry")
            connection.executemany(_INSERT.format(table="ledger_entry", mark="?"), rows)
            for text in triggers:
                connection.execute(text)
        return
    with psycopg.connect(plain(url)) as server, server.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM noisy_mirrors.ledger_entry")
        cursor.executemany(_INSERT.format(table="noisy_mirrors.ledger_entry", mark="%s"), rows)


@dataclass(slots=True)
class Tally:
    """What came of the attacks."""

    attacks: int = 0
    refused: int = 0
    named: int = 0
    alone: int = 0


class Remembered:
    """A witness that an attacker can't reach."""

    def __init__(self, head: Head) -> None:
        self._head = head

    place = "elsewhere"

    def head(self) -> Head:
        """Return what was last seen."""
        return self._head

    def record(self, head: Head) -> None:
        """Remember."""
        self._head = head


def refused(book: Book) -> bool:
    """Decide whether the next charge is refused."""
    try:
        book.charge(request("next", "1/3", on=ON), date=DAY)
    except BudgetError:
        return True
    return False


def attacked(url: str, rounds: int, seed: int) -> Tally:
    """Return what came of `rounds` attacks of each kind on one database."""
    chance, tally = random.Random(seed), Tally()
    create(url)
    for _ in range(rounds):
        chain = true_chain(chance.randrange(3, 20))
        published = [head_of(entry) for entry in chain if entry.kind == Kind.PUBLISHED]
        for kind in KINDS:
            attack = kind(chain, chance)
            put(url, attack.chain)
            known = Book(open_store(url), witness=Remembered(head_of(chain[-1])), heads=published)
            tally.attacks += 1
            tally.named += names(known, attack, published)
            tally.refused += refused(known)
            tally.alone += refused(Book(open_store(url)))
    return tally


def names(book: Book, attack: Attack, heads: list[Head]) -> bool:
    """Decide whether a full audit names the first entry that is bad, or the first head that is lost by it."""
    lost = [head.sequence for head in heads if head.sequence >= attack.first_bad]
    expected = attack.broken or min(lost)
    return faults(book)[0].where == f"entry {expected}"


@pytest.mark.slow
@pytest.mark.parametrize(("database", "rounds"), [("SQLite", ROUNDS), ("PostgreSQL", 8)])
def test_an_attacked_ledger_is_refused_and_a_ledger_by_itself_is_not_enough(
    database: str, rounds: int, tmp_path: Path, request: pytest.FixtureRequest, figure: Callable[[str, str], None]
) -> None:
    at = f"sqlite:///{tmp_path / 'ledger.db'}"
    url = at if database == "SQLite" else request.getfixturevalue("new_database")()
    tally = attacked(url, rounds, seed=5)
    assert tally.attacks == rounds * len(KINDS)
    assert (tally.refused, tally.named) == (tally.attacks, tally.attacks)
    assert tally.alone < tally.attacks * 5 / 7
    figure("R05", f"{database}: {tally.attacks} attacks of {len(KINDS)} kinds, {tally.refused} refused")
    figure("R05", f"mutant that looks at its chain alone caught: it refused {tally.alone} of {tally.attacks}")
