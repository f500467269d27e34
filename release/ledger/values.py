"""What an account is, what a charge asks of it, and where the account stands after each entry.

Values only: every amount is an exact `Fraction` of zCDP loss (rho), every name is checked when the value is
built. What may be charged is decided in `standing` and `book`; how a value is written down for ever, in
`entries`.
"""

import datetime
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from release.errors import InvalidChargeError

_NAME = re.compile(r"[!#-Z^-~](?:[ !#-Z^-~]{0,198}[!#-Z^-~])?")
_DIGEST = re.compile(r"[!#-Z^-~]{1,200}")
_YEARS = range(1900, 10_000)
_GRID_BITS = range(64)
_CAP = Fraction(10**9)
_MOST_BITS = 4096


def checked_name(what: str, text: str) -> str:
    """Return `text` when it is a plain name.

    That is 1 to 200 printable ASCII characters, none of them a double quote, bracket or backslash, no outer blanks.
    """
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise InvalidChargeError(f"{what} {str(text)[:60]!r} isn't a plain ASCII name")
    return text


def checked_digest(what: str, text: str) -> str:
    """Return `text` when it can be a digest: 1 to 200 such characters without any blank."""
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise InvalidChargeError(f"{what} {str(text)[:60]!r} isn't a digest")
    return text


def checked_amount(what: str, amount: Fraction) -> Fraction:
    """Return `amount` when it is an exact fraction from 0 to 10^9 whose terms have at most 4096 bits."""
    if not isinstance(amount, Fraction):
        raise InvalidChargeError(f"{what} isn't an exact fraction")
    if not 0 <= amount <= _CAP or amount.denominator.bit_length() > _MOST_BITS:
        raise InvalidChargeError(f"{what} lies outside 0 to 10^9, or isn't written in 4096 bits")
    return amount


def checked_loss(what: str, amount: Fraction) -> Fraction:
    """Return `amount` when it is a checked amount above 0."""
    if checked_amount(what, amount) == 0:
        raise InvalidChargeError(f"{what} is 0")
    return amount


def checked_integer(what: str, number: int, allowed: range) -> int:
    """Return `number` when it is an integer (no boolean) within `allowed`."""
    if type(number) is not int or number not in allowed:
        raise InvalidChargeError(f"{what} {str(number)[:60]} isn't an integer from {allowed[0]} to {allowed[-1]}")
    return number


