"""A seeded heavy-tailed world of traders for `benchmarks/accuracy.py`: two years of each trader's sums by cell.

Nothing here is shared with the planner's own picture of a population: sizes are drawn, not ranked; traders choose
partners by gravity and chapters by trade, whatever room a cell has, and split their value unevenly. Last year's sums
are what an office would have published, and are the prior; this year's are the records.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOWS, PARTNERS, CHAPTERS = 2, 30, 97
TOTAL = 500e9
"""Trade of a year over both flows, in currency units."""

LAST_YEAR = 0.96
"""Last year's total as a share of this year's."""

TAIL = 1.1
TOP_FIVE = 0.20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trades:
    """Each trader's sums in the cells it trades in, in whole currency units; all three of shape (entries,).

    `cells` counts flow by flow, partner by partner, chapter by chapter, without residual categories.
    """

    traders: NDArray[np.int64]
    cells: NDArray[np.int64]
    amounts: NDArray[np.float64]

    def by_cell(self) -> NDArray[np.float64]:
        """Return the sums of all traders, shape (flows, partners, chapters)."""
        return np.bincount(self.cells, self.amounts, FLOWS * PARTNERS * CHAPTERS).reshape(FLOWS, PARTNERS, CHAPTERS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Years:
    """The same traders in two years: what was published last year, and this year's records."""

    before: Trades
    now: Trades


def heavy_world(*, traders: int, seed: int, prior_error: float = 0.34, least: float = 100e6) -> Years:
    """Return two years of a world; ln(last year / this year) has the sd `prior_error` over cells above `least`."""
    rng = np.random.default_rng(seed)
    now = _trades(rng, _sizes(rng, traders))
    shocks = rng.normal(size=now.amounts.size)
    common = rng.normal(size=FLOWS * PARTNERS * CHAPTERS)
    spread = _calibrated(now, shocks, common, prior_error=prior_error, least=least)
    return Years(before=_last_year(now, shocks, common, spread), now=now)


def _sizes(rng: np.random.Generator, traders: int) -> NDArray[np.float64]:
    """Return traders' sizes, largest first: Pareto of tail 1.1, the largest five brought to a fifth of the total."""
    sizes = np.sort(rng.pareto(TAIL, size=traders) + 1.0)[::-1].copy()
    sizes[:5] *= TOP_FIVE / (1.0 - TOP_FIVE) * sizes[5:].sum() / sizes[:5].sum()
    return TOTAL * sizes / sizes.sum()


def _trades(rng: np.random.Generator, sizes: NDArray[np.float64]) -> Trades:
    """Return what each trader trades where: its flows, partners and chapters, with uneven shares."""
    gravity = _weights(rng, PARTNERS, 1.3)
    trade = _weights(rng, CHAPTERS, 1.6)
    traders = np.arange(sizes.size)
    rank = (traders + 1.0) / sizes.size
    reach = 1 + rng.poisson(0.6 * rank**-0.35)
    lines = 1 + rng.poisson(0.4 * rank**-0.25)
    count = np.minimum(reach, 3 * PARTNERS) * np.minimum(lines, CHAPTERS)
    owner = np.repeat(traders, count)
    place = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    own = np.minimum(lines, CHAPTERS)[owner]
    route, line = place // own, place % own
    flow_of = np.where(rng.random(sizes.size) < 0.55, 0.9, 0.15)
    routes, products = int(route.max()) + 1, int(line.max()) + 1
    partner = _drawn(rng, gravity, (sizes.size, routes))[owner, route]
    chapter = _drawn(rng, trade, (sizes.size, products))[owner, line]
    flow = (rng.random((sizes.size, routes)) > flow_of[:, None])[owner, route].astype(np.int64)
    shares = rng.gamma(0.5, size=owner.size) + 1e-9
    shares /= np.bincount(owner, shares)[owner]
    cells = (flow * PARTNERS + partner) * CHAPTERS + chapter
    return _merged(owner, cells, np.round(sizes[owner] * shares))


def _weights(rng: np.random.Generator, count: int, spread: float) -> NDArray[np.float64]:
    weights = np.exp(spread * rng.normal(size=count))
    return weights / weights.sum()


def _drawn(rng: np.random.Generator, weights: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int64]:
    bounds = np.cumsum(weights)
    return np.minimum(np.searchsorted(bounds, rng.random(shape)), weights.size - 1)


def _merged(owner: NDArray[np.int64], cells: NDArray[np.int64], amounts: NDArray[np.float64]) -> Trades:
    """Return one entry for each (trader, cell), without those that are 0."""
    size = FLOWS * PARTNERS * CHAPTERS
    keys, inverse = np.unique(owner * size + cells, return_inverse=True)
    sums = np.bincount(inverse, amounts)
    kept = sums >= 1.0
    return Trades(traders=keys[kept] // size, cells=keys[kept] % size, amounts=sums[kept])


def _last_year(now: Trades, shocks: NDArray[np.float64], common: NDArray[np.float64], spread: float) -> Trades:
    """Return last year's amounts: each entry and each cell moved by shocks of their own."""
    moved = now.amounts * np.exp(spread * (shocks + 0.5 * common[now.cells]))
    moved *= LAST_YEAR * now.amounts.sum() / moved.sum()
    return Trades(traders=now.traders, cells=now.cells, amounts=np.round(moved))


def _calibrated(
    now: Trades, shocks: NDArray[np.float64], common: NDArray[np.float64], *, prior_error: float, least: float
) -> float:
    """Return the spread of shocks at which ln(before / now) has the wanted sd over large cells, by bisection."""
    truth = now.by_cell()
    large = truth >= least
    low, high = 0.0, 3.0
    for _ in range(30):
        middle = (low + high) / 2
        before = _last_year(now, shocks, common, middle).by_cell()
        error = float(np.std(np.log(np.maximum(before[large], 1.0) / truth[large])))
        low, high = (middle, high) if error < prior_error else (low, middle)
    return (low + high) / 2
