"""Every refusal of the program, in one family.

An error words its own message: what was refused, what it left unchanged, what to do next; its quantities are
attributes. The command line turns an error into its exit code and prints nothing else of it. Nothing here may
be built from the text of a foreign exception that was raised while records were read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar


class MirrorsError(Exception):
    """The base of all refusals; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(MirrorsError):
    """The command was called in a way, or in an environment, that it refuses."""

    exit_code = 2


class InvalidAmountError(MirrorsError):
    """A number given as text isn't an exact amount within its caps."""

    exit_code = 3

    def __init__(self, text: object, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"{str(text)[:60]!r} is refused: {reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a config: where it stands, what is wrong, what would be right."""

    file: str
    line: int | None
    key: str
    problem: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"


class ConfigError(MirrorsError):
    """A config was refused; all its faults are told at once."""

    exit_code = 3

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        listing = "\n".join(f"  {fault}" for fault in self.faults)
        number = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"The configuration is refused ({number}); nothing was read, charged or written.\n{listing}")


class DataError(MirrorsError):
    """A source can't be read or hasn't the schema that the config names."""

    exit_code = 4


class BudgetError(MirrorsError):
    """The ledger refuses: the limit, the account's terms, or the ledger's own state don't allow it."""

    exit_code = 5


class BundleError(MirrorsError):
    """A bundle can't be believed: it is missing, damaged, incomplete or not what it says."""

    exit_code = 6


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
            f"{account} refuses a privacy loss of rho = {requested}: {free} of its limit of {limit} is neither spent "
            "nor promised to the calendar or to revisions. Nothing was charged. Ask for less, or raise the limit with "
            "a reason."
        )


class TermsError(BudgetError):
    """The request's unit, delta, limit or reserve isn't the account's."""

    def __init__(self, *, account: str, term: str, asked: str, fixed: str) -> None:
        self.account, self.term, self.asked, self.fixed = account, term, asked, fixed
        super().__init__(
            f"{account} has {term} = {fixed}, and the request says {asked}. Nothing was charged. An account's terms "
            "are fixed by its first entry; only its limit may rise, by an entry that gives a reason."
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


class FetchError(DataError):
    """A provider of public figures gave no whole answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"UN Comtrade was asked, and {reason}. Nothing was written.")


class ConfidentialPriorError(DataError):
    """A release's prior is its own records."""

    def __init__(self, release: str) -> None:
        self.release = release
        super().__init__(
            f"The prior of release {release} is one of its confidential files, so its noise would tell the records."
            " Nothing was charged or written. A prior is an earlier period's public figure."
        )


class SourceMissingError(DataError):
    """No source was named, or there is nothing where it should be."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"There is no source at {place}. Nothing was charged or written. Name it with --source, or in the config."
        )


class DatabaseError(DataError):
    """The database that holds the records can't be reached or read; its own words could quote a record."""

    def __init__(self, service: str, reason: str) -> None:
        self.service, self.reason = service, reason
        super().__init__(
            f"The database of the service {service} can't be used: {reason}. Nothing was charged or written."
            " Correct its entry in pg_service.conf, its password file or the role's rights, until"
            f" `psql service={service}` can read the table, and run again."
        )


class SchemaError(DataError):
    """The source hasn't the columns that the config maps."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            "The source doesn't have the schema that the config names; nothing was charged or written.\n" + listing
        )


class MicrodataError(DataError):
    """Work on records failed; why isn't told, since the reason could quote a record."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(
            f"The step {step!r} failed on the source. The reason isn't shown here, because it could quote a record;"
            " `mirrors source check` looks at the file privately. No number was released. If the release was"
            " charged already, run it again: it goes on under the same charge."
        )


class SourceChangedError(DataError):
    """The records aren't those that the charge names."""

    def __init__(self, release: str) -> None:
        self.release = release
        super().__init__(
            f"The source isn't the one that release {release} was charged for, or it changed while it was read."
            " No number was released. Put the charged file back and run again, or plan a new release."
        )


class EnvironmentRefusedError(UsageError):
    """The process runs in an environment in which noise or memory could be tampered with."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        listing = "\n".join(f"  {finding}" for finding in self.findings)
        super().__init__(
            "This environment could weaken the noise or show records; nothing was charged.\n"
            f"{listing}\nUnset what is named and run again."
        )


class LossNotCoveredError(BudgetError):
    """A charge doesn't cover what OpenDP's map says of the measurement, or names another plan."""

    def __init__(self, release: str, reason: str) -> None:
        self.release = release
        self.reason = reason
        super().__init__(f"The charge of {release} doesn't cover this measurement: {reason}. No number was released.")


class UnusableMeasurementsError(DataError):
    """Noisy measurements that can't be reconciled: unequal shapes, unusable numbers, or no noise at all."""

    def __init__(self, level: str, problem: str) -> None:
        self.level = level
        self.problem = problem
        super().__init__(
            f"These measurements aren't reconciled ({level}): {problem}. Nothing was estimated or written."
        )


