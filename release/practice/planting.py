"""Discrepancies planted on purpose: one side's values, multiplied, and counted for the answer sheet."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from release.codelists import chapter_codes
from release.practice.passage import Passage
from release.practice.records import Records
from release.practice.setting import EXPORTS, IMPORTS, Pair
from release.practice.shipments import month_start
from release.practice.world import Discrepancy, Side


def planted(
    passage: Passage, exporter: Records, importer: Records
) -> tuple[Records, Records, tuple[Counter[str], ...]]:
    """Return both records with the planted discrepancies of the pair, and for each of all the values it changed."""
    records = {Side.EXPORTER: exporter, Side.IMPORTER: importer}
    tallies = []
    for one in passage.setting.world.planted:
        tally: Counter[str] = Counter()
        if (one.exporter, one.importer) == passage.pair.names:
            side = Side(one.side)
            lines = _struck(passage, one, records[side])
            lines &= ~passage.setting.exempt[_office(passage.pair, side)][_flow(side)][records[side].firm]
            before = records[side].cents
            after = np.where(lines, np.maximum(1, np.rint(before * one.factor)), before).astype(np.int64)
            records[side] = replace(records[side], cents=after)
            tally["lines"] = int(np.count_nonzero(lines))
            tally["before"], tally["after"] = int(before[lines].sum()), int(after[lines].sum())
        tallies.append(tally)
    return records[Side.EXPORTER], records[Side.IMPORTER], tuple(tallies)


def _office(pair: Pair, side: Side) -> int:
    return pair.exporter if side is Side.EXPORTER else pair.importer


def _flow(side: Side) -> int:
    return EXPORTS if side is Side.EXPORTER else IMPORTS


def _struck(passage: Passage, planted: Discrepancy, records: Records) -> NDArray[np.bool_]:
    """Return the lines that a planted discrepancy changes: its chapters, recorded in its months of the world's year."""
    world = passage.setting.world
    chapters = np.asarray([not planted.chapters or code in planted.chapters for code in chapter_codes()])
    recorded = np.zeros(len(records), np.bool_)
    for month in set(planted.months or world.months) & set(world.months):
        first, beyond = month_start(world.year, month), month_start(world.year, month + 1)
        recorded |= (records.day >= first) & (records.day < beyond)
    return np.asarray(chapters[passage.shipments.chapter] & recorded, dtype=np.bool_)
