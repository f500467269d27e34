"""What a release asks of the ledger: a request for each tier, with all that is needed to recompute its loss.

`charge_release` hands the requests to a ledger: the office's own in `run`, a copy of it in `rehearse`, which tells
what the ledger would answer without asking it.
"""

from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from release import __version__
from release.accounting import loss_by_map
from release.errors import (
    InvalidChargeError,
    LossNotCoveredError,
    OverLimitError,
    ReleaseTakenError,
    TermsError,
)
from release.ledger.book import Book
from release.ledger.values import Account, AccountState, Charge, ChargeRequest, MeasureLoss, Terms
from release.plan import PlannedMeasure, ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Tier


def charge_requests(plan: ReleasePlan, keyed_digests: tuple[tuple[str, str], ...]) -> tuple[ChargeRequest, ...]:
    """Return what a release asks of its accounts, one request a tier; every loss covers what OpenDP's map states.

    Raises:
        LossNotCoveredError: OpenDP states more than the plan asks.
    """
    excess = tuple(measure.excess for measure in plan.measures if measure.excess is not None)
    for measure in (*plan.measures, *excess):
        if loss_by_map(measure.bound) > measure.rho:
            raise LossNotCoveredError(plan.release.release, "OpenDP's map states a larger loss than the plan asks for")
    limits = {Tier.UNIFORM: plan.office.account.limit, Tier.LARGE_TRADER: plan.office.account.large_traders}
    measures = {Tier.UNIFORM: plan.measures, Tier.LARGE_TRADER: excess}
    return tuple(_request(plan, tier, measures[tier], limits[tier], keyed_digests) for tier in plan.tiers)


def charge_release(
    plan: ReleasePlan, requests: tuple[ChargeRequest, ...], book: Book, *, date: str
) -> tuple[Charge, ...]:
    """Return the charges of a release's tiers; first the year's limit is held for what the calendar promises.

    Raises:
        BudgetError: as `Book.charge` does; nothing was charged.
    """
    _declare_calendar(plan, requests[0], book, date)
    return book.charge_all(requests, date=date)


def _declare_calendar(plan: ReleasePlan, request: ChargeRequest, book: Book, date: str) -> None:
    """Hold the account's limit for the shares that the office's calendar promises to the year's releases."""
    year = plan.release.year
    shares = tuple((share.release, share.rho) for share in plan.office.account.calendar if share.year == year)
    if shares:
        book.declare_calendar(request.account, shares, date=date, terms=request.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a release costs one of its accounts; amounts are rho.

    Attributes:
        account: the account as it stands before, with the calendar of the office's config.
        rho: what is charged: 0 where the release was charged already.
        free: the largest loss that the ledger would take for this release.
    """

    account: AccountState
    rho: Fraction
    free: Fraction

    @property
    def fits(self) -> bool:
        """Whether the account takes it."""
        return self.rho <= self.free


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a ledger would answer to a release: the cost to each account, and its refusal, None when it takes it."""

    costs: tuple[Cost, ...]
    charged: bool
    refusal: str | None


def rehearse(plan: ReleasePlan, book: Book, *, date: str) -> Rehearsal:
    """Return what a ledger would answer to a release, by letting a copy of it decide.

    The keyed digests of records aren't known here: those of the release's charge are taken where it has one.

    Raises:
        BudgetError: the ledger is damaged, or was rolled back.
    """
    copy, refusal = book.rehearsal(), None
    known = tuple(copy.find(plan.release.release, tier) for tier in plan.tiers)
    keyed = next((one.request.keyed_digests for one in known if one is not None), ())
    requests = charge_requests(plan, keyed)
    before = copy.accounts()
    try:
        _declare_calendar(plan, requests[0], copy, date)
        before = copy.accounts()
        copy.charge_all(requests, date=date)
    except (InvalidChargeError, OverLimitError, ReleaseTakenError, TermsError) as refused:
        refusal = str(refused)
    charged = refusal is None and None not in known
    states = {state.account: state for state in before}
    costs = tuple(_cost(request, states.get(request.account), charged=charged) for request in requests)
    return Rehearsal(costs=costs, charged=charged, refusal=refusal)


def _cost(request: ChargeRequest, state: AccountState | None, *, charged: bool) -> Cost:
    own = state or _unopened(request)
    share = sum((one.rho for one in own.planned if one.release == request.release and not one.charged), Fraction(0))
    kept = own.kept if request.revision else Fraction(0)
    return Cost(account=own, rho=Fraction(0) if charged else request.rho, free=own.free + share + kept)


def _unopened(request: ChargeRequest) -> AccountState:
    """Return an account as its first charge would open it."""
    nothing = Fraction(0)
    return AccountState(
        account=request.account,
        terms=request.terms,
        ordinary=nothing,
        revisions=nothing,
        outstanding=nothing,
        planned=(),
        raised=(),
        charges=0,
    )


def _request(
    plan: ReleasePlan,
    tier: Tier,
    measures: tuple[PlannedMeasure, ...],
    limit: Fraction | None,
    keyed_digests: tuple[tuple[str, str], ...],
) -> ChargeRequest:
    office, release = plan.office, plan.release
    return ChargeRequest(
        release=release.release,
        account=Account(office=office.code, source=release.source.name, year=release.year, tier=tier),
        terms=Terms(
            unit=office.unit.kind,
            delta=office.account.delta,
            limit=limit or Fraction(0),
            reserve=office.account.reserve if tier is Tier.UNIFORM else Fraction(0),
        ),
        measures=tuple(
            MeasureLoss(
                measure=measure.measure,
                mechanism="discrete-gaussian",
                sensitivity=measure.bound,
                grid_bits=GRID_BITS,
                scales_digest=measure.scales_digest,
                rho=measure.rho,
            )
            for measure in measures
        ),
        policy=f"large-traders={office.policy.large_traders}",
        plan_digest=plan.digest,
        public_digests=() if plan.prior is None else (("prior", plan.prior.digest),),
        keyed_digests=keyed_digests,
        versions=(
            ("noisy-mirrors", __version__),
            ("opendp", version("opendp")),
            ("polars", version("polars")),
        ),
        revision=release.revision,
    )