def checked_date(text: str) -> str:
    """Return `text` when it is an ISO calendar date. It is recorded and decides nothing."""
    try:
        day = datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidChargeError(f"the date {str(text)[:60]!r} isn't YYYY-MM-DD") from None
    if day.isoformat() != text:
        raise InvalidChargeError(f"the date {text[:60]!r} isn't YYYY-MM-DD")
    return text


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Account:
    """One account: an office, one of its sources, an accounting year, and a tier (`uniform`, `large-trader`)."""

    office: str
    source: str
    year: int
    tier: str

    def __post_init__(self) -> None:
        for what in ("office", "source", "tier"):
            checked_name(what, getattr(self, what))
        checked_integer("the accounting year", self.year, _YEARS)

    def __str__(self) -> str:
        return f"Account {self.office} / {self.source} / {self.year} / {self.tier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an account promises: its privacy unit, its delta, its limit, and the part kept for revisions (rho)."""

    unit: str
    delta: Fraction
    limit: Fraction
    reserve: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        checked_name("the privacy unit", self.unit)
        if checked_loss("delta", self.delta) >= 1:
            raise InvalidChargeError("delta isn't below 1")
        checked_loss("the limit", self.limit)
        if checked_amount("the reserve", self.reserve) > self.limit:
            raise InvalidChargeError("the reserve for revisions is above the limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureLoss:
    """The loss of one measure: noise of scale 2^grid_bits on integers of L2 sensitivity `sensitivity` (D).

    The multivariate discrete Gaussian of scale s satisfies (D / s)^2 / 2 -zCDP (Canonne, Kamath and Steinke 2020,
    arXiv:2004.00010), so `rho` has to be at least D^2 / (2 * 4^grid_bits); a smaller one is refused.
    """

    measure: str
    mechanism: str
    sensitivity: int
    grid_bits: int
    scales_digest: str
    rho: Fraction

    def __post_init__(self) -> None:
        checked_name("measure", self.measure)
        if self.mechanism != "discrete-gaussian":
            raise InvalidChargeError(f"mechanism {str(self.mechanism)[:60]!r} isn't known")
        checked_integer("the sensitivity", self.sensitivity, range(2**62))
        checked_integer("the grid's bits", self.grid_bits, _GRID_BITS)
        checked_digest("the scales' digest", self.scales_digest)
        if checked_loss("rho", self.rho) < self.least:
            raise InvalidChargeError(f"rho = {self.rho} doesn't cover sensitivity {self.sensitivity} on this grid")

    @property
    def least(self) -> Fraction:
        """The loss that sensitivity and scale amount to, exactly."""
        return Fraction(self.sensitivity**2, 2 * 4**self.grid_bits)


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """What a release asks of its account. Digests of confidential inputs come keyed (HMAC), never plain."""

    release: str
    account: Account
    terms: Terms
    measures: tuple[MeasureLoss, ...]
    policy: str
    plan_digest: str
    public_digests: Pairs
    keyed_digests: Pairs
    versions: Pairs
    revision: bool = False

    def __post_init__(self) -> None:
        checked_name("release", self.release)
        checked_name("policy", self.policy)
        checked_digest("the plan's digest", self.plan_digest)
        if not self.measures or len({loss.measure for loss in self.measures}) < len(self.measures):
            raise InvalidChargeError("a charge names its measures, each once")
        for pairs in (self.public_digests, self.keyed_digests, self.versions):
            _checked_pairs(pairs)
        if type(self.revision) is not bool:
            raise InvalidChargeError("revision is neither true nor false")

    @property
    def rho(self) -> Fraction:
        """The exact sum of the measures' losses."""
        return sum((loss.rho for loss in self.measures), Fraction(0))


def _checked_pairs(pairs: Pairs) -> None:
    for name, text in pairs:
        checked_name("the name of an input", name)
        checked_digest(f"what stands for {name}", text)
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidChargeError("an input is named twice")


class State(StrEnum):
    """How far a charge has come; it never goes back, and nothing is refunded."""

    CHARGED = "charged"
    MEASURED = "measured"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge that stands in the ledger, by its entry's sequence, with what became of it since."""

    sequence: int
    date: str
    request: ChargeRequest
    state: State
    measurement_digest: str | None
    bundle_digest: str | None
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShare:
    """One line of a calendar: the share (rho) of one release, and whether it was charged."""

    release: str
    rho: Fraction
    charged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedLimit:
    """One rise of an account's limit, with its reason, shown for ever; amounts are rho.

    Attributes:
        sequence: of its entry.
        before: the limit until then; `spent` what was spent by then.
        decided_by: under whose authority, None where that isn't stated.
    """

    sequence: int
    date: str
    before: Fraction
    limit: Fraction
    spent: Fraction
    reason: str
    decided_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """One account as it stands; amounts are rho. `terms.limit` is the limit in force."""

    account: Account
    terms: Terms
    ordinary: Fraction
    revisions: Fraction
    outstanding: Fraction
    planned: tuple[PlannedShare, ...]
    raised: tuple[RaisedLimit, ...]
    charges: int

    @property
    def spent(self) -> Fraction:
        """What all charges of the account add up to."""
        return self.ordinary + self.revisions

    @property
    def remaining(self) -> Fraction:
        """What the limit leaves, planned shares and the reserve included."""
        return self.terms.limit - self.spent

    @property
    def kept(self) -> Fraction:
        """What of the reserve no revision has used."""
        return max(self.terms.reserve - self.revisions, Fraction(0))

    @property
    def free(self) -> Fraction:
        """What an unplanned release could still be charged: neither spent, nor planned, nor kept for revisions."""
        return self.terms.limit - self.ordinary - self.outstanding - max(self.terms.reserve, self.revisions)
