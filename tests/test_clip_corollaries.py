"""What the clip does to a change of a trader's records; each test is named by a corollary of docs/privacy.md.

Norms are in grid steps, D is the bound of the planned measure. Bounds before rounding are met by the integers up to
2 sqrt(m) + 2 steps for m cells.
"""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from clip_world import integers, planned, uneven_prior
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_clip import cells_of

from release.confidential import clip
from release.errors import ConfigError
from release.plan import PlannedMeasure
from release.tables import Level, Measure

_RELATIVE = dict.fromkeys(("total", "partner", "chapter", "partner x chapter"), "0.07")
MEASURES = (
    planned().measures[0],
    planned(rho="3", levels=_RELATIVE, shape=uneven_prior(planned(levels=_RELATIVE), 3)).measures[0],
)
LEAVES = 9

Vector = list[int]
SHARES = st.floats(0, 3)


@st.composite
def records(draw: st.DrawFn) -> tuple[PlannedMeasure, Vector]:
    """Draw a measure and non-negative leaf sums in minor units, as parts or multiples of the caps."""
    measure = draw(st.sampled_from(MEASURES))
    size = draw(st.sampled_from([1e-6, 0.2, 0.4, 1.0, 100.0]))
    shares = draw(st.lists(SHARES, min_size=LEAVES, max_size=LEAVES))
    return measure, [int(size * share * int(cap)) for share, cap in zip(shares, measure.caps, strict=True)]


def moved(before: Vector, after: Vector, measure: PlannedMeasure) -> float:
    """Return the integer norm of what a change of records changes."""
    first, second = integers([dict(enumerate(before)), dict(enumerate(after))], measure)
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def whitened_norm(change: Vector, measure: PlannedMeasure) -> float:
    """Return the norm of a change of leaf sums in the strategy's norm, without cap or clip, in grid steps."""
    square = 0.0
    for level in measure.levels:
        sums = [0] * level.cells
        for leaf, amount in enumerate(change):
            for cell in cells_of(level, leaf):
                sums[cell] += amount
        square += sum((amount * float(weight)) ** 2 for amount, weight in zip(sums, level.weights, strict=True))
    return math.sqrt(square)


def rounding(measure: PlannedMeasure) -> float:
    """Return by how much rounding may lengthen a change, in grid steps."""
    return 2 * math.sqrt(measure.cells) + 2


@settings(max_examples=150)
@given(records(), st.integers(0, LEAVES - 1), st.floats(0, 5))
def test_a_change_of_one_leaf_is_not_expanded_and_moves_at_most_d(
    drawn: tuple[PlannedMeasure, Vector], leaf: int, share: float
) -> None:
    measure, before = drawn
    after = [*before]
    after[leaf] = int(share * int(measure.caps[leaf]))
    change = [b - a for a, b in zip(before, after, strict=True)]
    allowed = min(whitened_norm(change, measure), measure.bound)
    assert moved(before, after, measure) <= allowed + rounding(measure)


@settings(max_examples=150)
@given(records(), st.lists(st.floats(0, 1), min_size=LEAVES, max_size=LEAVES))
def test_a_removal_from_several_leaves_is_not_expanded(
    drawn: tuple[PlannedMeasure, Vector], parts: list[float]
) -> None:
    measure, before = drawn
    removed = [int(part * amount) for part, amount in zip(parts, before, strict=True)]
    after = [amount - lost for amount, lost in zip(before, removed, strict=True)]
    assert moved(before, after, measure) <= whitened_norm(removed, measure) + rounding(measure)


@settings(max_examples=200)
@given(records(), st.floats(0.01, 1), st.lists(st.floats(-1, 1), min_size=LEAVES, max_size=LEAVES))
def test_a_band_about_the_true_figures_costs_at_most_its_share(
    drawn: tuple[PlannedMeasure, Vector], band: float, tilts: list[float]
) -> None:
    measure, before = drawn
    after = [round(amount * (1 + band * tilt)) for amount, tilt in zip(before, tilts, strict=True)]
    tight = math.sqrt(2 * (1 - math.sqrt(1 - band**2))) * measure.bound
    assert tight <= band * 2 / (2 - band) * measure.bound * (1 + 1e-9)
    assert moved(before, after, measure) <= tight + rounding(measure) + _half_units(measure)


