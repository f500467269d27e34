"""What is held against the chain before anything is added: its end, its length, the heads known from outside.

None of it reads the whole chain. A chain alone notices no rollback, since an older copy of it is whole: only
a head remembered elsewhere does.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from release.errors import DamagedLedgerError, RolledBackError
from release.ledger.entries import EMPTY, Entry, Head, head_of, link_fault, own_fault
from release.ledger.findings import Finding, at_entry
from release.ledger.ports import Reading

_TAIL = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHead:
    """A head that was seen before, and who saw it."""

    head: Head
    origin: str


def check_tail(chain: Reading) -> None:
    """Refuse a chain that lacks entries, or whose last ones don't link.

    Raises:
        DamagedLedgerError: Naming the first bad entry among those read.
    """
    last = head_of(chain.last())
    count = chain.count()
    if count != last.sequence:
        raise DamagedLedgerError(
            sequence=count + 1, reason=f"{count} entries are stored, and the last is {last.sequence}"
        )
    first = max(1, last.sequence - _TAIL + 1)
    before = _head_at(chain, first - 1)
    for entry in tuple(chain.entries(first)):
        fault = link_fault(before, entry)
        if fault is not None:
            raise DamagedLedgerError(sequence=entry.sequence, reason=fault)
        before = head_of(entry)


def check_heads(chain: Reading, known: Iterable[KnownHead]) -> None:
    """Refuse a chain in which a head that was seen before doesn't stand.

    Raises:
        RolledBackError: Naming the entry and who saw it otherwise.
    """
    for one in known:
        found = _head_at(chain, one.head.sequence)
        if found != one.head:
            raise RolledBackError(
                sequence=one.head.sequence,
                expected=one.head.hash,
                found=found.hash if found.sequence == one.head.sequence else None,
                origin=one.origin,
            )


def missing_heads(chain: Reading, known: Iterable[KnownHead]) -> tuple[Finding, ...]:
    """Return a finding for each head seen before that doesn't stand in the chain."""
    return tuple(
        at_entry("rolled-back", one.head.sequence, f"{one.origin} saw it as {one.head.hash}, and it isn't that")
        for one in sorted(known, key=lambda one: one.head.sequence)
        if _head_at(chain, one.head.sequence) != one.head
    )


def sound(chain: Reading, entry: Entry) -> Entry:
    """Return `entry`, on which a decision rests, when its hash is its own and its successor follows it.

    Raises:
        DamagedLedgerError: Otherwise.
    """
    fault = own_fault(entry)
    after = chain.entry(entry.sequence + 1)
    if fault is None and after is not None:
        fault = link_fault(head_of(entry), after)
    if fault is not None:
        raise DamagedLedgerError(sequence=entry.sequence, reason=fault)
    return entry


def _head_at(chain: Reading, sequence: int) -> Head:
    """Return the head that the chain had at that length; of a missing or altered entry, the empty head."""
    if sequence == 0:
        return EMPTY
    entry = chain.entry(sequence)
    return EMPTY if entry is None or own_fault(entry) is not None else head_of(entry)
