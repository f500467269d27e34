"""The lasting relations in which firms trade, between two offices and with the rest of the world.

A relation joins one exporter, one importer, one usual commodity and a usual day of the month. Its weight is the product
of its firms' sizes to the power that their drawing left over (see `firms`).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from release.practice.firms import PULL, Firms, drawn_firms, section_indices
from release.practice.parameters import chapter_shares, commodities
from release.practice.world import World

RATE_POWER = 0.4
"""A relation's lines grow with its value to this power."""
LINES_A_MONTH = 2.0
"""Mean lines of a relation in a month, as long as an office's register has firms enough."""
RELATIONS_PER_FIRM = 6
CHECKED_SHARE = 0.15
"""A relation with more of its pair's chapter than this is classified alike for good: offices look at the largest."""
PERSISTENT = 0.6
"""The part of misclassified lines that is misclassified for a whole relation."""
RAKING_STEPS = 8
LEAST_RATE = 1.0
REORDER_SD = 0.5
DRIFT_SD = 0.3
PRICE_SD = 0.5

NO_FIRM = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """Lasting relations of one pair of offices, or of one office and flow with the rest of the world.

    Attributes:
        exporter: firm of the exporting office; -1 outside the world's offices.
        importer: firm of the importing office; -1 outside the world's offices.
        chapter: index of the chapter.
        commodity: index of the usual commodity.
        partner: index of the partner outside the offices; -1 between offices.
        origin: index of the area that the goods come from, where it isn't the exporter; -1 otherwise.
        weight: relative value within its chapter (between offices) or partner (outside).
        rate: expected lines a month.
        day: usual day of the month, from 0.
        usd_per_kg: price of the goods.
        valuation: ln(importer's / exporter's value).
        misread_chapter: chapter that one side gives all the time; -1 where both agree.
        misread_by_exporter: whether that side is the exporter.
    """

    exporter: NDArray[np.int32]
    importer: NDArray[np.int32]
    chapter: NDArray[np.int16]
    commodity: NDArray[np.int32]
    partner: NDArray[np.int16]
    origin: NDArray[np.int16]
    weight: NDArray[np.float64]
    rate: NDArray[np.float64]
    day: NDArray[np.float64]
    usd_per_kg: NDArray[np.float64]
    valuation: NDArray[np.float64]
    misread_chapter: NDArray[np.int16]
    misread_by_exporter: NDArray[np.bool_]


def evenness(count: int) -> float:
    """Return the power of value shares by which relations are spread over chapters.

    1 with many relations, when a chapter of little trade has few of them all the same; less with few, so that no
    chapter is left without.
    """
    return min(1.0, max(0.55, 0.55 + 0.25 * math.log(count / 300)))


