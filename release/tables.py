"""The public shape of a release: flows, periods, partners, products, levels, and the order of its cells.

A cell is one published number's place. Every cell follows from public key sets alone, so the shape of a release
doesn't depend on a record. All arrays are ordered flow by flow, within it period by period, partner by partner and
product by product. Pure: no input, no output, no engine.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product as combinations

import numpy as np
from numpy.typing import NDArray

ALL_PARTNERS = "W0"
ALL_PRODUCTS = "TOTAL"
RESIDUAL = "_X"
"""What isn't on a key list goes here; a category like any other."""


class Flow(StrEnum):
    """The direction of trade, in the codes that statistical offices use."""

    IMPORTS = "M"
    EXPORTS = "X"
    RE_IMPORTS = "RM"
    RE_EXPORTS = "RX"


class Level(StrEnum):
    """Which of partner and product a cell is detailed by."""

    TOTAL = "total"
    SECTION = "section"
    PARTNER = "partner"
    CHAPTER = "chapter"
    PARTNER_SECTION = "partner x section"
    PARTNER_CHAPTER = "partner x chapter"

    @property
    def by_partner(self) -> bool:
        """Whether the level is detailed by partner."""
        return self in (Level.PARTNER, Level.PARTNER_SECTION, Level.PARTNER_CHAPTER)

    @property
    def by_section(self) -> bool:
        """Whether the level is detailed by section."""
        return self in (Level.SECTION, Level.PARTNER_SECTION)

    @property
    def by_chapter(self) -> bool:
        """Whether the level is detailed by chapter."""
        return self in (Level.CHAPTER, Level.PARTNER_CHAPTER)


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
    """The key sets of a release; partners and chapters end with the residual.

    Attributes:
        flows: in published order.
        periods: `2024`, `2024-Q1` or `2024-03`, within one calendar year, not overlapping.
        partners: ISO alpha-2 codes, then `_X`.
        chapters: two-digit HS chapters, then `_X`.
        sections: one section code for each chapter, aligned with `chapters`; `_X` for the residual.
    """

    flows: tuple[Flow, ...]
    periods: tuple[str, ...]
    partners: tuple[str, ...]
    chapters: tuple[str, ...]
    sections: tuple[str, ...]

    @property
    def leaves(self) -> int:
        """The number of (flow, period, partner, chapter) leaves."""
        return len(self.flows) * len(self.periods) * len(self.partners) * len(self.chapters)

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
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands twice in the key list")
    return keys


def products_of(layout: Layout, level: Level) -> tuple[str, ...]:
    """Return the product codes of a level, in published order; sections are written as `S01`."""
    if level.by_chapter:
        return layout.chapters
    if level.by_section:
        return tuple(section if section == RESIDUAL else f"S{section}" for section in layout.section_codes)
    return (ALL_PRODUCTS,)


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


def cells_of_leaves(layout: Layout, level: Level) -> NDArray[np.uint32]:
    """Return, for each leaf in order, the index of the level's cell that it belongs to; shape (leaves,)."""
    flows, periods = len(layout.flows), len(layout.periods)
    partners, chapters = len(layout.partners), len(layout.chapters)
    block, partner, chapter = np.meshgrid(
        np.arange(flows * periods), np.arange(partners), np.arange(chapters), indexing="ij"
    )
    product = chapter
    if level.by_section:
        order = {section: index for index, section in enumerate(layout.section_codes)}
        product = np.asarray([order[section] for section in layout.sections])[chapter]
    cell = block
    if level.by_partner:
        cell = cell * partners + partner
    if level.by_section or level.by_chapter:
        cell = cell * len(products_of(layout, level)) + product
    return np.asarray(cell, dtype=np.uint32).ravel()
