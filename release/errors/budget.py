"""The ledger, its charges and its limits: exit code 5."""

from fractions import Fraction

from release.amounts import written
from release.errors.families import BudgetError

RAISE = "`mirrors ledger raise OFFICE.toml --source … --year … --limit … --reason …`"
"""The command that raises a limit, named wherever one is in the way."""


class InvalidChargeError(BudgetError):
    """A request, an amount or a name that no ledger would take; nothing was written."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The ledger refuses this: {reason}. Nothing was charged; correct the request and run again.")


class OverLimitError(BudgetError):
    """The charge doesn't fit in what the account has left."""

    def __init__(self, *, account: str, requested: Fraction, free: Fraction, limit: Fraction) -> None:
        self.account, self.requested, self.free, self.limit = account, requested, free, limit
        super().__init__(
            f"{account} refuses a privacy loss of rho = {written(requested)}: {_left(free, limit)}. Nothing was"
            f" charged. Ask for less, or raise the limit with a reason: {RAISE}"
        )


class TermsError(BudgetError):
    """The request's unit, delta, limit or reserve isn't the account's."""

    def __init__(self, *, account: str, term: str, asked: str, fixed: str) -> None:
        self.account, self.term, self.asked, self.fixed = account, term, asked, fixed
        super().__init__(
            f"{account} has {term} = {fixed}, and the request says {asked}. Nothing was charged. An account's terms "
            f"are fixed by its first entry; only its limit may rise, by an entry that gives a reason: {RAISE}"
        )


class ReleaseTakenError(BudgetError):
    """The release was charged already, as something else."""

    def __init__(self, *, release: str, sequence: int, differs: str) -> None:
        self.release, self.sequence, self.differs = release, sequence, differs
        super().__init__(
            f"Release {release} was charged already, by entry {sequence}, with another {differs}. Nothing was charged. "
            "Give the new release a name of its own, or run the old one as it was."
        )


class ChargeMissingError(BudgetError):
    """No charge stands in the ledger for this release and tier, or not in the state that the step needs."""

    def __init__(self, *, release: str, tier: str, needed: str) -> None:
        self.release, self.tier, self.needed = release, tier, needed
        super().__init__(
            f"The ledger has no {needed} entry for release {release}, tier {tier}. Nothing was written; "
            "a release is charged, then measured, then published."
        )


class SecondResultError(BudgetError):
    """A charge has its one result already, and this is another."""

    def __init__(self, *, release: str, tier: str, state: str, recorded: str, offered: str) -> None:
        self.release, self.tier, self.state, self.recorded, self.offered = (
            release,
            tier,
            state,
            recorded,
            offered,
        )
        super().__init__(
            f"Release {release}, tier {tier}, was {state} as {recorded}; {offered} is another result and is refused. "
            "Nothing was written. One charge buys one noisy result: publish the first, and destroy the second."
        )


class LedgerMissingError(BudgetError):
    """There is no ledger at this place, or what is there is no ledger."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(
            f"No ledger can be opened at {place}: {reason}. Nothing was created. Correct the place, restore a backup, "
            "or create the office's first ledger with its own command."
        )


class LedgerExistsError(BudgetError):
    """Something is already where a ledger was to be created or restored."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"{place} exists already and was left as it is. Open it, or create the ledger elsewhere.")


class UnsafeLedgerError(BudgetError):
    """The place, the rights or the settings of the ledger would let it lose or rewrite a charge."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"The ledger at {place} is refused: {reason}. Nothing was written. {remedy}")


class LedgerUnavailableError(BudgetError):
    """The ledger couldn't be reached or written; no charge was acknowledged."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(
            f"The ledger at {place} can't be used: {reason}. No charge was acknowledged and nothing may be released. "
            "Run again when it is back: the same run is charged once."
        )


class DamagedLedgerError(BudgetError):
    """An entry of the ledger isn't what its chain says."""

    def __init__(self, *, sequence: int, reason: str) -> None:
        self.sequence, self.reason = sequence, reason
        super().__init__(
            f"The ledger is damaged at entry {sequence}: {reason}. Nothing was charged. Verify the whole ledger, and "
            "restore its latest backup."
        )


class RolledBackError(BudgetError):
    """The ledger doesn't hold an entry that was seen or published before."""

    def __init__(self, *, sequence: int, expected: str, found: str | None, origin: str) -> None:
        self.sequence, self.expected, self.found, self.origin = sequence, expected, found, origin
        standing = "has no such entry" if found is None else f"has {found} there"
        super().__init__(
            f"{origin} saw entry {sequence} as {expected}, and this ledger {standing}: it was rolled back, forked or "
            "rewritten. Nothing was charged. Restore the latest ledger; an older one would spend its budget twice."
        )


class LossNotCoveredError(BudgetError):
    """A charge doesn't cover what OpenDP's map says of the measurement, or names another plan."""

    def __init__(self, release: str, reason: str) -> None:
        self.release = release
        self.reason = reason
        super().__init__(f"The charge of {release} doesn't cover this measurement: {reason}. No number was released.")


def _left(free: Fraction, limit: Fraction) -> str:
    """Return in words what of a limit is still free."""
    if free <= 0:
        return f"all of its limit of {written(limit)} is spent, or promised to the calendar or to revisions"
    return f"{written(free)} of its limit of {written(limit)} is free, neither spent nor promised"
