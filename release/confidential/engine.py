"""The engine in this process, on polars and numpy: from rows to each tier's and measure's integers before noise.

Rows stream in batches; traders are worked on a part at a time, parts on all cores. All sums are of integers, so that
neither the order of rows nor that of threads decides anything.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.cores import on_all_cores
from release.confidential.excess import added_integers
from release.confidential.leaves import amounts
from release.confidential.preparation import Preparation
from release.confidential.rows import scans
from release.confidential.rules import NO_IDS, Ids
from release.confidential.sources import HeldFile, columns_of
from release.plan import ReleasePlan
from release.tables import Measure, Tier

Vectors = dict[tuple[Tier, Measure], NDArray[np.int64]]

_LIMIT = 2**62
"""A vector is kept within this, where no noise can carry it out of 64 bits; that never expands a change."""


def exact_vectors(
    files: Sequence[HeldFile],
    plan: ReleasePlan,
    ids: Ids = NO_IDS,
    *,
    rows: int | None = None,
    protected: tuple[str, ...] = (),
    folder: Path | None = None,
) -> Vectors:
    """Return the vectors of some files' rows, of the first `rows` of each frame or of all; see `vectors_of_rows`."""
    read = scans(files, plan.release.source, columns_of(plan.release.source))
    some = read if rows is None else [frame.head(rows) for frame in read]
    return vectors_of_rows(some, plan, ids, protected=protected, folder=folder)


def vectors_of_rows(
    frames: Iterable[pl.LazyFrame],
    plan: ReleasePlan,
    ids: Ids = NO_IDS,
    *,
    protected: tuple[str, ...] = (),
    folder: Path | None = None,
) -> Vectors:
    """Return each tier's and measure's clipped integer vector before noise.

    The traders in `protected` stay in the uniform tier alone. Lines that don't fit in memory are written to an unnamed
    file in `folder`. Confidential: nothing of it leaves this package.
    """
    preparing = Preparation(plan, ids)
    asked = preparing.trader_codes(protected).tolist()
    vectors = {
        (tier, measure.measure): np.zeros(measure.cells, np.int64)
        for measure in plan.measures
        for tier in ((Tier.UNIFORM,) if measure.excess is None else tuple(Tier))
    }
    parts = amounts(frames, plan, preparing, folder=folder)
    for added in on_all_cores(partial(_added, plan, asked), parts):
        for key, vector in added.items():
            vectors[key] += vector
    return {key: np.clip(vector, -_LIMIT, _LIMIT) for key, vector in vectors.items()}


def _added(plan: ReleasePlan, protected: Sequence[int], sums: pl.DataFrame) -> Vectors:
    """Return what some traders add to each vector."""
    added: Vectors = {}
    for measure in plan.measures:
        own = sums.select("trader", "leaf", pl.col(measure.measure).alias("amount"))
        added[Tier.UNIFORM, measure.measure], excess = added_integers(own, measure, protected)
        if measure.excess is not None:
            added[Tier.LARGE_TRADER, measure.measure] = excess
    return added
