"""The engine in this process, on polars and numpy: from rows to each tier's and measure's integers before noise.

Rows stream in batches; traders are worked on a part at a time, parts on all cores. All sums are of integers, so that
neither the order of rows nor that of threads decides anything.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.excess import added_integers
from release.confidential.leaves import amounts
from release.confidential.preparation import NO_IDS, Ids, Preparation
from release.confidential.rows import scan_rows
from release.confidential.sources import HeldFile, columns_of
from release.plan import ReleasePlan
from release.tables import Measure, Tier

Vectors = dict[tuple[Tier, Measure], NDArray[np.int64]]

Given = TypeVar("Given")
Made = TypeVar("Made")

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
    """Return each tier's and measure's clipped integer vector before noise, of the first `rows` rows or of all.

    The traders in `protected` stay in the uniform tier alone. Lines that don't fit in memory are written to an unnamed
    file in `folder`. Confidential: nothing of it leaves this package.
    """
    read = scan_rows(files, plan.release.source, columns_of(plan.release.source))
    preparing = Preparation(plan, ids)
    asked = preparing.trader_codes(protected).tolist()
    vectors = {
        (tier, measure.measure): np.zeros(measure.cells, np.int64)
        for measure in plan.measures
        for tier in ((Tier.UNIFORM,) if measure.excess is None else tuple(Tier))
    }
    parts = amounts(read if rows is None else read.head(rows), plan, preparing, folder=folder)
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


def on_all_cores(work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """Yield what `work` makes of each thing given, in their order, holding no more of them than there are cores."""
    cores = len(os.sched_getaffinity(0))
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for one in given:
            waiting.append(pool.submit(work, one))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
