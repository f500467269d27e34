"""Accuracy on heavy-tailed worlds, predicted and got, beside other ways: `make accuracy`.

For each world size several seeded worlds are made; the planner proposes scales and predicts errors from last year's
table and a stated assumption alone; then the real clip, noise and reconciliation run on this year's records. Writes
`docs/accuracy-*.svg` and the tables of `docs/accuracy.md` when `--write` is given. Noise can't be seeded, so figures
move in their last digit from run to run.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from accuracy_page import Line, write_page
from accuracy_rivals import WAYS, Errors, Rival, Setting, rival_errors, rivals
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
from release.planner import Forecast, LevelForecast, forecast, suggest
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
    told: tuple[LevelForecast, ...]
    truth: dict[Level, FloatArray]
    clipped: dict[Level, FloatArray]
    estimates: dict[Level, FloatArray]
    sds: dict[Level, FloatArray]


PUBLISHED_RANKS = (5, 20, 100, 1000)
"""The numbers of largest traders whose share of trade statistics by enterprise characteristics tell."""

LARGEST, SMALLER = (0, PUBLISHED_RANKS[0]), (50, 100)
"""Ranks, from and up to, whose spread over partners and chapters is published."""


def assumption(years: Years, traders: int) -> str:
    """Return what is assumed of a world: last year's published statistics of its largest traders, in two digits."""
    sizes = np.bincount(years.before.traders, years.before.amounts)
    order = np.argsort(-sizes)
    top, *further = (f"{sizes[order[:rank]].sum() / sizes.sum():.2f}" for rank in PUBLISHED_RANKS)
    rows = ", ".join(
        f'{{ top = {rank}, share = "{share}" }}' for rank, share in zip(PUBLISHED_RANKS[1:], further, strict=True)
    )
    largest, smaller = (spread(years.before, order[first:last]) for first, last in (LARGEST, SMALLER))
    fall = narrowing((smaller.partners + smaller.chapters - 2) / (largest.partners + largest.chapters - 2))
    return (
        f'traders = {traders}\ntop = 5\ntop_share = "{top}"\nfurther = [{rows}]\n'
        f'partners = "{largest.partners:.2g}"\nchapters = "{largest.chapters:.2g}"\n'
        f'main_flow = "{largest.main_flow:.2f}"\nnarrowing = "{fall:.2f}"\n'
        'prior_error = "0.34"\n'
        'source = "last year\'s published statistics of traders"'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Over how many partners (each flow counted) and chapters with each value is spread, and the main flow's part."""

    partners: float
    chapters: float
    main_flow: float


def spread(trades: Trades, traders: NDArray[np.int64]) -> Spread:
    """Return how traders' value is spread.

    Over partners and chapters it is one over the mean sum of squared shares; chapters' weighted by partners' shares.
    """
    partners, chapters, flows = [], [], []
    for trader in traders:
        own = trades.traders == trader
        cells = np.zeros(FLOWS * PARTNERS * CHAPTERS)
        cells[trades.cells[own]] = trades.amounts[own]
        table = cells.reshape(-1, CHAPTERS) / cells.sum()
        routes = table.sum(axis=1)
        partners.append((routes**2).sum())
        chapters.append(((table**2).sum(axis=1) / np.maximum(routes, 1e-300)).sum())
        flows.append(routes.reshape(FLOWS, PARTNERS).sum(axis=1).max())
    return Spread(
        partners=1 / float(np.mean(partners)),
        chapters=1 / float(np.mean(chapters)),
        main_flow=float(np.mean(flows)),
    )


def narrowing(ratio: float) -> float:
    """Return the power of the rank at which the mean over smaller traders is `ratio` of that over the largest."""
    powers = np.arange(0.0, 2.0, 0.01)
    means = [
        np.mean(np.arange(first + 1.0, last + 1.0)[:, None] ** -powers, axis=0) for first, last in (SMALLER, LARGEST)
    ]
    return float(powers[np.abs(means[0] / means[1] - ratio).argmin()])


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
        told=forecast(plan),
        truth=by_level(plan.layout, years.now),
        clipped=clipped_figures(integers, measure),
        estimates={level: np.array([found[level].values for found in drawn]) for level in levels},
        sds={level: drawn[0][level].sd for level in levels},
    )


def lines(outcomes: Sequence[Outcome], traders: int, name: str) -> list[Line]:
    """Return predicted and got figures by level and band, over all worlds of a size."""
    told = [outcome.told for outcome in outcomes]
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
        ratio_error=ratio_error([band.median_error for _, band in parts], single, weights),
        within_range=sum(held),
        range_least=float(np.mean([band.luckiest for _, band in parts])),
        range_most=float(np.mean([band.unluckiest for _, band in parts])),
        bias_predicted=float(np.average([band.clipping_bias or 0.0 for _, band in parts], weights=weights)),
        bias_got=float(np.median(np.concatenate(biases))),
        coverage=float(np.concatenate(inside).mean()),
        coverage_of_truth=float(np.concatenate(around_truth).mean()),
    )


def ratio_error(predicted: Sequence[float], got: Sequence[float], weights: Sequence[int]) -> float:
    """Return the standard error over worlds of predicted / got, both weighted means (Cochran, 1977, eq. 2.46)."""
    wanted, found = np.multiply(predicted, weights), np.multiply(got, weights)
    if len(got) < 2:
        return float("inf")
    off = wanted - wanted.sum() / found.sum() * found
    return float(np.sqrt((off**2).sum() / (off.size - 1) / off.size) / found.mean())


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


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is made of a seed, and what is released of it."""

    traders: int
    levels: tuple[Level, ...]
    rho: str
    draws: int


def _outcome(of: World, seed: int) -> Outcome:
    world = heavy_world(traders=of.traders, seed=seed)
    return released(world, of.traders, of.levels, of.rho, of.draws)


def _rival(of: World, way: str, seed: int) -> Errors:
    world = heavy_world(traders=of.traders, seed=seed)
    return rival_errors(way, Setting(world=world, levels=of.levels, rho=of.rho))


def main() -> int:
    """Run everything and print it; exits 1 when a figure isn't what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=16, help="seeded worlds of each size")
    parser.add_argument("--rivals", type=int, default=2, help="how many of them other ways are tried on")
    parser.add_argument("--first", type=int, default=601, help="the first world's seed")
    parser.add_argument("--draws", type=int, default=40, help="noisy draws of each world")
    parser.add_argument("--rho", default="2")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--write", type=Path, help="a folder for the plots and the page, such as docs")
    asked = parser.parse_args()
    found: list[Line] = []
    beside: list[Rival] = []
    seeds = range(asked.first, asked.first + asked.worlds)
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for traders, (name, levels) in product(SIZES, RELEASES.items()):
            world = World(traders=traders, levels=levels, rho=asked.rho, draws=asked.draws)
            started = {way: [pool.submit(_rival, world, way, seed) for seed in seeds[: asked.rivals]] for way in WAYS}
            outcomes = list(pool.map(partial(_outcome, world), seeds))
            found += lines(outcomes, traders, name)
            beside.append(ours(outcomes[: asked.rivals], traders, name))
            beside += rivals(traders, name, {way: [one.result() for one in each] for way, each in started.items()})
            print(f"{traders:,} traders, {name}: done", file=sys.stderr)
    return write_page(found, beside, asked.write)


if __name__ == "__main__":
    sys.exit(main())
