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
from heavy_world import CHAPTERS, FLOWS, PARTNERS, Trades, Years, heavy_world
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


PUBLISHED_RANKS = (5, 20, 100, 1000)
"""The numbers of largest traders whose share of trade statistics by enterprise characteristics tell."""


def assumption(years: Years, traders: int) -> str:
    """Return what is assumed of a world: last year's published statistics of its largest traders, in two digits."""
    sizes = np.bincount(years.before.traders, years.before.amounts)
    order = np.argsort(-sizes)
    top, *further = (f"{sizes[order[:rank]].sum() / sizes.sum():.2f}" for rank in PUBLISHED_RANKS)
    rows = ", ".join(
        f'{{ top = {rank}, share = "{share}" }}' for rank, share in zip(PUBLISHED_RANKS[1:], further, strict=True)
    )
    partners, chapters = spread(years.before, order[: PUBLISHED_RANKS[0]])
    smaller = sum(spread(years.before, order[50:100])) - 2
    narrowing = np.log((partners + chapters - 2) / smaller) / np.log(75 / PUBLISHED_RANKS[0])
    return (
        f'traders = {traders}\ntop = 5\ntop_share = "{top}"\nfurther = [{rows}]\n'
        f'partners = "{partners:.2g}"\nchapters = "{chapters:.2g}"\nnarrowing = "{narrowing:.2f}"\n'
        'prior_error = "0.34"\n'
        'source = "last year\'s published statistics of traders"'
    )


def spread(trades: Trades, traders: NDArray[np.int64]) -> tuple[float, float]:
    """Return over how many partners (each flow counted), and chapters with each, traders' value is spread.

    One over the mean sum of squared shares; chapters' weighted by the partners' shares.
    """
    partners, chapters = [], []
    for trader in traders:
        own = trades.traders == trader
        cells = np.zeros(FLOWS * PARTNERS * CHAPTERS)
        cells[trades.cells[own]] = trades.amounts[own]
        table = cells.reshape(-1, CHAPTERS) / cells.sum()
        routes = table.sum(axis=1)
        partners.append((routes**2).sum())
        chapters.append(((table**2).sum(axis=1) / np.maximum(routes, 1e-300)).sum())
    return 1 / float(np.mean(partners)), 1 / float(np.mean(chapters))


def released(years: Years, traders: int, levels: tuple[Level, ...], rho: str, draws: int) -> Outcome:
    """Return the outcome of a release with proposed scales: planned without the records, then measured."""
    start = planned(years, Asked(rho=rho, scales=first_scales(levels), assumption=assumption(years, traders)))
    (proposal,) = suggest(start)
    plan = planned(years, Asked(rho=rho, scales=proposed_scales(proposal), assumption=assumption(years, traders)))
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
    errors, inside, around_truth, biases, single, held, cells = [], [], [], [], [], [], 0
    for outcome, band in parts:
        prior = next(known.prior for known in outcome.plan.measures[0].levels if known.level is level)
        chosen = (np.asarray(prior) >= band.low) & (np.asarray(prior) < band.high) & (outcome.truth[level] > 0)
        truth, estimates = outcome.truth[level][chosen], outcome.estimates[level][:, chosen]
        clipped, half = outcome.clipped[level][chosen], 1.959964 * outcome.sds[level][chosen]
        errors.append(np.abs(estimates / truth - 1).ravel())
        single.append(float(np.median(errors[-1])))
        held.append(band.luckiest <= single[-1] <= band.unluckiest)
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
        worlds=len(parts),
        within_range=sum(held),
        range_least=float(np.mean([band.luckiest for _, band in parts])),
        range_most=float(np.mean([band.unluckiest for _, band in parts])),
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
    parser.add_argument("--worlds", type=int, default=4, help="seeded worlds of each size")
    parser.add_argument("--rivals", type=int, default=2, help="how many of them other ways are tried on")
    parser.add_argument("--first", type=int, default=501, help="the first world's seed")
    parser.add_argument("--draws", type=int, default=10, help="noisy draws of each world")
    parser.add_argument("--rho", default="2")
    parser.add_argument("--write", type=Path, help="a folder for the plots and the page, such as docs")
    asked = parser.parse_args()
    found: list[Line] = []
    beside: list[Rival] = []
    for traders in SIZES:
        worlds = [heavy_world(traders=traders, seed=seed) for seed in range(asked.first, asked.first + asked.worlds)]
        for name, levels in RELEASES.items():
            outcomes = [released(world, traders, levels, asked.rho, asked.draws) for world in worlds]
            found += lines(outcomes, traders, name)
            beside.append(ours(outcomes[: asked.rivals], traders, name))
            beside += rivals(worlds[: asked.rivals], traders, levels, asked.rho)
            print(f"{traders:,} traders, {name}: done", file=sys.stderr)
    return write_page(found, beside, asked.write)


if __name__ == "__main__":
    sys.exit(main())
