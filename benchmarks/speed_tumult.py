"""Tumult Analytics on local Spark, on the lines of `speed_rivals.py flat`: four levels, one measure, rho 1/2.

    PYTHON benchmarks/speed_tumult.py LINES.parquet PARTNERS CHAPTERS

PYTHON is that of an environment with `tmlt.analytics` (and a Java for Spark). Each trader keeps as many cells of a
level as `speed_rivals.KEPT` says, with one line each, clipped. Prints as its last line the CPU seconds and the sum of
the largest resident memories, in GB, of this process and all below it: the system doesn't add Java's to this one's.
"""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession, functions
from tmlt.analytics import (
    AddRowsWithID,
    KeySet,
    MaxGroupsPerID,
    MaxRowsPerGroupPerID,
    QueryBuilder,
    RhoZCDPBudget,
    Session,
)

KEPT = {"total": 1, "partner": 8, "chapter": 8, "partner x chapter": 16}
CLIP = 10**9


def main(file: str, partners: int, chapters: int) -> None:
    """Answer a query a level."""
    spark = SparkSession.builder.master("local[*]").config("spark.driver.memory", "8g")
    spark = spark.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    lines = spark.read.parquet(file)
    leaf = functions.col("leaf").cast("long")
    flow, partner = (leaf / (partners * chapters)).cast("long"), (leaf / chapters).cast("long") % partners
    keyed = {
        "total": (2, flow),
        "partner": (2 * partners, flow * partners + partner),
        "chapter": (2 * chapters, flow * chapters + leaf % chapters),
        "partner x chapter": (2 * partners * chapters, leaf),
    }
    for level, (cells, cell) in keyed.items():
        frame = lines.select("trader", cell.alias("cell"), "cents")
        session = Session.from_dataframe(RhoZCDPBudget(0.125), "lines", frame, AddRowsWithID("trader"))
        query = QueryBuilder("lines").enforce(MaxGroupsPerID("cell", KEPT[level]))
        query = query.enforce(MaxRowsPerGroupPerID("cell", 1)).groupby(KeySet.from_dict({"cell": list(range(cells))}))
        print(level, session.evaluate(query.sum("cents", low=0, high=CLIP), RhoZCDPBudget(0.125)).count())
    print(*used())


def used() -> tuple[float, float]:
    """Return CPU seconds and GB of this process and all that descend from it, while they still live."""
    seconds, peak, ticks = 0.0, 0.0, os.sysconf("SC_CLK_TCK")
    for process in family(os.getpid()):
        folder = Path("/proc", str(process))
        fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        seconds += sum(map(int, fields[11:15])) / ticks
        told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        peak += int(told.get("VmHWM", "0 kB").split()[0]) / 1e6
    return seconds, peak


def family(process: int) -> list[int]:
    """Return a process and all below it."""
    below = Path("/proc", str(process), "task", str(process), "children").read_text().split()
    return [process, *(other for child in below for other in family(int(child)))]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
