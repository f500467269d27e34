"""A population of traders that fits public priors and a public assumption on concentration. No record is read.

Sizes follow Zipf's law, size(k) proportional to k^-a, with a solved from the share of the largest traders (Zipf's law of
firm sizes: Axtell, Science 293, 2001). From the largest on, each trader takes room in cells drawn in proportion to what is
left of their priors. It is one of many populations that the assumption allows: predictions average over several.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from release.config.release import Assumption

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ONE_BY_ONE = 1000
"""Traders that are placed one after another; smaller ones are placed by the thousand."""

LARGEST_PART = 60_000
"""(trader, period) pairs that are placed; what is left of the priors belongs to traders too small to be clipped."""

_EXACT_TERMS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    """Traders' sums in leaves, in the unit of the priors; all three of shape (entries,).

    A (trader, leaf) stands at most once. Sums over traders are at most the leaves' priors.
    """

    traders: IntArray
    leaves: IntArray
    amounts: FloatArray


def populate(masses: FloatArray, assumption: Assumption, rng: np.random.Generator) -> Population:
    """Return traders that share out `masses`, the priors of the leaves, shape (flows, periods, partners, chapters).

    A trader trades in every period in which its cell is traded, by the period's part of the cell.
    """
    periods = masses.shape[1]
    year = np.moveaxis(masses, 1, 0).sum(axis=0).reshape(-1, masses.shape[3])
    room = year.copy()
    count = min(assumption.traders, max(ONE_BY_ONE, LARGEST_PART // periods))
    sizes = float(year.sum()) * shares(assumption, count)
    parts = [_place_one(room, size, number, assumption, rng) for number, size in enumerate(sizes[:ONE_BY_ONE])]
    first = ONE_BY_ONE
    while first < count:
        end = min(count, 2 * first)
        parts.append(_place_many(room, sizes[first:end], first, assumption, rng))
        first = end
    whole = Population(
        traders=np.concatenate([part.traders for part in parts]),
        leaves=np.concatenate([part.leaves for part in parts]),
        amounts=np.concatenate([part.amounts for part in parts]),
    )
    return _over_periods(_merged(whole, year.size), masses)


def shares(assumption: Assumption, count: int) -> FloatArray:
    """Return the largest `count` traders' shares of all trade, largest first."""
    exponent = zipf_exponent(assumption)
    return np.asarray(np.arange(1.0, count + 1.0) ** -exponent / _zipf_sum(exponent, assumption.traders))


def zipf_exponent(assumption: Assumption) -> float:
    """Return a in size(k) ~ k^-a at which the largest traders hold their share; by bisection. Pareto's tail is 1 / a."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        held = _zipf_sum(middle, assumption.top) / _zipf_sum(middle, assumption.traders)
        low, high = (middle, high) if held < assumption.top_share else (low, middle)
    return (low + high) / 2


def _zipf_sum(exponent: float, count: int) -> float:
    """Return the sum of k^-a over k = 1..count: exact to ten thousand terms, then by the midpoint integral."""
    exact = float((np.arange(1.0, min(count, _EXACT_TERMS) + 1.0) ** -exponent).sum())
    if count <= _EXACT_TERMS:
        return exact
    low, high = _EXACT_TERMS + 0.5, count + 0.5
    if abs(exponent - 1.0) < 1e-9:  # noqa: PLR2004
        return exact + float(np.log(high / low))
    return exact + float((high ** (1.0 - exponent) - low ** (1.0 - exponent)) / (1.0 - exponent))


def _place_one(
    room: FloatArray, size: float, number: int, assumption: Assumption, rng: np.random.Generator
) -> Population:
    """Return one trader's sums and take them off `room`, shape (routes, chapters); a route is a partner in a flow."""
    routes = _drawn(room.sum(axis=1), _some(assumption.partners, rng), rng)
    cells, amounts = [], []
    for route in routes:
        row = room[route]
        wanted = min(size / len(routes), float(row.sum()))
        chosen = _drawn(row, _some(assumption.chapters, rng), rng)
        taken = np.zeros_like(row)
        taken[chosen] = np.minimum(row[chosen], wanted / len(chosen))
        taken = _filled(taken, row, wanted)
        room[route] = np.maximum(row - taken, 0.0)
        held = np.flatnonzero(taken > 0)
        cells.append(route * room.shape[1] + held)
        amounts.append(taken[held])
    leaves = np.concatenate(cells)
    return Population(traders=np.full(leaves.size, number), leaves=leaves, amounts=np.concatenate(amounts))


def _some(mean: object, rng: np.random.Generator) -> int:
    return 1 + int(rng.poisson(float(mean) - 1.0))  # type: ignore[arg-type]


def _drawn(weights: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """Return up to `count` distinct places, drawn in proportion to their weights."""
    bounds = np.cumsum(weights)
    places = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
    return np.unique(np.minimum(places, weights.size - 1))


def _filled(taken: FloatArray, row: FloatArray, wanted: float) -> FloatArray:
    """Return `taken` with what is still wanted spread over the row in proportion to the room that is left."""
    left = row - taken
    missing = wanted - float(taken.sum())
    if missing <= 1e-9 * wanted or left.sum() <= 0.0:  # noqa: PLR2004
        return taken
    return np.asarray(taken + left * min(1.0, missing / float(left.sum())))


def _place_many(
    room: FloatArray, sizes: FloatArray, first: int, assumption: Assumption, rng: np.random.Generator
) -> Population:
    """Return many small traders' sums and take them off `room`; a cell that is overdrawn gives each its part."""
    cells_each = (1 + rng.poisson(float(assumption.partners) - 1.0, sizes.size)) * (
        1 + rng.poisson(float(assumption.chapters) - 1.0, sizes.size)
    )
    traders = np.repeat(np.arange(sizes.size), cells_each)
    bounds = np.cumsum(room.ravel())
    leaves = np.minimum(np.searchsorted(bounds, rng.random(traders.size) * bounds[-1], side="right"), room.size - 1)
    wanted = sizes[traders] / cells_each[traders]
    asked = np.bincount(leaves, wanted, room.size)
    given = np.where(asked > room.ravel(), room.ravel() / np.where(asked > 0.0, asked, 1.0), 1.0)
    room -= (asked * given).reshape(room.shape)
    np.maximum(room, 0.0, out=room)
    return Population(traders=traders + first, leaves=leaves, amounts=wanted * given[leaves])


def _merged(population: Population, leaves: int) -> Population:
    keys, place = np.unique(population.traders * leaves + population.leaves, return_inverse=True)
    return Population(
        traders=keys // leaves, leaves=keys % leaves, amounts=np.bincount(place, population.amounts, keys.size)
    )


def _over_periods(population: Population, masses: FloatArray) -> Population:
    """Return the population over the leaves of a release: routes and chapters, split by period within each flow."""
    flows, periods, partners, chapters = masses.shape
    flow, within = np.divmod(population.leaves, partners * chapters)
    by_period = np.moveaxis(masses, 1, 0).reshape(periods, -1)
    parts = by_period / np.maximum(by_period.sum(axis=0), 1e-300)
    amounts = population.amounts * parts[:, population.leaves]
    leaves = (flow * periods + np.arange(periods)[:, None]) * (partners * chapters) + within
    kept = amounts.ravel() > 0.0
    return Population(
        traders=np.tile(population.traders, periods)[kept],
        leaves=leaves.ravel()[kept],
        amounts=amounts.ravel()[kept],
    )
