"""What `mirrors run` is timed against, each in a process of its own.

    python benchmarks/speed_rivals.py NAME RELEASE.toml

    polars    the group-by of the four levels without privacy, polars
    duckdb    the same, DuckDB
    bounding  a trader-level bound on the same four levels by hand, without noise: frozen, so that figures of other
              days can be compared with it
    opendp    OpenDP's Context with noise: each trader's first cells of a level, each clipped
    counts    no rival: tells the number of trader-cells, to two per cent or so, and the largest trader's part
    flat      no rival: writes `lines.parquet` (trader, leaf, cents) for those that can't read the release

They read the records of `speed_world` and its releases' key sets, and normalise nothing.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from release.config import load_release
from release.plan import ReleasePlan, make_plan
from release.tables import Level


def leaves(plan: ReleasePlan, folder: Path) -> pl.LazyFrame:
    """Return `trader`, `leaf` (UInt32) and `cents` (Int64) of every line, lazily."""
    layout = plan.layout
    flow = code_of(pl.col("flow"), tuple(map(str, layout.flows)), None)
    partner = pl.when(pl.col("flow") == "M").then("partner_consignment").otherwise("partner_destination")
    place = code_of(partner, layout.partners[:-1], len(layout.partners) - 1)
    chapter = code_of(pl.col("commodity").str.slice(0, 2), layout.chapters[:-1], len(layout.chapters) - 1)
    months = 12 // len(layout.periods)
    period = (pl.col("date").dt.month().cast(pl.UInt32) - 1) // months
    block = flow * len(layout.periods) + period
    leaf = (block * len(layout.partners) + place) * len(layout.chapters) + chapter
    cents = (pl.col("value").to_physical()).cast(pl.Int64)
    lines = pl.scan_parquet(folder / "declarations" / "*.parquet")
    return lines.filter(pl.col("date").dt.year() == 2024).select("trader", leaf.alias("leaf"), cents.alias("cents"))


def code_of(text: pl.Expr, codes: tuple[str, ...], otherwise: int | None) -> pl.Expr:
    """Return the place of each text in a list of codes."""
    return text.replace_strict(list(codes), list(range(len(codes))), default=otherwise, return_dtype=pl.UInt32)


def group_by_polars(plan: ReleasePlan, folder: Path) -> None:
    """Sum every level's cells without regard to traders."""
    sums = leaves(plan, folder).group_by("leaf").agg(pl.col("cents").sum()).collect(engine="streaming")
    for level in plan.measures[0].levels:
        print(level.level, np.bincount(level.groupings[0][sums["leaf"]], weights=sums["cents"]).sum())


def group_by_duckdb(plan: ReleasePlan, folder: Path) -> None:
    """Do the same in SQL, on codes as they stand."""
    import duckdb

    sql = """
        select flow, coalesce(partner_consignment, partner_destination) as partner, substr(commodity, 1, 2) as chapter,
            sum(value) as total
        from read_parquet(?) where date >= '2024-01-01' and date < '2025-01-01' group by all
    """
    rows = duckdb.execute(sql, [f"{folder}/declarations/*.parquet"]).fetchall()
    print(plan.cells, len(rows))


def bounding(plan: ReleasePlan, folder: Path) -> None:
    """Sum traders' leaves, cap them, whiten all levels to integers, scale each trader's vector to the bound, add up."""
    measure = plan.measures[0]
    sums = leaves(plan, folder).group_by("trader", "leaf").agg(pl.col("cents").sum()).collect(engine="streaming")
    caps = pl.lit(pl.Series(measure.caps)).gather(pl.col("leaf"))
    capped = sums.with_columns(pl.min_horizontal("cents", caps)).filter(pl.col("cents") > 0)
    parts = []
    for place, level in enumerate(measure.levels):
        cell = pl.lit(pl.Series(level.groupings[0])).gather(pl.col("leaf"))
        weight = pl.lit(pl.Series(level.weights)).gather(pl.col("cell"))
        whole = capped.group_by("trader", cell.alias("cell")).agg(pl.col("cents").sum())
        steps = (pl.col("cents").cast(pl.Float64) * weight).cast(pl.Int64)
        parts.append(whole.select("trader", "cell", pl.lit(place).alias("level"), steps.alias("a")))
    stacked = pl.concat(parts)
    print(f"{sums.height} trader-cells; the largest trader has {largest(folder):.4f} of the lines")
    wide = pl.col("a").cast(pl.Int128)
    norms = stacked.group_by("trader").agg((wide * wide).sum().cast(pl.Float64).sqrt().alias("norm"))
    over = norms.filter(pl.col("norm") > measure.bound)
    factor = (float(measure.bound) / pl.col("norm")).fill_null(1.0)
    clipped = (pl.col("a").cast(pl.Float64) * factor).floor().cast(pl.Int64)
    long = stacked.join(over, on="trader", how="left")
    print(long.group_by("level", "cell").agg(clipped.sum().alias("u")).height)


