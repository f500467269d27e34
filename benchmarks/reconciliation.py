"""Prints how long reconciliation takes, and how much memory, from ten thousand cells to a million.

Two shapes: square tables (partners x chapters), and 250 partners x 100 chapters with trees below.
Each size runs in a process of its own, for its peak memory. Run `python benchmarks/reconciliation.py`.
"""

import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from release.reconciliation import Combination, Level, Measurements, reconcile, variance_of

SQUARES = (100, 316, 1000)
DEEP = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Seconds for all estimates and variances, and for one combination's variance; peak memory in MiB."""

    cells: int
    reconcile: float
    variance: float
    peak: float


def square(side: int) -> Measurements:
    """Return a table of side x side leaves whose noise grows from leaves to total."""
    return table(np.random.default_rng(side), side, side, ())


def deep(cells: int) -> Measurements:
    """Return 250 x 100 leaves (25 x 10 when small), a tenth of the cells as headings, the rest below."""
    rng = np.random.default_rng(cells)
    partners, chapters = (25, 10) if cells < 100_000 else (250, 100)
    headings = cells // 10
    counts = (partners * chapters, headings, cells - headings)
    levels = [
        Level(values=rng.normal(size=own), sd=noise(rng, own), parents=rng.integers(0, above, size=own))
        for above, own in pairwise(counts)
    ]
    return table(rng, partners, chapters, tuple(levels))


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return standard deviations over four powers of ten, a hundredth of them unmeasured."""
    return np.where(rng.random(shape) < 0.01, np.inf, 10.0 ** rng.uniform(-2, 2, size=shape))


def table(rng: np.random.Generator, partners: int, chapters: int, subtrees: tuple[Level, ...]) -> Measurements:
    """Return random measurements of a table with these trees below its leaves."""
    return Measurements(
        total=0.0,
        total_sd=1.0,
        partners=rng.normal(size=partners),
        partners_sd=noise(rng, partners),
        chapters=rng.normal(size=chapters),
        chapters_sd=noise(rng, chapters),
        leaves=rng.normal(size=(partners, chapters)),
        leaves_sd=noise(rng, partners, chapters),
        subtrees=subtrees,
    )


def measure(shape: str, size: int) -> Result:
    """Return the figures of one size."""
    measured = square(size) if shape == "square" else deep(size)
    start = time.perf_counter()
    estimates = reconcile(measured)
    reconciled = time.perf_counter()
    variance_of(estimates, Combination(partners=np.ones(len(measured.partners)), total=-0.5))
    return Result(
        cells=measured.leaves.size + sum(level.values.size for level in measured.subtrees),
        reconcile=reconciled - start,
        variance=time.perf_counter() - reconciled,
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def main() -> None:
    """Print one line a size."""
    print(f"{'shape':8}{'cells':>10}{'reconcile s':>13}{'variance s':>12}{'us a cell':>11}{'peak MiB':>10}")
    sizes = [("square", size) for size in SQUARES] + [("deep", size) for size in DEEP]
    for shape, size in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (shape, size))
        each = 1e6 * found.reconcile / found.cells
        print(
            f"{shape:8}{found.cells:>10,}{found.reconcile:>13.3f}{found.variance:>12.3f}{each:>11.2f}{found.peak:>10.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
