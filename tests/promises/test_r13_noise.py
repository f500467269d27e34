"""R13: the measured mu of the real pipeline is at most the claimed one, and near it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clip_world import ALL_FLOWS, FLOWS, MONTHS, planned
from noise_audit import (
    BLOCKS,
    Canary,
    by_canary,
    claimed_mu,
    drawn,
    largest_correlation,
    lower_bound,
    measured_mu,
    repeated_runs,
    worlds,
)

from release.plan import ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Flow, Measure

Figure = Callable[[str, str], None]

LEVELS = {"total": "4000", "partner": "2500", "partner x chapter": "1000"}
POWER = 0.85


def audited(
    rho: str,
    measures: tuple[Measure, ...] = (Measure.VALUE,),
    *,
    ceiling: str | None = None,
    flows: tuple[Flow, ...] = FLOWS,
) -> ReleasePlan:
    return planned(
        rho=rho,
        levels=LEVELS,
        flows=flows,
        periods=MONTHS,
        partners=("DE",),
        chapters=("01",),
        measures=measures,
        ceiling=ceiling,
    )


@pytest.mark.parametrize("canary", [Canary.AT_THE_CAP, Canary.TWICE, Canary.A_MILLION])
def test_no_canary_in_one_block_gives_away_more_than_claimed(canary: Canary, tmp_path: Path, figure: Figure) -> None:
    _audit(tmp_path, figure, audited("2"), canary, span=1, samples=8_000)


def test_re_exports_that_stand_in_exports_too_give_away_no_more_than_claimed(tmp_path: Path, figure: Figure) -> None:
    _audit(tmp_path, figure, audited("2", flows=ALL_FLOWS), Canary.AGAIN, span=1, samples=8_000)


def test_no_canary_over_a_quarter_gives_away_more_than_claimed(tmp_path: Path, figure: Figure) -> None:
    _audit(tmp_path, figure, audited("2"), Canary.SPREAD, span=3, samples=8_000)


def test_two_measures_give_away_no_more_than_the_sum_of_their_losses(tmp_path: Path, figure: Figure) -> None:
    plan = audited("1", (Measure.VALUE, Measure.NET_MASS))
    _audit(tmp_path, figure, plan, Canary.CROSSED, span=1, samples=8_000)


def test_a_large_trader_gives_away_no_more_than_the_ceiling_of_its_tier(tmp_path: Path, figure: Figure) -> None:
    _audit(tmp_path, figure, audited("1", ceiling="2"), Canary.A_MILLION, span=1, samples=8_000)


def test_a_trader_that_fits_gives_away_no_more_for_the_large_traders_tier(tmp_path: Path, figure: Figure) -> None:
    plan = audited("2", ceiling="8")
    tried = worlds(tmp_path, plan, Canary.AT_THE_CAP)
    mu, claim = measured_mu(tried, 8_000), claimed_mu(audited("2"))
    figure("R13", f"fitting trader beside a tier up to 8: mu >= {mu:.3f} of {claim:.3f} claimed, 8000 samples")
    assert POWER * claim <= mu <= claim


@pytest.mark.slow
def test_a_quarter_of_rho_gives_away_no_more_than_claimed(tmp_path: Path, figure: Figure) -> None:
    _audit(tmp_path, figure, audited("1/4"), Canary.A_MILLION, span=1, samples=60_000)


def test_the_noise_of_cells_levels_measures_and_draws_is_uncorrelated_and_never_repeats(figure: Figure) -> None:
    plan = audited("1/2", (Measure.VALUE, Measure.NET_MASS))
    noise = np.stack([drawn(np.zeros(plan.cells, dtype=np.int64), plan) for _ in range(200)])
    between = largest_correlation(noise.astype(np.float64))
    draws = largest_correlation(noise.T.astype(np.float64))
    figure("R13", f"largest correlation {between:.2f} of chance's limit between cells, {draws:.2f} between draws")
    assert max(between, draws) <= 1
    assert repeated_runs(noise) == 0


def test_noise_that_is_shared_or_repeated_is_seen(figure: Figure) -> None:
    chance = np.random.default_rng(1)
    fresh = np.rint(chance.normal(0, 2**GRID_BITS, (200, 300))).astype(np.int64)
    shared = np.concatenate([fresh, fresh[:, :40]], axis=1)
    weakly = fresh.astype(np.float64)
    weakly[:, 1] += 0.8 * weakly[:, 0]
    assert largest_correlation(fresh.astype(np.float64)) <= 1
    assert largest_correlation(shared.astype(np.float64)) > 1
    assert largest_correlation(weakly) > 1
    assert repeated_runs(fresh) == 0
    assert repeated_runs(shared) == 200 * 38
    figure("R13", "shared noise is seen")


def test_the_lower_bound_is_below_the_truth_and_tightens_with_samples() -> None:
    bounds = [lower_bound(round(0.841345 * count), round(0.841345 * count), count) for count in (100, 10_000, 10**6)]
    assert bounds == sorted(bounds)
    assert 1.97 < bounds[-1] < 2
    assert lower_bound(100, 0, 100) < 0


def _audit(place: Path, figure: Figure, plan: ReleasePlan, canary: Canary, *, span: int, samples: int) -> None:
    tried = worlds(place, plan, canary, span=span)
    change = by_canary(tried, (tried.inside - tried.without)[None, :])[0]
    claim = claimed_mu(plan)
    norms = np.sqrt((change**2).sum(axis=1)) / 2**GRID_BITS
    assert len(norms) == BLOCKS // span
    assert norms.max() <= claim
    assert norms.min() >= 0.999 * claim
    mu = measured_mu(tried, samples)
    ceiling = f", ceiling {plan.rho + plan.excess_rho}" if plan.excess_rho else ""
    what = f"{canary}, {span} month(s), rho {plan.rho}{ceiling}"
    figure("R13", f"{what}: mu >= {mu:.3f} of {claim:.3f} claimed, {samples} samples")
    assert POWER * claim <= mu <= claim
