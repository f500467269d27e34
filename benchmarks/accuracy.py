"""Accuracy on heavy-tailed worlds, predicted and got, beside other ways: `make accuracy`.

For each world size several seeded worlds are made; the planner proposes scales and predicts errors from last year's
table and a stated assumption alone; then the real clip, noise and reconciliation run on this year's records. Writes
`docs/accuracy-*.svg` and the tables of `docs/accuracy.md` when `--write` is given. Noise can't be seeded, so figures
move in their last digit from run to run.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accuracy_page import Line, write_page
from accuracy_rivals import Rival, rivals
from accuracy_world import (
    ALL_LEVELS,
    TWO_LEVELS,
    Asked,
    by_level,
    clipped_figures,
    clipped_integers,
    draw,
    first_scales,
    planned,
    proposed_scales,
)
from heavy_world import Years, heavy_world
from numpy.typing import NDArray

from release.plan import ReleasePlan
from release.planner import Forecast, forecast, suggest
from release.tables import Level

FloatArray = NDArray[np.float64]
SIZES = (20_000, 300_000)
RELEASES = {"totals and partners": TWO_LEVELS, "all levels": ALL_LEVELS}
LEAST_PRIOR = 1e8
"""Bands below are left out: their noise is larger than the figures."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One world's release: what was planned and predicted, the truth, its clipped expectation, and noisy estimates.

    `estimates` and `sds` hold, for each level, draws x cells and cells.
    """

    plan: ReleasePlan
    truth: dict[Level, FloatArray]
    clipped: dict[Level, FloatArray]
    estimates: dict[Level, FloatArray]
    sds: dict[Level, FloatArray]


def assumption(traders: int) -> str:
    """Return what is assumed of a world: size and top five as published, the spread of the largest in round figures."""
    return (
        f'traders = {traders}\ntop = 5\ntop_share = "0.2"\npartners = "6"\nchapters = "4"\nprior_error = "0.34"\n'
        'source = "last year\'s published statistics of traders"'
    )


def released(years: Years, traders: int, levels: tuple[Level, ...], rho: str, draws: int) -> Outcome:
    """Return the outcome of a release with proposed scales: planned without the records, then measured."""
    start = planned(years, Asked(rho=rho, scales=first_scales(levels), assumption=assumption(traders)))
    (proposal,) = suggest(start)
    plan = planned(years, Asked(rho=rho, scales=proposed_scales(proposal), assumption=assumption(traders)))
    measure = plan.measures[0]
    integers = clipped_integers(years.now, measure)
    drawn = [draw(integers, plan) for _ in range(draws)]
    return Outcome(
        plan=plan,
        truth=by_level(plan.layout, years.now),
        clipped=clipped_figures(integers, measure),
        estimates={level: np.array([found[level].values for found in drawn]) for level in levels},
        sds={level: drawn[0][level].sd for level in levels},
    )


def lines(outcomes: Sequence[Outcome], traders: int, name: str) -> list[Line]:
    """Return predicted and got figures by level and band, over all worlds of a size."""
    told = [forecast(outcome.plan) for outcome in outcomes]
    found = []
    for number, first in enumerate(told[0]):
        lows = {band.low for world in told for band in world[number].bands if band.low >= LEAST_PRIOR}
        for low in sorted(lows, reverse=True):
            parts = [
                (outcome, next((band for band in world[number].bands if band.low == low), None))
                for outcome, world in zip(outcomes, told, strict=True)
            ]
            found.append(_line([(o, band) for o, band in parts if band is not None], first.level, traders, name))
    return found


def _line(parts: Sequence[tuple[Outcome, Forecast]], level: Level, traders: int, name: str) -> Line:
    errors, inside, around_truth, biases, single, cells = [], [], [], [], [], 0
    for outcome, band in parts:
        prior = next(known.prior for known in outcome.plan.measures[0].levels if known.level is level)
        chosen = (np.asarray(prior) >= band.low) & (np.asarray(prior) < band.high) & (outcome.truth[level] > 0)
        truth, estimates = outcome.truth[level][chosen], outcome.estimates[level][:, chosen]
        clipped, half = outcome.clipped[level][chosen], 1.959964 * outcome.sds[level][chosen]
        errors.append(np.abs(estimates / truth - 1).ravel())
        single.append(float(np.median(errors[-1])))
        inside.append((np.abs(estimates - clipped) <= half).ravel())
        around_truth.append((np.abs(estimates - truth) <= half).ravel())
        biases.append(1 - clipped / truth)
        cells += int(chosen.sum())
    weights = [band.cells for _, band in parts]
    return Line(
        traders=traders,
        release=name,
        level=str(level),
        low=parts[0][1].low,
        cells=cells,
        figures=sum(part.size for part in inside),
        predicted=float(np.average([band.median_error for _, band in parts], weights=weights)),
        got=float(np.average(single, weights=weights)),
        got_least=min(single),
        got_most=max(single),
        bias_predicted=float(np.average([band.clipping_bias or 0.0 for _, band in parts], weights=weights)),
        bias_got=float(np.median(np.concatenate(biases))),
        coverage=float(np.concatenate(inside).mean()),
        coverage_of_truth=float(np.concatenate(around_truth).mean()),
    )


def ours(outcomes: Sequence[Outcome], traders: int, name: str) -> Rival:
    """Return our own line of the comparison."""
    return Rival(
        traders=traders,
        way=f"this program; {name}",
        errors={
            level: float(np.median([_median_error(outcome, level) for outcome in outcomes]))
            for level in outcomes[0].estimates
        },
    )


def _median_error(outcome: Outcome, level: Level) -> float:
    prior = next(known.prior for known in outcome.plan.measures[0].levels if known.level is level)
    chosen = (np.asarray(prior) >= LEAST_PRIOR) & (outcome.truth[level] > 0)
    return float(np.median(np.abs(outcome.estimates[level][:, chosen] / outcome.truth[level][chosen] - 1)))


def main() -> int:
    """Run everything and print it; exits 1 when a figure isn't what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=3, help="seeded worlds of each size")
    parser.add_argument("--draws", type=int, default=10, help="noisy draws of each world")
    parser.add_argument("--rho", default="2")
    parser.add_argument("--write", type=Path, help="a folder for the plots and the page, such as docs")
    asked = parser.parse_args()
    found: list[Line] = []
    beside: list[Rival] = []
    for traders in SIZES:
        worlds = [heavy_world(traders=traders, seed=seed) for seed in range(1, asked.worlds + 1)]
        for name, levels in RELEASES.items():
            outcomes = [released(world, traders, levels, asked.rho, asked.draws) for world in worlds]
            found += lines(outcomes, traders, name)
            beside.append(ours(outcomes, traders, name))
            beside += rivals(worlds, traders, levels, assumption(traders), asked.rho)
            print(f"{traders:,} traders, {name}: done", file=sys.stderr)
    return write_page(found, beside, asked.write)


if __name__ == "__main__":
    sys.exit(main())
