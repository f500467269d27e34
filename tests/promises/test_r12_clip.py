"""R12: one trader changes the pre-noise integers by at most the charged sensitivity.

Rows of adversarial traders go through the real preparation and the real clip, twice: with and without some of them,
permuted and in other files. Every block, a month of imports or exports with what of them is re-imported or re-exported,
holds one such trader, so that one pair of runs tries many neighbours: a block whose trader was removed may change by at
most D in the integer norm, one whose trader was changed by at most D sqrt(2), and every other block by nothing at all.
"""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from clip_mutants import MUTANTS, WRAPPING, Mutant
from clip_world import (
    ALL_FLOWS,
    ALL_LEVELS,
    BELOW_CELLS,
    BELOW_CHAPTERS,
    COUNTED,
    FLOWS,
    HEADS,
    MONTHS,
    contributions,
    edited,
    planned,
    uneven_prior,
    write_rows,
)
from hostile_traders import SPLIT
from neighbours import Seen, judged, neighbouring
from numpy.typing import NDArray
from reference_clip import reference_contribution

from release.codelists import area_codes, chapter_codes
from release.confidential import clip
from release.plan import PlannedMeasure, ReleasePlan
from release.tables import Measure

Figure = Callable[[str, str], None]

ROUNDS = 240
CLIP_ALONE = 30_000


@pytest.mark.slow
def test_removing_a_trader_changes_the_integers_by_at_most_d(tmp_path: Path, figure: Figure) -> None:
    seen = sum((_round(tmp_path / str(seed), seed) for seed in range(ROUNDS)), Seen())
    figure("R12", seen.told("from rows"))
    assert seen.neighbours >= 4_000
    assert seen.violations == 0
    assert seen.largest >= 0.999


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_clip_is_caught(name: str, tmp_path: Path, figure: Figure) -> None:
    modules = MUTANTS[name].modules(tmp_path, f"mutant_{name}")
    if _alone(np.random.default_rng(1), _two_levels(), 4_000, modules["clipping"]).violations:
        figure("R12", f"mutant {name} caught")
        return
    for seed in range(160):
        if (seen := _round(tmp_path / str(seed), seed, **modules)).violations:
            figure("R12", f"mutant {name} caught")
            return
    pytest.fail(f"the mutant {name} passed, {seen.largest:.6f} D at most")


