"""What a release asks of the ledger: a request for each tier, with all that is needed to recompute its loss.

Nothing is charged here; `run` hands the requests to the office's ledger.
"""

from fractions import Fraction
from importlib.metadata import version

from release import __version__
from release.accounting import loss_by_map
from release.errors import LossNotCoveredError
from release.ledger.values import Account, ChargeRequest, MeasureLoss, Terms
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
