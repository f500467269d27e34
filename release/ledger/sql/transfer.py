"""A ledger put back from its exported chain, into either database."""

from collections.abc import Iterable

from release.errors import DamagedLedgerError
from release.ledger.entries import Entry
from release.ledger.ports import Store
from release.ledger.replay import replay


def checked_chain(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return a whole chain.

    Raises:
        DamagedLedgerError: It has a fault.
    """
    chain = tuple(entries)
    seen = replay(chain)
    if seen.findings:
        raise DamagedLedgerError(sequence=seen.first_fault, reason=seen.findings[0].message)
    return chain


def put_back(chain: tuple[Entry, ...], store: Store) -> None:
    """Write a chain, unchanged, into an empty store, in one transaction."""
    with store.writing() as target:
        for entry in chain:
            target.append(entry)
