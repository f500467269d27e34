"""A ledger in memory, for tests, previews and reading exports. It is as exclusive as a lock, and not durable."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from release.ledger.bodies import keys_of
from release.ledger.entries import Entry
from release.ledger.findings import Finding


class MemoryView:
    """A view of a list of entries; when opened for writing, what is appended stays here until the end."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = list(entries)

    def last(self) -> Entry | None:
        """Return the entry with the highest sequence."""
        return self._entries[-1] if self._entries else None

    def count(self) -> int:
        """Return how many entries are stored."""
        return len(self._entries)

    def entry(self, sequence: int) -> Entry | None:
        """Return the entry with that sequence."""
        return next((entry for entry in self._entries if entry.sequence == sequence), None)

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries from sequence `first` on, in order."""
        return iter([entry for entry in self._entries if entry.sequence >= first])

    def last_of_account(self, key: str) -> Entry | None:
        """Return the latest entry that changed the account of this key."""
        return next((entry for entry in reversed(self._entries) if keys_of(entry)[0] == key), None)

    def of_release(self, release: str) -> tuple[Entry, ...]:
        """Return all entries that name this release, in order."""
        return tuple(entry for entry in self._entries if keys_of(entry)[1] == release)

    def append(self, entry: Entry) -> None:
        """Add one entry at the end."""
        self._entries.append(entry)

    def stored(self) -> tuple[Entry, ...]:
        """Return all entries of the view."""
        return tuple(self._entries)


class MemoryStore:
    """A store whose entries live as long as the process. `entries` may be a chain read from elsewhere."""

    def __init__(self, entries: tuple[Entry, ...] = ()) -> None:
        self._entries = entries
        self._lock = RLock()

    @property
    def place(self) -> str:
        """Say where the entries are."""
        return "memory"

    @contextmanager
    def reading(self) -> Iterator[MemoryView]:
        """Open a consistent view."""
        yield MemoryView(self._entries)

    @contextmanager
    def writing(self) -> Iterator[MemoryView]:
        """Open the exclusive transaction; an exception undoes it."""
        with self._lock:
            view = MemoryView(self._entries)
            yield view
            self._entries = view.stored()

    def inspect(self) -> tuple[Finding, ...]:
        """Return nothing: memory has no settings."""
        return ()