def test_the_clip_alone_keeps_the_bound_on_wide_and_uneven_releases(figure: Figure) -> None:
    seen = Seen()
    seen += _alone(np.random.default_rng(1), _two_levels(), CLIP_ALONE // 3 + 1)
    for seed, partners, chapters in ((1, 24, 8), (2, 3, 2), (3, 60, 96)):
        measure = _wide(seed, partners, chapters).measures[0]
        seen += _alone(np.random.default_rng(seed), measure, CLIP_ALONE // 3 + 1)
    figure("R12", seen.told("the clip alone"))
    assert seen.neighbours >= CLIP_ALONE
    assert seen.violations == 0
    assert seen.largest >= 0.999


def test_removing_a_trader_of_ten_thousand_leaves_takes_its_own_integers_and_nothing_else() -> None:
    measure = _wide(1, 24, 8).measures[0]
    amounts = _amounts(np.random.default_rng(4), measure, 300)
    assert all(_loses_its_own_integers(amounts, trader, measure) for trader in (0, 1, 50, 299))


def test_a_trader_a_hair_over_the_bound_is_clipped() -> None:
    levels = {"total": "4000", "partner": "2500"}
    measure = planned(
        rho="2", levels=levels, partners=("DE",), chapters=("01",), flows=ALL_FLOWS, periods=MONTHS[:1]
    ).measures[0]
    for seed in range(10):
        shares = np.random.default_rng(seed).uniform(0.01, 1, len(measure.caps)) * measure.caps
        low, high = 0.0, 1.0
        while high - low > 1e-9:
            middle = (low + high) / 2
            low, high = (low, middle) if _square(shares * middle, measure) > measure.bound**2 else (middle, high)
        kept = clip.pre_noise(_one_trader(shares * high), measure)
        assert measure.bound**2 < _square(shares * high, measure) < 1.0001 * measure.bound**2
        assert sum(int(step) ** 2 for step in kept) <= measure.bound**2


def _square(amounts: NDArray[np.float64], measure: PlannedMeasure) -> int:
    """Return the squared norm of one trader's integers before its clip."""
    steps = clip.whitened(clip.capped(_one_trader(amounts), measure), measure)["a"]
    return sum(step * step for step in steps.to_list())


def _one_trader(amounts: NDArray[np.float64]) -> pl.DataFrame:
    leaves = pl.Series("leaf", range(len(amounts)), dtype=pl.UInt32)
    own = pl.Series("amount", amounts.astype(np.int64)).cast(pl.Int128)
    return pl.DataFrame([pl.Series("trader", [0] * len(amounts), dtype=pl.UInt32), leaves, own])


def test_squares_that_wrap_in_64_bits_are_caught(tmp_path: Path, figure: Figure) -> None:
    narrow = edited(clip, place=tmp_path, name="mutant_narrow", edits=WRAPPING)
    measure = _wide(1, 24, 8).measures[0]
    assert not _alone(np.random.default_rng(1), measure, 200).violations
    assert _alone(np.random.default_rng(1), measure, 200, narrow).violations
    figure("R12", "mutant squares_added_in_64_bits caught")


def test_unedited_copies_keep_the_bound_so_that_mutants_fail_for_their_edit(tmp_path: Path) -> None:
    copies = Mutant(clip={}, leaves={}, preparation={}).modules(tmp_path, "mutant_of_nothing")
    assert all(not _round(tmp_path / str(seed), seed, **copies).violations for seed in range(4))


def _round(place: Path, seed: int, **modules: ModuleType) -> Seen:
    """Return what one pair of neighbouring data sets shows."""
    chance = random.Random(seed)
    measured = chance.choice((Measure.VALUE, Measure.VALUE, Measure.VALUE, *Measure))
    plan = planned(
        rho=chance.choice(("1/2", "1/100", "8")),
        levels={Measure.DECLARATIONS: COUNTED, Measure.TRADERS: HEADS}.get(
            measured, ALL_LEVELS | chance.choice((BELOW_CELLS, BELOW_CHAPTERS))
        ),
        measures=(measured,),
        flows=ALL_FLOWS,
        **SPLIT,
        periods=MONTHS,
        duplicates=chance.choice(("keep", "count once")),
        layout=chance.choice(("parquet", "parquet", "csv")),
    )
    pair = neighbouring(chance, plan.measures[0])
    vectors = [
        contributions(write_rows(place / name, chunks, layout=plan.release.source.layout), plan, **modules)
        for name, chunks in (("before", pair.before), ("after", pair.after))
    ]
    return judged((vectors[0] - vectors[1]).tolist(), pair.fates, plan.measures[0])


def _wide(seed: int, partners: int, chapters: int) -> ReleasePlan:
    keyed = partial(
        planned,
        rho="2",
        levels={"total": "0.01", "partner": "0.05", "chapter": "0.1", "partner x chapter": "0.3"},
        partners=area_codes()[:partners],
        chapters=chapter_codes()[:chapters],
        flows=FLOWS if chapters > 90 else ALL_FLOWS,
        periods=MONTHS[:1] if chapters > 90 else MONTHS,
    )
    return keyed(shape=uneven_prior(keyed(), seed))


def _two_levels() -> PlannedMeasure:
    """Return a measure whose traders have few cells, so that cutting off fractions hides no root that is too small."""
    levels = {"total": "0.01", "partner": "0.05"}
    return planned(
        rho="2", levels=levels, partners=("DE", "FR"), chapters=("01", "27"), flows=ALL_FLOWS, periods=MONTHS
    ).measures[0]


def _alone(chance: np.random.Generator, measure: PlannedMeasure, traders: int, clipping: ModuleType = clip) -> Seen:
    """Return what the clip does to traders with few and with all leaves; removing one is losing its own integers."""
    amounts = _amounts(chance, measure, traders)
    long = clipping.clip(clipping.whitened(clipping.capped(amounts, measure), measure), measure.bound)
    wide = pl.col("u").cast(pl.Int128)
    squares = long.group_by("trader").agg((wide * wide).sum().alias("S"))["S"].to_list()
    return Seen(
        neighbours=traders,
        violations=sum(square > measure.bound**2 for square in squares),
        largest=max(squares) ** 0.5 / measure.bound,
    )


def _loses_its_own_integers(amounts: pl.DataFrame, trader: int, measure: PlannedMeasure) -> bool:
    """Decide whether removing a trader takes away the integers that plain Python gives it, and nothing else."""
    own = amounts.filter(pl.col("trader") == trader)
    leaves = dict(zip(own["leaf"].to_list(), own["amount"].to_list(), strict=True))
    expected = {cell: steps for cell, steps in reference_contribution(leaves, measure).items() if steps}
    lost = clip.pre_noise(amounts, measure) - clip.pre_noise(amounts.filter(pl.col("trader") != trader), measure)
    return {int(cell): int(lost[cell]) for cell in np.flatnonzero(lost)} == expected


def _amounts(chance: np.random.Generator, measure: PlannedMeasure, traders: int) -> pl.DataFrame:
    """Return leaf sums: most traders have a few leaves, six have all; a tenth is negative, some are at any size."""
    leaves = len(measure.caps)
    counts = np.minimum(1 + chance.poisson(12, traders), leaves)
    counts[:6] = leaves
    trader = np.repeat(np.arange(traders), counts)
    leaf = np.concatenate(
        [chance.choice(leaves, count, replace=False) if count < leaves else np.arange(leaves) for count in counts]
    )
    sizes = np.exp(chance.normal(-1.5, 2.0, len(leaf)))
    amount = np.minimum(measure.caps[leaf] * sizes, 2.0**60) * chance.choice((1.0, -1.0), len(leaf), p=(0.9, 0.1))
    return pl.DataFrame({"trader": trader, "leaf": leaf, "amount": amount}).cast(
        {"trader": pl.UInt32, "leaf": pl.UInt32, "amount": pl.Int128}
    )
