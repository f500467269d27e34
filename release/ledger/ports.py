"""What the book asks of a store and of a witness.

A store keeps entries in order and finds them; it knows no rule. Its writing transaction is exclusive: while
one is open no other process can read in order to write. It ends durably or not at all, and when it can't tell
which, it raises `OutcomeUnknown`, and the book asks again under the lock.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from release.ledger.entries import Entry, Head
from release.ledger.findings import Finding


class OutcomeUnknown(Exception):  # noqa: N818
    """A commit may or may not have happened. Never leaves the book."""


class Reading(Protocol):
    """One consistent view of the chain."""

    def last(self) -> Entry | None:
        """Return the entry with the highest sequence."""

    def count(self) -> int:
        """Return how many entries are stored."""

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence."""

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries from sequence `first` on, in order."""

    def last_of_account(self, key: str) -> Entry | None:
        """Return the latest entry that changed the account of this key."""

    def of_release(self, release: str) -> tuple[Entry, ...]:
        """Return all entries that name this release, in order."""


class Writing(Reading, Protocol):
    """The chain under the exclusive lock."""

    def append(self, entry: Entry) -> None:
        """Add one entry at the end."""


class Store(Protocol):
    """Where the entries are kept."""

    @property
    def place(self) -> str:
        """Where that is, in words that may be printed: no password."""

    def reading(self) -> AbstractContextManager[Reading]:
        """Open a consistent view."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Open the exclusive transaction; leaving it commits durably, leaving it by an exception undoes it."""

    def inspect(self) -> tuple[Finding, ...]:
        """Return what is wrong with the store itself: settings, triggers, rights, pages."""


class Witness(Protocol):
    """Remembers, outside the store, the furthest head that was committed."""

    @property
    def place(self) -> str:
        """Where that is, in words."""

    def head(self) -> Head | None:
        """Return the head remembered, None when nothing ever was."""

    def record(self, head: Head) -> None:
        """Remember `head`, durably, unless a further one is remembered."""