class ContradictoryExactCellsError(DataError):
    """Cells that are said to be known exactly don't add up."""

    def __init__(self, gap: float) -> None:
        self.gap = gap
        super().__init__(
            f"Cells with the standard deviation 0 miss their own sums by up to {gap:g}. Nothing was estimated or"
            " written; give these cells the standard deviation that they have, or correct them."
        )


class PracticeWorldError(UsageError):
    """A practice world is asked for that can't be made, or in a folder that holds another."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The practice world is refused: {problem}. Nothing was written.")


class BundleRefusedError(BundleError):
    """A bundle can't be believed; every finding is told."""

    def __init__(self, bundle: str, problems: Sequence[str]) -> None:
        self.bundle = bundle
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The bundle {bundle} is refused; nothing of it was used.\n{listing}")


class PublicationTakenError(BundleError):
    """Something else stands where a bundle should be published."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"{place} holds something else than this release's bundle; it was left as it is."
            " Move it away, or publish elsewhere with --out; the release stays charged and is published then."
        )


class LocationError(BundleError):
    """A place that is reached over a network can't be read or written."""

    def __init__(self, location: str, reason: str) -> None:
        self.location, self.reason = location, reason
        super().__init__(
            f"{location} refused: {reason}. No half bundle is visible there; run the same command again and it goes on"
            " where it stopped."
        )


class PublishedOtherwiseError(BundleError):
    """Where a file should be published over a network, another one is."""

    def __init__(self, location: str, reason: str) -> None:
        self.location, self.reason = location, reason
        super().__init__(
            f"{location} was left as it is: {reason}. What is published is never replaced; publish elsewhere, or find"
            " out who wrote there."
        )


class InvalidComparisonError(MirrorsError):
    """Figures, a band or an error rate that no mirror test can be computed from."""

    exit_code = 3

    def __init__(self, what: str, value: object, reason: str) -> None:
        self.what = what
        self.value = value
        self.reason = reason
        super().__init__(
            f"{what} = {str(value)[:60]} is refused: {reason}. Nothing was compared; correct it and compare again."
        )


class PlacesOverlapError(UsageError):
    """The place of publication and the office's private folder don't lie apart."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"{place} isn't taken as a place of publication: the office's private state folder would be published, or"
            " hold what is published. Nothing was charged or written; publish elsewhere with --out."
        )


class DeclarationsError(DataError):
    """A trader's own figures for `mirrors protect` can't be read as the file says; lines are told, figures aren't."""

    def __init__(self, place: str, problems: Sequence[str]) -> None:
        self.place = place
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems[:20])
        super().__init__(
            f"{place} can't be read as a trader's figures; nothing was computed, and nothing was sent anywhere.\n"
            f"{listing}\n"
            "It is CSV in UTF-8 with the columns flow,period,partner,product,value (and net_mass, declarations): "
            "M,2024-03,DE,870323,1250.50"
        )


class SigningError(MirrorsError):
    """A key, its passphrase or a signature is refused; exits like a refused bundle."""

    exit_code = 6


class KeyRefusedError(SigningError):
    """A key can't be opened or isn't kept as a key must be; nothing of the key or its passphrase is told."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"The key at {place} is refused: {reason}. Nothing was charged, signed or written. {remedy}")


class PassphraseError(SigningError):
    """A passphrase can't be had, or is too weak; it isn't told."""

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"No passphrase from {source}: {reason}. Nothing was charged, signed or written.")


class KeyNotAllowedError(SigningError):
    """The registry of offices doesn't let this key sign for this reporter now."""

    def __init__(self, *, reporter: str, keyid: str, reason: str) -> None:
        self.reporter, self.keyid, self.reason = reporter, keyid, reason
        super().__init__(
            f"The key {keyid[:16]}… may not sign for {reporter}: {reason}. Nothing was charged or signed. Use the key"
            " that the registry names, or ask its keepers to enter this one."
        )


class RegistryRefusedError(SigningError):
    """A registry of offices can't be believed, or a change of it isn't one that may be made."""

    def __init__(self, place: str, reason: str, remedy: str = "") -> None:
        self.place, self.reason = place, reason
        super().__init__(f"The registry at {place} is refused: {reason}. {remedy}".rstrip())


class RegistryChangeRefusedError(SigningError):
    """A change of the registry isn't one that may be made."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        super().__init__(f"This change of the registry is refused: {reason}. Nothing was changed. {remedy}".rstrip())
