"""Time and peak memory of making practice worlds, one process a size: `python benchmarks/practice.py 1 10 50`.

Arguments are millions of lines over four offices. Prints a Markdown table. Files are written below `--folder` (a new
temporary folder unless given) and removed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from release.practice import World, generate

KIBIBYTES_IN_A_MIB = 1024


def measured(millions: float, folder: Path) -> str:
    """Return one row of the table: lines, seconds, lines a second, peak memory, size on disk."""
    rows = round(millions * 1e6 / 4)
    world = World(traders=max(1800, rows // 42), rows=rows)
    began = time.perf_counter()
    facts = generate(world, folder)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES_IN_A_MIB
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 2**20
    rate = facts.lines / seconds
    return f"| {facts.lines:,} | {world.traders:,} | {seconds:.1f} | {rate:,.0f} | {peak:,.0f} | {size:,.0f} |"


def main() -> None:
    """Measure each size in a process of its own, so that peaks don't mix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1.0, 10.0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(measured(arguments.millions[0], arguments.folder), flush=True)
        return
    print("| lines | traders an office | seconds | lines a second | peak memory, MiB | Parquet, MiB |")
    print("|---:|---:|---:|---:|---:|---:|", flush=True)
    for size in arguments.millions:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            command = [sys.executable, __file__, str(size), "--inside", "--folder", folder]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
