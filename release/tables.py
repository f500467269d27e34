"""The public shape of a release: flows, periods, partners, products, levels, and the order of its cells.

A cell is one published number's place. Every cell follows from public key sets alone, so the shape of a release
doesn't depend on a record. All arrays are ordered flow by flow, within it period by period, partner by partner and
product by product. Pure: no input, no output, no engine.

A leaf is the finest place that a record has. Its product is a chapter, or, below a chapter with planned headings, a
heading or the rest of the chapter (`84_X`); so below a heading with planned subheadings (`8471_X`). A leaf of
re-exports adds to the cells of re-exports and, as an *of which*, to those of exports; so do re-imports to imports.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product as combinations

import numpy as np
from numpy.typing import NDArray

ALL_PARTNERS = "W0"
ALL_PRODUCTS = "TOTAL"
RESIDUAL = "_X"
"""What isn't on a key list goes here; a category like any other."""
CHAPTER_DIGITS = 2
NOWHERE = 2**32 - 1
"""Stands for a cell where a leaf adds to none of a level's cells."""


class Flow(StrEnum):
    """The direction of trade, in the codes that statistical offices use."""

    IMPORTS = "M"
    EXPORTS = "X"
    RE_IMPORTS = "RM"
    RE_EXPORTS = "RX"


OF_WHICH: Mapping[Flow, Flow] = {Flow.RE_EXPORTS: Flow.EXPORTS, Flow.RE_IMPORTS: Flow.IMPORTS}
"""Flows whose trade is a part of another flow's: where both are released, the other one is gross."""


class Level(StrEnum):
    """Which of partner and product a cell is detailed by."""

    TOTAL = "total"
    SECTION = "section"
    PARTNER = "partner"
    CHAPTER = "chapter"
    HEADING = "heading"
    SUBHEADING = "subheading"
    PARTNER_SECTION = "partner x section"
    PARTNER_CHAPTER = "partner x chapter"
    PARTNER_HEADING = "partner x heading"
    PARTNER_SUBHEADING = "partner x subheading"

    @property
    def by_partner(self) -> bool:
        """Whether the level is detailed by partner."""
        return self.startswith("partner")

    @property
    def digits(self) -> int:
        """How many digits of the Harmonized System tell its products; 0 for sections and where none are told."""
        return {"chapter": 2, "heading": 4, "subheading": 6}.get(self.removeprefix("partner x "), 0)

    @property
    def by_section(self) -> bool:
        """Whether the level is detailed by section."""
        return self in (Level.SECTION, Level.PARTNER_SECTION)

    @property
    def by_chapter(self) -> bool:
        """Whether the level is detailed by chapter."""
        return self.digits == CHAPTER_DIGITS


class Measure(StrEnum):
    """What is added up in a cell."""

    VALUE = "value"
    RETURNS = "returns"
    DECLARATIONS = "declarations"
    TRADERS = "traders"
    NET_MASS = "net mass"

    @property
    def additive(self) -> bool:
        """Whether the cells of a finer level add up to those of a coarser one."""
        return self is not Measure.TRADERS


