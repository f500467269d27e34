"""Least-squares estimates of a release's levels: which published levels make up which table, margins and trees.

Each flow and period is one table of its own. Chapters (or sections, where no finer level is measured) are its margin,
headings and subheadings trees below it. The arithmetic is `reconciliation`'s; intervals and display are left to others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from release.reconciliation import Combination, Estimates, Measurements, reconcile, variance_of
from release.reconciliation import Level as Tree
from release.tables import Layout, Level, partners_of, products_of

BELOW_CELLS = (Level.PARTNER_HEADING, Level.PARTNER_SUBHEADING)
"""Levels whose cells lie below partner x chapter."""

BELOW_CHAPTERS = (Level.HEADING, Level.SUBHEADING)
"""Levels whose cells lie below chapters of all partners."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures:
    """A level's figures in the measure's unit, with their standard deviations; both of shape (cells,)."""

    values: NDArray[np.float64]
    sd: NDArray[np.float64]


Levels = Mapping[Level, Figures]


def reconciled(layout: Layout, measured: Levels) -> dict[Level, Figures]:
    """Return the least-squares estimates of the measured levels; all sums between them hold.

    Flows and periods are reconciled one by one, re-exports beside the exports that they are a part of. Where both
    sections and chapters are measured, chapters carry the estimates and a section is the sum of its chapters; the
    section's own measurement then isn't used.
    """
    blocks = [_block(layout, measured, number) for number in range(len(layout.flows) * len(layout.periods))]
    return {
        level: Figures(
            values=np.concatenate([block[level].values for block in blocks]),
            sd=np.concatenate([block[level].sd for block in blocks]),
        )
        for level in measured
    }


def _block(layout: Layout, measured: Levels, number: int) -> dict[Level, Figures]:
    """Return the estimates of one flow and period."""
    own = {level: _cut(figures, number, len(layout.flows) * len(layout.periods)) for level, figures in measured.items()}
    if len(own) == 1:
        return own
    estimates = reconcile(measurements_of(layout, own))
    found = estimates_by_level(estimates, own)
    summed = {level: _sections(layout, estimates, level, own[level]) for level in own if level not in found}
    return {level: (found | summed)[level] for level in own}


def _cut(figures: Figures, number: int, blocks: int) -> Figures:
    return Figures(values=np.split(figures.values, blocks)[number], sd=np.split(figures.sd, blocks)[number])


def measurements_of(layout: Layout, own: Levels) -> Measurements:
    """Return the measured levels of one flow and period as the table with trees that is reconciled."""
    margin, leaf = _margin_and_leaf(own)

    def known(level: Level) -> Figures:
        count = len(partners_of(layout, level)) * len(products_of(layout, level))
        return own.get(level) or Figures(values=np.zeros(count), sd=np.full(count, np.inf))

    def below(levels: tuple[Level, ...]) -> tuple[Tree, ...]:
        depth = max((place for place, level in enumerate(levels, start=1) if level in own), default=0)
        return tuple(
            Tree(values=known(level).values, sd=known(level).sd, parents=_parents(layout, level))
            for level in levels[:depth]
        )

    shape = (len(layout.partners), len(products_of(layout, leaf)))
    return Measurements(
        total=float(known(Level.TOTAL).values[0]),
        total_sd=float(known(Level.TOTAL).sd[0]),
        partners=known(Level.PARTNER).values,
        partners_sd=known(Level.PARTNER).sd,
        chapters=known(margin).values,
        chapters_sd=known(margin).sd,
        leaves=known(leaf).values.reshape(shape),
        leaves_sd=known(leaf).sd.reshape(shape),
        subtrees=below(BELOW_CELLS),
        chapter_subtrees=below(BELOW_CHAPTERS),
    )


def estimates_by_level(estimates: Estimates, own: Levels) -> dict[Level, Figures]:
    """Return the estimates of each level of the reconciled table, sections apart where chapters carry it."""
    margin, leaf = _margin_and_leaf(own)
    found = {
        Level.TOTAL: Figures(values=np.array([estimates.total]), sd=np.array([estimates.total_sd])),
        Level.PARTNER: Figures(values=estimates.partners, sd=estimates.partners_sd),
        margin: Figures(values=estimates.chapters, sd=estimates.chapters_sd),
        leaf: Figures(values=estimates.leaves.ravel(), sd=estimates.leaves_sd.ravel()),
    }
    trees = ((BELOW_CELLS, estimates.subtrees), (BELOW_CHAPTERS, estimates.chapter_subtrees))
    for levels, figures in trees:
        found |= {level: Figures(values=one.values, sd=one.sd) for level, one in zip(levels, figures, strict=False)}
    return found


def _margin_and_leaf(own: Levels) -> tuple[Level, Level]:
    if any(level.digits for level in own):
        return Level.CHAPTER, Level.PARTNER_CHAPTER
    return Level.SECTION, Level.PARTNER_SECTION


def _parents(layout: Layout, level: Level) -> NDArray[np.int64]:
    """Return, for each cell of a level of headings or subheadings in one block, its cell in the level above."""
    above = next(one for one in Level if (one.by_partner, one.digits) == (level.by_partner, level.digits - 2))
    places = {code: place for place, code in enumerate(products_of(layout, above))}
    within = np.array([places[code[: above.digits]] for code in products_of(layout, level)], dtype=np.int64)
    partner = np.arange(len(partners_of(layout, level)))[:, None]
    return np.asarray(partner * len(places) + within).ravel()


def _sections(layout: Layout, estimates: Estimates, level: Level, measured: Figures) -> Figures:
    """Return sums of chapters' estimates with the exact standard deviations; what they don't tell stays as measured."""
    combined = list(_section_sums(layout, estimates, level))
    values = np.array([value for value, _ in combined])
    deviations = np.sqrt([variance for _, variance in combined])
    told = np.isfinite(values) & np.isfinite(deviations)
    return Figures(values=np.where(told, values, measured.values), sd=np.where(told, deviations, measured.sd))


def _section_sums(layout: Layout, estimates: Estimates, level: Level) -> Iterator[tuple[float, float]]:
    members = [np.array([own == code for own in layout.sections]) for code in layout.section_codes]
    if level is Level.SECTION:
        for chosen in members:
            weights = chosen.astype(np.float64)
            yield float(estimates.chapters[chosen].sum()), variance_of(estimates, Combination(chapters=weights))
        return
    for partner in range(len(layout.partners)):
        for chosen in members:
            leaves = np.zeros_like(estimates.leaves)
            leaves[partner, chosen] = 1.0
            yield float(estimates.leaves[partner, chosen].sum()), variance_of(estimates, Combination(leaves=leaves))
