"""The shipments of a month, as they truly are: one true date, commodity, FOB value and mass for each line.

Values follow the published total of the pair and month to the cent; within it chapters keep the pair's structure, with
a little movement from month to month, and relations order a little more or less.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from release.practice.parameters import commodities, kinds, transport
from release.practice.relations import Relations

CHAPTER_SD = 0.08
ORDER_SD = 0.15
LINE_SD = 0.35
SAME_DECLARATION = 0.3
OTHER_COMMODITY = 0.3
MASS_SD = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipments:
    """Shipment lines of one month; arrays have one element a line, grouped by relation.

    Attributes:
        relation: index of the relation.
        declaration: number of the declaration within the month, from 0; its lines share a date and a mode.
        day: date of departure, days since 1970-01-01.
        chapter: index of the true chapter.
        commodity: index of the true commodity.
        cents: FOB value in US cents, at least 1.
        grams: net mass.
        mode: index of the transport mode.
        days: mean transit days of the mode.
        margin: the mode's CIF/FOB factor less 1.
    """

    relation: NDArray[np.int64]
    declaration: NDArray[np.int64]
    day: NDArray[np.int64]
    chapter: NDArray[np.int16]
    commodity: NDArray[np.int32]
    cents: NDArray[np.int64]
    grams: NDArray[np.int64]
    mode: NDArray[np.int8]
    days: NDArray[np.float64]
    margin: NDArray[np.float64]


def month_start(year: int, month: int) -> int:
    """Return the first day of a month, in days since 1970-01-01; month 13 is the next year's January."""
    return (date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) - date(1970, 1, 1)).days


def shipments_in(
    *,
    relations: Relations,
    drift: NDArray[np.float64],
    shares: NDArray[np.float64],
    total: int,
    when: tuple[int, int],
    route: str,
    rng: np.random.Generator,
) -> Shipments:
    """Return the shipments of a month.

    Args:
        relations: who trades what.
        drift: factor of each relation's weight in this year.
        shares: value share of each chapter (between offices) or area (outside).
        total: FOB value of all lines, in US cents.
        when: year and month.
        route: how the goods travel.
        rng: source of the draws.
    """
    count = np.floor(relations.rate + rng.random(len(relations.rate))).astype(np.int64)
    if not count.sum():
        count[np.argmax(relations.rate)] = 1
    relation = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(relation)) - np.repeat(np.cumsum(count) - count, count)
    chapter = relations.chapter[relation]
    declaration = _declarations(place, rng)
    cents = shared_out(
        _weights(relations=relations, drift=drift, shares=shares, count=count, relation=relation, rng=rng), total
    )
    mode, days, margin = _transport(chapter, declaration, route, rng)
    price = relations.usd_per_kg[relation] * np.exp(rng.normal(0.0, MASS_SD, len(relation)))
    return Shipments(
        relation=relation,
        declaration=declaration,
        day=_days(
            usual=relations.day[relation],
            place=place,
            count=count[relation],
            declaration=declaration,
            when=when,
            rng=rng,
        ),
        chapter=chapter,
        commodity=_commodities(relations.commodity[relation], chapter, rng),
        cents=cents,
        grams=np.maximum(1, np.rint(cents * 10.0 / price)).astype(np.int64),
        mode=mode,
        days=days,
        margin=margin,
    )


def _declarations(place: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the declaration of each line; a relation's next line may stand in the same one."""
    opens = (place == 0) | (rng.random(len(place)) >= SAME_DECLARATION)
    return np.cumsum(opens) - 1


def _commodities(usual: NDArray[np.int32], chapter: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int32]:
    table = commodities()
    near = table.first[chapter] + (usual - table.first[chapter] + 1) % table.size[chapter]
    return np.where(rng.random(len(usual)) < OTHER_COMMODITY, near, usual).astype(np.int32)


def _weights(
    *,
    relations: Relations,
    drift: NDArray[np.float64],
    shares: NDArray[np.float64],
    count: NDArray[np.int64],
    relation: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the relative value of each line: share of its group, of its relation there, of the line there."""
    group = relations.chapter if relations.partner[0] < 0 else relations.partner
    month = relations.weight * drift * np.exp(rng.normal(0.0, ORDER_SD, len(count))) * (count > 0)
    sums = np.bincount(group, weights=month, minlength=len(shares))
    moved = shares * np.exp(rng.normal(0.0, CHAPTER_SD, len(shares)))
    value = np.divide(month * moved[group], sums[group], out=np.zeros(len(month)), where=sums[group] > 0)
    split = np.exp(rng.normal(0.0, LINE_SD, len(relation)))
    return np.asarray(value[relation] * split / np.bincount(relation, weights=split)[relation], dtype=np.float64)


def shared_out(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Return whole amounts in proportion to weights, each at least 1, that add up to `total` exactly.

    The largest amount takes what rounding leaves.
    """
    amounts = np.maximum(1, np.floor(weights / weights.sum() * total)).astype(np.int64)
    amounts[np.argmax(amounts)] += total - int(amounts.sum())
    return np.asarray(amounts, dtype=np.int64)


def _days(
    *,
    usual: NDArray[np.float64],
    place: NDArray[np.int64],
    count: NDArray[np.int64],
    declaration: NDArray[np.int64],
    when: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return each line's date of departure: the relation's usual day, its further lines spread over the month."""
    length = monthrange(*when)[1]
    wanted = usual * length + place * length / count + rng.uniform(0.0, 2.0, len(usual))
    first = np.searchsorted(declaration, np.arange(declaration[-1] + 1), side="left")
    return month_start(*when) + (wanted[first][declaration] % length).astype(np.int64)


def _transport(
    chapter: NDArray[np.int16], declaration: NDArray[np.int64], route: str, rng: np.random.Generator
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64]]:
    """Return the mode, its mean transit days and its CIF margin for each line; a declaration has one mode."""
    draw = rng.random(int(declaration[-1]) + 1)[declaration]
    kind = commodities().kind[chapter]
    mode = np.zeros(len(chapter), np.int8)
    days, margin = np.zeros(len(chapter)), np.zeros(len(chapter))
    for number, goods in enumerate(kinds()):
        means = transport(route, goods)
        lines = np.flatnonzero(kind == number)
        chosen = np.minimum(np.searchsorted(means.cumulative, draw[lines], side="right"), len(means.mode) - 1)
        mode[lines], days[lines], margin[lines] = means.mode[chosen], means.days[chosen], means.margin[chosen]
    return mode, days, margin