class Tier(StrEnum):
    """Whom a part of a release's loss is about: everyone alike, or large traders by a published policy."""

    UNIFORM = "uniform"
    LARGE_TRADER = "large-trader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The key of one published number."""

    flow: Flow
    period: str
    partner: str
    product: str
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The key sets of a release; partners and chapters end with the residual, as does what is below a chapter.

    Attributes:
        flows: in published order.
        periods: `2024`, `2024-Q1` or `2024-03`, within one calendar year, not overlapping.
        partners: ISO alpha-2 codes, then `_X`.
        chapters: two-digit HS chapters, then `_X`.
        sections: one section code for each chapter, aligned with `chapters`; `_X` for the residual.
        headings: planned four-digit headings, all of listed chapters.
        subheadings: planned six-digit subheadings, all of listed headings.
    """

    flows: tuple[Flow, ...]
    periods: tuple[str, ...]
    partners: tuple[str, ...]
    chapters: tuple[str, ...]
    sections: tuple[str, ...]
    headings: tuple[str, ...] = ()
    subheadings: tuple[str, ...] = ()

    @property
    def leaves(self) -> int:
        """The number of (flow, period, partner, product) leaves."""
        return len(self.flows) * len(self.periods) * len(self.partners) * len(self.products)

    @property
    def products(self) -> tuple[str, ...]:
        """The products of leaves, in order: each chapter, or what it is planned to be split into."""
        return _leaf_products(self.chapters, self.headings, self.subheadings)

    @property
    def of_which(self) -> dict[Flow, Flow]:
        """The flows that are parts of another flow of this release, with that flow."""
        return {flow: OF_WHICH[flow] for flow in self.flows if OF_WHICH.get(flow) in self.flows}

    @property
    def section_codes(self) -> tuple[str, ...]:
        """The distinct sections, in order of first appearance."""
        return tuple(dict.fromkeys(self.sections))


def normalised_keys(codes: Iterable[str]) -> tuple[str, ...]:
    """Return codes as NFKC text without surrounding space, in their order.

    Raises:
        ValueError: the list is empty, or a code is empty, not printable ASCII after normalisation, or stands twice.
            A duplicate key would publish one cell twice with fresh noise, an alike-looking one would split it.
    """
    keys = tuple(unicodedata.normalize("NFKC", code).strip() for code in codes)
    if not keys:
        raise ValueError("a key list must hold at least one code")
    for key in keys:
        if not key or not key.isascii() or not key.isprintable() or not key.replace("_", "").isalnum():
            raise ValueError(f"{key!r} is no code: letters and digits of ASCII are taken")
    twice = sorted(key for key, times in Counter(keys).items() if times > 1)
    if twice:
        raise ValueError(f"{', '.join(twice)} stands twice in the key list")
    return keys


def products_of(layout: Layout, level: Level) -> tuple[str, ...]:
    """Return the product codes of a level, in published order; sections are written as `S01`."""
    if level.digits:
        named = (product_at(leaf, level.digits) for leaf in layout.products)
        return tuple(dict.fromkeys(code for code in named if code is not None))
    if level.by_section:
        return tuple(section if section == RESIDUAL else f"S{section}" for section in layout.section_codes)
    return (ALL_PRODUCTS,)


def product_at(leaf: str, digits: int) -> str | None:
    """Return the product of so many digits that a leaf's product belongs to, or None where it isn't split so far."""
    if leaf == RESIDUAL:
        return RESIDUAL if digits == CHAPTER_DIGITS else None
    code, rest, _ = leaf.partition(RESIDUAL)
    if len(code) >= digits:
        return code[:digits]
    return leaf if rest and len(code) == digits - 2 else None


def leaf_of_code(layout: Layout) -> dict[str, int]:
    """Return the place among the leaves' products of every listed chapter, heading and subheading.

    That of a split one is its rest; codes finer than listed have the place of the longest listed code they begin with.
    """
    places = {leaf: place for place, leaf in enumerate(layout.products)}
    listed = (*layout.chapters[:-1], *layout.headings, *layout.subheadings)
    return {code: places[code] if code in places else places[f"{code}{RESIDUAL}"] for code in listed}


@lru_cache(maxsize=64)
def _leaf_products(
    chapters: tuple[str, ...], headings: tuple[str, ...], subheadings: tuple[str, ...]
) -> tuple[str, ...]:
    below: dict[str, list[str]] = {}
    for code in (*headings, *subheadings):
        below.setdefault(code[:-2], []).append(code)
    return tuple(leaf for chapter in chapters for leaf in _leaves_below(chapter, below))


def _leaves_below(code: str, below: Mapping[str, list[str]]) -> Iterator[str]:
    if code not in below:
        yield code
        return
    for one in below[code]:
        yield from _leaves_below(one, below)
    yield f"{code}{RESIDUAL}"


def partners_of(layout: Layout, level: Level) -> tuple[str, ...]:
    """Return the partner codes of a level, in published order."""
    return layout.partners if level.by_partner else (ALL_PARTNERS,)


def cell_count(layout: Layout, level: Level) -> int:
    """Return how many cells a level has over all flows and periods."""
    return len(layout.flows) * len(layout.periods) * len(partners_of(layout, level)) * len(products_of(layout, level))


def cells(layout: Layout, level: Level) -> Iterator[Cell]:
    """Yield the keys of a level's cells in published order."""
    keys = combinations(layout.flows, layout.periods, partners_of(layout, level), products_of(layout, level))
    for flow, period, partner, product in keys:
        yield Cell(flow=flow, period=period, partner=partner, product=product, level=level)


