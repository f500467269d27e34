"""The rules of the ledger, without input or output: a store keeps the entries, a witness remembers the head.

Every decision is taken inside the store's exclusive transaction, on entries read under its lock. Before it,
the chain is held against what is known from outside: its last entries link, none is missing, and each head
that the witness or a published bundle names stands in it. A charge reads the entries of its account's end and
of its release, and never the whole chain; `verify` reads it all.

No clock is read: a date comes with the call, is recorded, and decides nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, TypeVar

from release.errors import DamagedLedgerError, LedgerUnavailableError, UnsafeLedgerError
from release.ledger.decisions import (
    charge_account,
    declare,
    find_charge,
    open_account,
    raise_account,
    record_result,
)
from release.ledger.entries import EMPTY, Entry, Head, Kind, head_of
from release.ledger.findings import Finding, at_entry, error
from release.ledger.guard import KnownHead, check_heads, check_tail, missing_heads
from release.ledger.memory import MemoryStore
from release.ledger.ports import OutcomeUnknown, Reading, Store, Witness, Writing
from release.ledger.replay import Replay, account_states, replay
from release.ledger.statement import write_statement
from release.ledger.values import Account, AccountState, Charge, ChargeRequest, Terms
from release.ledger.wire import Shares

_ATTEMPTS = 5
_T = TypeVar("_T")


class Book:
    """One office's ledger. `heads` are those found in published bundles, held against the chain like the witness's."""

    def __init__(self, store: Store, *, witness: Witness | None = None, heads: Iterable[Head] = ()) -> None:
        self._store = store
        self._witness = witness
        self._published = tuple(KnownHead(head=head, origin="A published bundle") for head in heads)

    def charge(self, request: ChargeRequest, *, date: str) -> Charge:
        """Return the charge of a release and tier, committed durably; asked again, the same charge.

        Opens the account with the request's terms when it has no entry yet.

        Raises:
            OverLimitError: It doesn't fit in what the account has left.
            TermsError: The request's unit, delta, limit or reserve isn't the account's.
            ReleaseTakenError: The release was charged under another plan, source or input.
            DamagedLedgerError: An entry that the decision rests on isn't what its chain says.
            RolledBackError: A head that was seen before isn't in this chain.
            LedgerUnavailableError: The store can't be used; nothing was acknowledged.
        """
        return self.charge_all((request,), date=date)[0]

    def charge_all(self, requests: tuple[ChargeRequest, ...], *, date: str) -> tuple[Charge, ...]:
        """Return the charges of several requests (the tiers of a release): all of them, or none and a refusal."""
        return self._decide(lambda chain: tuple(charge_account(chain, one, date) for one in requests))

    def measured(self, release: str, tier: str, digest: str) -> Charge:
        """Return the charge after its one noisy result, whose bytes have `digest`; another digest is refused."""
        return self._decide(lambda chain: record_result(chain, Kind.MEASURED, release, tier, digest))

    def published(self, release: str, tier: str, digest: str) -> Charge:
        """Return the charge after its one publication, in a bundle that has `digest`; another is refused."""
        return self._decide(lambda chain: record_result(chain, Kind.PUBLISHED, release, tier, digest))

    def find(self, release: str, tier: str = "uniform") -> Charge | None:
        """Return the charge of a release and tier, None when there is none."""
        with self._store.reading() as chain:
            return find_charge(chain, release, tier)

    def open_account(self, account: Account, terms: Terms, *, date: str) -> None:
        """Fix an account's terms before its first charge; an account that has these terms stays as it is."""
        self._decide(lambda chain: open_account(chain, account, terms, date))

    def raise_limit(
        self, account: Account, limit: Fraction, reason: str, *, date: str, decided_by: str | None = None
    ) -> None:
        """Raise an account's limit by an entry that says why, and under whose authority; shown for ever."""
        self._decide(
            lambda chain: raise_account(chain, account, limit, reason=reason, decided_by=decided_by, date=date)
        )

    def declare_calendar(self, account: Account, shares: Shares, *, date: str, terms: Terms | None = None) -> None:
        """Promise each release its share (rho), in place of the calendar before.

        Opens the account with `terms`, when they are given and it has no entry yet. Shares are charged when their
        releases run. Together with what is spent and with the reserve they have to fit in the limit.
        """
        self._decide(lambda chain: declare(chain, account, shares, date, terms))

    def rehearsal(self) -> "Book":
        """Return a copy in memory: what it decides is what this ledger would decide now, and changes nothing here."""
        copy = Book(MemoryStore(tuple(self.entries())))
        copy._published = self._known()
        return copy

    def accounts(self) -> tuple[AccountState, ...]:
        """Return every account as it stands. Reads the whole chain, and refuses a damaged one."""
        return account_states(self._replayed())

    def charges(self) -> tuple[Charge, ...]:
        """Return every charge with its state, in the order of the chain. Reads the whole chain, as `accounts` does."""
        return tuple(sorted(self._replayed().charges.values(), key=lambda charge: charge.sequence))

    def head(self) -> Head:
        """Return the length of the chain and the hash of its last entry."""
        with self._store.reading() as chain:
            return head_of(chain.last())

    def entries(self) -> Iterator[Entry]:
        """Yield the whole chain, of one moment."""
        with self._store.reading() as chain:
            yield from chain.entries()

    def verify(self) -> tuple[Finding, ...]:
        """Return everything that is wrong: entries in order, the first bad one first; then heads, then the store."""
        findings: list[Finding] = []
        try:
            with self._store.reading() as chain:
                findings += replay(chain.entries()).findings
                findings += missing_heads(chain, self._known())
                findings += self._missing_witness(chain)
        except DamagedLedgerError as damaged:
            findings.append(at_entry("store", damaged.sequence, damaged.reason))
        return (*findings, *self._store.inspect())

    def _missing_witness(self, chain: Reading) -> tuple[Finding, ...]:
        if self._witness is None or self._witness.head() is not None or chain.last() is None:
            return ()
        return (error("witness-missing", self._witness.place, "The ledger has entries, and its witness is gone."),)

    def statement(self, *, last: int | None = None) -> dict[str, Any]:
        """Return the public extract: all entries, or those up to `last`, what they amount to, and the head."""
        with self._store.reading() as chain:
            entries = tuple(entry for entry in chain.entries() if last is None or entry.sequence <= last)
        return write_statement(entries)

    def _replayed(self) -> Replay:
        with self._store.reading() as chain:
            seen = replay(chain.entries())
        if seen.findings:
            raise DamagedLedgerError(sequence=seen.first_fault, reason=seen.findings[0].message)
        return seen

    def _decide(self, decision: Callable[[Writing], _T]) -> _T:
        for _ in range(_ATTEMPTS):
            try:
                with self._store.writing() as chain:
                    self._check(chain)
                    outcome = decision(chain)
                    head = head_of(chain.last())
            except OutcomeUnknown:
                # The next attempt reads under the lock whether this one was committed.
                continue
            self._remember(head)
            return outcome
        raise LedgerUnavailableError(self._store.place, "it kept breaking off at the commit")

    def _check(self, chain: Writing) -> None:
        check_tail(chain)
        if self._witness is not None and self._witness.head() is None:
            self._begin(chain, self._witness)
        check_heads(chain, self._known())

    def _begin(self, chain: Writing, witness: Witness) -> None:
        if chain.last() is not None:
            raise UnsafeLedgerError(
                self._store.place,
                f"its witness {witness.place} is missing",
                "Restore it; or verify the ledger against every published bundle and let a new witness adopt its head.",
            )
        witness.record(EMPTY)

    def _known(self) -> tuple[KnownHead, ...]:
        seen = None if self._witness is None else self._witness.head()
        if self._witness is None or seen is None:
            return self._published
        return (KnownHead(head=seen, origin=f"The witness {self._witness.place}"), *self._published)

    def _remember(self, head: Head) -> None:
        if self._witness is not None:
            self._witness.record(head)