def largest(folder: Path) -> float:
    """Return the largest trader's part of the first file's lines."""
    first = min((folder / "declarations").glob("*.parquet"))
    counts = pl.read_parquet(first, columns=["trader"])["trader"].value_counts()["count"]
    return float(counts.to_numpy().max() / counts.sum())


KEPT = {Level.TOTAL: 1, Level.PARTNER: 8, Level.CHAPTER: 8, Level.PARTNER_CHAPTER: 16}
"""How many cells of a level the rivals keep for each trader and flow, each at most `CLIP` cents."""

CLIP = 10**9
KEYS: dict[Level, tuple[str, ...]] = {
    Level.TOTAL: ("flow",),
    Level.PARTNER: ("flow", "partner"),
    Level.CHAPTER: ("flow", "chapter"),
    Level.PARTNER_CHAPTER: ("flow", "partner", "chapter"),
}


def context_of_opendp(plan: ReleasePlan, folder: Path) -> None:
    """Answer a query a level: truncated to whole cells, summed by trader and cell, clipped, summed with noise.

    The first cells are kept, since its sampling of groups fails with this polars.
    """
    import opendp.prelude as dp

    dp.enable_features("contrib")
    layout = plan.layout
    sizes = {"flow": len(layout.flows), "partner": len(layout.partners), "chapter": len(layout.chapters)}
    leaf, chapters = pl.col("leaf"), sizes["chapter"]
    flow, partner = leaf // (sizes["partner"] * chapters), leaf // chapters % sizes["partner"]
    lines = leaves(plan, folder).select(
        "trader", "cents", flow.alias("flow"), partner.alias("partner"), (leaf % chapters).alias("chapter")
    )
    context = dp.Context.compositor(
        data=lines,
        privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("trader")),
        privacy_loss=dp.loss_of(rho=0.5),
        split_evenly_over=len(plan.measures[0].levels),
        margins=[dp.polars.Margin(max_length=10**9, max_groups=10**6)],
    )
    for level in plan.measures[0].levels:
        by = KEYS[level.level]
        keys = pl.LazyFrame({"": [0]})
        for name in by:
            keys = keys.join(pl.LazyFrame({name: np.arange(sizes[name], dtype=np.uint32)}), how="cross")
        kept = context.query().truncate_num_groups(KEPT[level.level] * sizes["flow"], by=list(by), keep="first")
        whole = kept.group_by("trader", *by).agg(pl.col("cents").sum().clip(0, CLIP))
        noisy = whole.group_by(by).agg(pl.col("cents").dp.sum((0, CLIP))).with_keys(keys.drop(""))
        print(level.level, noisy.release().collect().height)


def counts(plan: ReleasePlan, folder: Path) -> None:
    """Tell what a world's time depends on, apart from its rows."""
    lines = leaves(plan, folder)
    cells = lines.select(pl.struct("trader", "leaf").hash().approx_n_unique()).collect(engine="streaming").item()
    traders = lines.group_by("trader").len().select(pl.col("len").max() / pl.col("len").sum())
    print(cells, traders.collect(engine="streaming").item())


def flat(plan: ReleasePlan, folder: Path) -> None:
    """Write the lines with their leaves, for rivals in environments of their own."""
    leaves(plan, folder).sink_parquet(folder / "lines.parquet")


RIVALS: dict[str, Callable[[ReleasePlan, Path], None]] = {
    "polars": group_by_polars,
    "duckdb": group_by_duckdb,
    "bounding": bounding,
    "opendp": context_of_opendp,
    "counts": counts,
    "flat": flat,
}


def main() -> None:
    """Run one rival on one release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rival", choices=RIVALS)
    parser.add_argument("release", type=Path)
    given = parser.parse_args()
    RIVALS[given.rival](make_plan(*load_release(given.release)), given.release.parent)


if __name__ == "__main__":
    sys.exit(main())