def groupings(layout: Layout, level: Level) -> tuple[NDArray[np.uint32], ...]:
    """Return the cells of a level that leaves add to, one array (leaves,) or two; `NOWHERE` where a leaf adds to none.

    The first has every leaf, re-exports adding to exports where both are released; the second, where there is such a
    flow, has its leaves alone, adding to its own cells. No cell occurs in both.
    """
    places = {flow: place for place, flow in enumerate(layout.flows)}
    gross = [places[layout.of_which.get(flow, flow)] for flow in layout.flows]
    if not layout.of_which:
        return (_cells(layout, level, gross),)
    parts = [places[flow] if flow in layout.of_which else -1 for flow in layout.flows]
    return _cells(layout, level, gross), _cells(layout, level, parts)


def cells_of_leaves(layout: Layout, level: Level) -> NDArray[np.uint32]:
    """Return, for each leaf in order, the level's cell of its own flow, or `NOWHERE`; shape (leaves,)."""
    return _cells(layout, level, list(range(len(layout.flows))))


def added(amounts: NDArray[np.float64], grouping: NDArray[np.uint32], cells: int) -> NDArray[np.float64]:
    """Return the sums of leaves' amounts in a level's cells; shape (cells,)."""
    sums = np.bincount(np.minimum(grouping, cells), weights=amounts, minlength=cells + 1)
    return np.asarray(sums[:cells], dtype=np.float64)


def at_leaves(figures: NDArray[np.float64], grouping: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the figure of the cell that each leaf adds to, 0 where it adds to none; shape (leaves,)."""
    return np.asarray(np.append(figures, 0.0)[np.minimum(grouping, figures.size)], dtype=np.float64)


def _cells(layout: Layout, level: Level, flow_of: list[int]) -> NDArray[np.uint32]:
    """Return the cell of each leaf when the leaves of a flow add to another's cells, or, with -1, to none."""
    shape = (len(layout.flows), len(layout.periods), len(layout.partners), len(layout.products))
    flow, period, partner, product = np.ogrid[tuple(slice(size) for size in shape)]
    flow, place = np.asarray(flow_of)[flow], _product_places(layout, level)[product]
    cell = flow * len(layout.periods) + period
    if level.by_partner:
        cell = cell * len(layout.partners) + partner
    cell = cell * len(products_of(layout, level)) + place
    cell = np.where((flow < 0) | (place < 0), NOWHERE, cell)
    return np.asarray(np.broadcast_to(cell, shape), dtype=np.uint32).ravel()


def _product_places(layout: Layout, level: Level) -> NDArray[np.int64]:
    """Return the place among a level's products of each leaf's product, -1 where there is none; shape (products,)."""
    if level.digits:
        order = {code: place for place, code in enumerate(products_of(layout, level))}
        return np.asarray([order.get(product_at(leaf, level.digits) or "", -1) for leaf in layout.products])
    if level.by_section:
        section = dict(zip(layout.chapters, layout.sections, strict=True))
        return np.asarray([layout.section_codes.index(section[leaf[:2]]) for leaf in layout.products])
    return np.zeros(len(layout.products), dtype=np.int64)
