"""One engine on one release's records: a digest of its integers before noise, CPU seconds, wall time and peak memory.

    python benchmarks/engines.py WORLD/cells-5e4.toml polars|duckdb|postgres|spark [--service NAME] [--memory 1GB]

Each call is one process; equal digests mean equal integers. With `--service` the records are in a table with the
columns of the files. The CPU of a database's server, or of Spark's driver on this machine, is told beside that of this
process; the peak is that of the larger process.
"""

import argparse
import hashlib
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from release.confidential.database.files import by_duckdb
from release.confidential.database.postgres import vectors_of_table
from release.confidential.engine import Vectors, exact_vectors, vectors_of_rows
from release.confidential.rows import shaped
from release.confidential.rules import NO_IDS
from release.confidential.sources import hold
from release.confidential.tables import HeldTable
from release.config import load_release
from release.config.office import SparkPlace
from release.plan import ReleasePlan, make_plan


def of_files(plan: ReleasePlan, place: Path, engine: str, memory: str) -> Vectors:
    """Return the integers of Parquet files."""
    files = hold(place, "parquet")
    if engine == "duckdb":
        return by_duckdb(files, plan, NO_IDS, folder=place.parent / "state" / "spilled", memory=memory)
    if engine == "spark":
        from release.confidential.database.clustered import SparkFiles

        spark = SparkFiles(files, SparkPlace(driver_memory=memory), folder=place.parent / "state" / "spilled")
        try:
            return spark.vectors(plan, NO_IDS)
        finally:
            spark.close()
    return exact_vectors(files, plan, folder=place.parent / "state" / "spilled")


def of_table(plan: ReleasePlan, table: HeldTable, engine: str, folder: Path) -> Vectors:
    """Return the integers of a table, and tell what its digest took."""
    began = time.perf_counter()
    table.digest()
    print(f"digest: {time.perf_counter() - began:.1f} s of wall time", file=sys.stderr)
    if engine == "postgres":
        return vectors_of_table(table, plan, NO_IDS)
    return vectors_of_rows((shaped(frame, plan.release.source) for frame in table.frames()), plan, folder=folder)


def server_seconds(table: HeldTable) -> float:
    """Return the CPU seconds of the server's process for this connection, where it is on this machine."""
    fields = Path(f"/proc/{table.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Work the integers out and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("engine", choices=("polars", "duckdb", "postgres", "spark"))
    parser.add_argument("--service")
    parser.add_argument("--table", default="declarations")
    parser.add_argument("--memory")
    given = parser.parse_args()
    memory = given.memory or ("2g" if given.engine == "spark" else "60%")
    plan = make_plan(*load_release(given.release))
    began, server = time.perf_counter(), 0.0
    if given.service is None:
        vectors = of_files(plan, given.release.parent / str(plan.release.source.path), given.engine, memory)
    else:
        source = replace(plan.release.source, layout="table", service=given.service, table=given.table, path=None)
        plan = replace(plan, release=replace(plan.release, source=source))
        table = HeldTable(source, work=given.engine == "postgres")
        vectors = of_table(plan, table, given.engine, given.release.parent / "state" / "spilled")
        server = server_seconds(table)
        table.close()
    wall = time.perf_counter() - began
    used, started = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    server += started.ru_utime + started.ru_stime
    whole = hashlib.sha256()
    for key in sorted(vectors):
        whole.update(repr(key).encode() + vectors[key].tobytes())
    print(
        f"{given.engine}, {'table' if given.service else 'files'}: integers {whole.hexdigest()[:16]},"
        f" CPU {used.ru_utime + used.ru_stime:.1f} s and {server:.1f} s of the server or driver, wall {wall:.1f} s,"
        f" peak {max(used.ru_maxrss, started.ru_maxrss) / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
