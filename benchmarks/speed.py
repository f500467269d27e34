"""Time and memory of a run beside the query without privacy and its rivals: one table, ratios from one run.

    python benchmarks/speed.py [--millions 1 10] [--folder DIR] [--shapes cells-5e4 ...] [--figures FILE]
                               [--tumult PYTHON] [--pipelinedp PYTHON] [--heavy-up-to 10] [--bounding-up-to 50]

Each line is a process of its own: CPU seconds are the process' and its children's, user and system; the peak is its
largest resident memory. Ratios are to the frozen bounding of `speed_rivals` on the same records in the same run, since
seconds depend on the machine and on what else it does. The worlds are made once, below `--folder`. Tumult Analytics
and PipelineDP run in environments of their own, whose Python the options name; without one they are left out.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from speed_world import write_world

from release.codelists import area_codes, chapter_codes

RIVALS = Path(__file__).with_name("speed_rivals.py")
MIRRORS = Path(sys.executable).with_name("mirrors")
PLAIN = ("polars", "duckdb")
OTHERS = {"Tumult Analytics": "speed_tumult.py", "PipelineDP": "speed_pipelinedp.py"}
MEASURED_INSIDE = "Tumult Analytics"
"""It starts Java, whose CPU seconds and memory it tells itself in its last line."""

RUNS = ("cells-1e3", "cells-5e4", "cells-5e4-three", "cells-1e6")
VERSIONS = ("polars", "opendp", "numpy", "duckdb", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one process took.

    Attributes:
        noise: CPU seconds of the noise alone, drawn again over as many cells in a process of its own; 0 where none is.
        trader_cells: of the world, to two per cent or so; 0 where none is.
        largest: the largest trader's part of the lines.
    """

    what: str
    millions: int
    shape: str
    cpu: float
    wall: float
    peak: float
    noise: float = 0.0
    trader_cells: int = 0
    largest: float = 0.0


def timed(what: str, millions: int, shape: str, command: Sequence[object], *, noise: float = 0.0) -> Timing:
    """Return what a command took.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{what}: {output.decode()[-500:]}")
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    if what == MEASURED_INSIDE:
        cpu, peak = map(float, output.split()[-2:])
    return Timing(
        what=what, millions=millions, shape=shape, cpu=cpu, wall=time.perf_counter() - began, peak=peak, noise=noise
    )


def of_world(
    folder: Path, millions: int, shapes: Sequence[str], rivals: Sequence[str], others: Mapping[str, str]
) -> Iterator[Timing]:
    """Yield the timings of one world as they come: `rivals` here, `others` by the Python of their environment."""
    release = folder / "cells-5e4.toml"
    for rival in rivals:
        yield timed(rival, millions, release.stem, [sys.executable, RIVALS, rival, release])
    for name, python in others.items():
        lines = folder / "lines.parquet"
        timed("flat", millions, release.stem, [sys.executable, RIVALS, "flat", release])
        sizes = [str(len(codes) + 1) for codes in (area_codes(), chapter_codes())]
        yield timed(name, millions, release.stem, [python, RIVALS.with_name(OTHERS[name]), lines, *sizes])
    for shape in shapes:
        shutil.rmtree(folder / "state", ignore_errors=True)
        shutil.rmtree(folder / "published", ignore_errors=True)
        noise = noise_of(folder / f"{shape}.toml")
        yield timed("mirrors run", millions, shape, [MIRRORS, "run", folder / f"{shape}.toml"], noise=noise)


def counted(folder: Path) -> tuple[int, float]:
    """Return a world's number of trader-cells and its largest trader's part of the lines."""
    asked = [sys.executable, RIVALS, "counts", folder / "cells-5e4.toml"]
    cells, largest = subprocess.run(asked, capture_output=True, check=True).stdout.split()
    return int(cells), float(largest)


def noise_of(release: Path) -> float:
    """Return the CPU seconds of drawing noise for a release's cells."""
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from release.config import load_release
from release.plan import make_plan
from release.confidential.noise import noisy
plan = make_plan(*load_release(Path(sys.argv[1])))
def used():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime
noisy(np.zeros(2, np.int64), plan.measures[0], release="timed", charged=plan.measures[0].rho)
began = used()
for measure in plan.measures:
    noisy(np.zeros(measure.cells, np.int64), measure, release="timed", charged=measure.rho)
