"""A population of traders that fits public priors and a public assumption on concentration. No record is read.

Sizes follow the published shares of the largest traders. From the largest on, each trader takes room in cells drawn in
proportion to what is left of their priors, a large piece of its trade only where there is room for it. It is one of
many populations that the assumption allows: predictions average several.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from release.config.priors import Assumption
from release.planner.sizes import FloatArray, shares

IntArray = NDArray[np.int64]

ONE_BY_ONE = 1000
"""Traders that are placed one after another; smaller ones are placed by the thousand."""

LARGEST_PART = 60_000
"""(trader, period) pairs that are placed; what is left of the priors belongs to traders too small to be clipped."""


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
    by_flow = masses.sum(axis=1)
    year = by_flow.reshape(-1, masses.shape[3])
    room = by_flow.copy()
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


def _place_one(
    by_flow: FloatArray, size: float, number: int, assumption: Assumption, rng: np.random.Generator
) -> Population:
    """Return one trader's sums and take them off the room that is left, shape (flows, partners, chapters).

    A route is a partner in a flow.
    """
    cells, amounts = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    room = by_flow.reshape(-1, by_flow.shape[2])
    leaning = _leaning(by_flow.sum(axis=2), float(assumption.main_flow), rng)
    wanted = _drawn(room.sum(axis=1), leaning, size, _more(assumption.partners, number, assumption), rng)
    products = _products(room, wanted, _more(assumption.chapters, number, assumption), rng)
    for route in np.flatnonzero(wanted):
        row = room[route]
        broken = rng.exponential(size=products.size)
        taken = np.zeros_like(row)
        taken[products] = np.minimum(row[products], wanted[route] * broken / broken.sum())
        own = np.zeros_like(row)
        own[products] = row[products]
        taken = _filled(_filled(taken, own, float(wanted[route])), row, float(wanted[route]))
        room[route] = np.maximum(row - taken, 0.0)
        held = np.flatnonzero(taken > 0)
        cells.append(route * room.shape[1] + held)
        amounts.append(taken[held])
    leaves = np.concatenate(cells)
    return Population(traders=np.full(leaves.size, number), leaves=leaves, amounts=np.concatenate(amounts))


def _products(room: FloatArray, wanted: FloatArray, more: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return what a trader trades with all its partners: chapters, as its partners trade them."""
    mix = (wanted[:, None] * room / np.maximum(room.sum(axis=1, keepdims=True), 1e-300)).sum(axis=0)
    if mix.sum() <= 0.0:
        return np.zeros(0, dtype=np.int64)
    return np.unique(rng.choice(mix.size, size=_pieces(mix, more, rng), p=mix / mix.sum()))


def moved(population: Population, prior_error: float, rng: np.random.Generator) -> Population:
    """Return the population a year on: every amount moved by a factor of mean 1, as figures move from their priors.

    What grew is clipped more than what shrank is clipped less, so a population that fits the priors is clipped too
    little. The logarithm of the factor has the standard deviation `prior_error`.
    """
    factors = np.exp(prior_error * rng.normal(size=population.amounts.size) - prior_error**2 / 2.0)
    return Population(
        traders=population.traders, leaves=population.leaves, amounts=np.asarray(population.amounts * factors)
    )


def _more(spread: Fraction, number: FloatArray | int, assumption: Assumption) -> FloatArray:
    """Return over how many partners or chapters beyond one a trader is spread: fewer, the smaller it is.

    Firms with more partners and products are larger (Bernard, Jensen, Redding and Schott, Journal of Economic
    Perspectives 21(3), 2007); by how much is assumed. The largest of all have more than the mean of the top, which is
    what the assumption states: they decide what clipping takes.
    """
    power = -float(assumption.narrowing)
    mean = float((np.arange(1.0, assumption.top + 1.0) ** power).mean())
    return np.asarray((float(spread) - 1.0) * (np.asarray(number) + 1.0) ** power / mean)


def _leaning(room: FloatArray, main: float, rng: np.random.Generator) -> FloatArray:
    """Return how much likelier a trader's piece falls in a route than the route's room says; shape (routes,).

    Traders are importers or exporters in the main: the part `main` of their trade lies in one flow, drawn by the flows'
    room, `room` of shape (flows, partners).
    """
    flows = room.sum(axis=1)
    if np.count_nonzero(flows) < 2:  # noqa: PLR2004
        return np.ones(room.size)
    chosen = np.arange(flows.size) == rng.choice(flows.size, p=flows / flows.sum())
    parts = np.where(chosen, main / flows[chosen].sum(), (1.0 - main) / flows[~chosen].sum())
    return np.repeat(parts, room.shape[1])


