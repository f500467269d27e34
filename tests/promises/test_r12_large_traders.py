"""R12 for the large-trader tier: a trader changes its integers by what the published policy says, up to the ceiling.

The policy is P(v) = rho + |b(v)|^2 / (2 * 4^F) with b(v) the trader's whitened excess, which it can compute from its
own figures; here plain Python computes it from the trader's rows alone.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from clip_world import ALL_FLOWS, ALL_LEVELS, BELOW_CELLS, MONTHS, Row, edited, leaf_sums, planned, prepared, write_rows
from hostile_traders import SPLIT
from neighbours import Fate, Seen, neighbouring, squares_of_blocks
from reference_clip import reference_excess, scaled

from release.confidential import excess
from release.plan import PlannedMeasure, ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Measure

Figure = Callable[[str, str], None]

ROUNDS = 24
CEILING = "2000"
MUTANTS: Mapping[str, Mapping[str, str]] = {
    "excess_without_a_ceiling": {
        "clip(whitened_excess(amounts, measure, excess), excess.bound)": (
            'whitened_excess(amounts, measure, excess).rename({"a": "u"})'
        )
    },
    "whole_vector_instead_of_the_excess": {'(pl.col("a") - pl.col("u")).cast': 'pl.col("a").cast'},
    "uniform_scale_kept": {"excess.levels[place].weights / measure": "measure.levels[place].weights / measure"},
}


def test_removing_a_trader_changes_the_excess_by_what_its_policy_says(tmp_path: Path, figure: Figure) -> None:
    seen = sum((_round(tmp_path / str(seed), seed) for seed in range(ROUNDS)), Seen())
    figure("R12", seen.told("large-trader tier, by its policy"))
    assert seen.neighbours >= 300
    assert seen.violations == 0
    assert seen.largest >= 0.999


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_excess_is_caught(name: str, tmp_path: Path, figure: Figure) -> None:
    broken = edited(excess, place=tmp_path, name=f"mutant_{name}", edits=MUTANTS[name])
    assert any(_round(tmp_path / str(seed), seed, broken).violations for seed in range(12))
    figure("R12", f"mutant {name} caught")


def test_the_policy_never_exceeds_the_ceiling_and_is_rho_for_a_trader_that_fits() -> None:
    plan = _plan("1/2")
    measure, tier = _tiers(plan)
    fitting = reference_excess({0: 5}, measure, tier)
    largest = scaled(reference_excess(dict.fromkeys(range(15), 2**70), measure, tier), tier.bound)
    policies = [measure.rho + Fraction(_square(steps), 2 * 4**GRID_BITS) for steps in (fitting, largest)]
    assert policies[0] == measure.rho
    assert 0.999 * Fraction(CEILING) < policies[1] <= Fraction(CEILING)


def test_the_excess_is_that_of_plain_python_bit_for_bit() -> None:
    chance = random.Random(9)
    measure, tier = _tiers(_plan("1/2"))
    leaves = range(len(measure.caps))
    traders = [
        {leaf: chance.randrange(-(10**6), 10 ** chance.randint(6, 22)) for leaf in chance.sample(leaves, 9)}
        for _ in range(60)
    ]
    expected = [0] * tier.cells
    for trader in traders:
        for cell, steps in scaled(reference_excess(trader, measure, tier), tier.bound).items():
            expected[cell] += steps
    assert excess.pre_noise_excess(leaf_sums(traders), measure, tier).tolist() == expected


def _round(place: Path, seed: int, module: ModuleType = excess) -> Seen:
    """Return what one pair of neighbouring data sets shows; a violation is any step beyond the removed trader's own."""
    chance = random.Random(seed)
    plan = _plan(chance.choice(("1/2", "1/100", "8")))
    measure, tier = _tiers(plan)
    pair = neighbouring(chance, measure)
    before, after = (
        module.pre_noise_excess(_amounts(place / name, chunks, plan), measure, tier)
        for name, chunks in (("before", pair.before), ("after", pair.after))
    )
    own = [_policy_integers(place / f"own {block}", rows, plan) for block, rows in enumerate(pair.traders)]
    found = squares_of_blocks((before - after).tolist(), tier)
    removed = [block for block, fate in enumerate(pair.fates) if fate is Fate.REMOVED]
    kept = [block for block, fate in enumerate(pair.fates) if fate is Fate.KEPT]
    allowed = [min(_square(steps), tier.bound**2) for steps in own]
    return Seen(
        neighbours=len(removed),
        violations=sum(found[block] > allowed[block] for block in removed) + sum(found[block] > 0 for block in kept),
        largest=float(max(found[block] for block in removed) ** 0.5 / tier.bound),
    )


def _plan(rho: str) -> ReleasePlan:
    levels = ALL_LEVELS | BELOW_CELLS
    return planned(rho=rho, levels=levels, flows=ALL_FLOWS, periods=MONTHS, ceiling=CEILING, **SPLIT)


def _tiers(plan: ReleasePlan) -> tuple[PlannedMeasure, PlannedMeasure]:
    measure = plan.measures[0]
    assert measure.excess is not None
    return measure, measure.excess


def _amounts(place: Path, chunks: Sequence[Sequence[Row]], plan: ReleasePlan) -> pl.DataFrame:
    sums = prepared(write_rows(place, chunks), plan)
    return sums.select("trader", "leaf", pl.col(Measure.VALUE).alias("amount"))


def _policy_integers(place: Path, rows: Sequence[Row], plan: ReleasePlan) -> dict[int, int]:
    """Return the whitened excess that a trader computes from its own rows."""
    own = _amounts(place, [rows], plan)
    assert own["trader"].n_unique() <= 1
    return reference_excess(dict(zip(own["leaf"].to_list(), own["amount"].to_list(), strict=True)), *_tiers(plan))


def _square(steps: Mapping[int, int]) -> int:
    return sum(step * step for step in steps.values())
