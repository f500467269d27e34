"""Work on all cores: threads, since polars, numpy and OpenDP work outside the interpreter's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


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
