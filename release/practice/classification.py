"""How the two sides classify a shipment: mostly alike, sometimes in another chapter, sometimes concealed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from release.codelists import chapter_codes
from release.practice.parameters import chapter_shares, commodities
from release.practice.passage import Passage
from release.practice.records import Records
from release.practice.relations import PERSISTENT, commodity_of, misread
from release.practice.setting import EXPORTS, IMPORTS, Pair, Setting, draws

SMALL_CHAPTER = 0.01
"""Only chapters below this part of a pair's value are concealed."""
UNSPECIFIED = "99"


def classified(passage: Passage, exporter: Records, importer: Records) -> tuple[Records, Records]:
    """Return both records with the commodities that either side gives."""
    relations, lines = passage.pair.relations, passage.shipments.relation
    true, rng = passage.shipments.commodity, passage.rng
    always = relations.misread_chapter[lines]
    once = (rng.random(len(lines)) < passage.sizes.misclassified * (1.0 - PERSISTENT)) & (always < 0)
    wrong = np.where(once, misread(passage.shipments.chapter, chapter_shares()[passage.pair.names], rng), always)
    by_exporter = np.where(once, rng.random(len(lines)) < 0.5, relations.misread_by_exporter[lines])  # noqa: PLR2004
    passage.causes["misclassified"] = int(np.count_nonzero(wrong >= 0))
    other = commodity_of(np.maximum(wrong, 0), rng)
    conceals = concealed_chapters(passage.setting, passage.pair)
    exported = np.where((wrong >= 0) & by_exporter, other, true)
    imported = np.where((wrong >= 0) & ~by_exporter, other, true)
    return (
        replace(exporter, commodity=_concealed(exported, conceals[EXPORTS], rng)),
        replace(importer, commodity=_concealed(imported, conceals[IMPORTS], rng)),
    )


def concealed_chapters(setting: Setting, pair: Pair) -> NDArray[np.bool_]:
    """Return which chapters of a pair each side books as unspecified goods, year by year; shape (2, chapters)."""
    small = chapter_shares()[pair.names] < SMALL_CHAPTER
    draw = draws(setting.world, 8, pair.number).random((2, len(small)))
    return np.asarray(small & (draw < setting.world.asymmetries.concealed), dtype=np.bool_)


def _concealed(
    commodity: NDArray[np.int32], chapters: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int32]:
    hidden = chapters[commodities().chapter[commodity]]
    unspecified = np.full(int(hidden.sum()), chapter_codes().index(UNSPECIFIED), np.int16)
    booked = commodity.copy()
    booked[hidden] = commodity_of(unspecified, rng)
    return booked


def chapter_of(records: Records) -> NDArray[np.int16]:
    """Return the index of each line's recorded chapter."""
    return commodities().chapter[records.commodity]
