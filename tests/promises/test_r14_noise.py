"""R14: the audit catches broken noise and broken clips; each mutant is measured with the attack that R13 uses."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clip_mutants import AUDITED, Mutant
from clip_world import FLOWS, MONTHS, planned
from noise_audit import Canary, Draw, Integers, claimed_mu, drawn, measured_mu, worlds

from release.plan import ReleasePlan
from release.tables import Measure

Figure = Callable[[str, str], None]

LEVELS = {"total": "4000", "partner": "2500", "partner x chapter": "1000"}
NOTHING = Mutant()


def noise_too_small(vector: Integers, plan: ReleasePlan) -> Integers:
    """Return the vector with noise whose standard deviation is that of the right one over the root of two."""
    noise = drawn(np.zeros_like(vector), plan)
    return np.asarray(vector + np.rint(noise / 2**0.5), dtype=np.int64)


def noise_by_another_levels_weight(vector: Integers, plan: ReleasePlan) -> Integers:
    """Return the vector with, at every level, the noise in currency units that is right for the finest level."""
    weights = np.concatenate([level.weights for measure in plan.measures for level in measure.levels])
    noise = drawn(np.zeros_like(vector), plan)
    return np.asarray(vector + np.rint(noise * weights / weights.max()), dtype=np.int64)


def noise_reused_between_measures(vector: Integers, plan: ReleasePlan) -> Integers:
    """Return the vector with the first measure's noise in every measure."""
    noise = drawn(np.zeros_like(vector), plan)[: plan.measures[0].cells]
    return np.asarray(vector + np.tile(noise, len(plan.measures)), dtype=np.int64)


def noise_once_a_level(vector: Integers, plan: ReleasePlan) -> Integers:
    """Return the vector with one draw for all cells of a level."""
    noise = drawn(np.zeros_like(vector), plan)
    sizes = [level.cells for measure in plan.measures for level in measure.levels]
    firsts = np.cumsum([0, *sizes[:-1]])
    return np.asarray(vector + np.repeat(noise[firsts], sizes), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A broken pipeline and the canary that shows it."""

    canary: Canary
    span: int = 1
    samples: int = 4_000
    pipeline: Mutant = NOTHING
    draw: Draw = drawn
    measures: tuple[Measure, ...] = (Measure.VALUE,)


BROKEN = {
    "noise_over_the_root_of_two": Broken(canary=Canary.AT_THE_CAP, samples=8_000, draw=noise_too_small),
    "clip_skipped_on_one_level": Broken(canary=Canary.A_MILLION, samples=4_000, pipeline=AUDITED["one_level_skipped"]),
    "norm_for_each_level_alone": Broken(
        canary=Canary.A_MILLION, samples=4_000, pipeline=AUDITED["norm_for_each_level_alone"]
    ),
    "unit_split_by_month": Broken(
        canary=Canary.A_MILLION, span=3, samples=4_000, pipeline=AUDITED["unit_split_by_month"]
    ),
    "noise_by_another_levels_weight": Broken(canary=Canary.AT_THE_CAP, draw=noise_by_another_levels_weight),
    "noise_reused_between_measures": Broken(
        canary=Canary.CROSSED,
        samples=2_000,
        draw=noise_reused_between_measures,
        measures=(Measure.VALUE, Measure.NET_MASS),
    ),
    "noise_once_a_level": Broken(canary=Canary.AT_THE_CAP, samples=1_000, draw=noise_once_a_level),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_noise_is_caught(name: str, tmp_path: Path, figure: Figure) -> None:
    broken = BROKEN[name]
    plan = planned(
        rho=str(Fraction(1, len(broken.measures))),
        levels=LEVELS,
        flows=FLOWS,
        periods=MONTHS,
        partners=("DE",),
        chapters=("01",),
        measures=broken.measures,
    )
    modules = broken.pipeline.modules(tmp_path, f"audited_{name}")
    tried = worlds(tmp_path, plan, broken.canary, span=broken.span, **modules)
    mu, claim = measured_mu(tried, broken.samples, broken.draw), claimed_mu(plan)
    figure("R14", f"{name} caught: mu >= {mu:.2f}, {claim:.2f} claimed, {broken.samples} samples")
    assert mu > claim
