"""The registers of trading firms: how large firms are, and who is drawn for a relation.

Firms' sizes follow a Pareto law in the tail (Hill exponent 1.1 to 1.3, the top 1 % hold about half) and fall faster
below it. A firm is drawn in proportion to its size to a power; the rest of its size goes into its relations' values, so
a firm's expected trade is proportional to its size, and large firms have more partners, more products and larger
shipments.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from release.codelists import chapter_codes, section_of_chapter
from release.practice.parameters import chapter_shares
from release.practice.world import World

PULL = 0.5
"""The power of size by which a firm is drawn."""
TAIL_PART = 0.03
BODY = 0.5
"""Below the largest 3 % sizes fall faster, with this exponent, as in the Korean declarations."""
AT_HOME = 0.7
"""The part of relations in which a firm trades goods of its own section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firms:
    """The register of an office's trading firms; arrays have one element a firm.

    Attributes:
        size: relative size of the firm's exports and imports; shape (2, firms), exports first.
        home: index of the firm's own section.
    """

    size: NDArray[np.float64]
    home: NDArray[np.int64]


def section_indices() -> NDArray[np.int64]:
    """Return the index of each chapter's section; chapters without one have a section of their own."""
    names = sorted(set(section_of_chapter().values()))
    return np.asarray([names.index(section_of_chapter()[chapter]) for chapter in chapter_codes()])


def tail_exponent(traders: int) -> float:
    """Return the Pareto exponent of sizes: 1.18 in a large register, less in one too small to show its tail."""
    return min(1.18, max(1.0, 1.15 + 0.02 * math.log(traders / 1500)))


def firms_of(world: World, office: str, rng: np.random.Generator) -> Firms:
    """Return an office's register: Pareto sizes at evenly spread quantiles, split between exports and imports."""
    quantile = (np.arange(world.traders) + rng.uniform(0.3, 0.7, world.traders)) / world.traders
    tail = tail_exponent(world.traders)
    body = np.maximum(quantile / TAIL_PART, 1.0) ** (1.0 / tail - 1.0 / BODY)
    total = rng.permutation(quantile ** (-1.0 / tail) * body)
    exports = rng.beta(0.6, 0.6, world.traders)
    others = [other for other in world.offices if other != office]
    share = sum((chapter_shares()[office, other] for other in others), np.zeros(len(chapter_codes())))
    by_section = np.bincount(section_indices(), weights=share)
    home = rng.choice(len(by_section), size=world.traders, p=by_section / by_section.sum())
    return Firms(size=np.stack([total * exports, total * (1.0 - exports)]) + 1e-9, home=home)


def drawn_firms(firms: Firms, role: int, chapter: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int32]:
    """Return a firm for each relation, by its size to a power, mostly from firms at home in the chapter's section."""
    pull = firms.size[role] ** PULL
    everyone = np.cumsum(pull)
    drawn = np.searchsorted(everyone, rng.uniform(0.0, everyone[-1], len(chapter)), side="right")
    section = np.where(rng.random(len(chapter)) < AT_HOME, section_indices()[chapter], -1)
    for one in np.unique(section[section >= 0]):
        locals_ = np.flatnonzero(firms.home == one)
        seekers = np.flatnonzero(section == one)
        if len(locals_):
            nearby = np.cumsum(pull[locals_])
            place = np.searchsorted(nearby, rng.uniform(0.0, nearby[-1], len(seekers)), side="right")
            drawn[seekers] = locals_[np.minimum(place, len(locals_) - 1)]
    return np.minimum(drawn, len(pull) - 1).astype(np.int32)
