"""Batches of a streaming query, one after the other.

polars' own `collect_batches` ends without a word when its query fails, as if there were no more rows. Here a failure in
any batch is raised.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Queue
from threading import Event

import polars as pl

_AHEAD = 4


def batches(query: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield all rows of a query in batches, in any order; whatever the query raises, it raises here."""
    ready: Queue[pl.DataFrame | None] = Queue(_AHEAD)
    stopped = Event()

    def take(batch: pl.DataFrame) -> bool:
        ready.put(batch)
        return stopped.is_set()

    def run() -> None:
        try:
            query.sink_batches(take, maintain_order=False, lazy=False, engine="streaming")
        finally:
            ready.put(None)

    with ThreadPoolExecutor(1) as thread:
        query_done = thread.submit(run)
        try:
            while (batch := ready.get()) is not None:
                yield batch
            query_done.result()
        finally:
            stopped.set()
            while not query_done.done():
                with suppress(Empty):
                    ready.get(timeout=0.05)