def _drawn(
    places: FloatArray, leaning: FloatArray, size: float, more: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return how much of a trader's `size` falls in each place, at most what there is room for; shape of `places`.

    A trader is a stick broken at random places; 2 n - 1 pieces have an expected sum of squares of 1 / n (MacArthur,
    PNAS 43, 1957). A piece falls where there is room for all of it, in proportion to the room and to how much the
    trader is `leaning` to the place: a place much smaller than a piece can't hold it, so large pieces stand in large
    places, as they do in what a prior tells. Pieces may fall together: were their places kept apart, small partners
    would get more than their part of large firms.
    """
    left = places.copy()
    if left.sum() <= 0.0:
        return left
    pieces = rng.exponential(size=_pieces(places * leaning, more, rng))
    for piece in -np.sort(-pieces) * (size / pieces.sum()):
        bounds = np.cumsum(np.where(left >= piece, left * leaning, 0.0))
        place = int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right")) if bounds[-1] > 0 else left.size
        place = int(left.argmax()) if place >= left.size else place
        left[place] = max(left[place] - piece, 0.0)
    return np.asarray(places - left)


def _pieces(places: FloatArray, more: FloatArray, rng: np.random.Generator) -> int:
    """Return into how many pieces a trader is broken that is spread over `more` places beyond one.

    Some pieces fall together. With pieces' sum of squares 1/n and the places' Herfindahl index h, places hold
    1/n + (1 - 1/n) h. Where the places alone are as concentrated as the trader, n is as many as there are places.
    """
    herfindahl = float((places**2).sum()) / float(places.sum()) ** 2
    wanted = 1.0 / (1.0 + float(more))
    most = max(np.count_nonzero(places) - 1.0, float(more))
    apart = min(most, (1.0 - herfindahl) / max(wanted - herfindahl, 1e-9) - 1.0)
    return 1 + int(rng.poisson(2.0 * max(float(more), apart)))


def _filled(taken: FloatArray, row: FloatArray, wanted: float) -> FloatArray:
    """Return `taken` with what is still wanted spread over the row in proportion to the room that is left."""
    left = row - taken
    missing = wanted - float(taken.sum())
    if missing <= 1e-9 * wanted or left.sum() <= 0.0:
        return taken
    return np.asarray(taken + left * min(1.0, missing / float(left.sum())))


def _place_many(
    room: FloatArray, sizes: FloatArray, first: int, assumption: Assumption, rng: np.random.Generator
) -> Population:
    """Return many small traders' sums and take them off `room`; a cell that is overdrawn gives each its part."""
    numbers = np.arange(first, first + sizes.size, dtype=np.float64)
    routes = 1 + rng.poisson(2.0 * _more(assumption.partners, numbers, assumption))
    cells_each = routes * (1 + rng.poisson(2.0 * _more(assumption.chapters, numbers, assumption)))
    traders = np.repeat(np.arange(sizes.size), cells_each)
    bounds = np.cumsum(room.ravel())
    leaves = np.minimum(np.searchsorted(bounds, rng.random(traders.size) * bounds[-1], side="right"), room.size - 1)
    pieces = rng.exponential(size=traders.size)
    wanted = sizes[traders] * pieces / np.bincount(traders, pieces)[traders]
    asked = np.bincount(leaves, wanted, room.size)
    given = np.where(asked > room.ravel(), room.ravel() / np.where(asked > 0.0, asked, 1.0), 1.0)
    room -= (asked * given).reshape(room.shape)
    np.maximum(room, 0.0, out=room)
    return Population(traders=traders + first, leaves=leaves, amounts=wanted * given[leaves])


def _merged(population: Population, leaves: int) -> Population:
    keys, place = np.unique(population.traders * leaves + population.leaves, return_inverse=True)
    return Population(
        traders=keys // leaves,
        leaves=keys % leaves,
        amounts=np.asarray(np.bincount(place, population.amounts, keys.size), dtype=np.float64),
    )


def _over_periods(population: Population, masses: FloatArray) -> Population:
    """Return the population over the leaves of a release: routes and chapters, split by period within each flow."""
    periods, partners, chapters = masses.shape[1:]
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