print(used() - began)
"""
    return float(subprocess.run([sys.executable, "-c", script, release], capture_output=True, check=True).stdout)


def commands(folder: Path) -> Iterator[Timing]:
    """Yield the timings of the short commands, on a demo made for them."""
    demo = folder / "demo"
    shutil.rmtree(demo, ignore_errors=True)
    yield timed("mirrors --help", 0, "", [MIRRORS, "--help"])
    yield timed("mirrors demo", 0, "", [MIRRORS, "demo", "--out", demo])
    offices = demo / "offices"
    office = min(path for path in offices.iterdir() if path.is_dir())
    release = next(path for path in sorted(office.glob("*.toml")) if path.name != "office.toml")
    bundles = sorted((demo / "published").glob("*/*/datapackage.json"))
    yield timed("mirrors plan, demo", 0, "", [MIRRORS, "plan", release])
    yield timed("mirrors verify, one bundle", 0, "", [MIRRORS, "verify", bundles[0].parent])
    yield timed("mirrors compare, all bundles", 0, "", [MIRRORS, "compare", *(path.parent for path in bundles)])


def table(timings: Sequence[Timing]) -> str:
    """Return the timings as one table, with ratios to the frozen bounding of the same records."""
    lines = [
        "| rows | trader-cells | largest trader | what | cells | CPU s | of it noise | wall s | peak GB"
        " | CPU without noise, ratio to the bounding |",
        "|---:|---:|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    base = {one.millions: one.cpu for one in timings if one.what == "bounding"}
    for one in timings:
        ratio = f"{(one.cpu - one.noise) / base[one.millions]:.2f}" if one.millions in base else ""
        rows = f"{one.millions} M | {one.trader_cells / 1e6:.1f} M | {one.largest:.2%}" if one.millions else "| |"
        noise = f"{one.noise:.1f}" if one.noise else ""
        figures = f"{one.cpu:.1f} | {noise} | {one.wall:.1f} | {one.peak:.2f} | {ratio}"
        lines.append(f"| {rows} | {one.what} | {one.shape} | {figures} |")
    return "\n".join(lines)


def machine() -> str:
    """Return what the figures depend on, in a line."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {versions}"


def main() -> None:
    """Time what the command line names and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", nargs="*", type=int, default=[1, 10, 50])
    parser.add_argument("--shapes", nargs="*", default=RUNS)
    parser.add_argument("--folder", type=Path, help="where worlds are kept; else a temporary folder")
    parser.add_argument("--tumult", help="the Python of an environment with Tumult Analytics, and Java")
    parser.add_argument("--pipelinedp", help="the Python of an environment with PipelineDP")
    parser.add_argument("--heavy-up-to", type=int, default=10, help="millions of rows up to which other tools run")
    parser.add_argument("--bounding-up-to", type=int, default=50, help="and the bounding, which takes 0.4 GB a million")
    parser.add_argument("--figures", type=Path, help="a JSON file that keeps the figures for the plot")
    given = parser.parse_args()
    timings = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for millions in given.millions:
            world = write_world(folder / f"w{millions}", millions * 1_000_000)
            heavy = millions <= given.heavy_up_to
            bounded = ("bounding",) if millions <= given.bounding_up_to else ()
            rivals = (*PLAIN, *bounded, *(("opendp",) if heavy else ()))
            named = zip(OTHERS, (given.tumult, given.pipelinedp), strict=True)
            others = {name: python for name, python in named if python is not None and heavy}
            cells, largest = counted(world)
            for timing in of_world(world, millions, given.shapes, rivals, others):
                one = replace(timing, trader_cells=cells, largest=largest)
                print(f"  {one.millions} M, {one.what} {one.shape}: {one.cpu:.1f} CPU s", file=sys.stderr, flush=True)
                timings.append(one)
        timings += commands(Path(temporary))
    print(machine())
    print(f"load of the machine meanwhile: {os.getloadavg()[2]:.1f}")
    print(table(timings))
    if given.figures:
        given.figures.write_text(json.dumps([asdict(one) for one in timings], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