def spread(shares: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return how many of `count` relations fall on each chapter: by share to a power, one at least if there's room."""
    even = shares ** evenness(count) * (shares > 0)
    floor = (shares > 0).astype(np.int64) if count >= 2 * np.count_nonzero(shares) else np.zeros(len(shares), np.int64)
    wanted = even / even.sum() * (count - floor.sum())
    whole = np.floor(wanted).astype(np.int64)
    rest = np.argsort(whole - wanted, kind="stable")[: count - int(floor.sum()) - int(whole.sum())]
    whole[rest] += 1
    return np.asarray(whole + floor, dtype=np.int64)


def relation_count(world: World, lines: float) -> int:
    """Return how many relations carry so many lines a month."""
    return max(1, round(min(lines / LINES_A_MONTH, RELATIONS_PER_FIRM * world.traders)))


def rates(value: NDArray[np.float64], lines: float) -> NDArray[np.float64]:
    """Return expected lines a month of each relation, `lines` in all, growing slowly with value."""
    pull = value**RATE_POWER
    least = min(LEAST_RATE, 0.6 * lines / len(value))
    return np.asarray(least + pull / pull.sum() * (lines - least * len(value)), dtype=np.float64)


def commodity_of(chapter: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int32]:
    """Return a commodity of each chapter; its first codes are the commonest."""
    table = commodities()
    place = np.floor(table.size[chapter] * rng.random(len(chapter)) ** 2.0).astype(np.int64)
    return (table.first[chapter] + place).astype(np.int32)


def misread(chapter: NDArray[np.int16], shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int16]:
    """Return another chapter for each: mostly one of the same section, else one that the pair trades."""
    section = section_indices()
    near = (chapter + rng.choice(np.asarray([-2, -1, 1, 2]), size=len(chapter))) % len(shares)
    cumulative = np.cumsum(np.sqrt(shares))
    far = np.searchsorted(cumulative, rng.uniform(0.0, cumulative[-1], len(chapter)), side="right")
    far = np.minimum(far, len(shares) - 1)
    wrong = np.where((section[near] == section[chapter]) & (shares[near] > 0), near, far)
    return np.where(wrong == chapter, near, wrong).astype(np.int16)


def relations_between(
    *,
    world: World,
    pair: tuple[str, str],
    firms: tuple[Firms, Firms],
    lines: float,
    origins: tuple[NDArray[np.float64], int],
    rng: np.random.Generator,
) -> Relations:
    """Return the relations between two offices.

    Args:
        world: the world.
        pair: exporter and importer.
        firms: registers of the exporting and of the importing office.
        lines: expected lines a month.
        origins: for re-exports, the share of each area among the goods that a hub passes on (all 0 where the exporter
            is no hub), and the importer's own index for goods that come back.
        rng: source of the draws.
    """
    shares = chapter_shares()[pair]
    count = relation_count(world, lines)
    chapter = np.repeat(np.arange(len(shares), dtype=np.int16), spread(shares, count))
    exporter = drawn_firms(firms[0], 0, chapter, rng)
    importer = drawn_firms(firms[1], 1, chapter, rng)
    size = (firms[0].size[0][exporter] * firms[1].size[1][importer]) ** (1.0 - PULL)
    weight = size * np.exp(rng.normal(0.0, REORDER_SD, count))
    causes = world.asymmetries
    checked = weight > CHECKED_SHARE * np.bincount(chapter, weights=weight)[chapter]
    wrong = (rng.random(count) < causes.misclassified * PERSISTENT / max(1e-9, 1.0 - checked.mean())) & ~checked
    return Relations(
        exporter=exporter,
        importer=importer,
        chapter=chapter,
        commodity=commodity_of(chapter, rng),
        partner=np.full(count, -1, np.int16),
        origin=_origins(count, origins, causes.returns, rng),
        weight=weight,
        rate=rates(weight, lines),
        day=rng.random(count),
        usd_per_kg=commodities().usd_per_kg[chapter] * np.exp(rng.normal(0.0, PRICE_SD, count)),
        valuation=rng.normal(0.0, 1.0, count) * causes.valuation,
        misread_chapter=np.where(wrong, misread(chapter, shares, rng), np.int16(-1)).astype(np.int16),
        misread_by_exporter=rng.random(count) < 0.5,  # noqa: PLR2004
    )


def _origins(
    count: int, origins: tuple[NDArray[np.float64], int], returns: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    shares, importer = origins
    own = 1.0 - shares.sum()
    drawn = np.searchsorted(np.cumsum(np.concatenate([[own], shares])), rng.random(count), side="right") - 1
    drawn = np.minimum(drawn, len(shares) - 1)
    return np.where(rng.random(count) < returns, importer, drawn).astype(np.int16)


def raked(
    weight: NDArray[np.float64],
    margins: tuple[tuple[NDArray[Any], NDArray[np.float64]], ...],
) -> NDArray[np.float64]:
    """Return weights moved so that the sums of every margin are in proportion to its sizes, nearly.

    Iterative proportional fitting (Deming and Stephan 1940), ending with the last margin. A margin is each relation's
    index (a firm, partner or chapter) and the sizes that the index points into; sizes without a relation play no part.
    """
    fitted = weight
    for _ in range(RAKING_STEPS):
        for index, size in margins:
            sums = np.bincount(index, weights=fitted, minlength=len(size))
            present = sums > 0
            wanted = size * present / size[present].sum()
            fitted = fitted * (wanted / np.where(present, sums, 1.0))[index]
    return np.asarray(fitted, dtype=np.float64)


def relations_outside(
    *,
    world: World,
    shares: NDArray[np.float64],
    firms: Firms,
    role: int,
    partners: NDArray[np.float64],
    lines: float,
    rng: np.random.Generator,
) -> Relations:
    """Return an office's relations with partners outside the world's offices, in one flow.

    Args:
        world: the world.
        shares: the office's value shares by chapter.
        firms: the office's register.
        role: 0 for exports, 1 for imports.
        partners: relative trade of every area; 0 for the offices.
        lines: expected lines a month.
        rng: source of the draws.
    """
    count = relation_count(world, lines)
    counts = np.maximum(spread(shares, count), 0)
    chapter = rng.permutation(np.repeat(np.arange(len(shares), dtype=np.int16), counts))
    cumulative = np.cumsum(np.sqrt(partners))
    partner = np.searchsorted(cumulative, rng.uniform(0.0, cumulative[-1], count), side="right")
    firm = drawn_firms(firms, role, chapter, rng)
    nobody = np.full(count, NO_FIRM, np.int32)
    lasting = np.exp(rng.normal(0.0, REORDER_SD, count)) * (shares / np.maximum(counts, 1))[chapter]
    weight = raked(firms.size[role][firm] ** (1.0 - PULL) * lasting, ((firm, firms.size[role]), (partner, partners)))
    return Relations(
        exporter=firm if role == 0 else nobody,
        importer=nobody if role == 0 else firm,
        chapter=chapter,
        commodity=commodity_of(chapter, rng),
        partner=partner.astype(np.int16),
        origin=np.full(count, -1, np.int16),
        weight=weight,
        rate=rates(weight, lines),
        day=rng.random(count),
        usd_per_kg=commodities().usd_per_kg[chapter] * np.exp(rng.normal(0.0, PRICE_SD, count)),
        valuation=np.zeros(count),
        misread_chapter=np.full(count, -1, np.int16),
        misread_by_exporter=np.zeros(count, np.bool_),
    )