@settings(max_examples=200)
@given(records(), st.floats(0.01, 0.99), st.lists(st.floats(-1, 1), min_size=LEAVES, max_size=LEAVES))
def test_a_band_relative_to_the_larger_figure_costs_at_most_the_stated_bound(
    drawn: tuple[PlannedMeasure, Vector], band: float, tilts: list[float]
) -> None:
    measure, before = drawn
    factors = [1 - band * tilt if tilt > 0 else 1 / (1 + band * tilt) for tilt in tilts]
    after = [round(amount * factor) for amount, factor in zip(before, factors, strict=True)]
    stated = band * 2 / (2 - band) * measure.bound
    assert moved(before, after, measure) <= stated + rounding(measure) + _half_units(measure)


def _half_units(measure: PlannedMeasure) -> float:
    """Return what rounding a changed figure to whole minor units may add."""
    return whitened_norm([1] * LEAVES, measure)


@settings(max_examples=150)
@given(records(), st.lists(st.integers(-(2**70), 2**70), min_size=LEAVES, max_size=LEAVES))
def test_changing_all_records_of_a_trader_costs_at_most_twice_the_loss(
    drawn: tuple[PlannedMeasure, Vector], after: Vector
) -> None:
    measure, before = drawn
    first, second = integers([dict(enumerate(before)), dict(enumerate(after))], measure)
    assert sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) <= 2 * measure.bound**2


def test_changing_all_records_can_cost_nearly_twice_the_loss() -> None:
    fine = planned(levels={"partner x chapter": "1"}).measures[0]
    first = [10**9, *[0] * 8]
    second = [*[0] * 8, 10**9]
    assert moved(first, second, fine) == pytest.approx(math.sqrt(2) * fine.bound, rel=1e-6)


def test_a_reclassification_can_be_expanded_by_the_cap() -> None:
    measure = planned(levels={"total": "1", "partner x chapter": "1000"}).measures[0]
    cap = int(measure.caps[0])
    shifted = cap // 2
    before = [2 * cap, *[0] * 8]
    after = [2 * cap - shifted, shifted, *[0] * 7]
    change = [-shifted, shifted, *[0] * 7]
    assert moved(before, after, measure) > 10 * whitened_norm(change, measure)


def test_a_number_of_traders_finer_than_one_could_cost_a_line_twice_the_loss_and_is_refused() -> None:
    levels = {"partner x chapter": "0.001"}
    flat = planned(levels=levels | {"partner x chapter": "1.5"}, measures=(Measure.TRADERS,))
    known = np.full(LEAVES, 1000.0)
    known[1] = 1.0
    prior = replace(uneven_prior(flat, 1), figures={(Measure.TRADERS, Level.PARTNER_CHAPTER): known})
    with pytest.raises(ConfigError, match="finer than one trader"):
        planned(levels=levels, shape=prior, measures=(Measure.TRADERS,))
    weights = 2.0**24 / (0.001 * known)
    measure = flat.measures[0]
    measure = replace(measure, levels=(replace(measure.levels[0], weights=weights),))
    one, both = integers([{0: 1}, {0: 1, 1: 1}], measure)
    square = sum((a - b) ** 2 for a, b in zip(one, both, strict=True))
    assert 1.9 * measure.bound**2 < square <= 2 * measure.bound**2


def test_rounding_alone_can_lift_the_change_of_one_leaf_above_d() -> None:
    bound = 50
    others = dict.fromkeys(range(1, 2 * bound + 1), 1)
    first, second = (_clipped(whitened, bound) for whitened in ({0: bound} | others, others))
    square = sum((first.get(cell, 0) - second.get(cell, 0)) ** 2 for cell in range(2 * bound + 1))
    assert square == bound**2 + 1
    assert math.sqrt(square) <= bound + 2 * math.sqrt(len(others) + 1) + 2


def _clipped(whitened: dict[int, int], bound: int) -> dict[int, int]:
    columns = {"cell": list(whitened), "a": list(whitened.values())}
    stacked = pl.DataFrame(columns, schema={"cell": pl.UInt32, "a": pl.Int64}).with_columns(trader=pl.lit(1, pl.UInt32))
    return {cell: steps for _, cell, steps in clip.clip(stacked, bound).select("trader", "cell", "u").iter_rows()}
