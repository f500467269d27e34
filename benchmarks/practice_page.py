"""Makes the table and the plots of `docs/practice-world.md`: five default worlds, target against got.

`python benchmarks/practice_page.py` rewrites `docs/practice-world-*.svg` and prints the Markdown table. Needs
`vl-convert-python` beside the program's own dependencies.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import polars as pl
import vl_convert

from release.practice import World, WorldFacts, generate
from release.practice.parameters import alpha2_of, rows
from release.practice.statistics import (
    Statistic,
    cell_ratios,
    mirror_cells,
    pair_months,
    read_truth,
    statistics_of,
    trader_totals,
)

SEEDS = (21, 22, 23, 24, 25)
DOCS = Path(__file__).resolve().parents[1] / "docs"
BLUE, GREY, ORANGE = "#1f5a8a", "#8a8a8a", "#c8641e"


def figure(value: float) -> str:
    """Return a figure with three decimals, an exact zero as 0."""
    return "0" if value == 0 else f"{value:.3f}"


def row(measured: Sequence[Statistic]) -> str:
    """Return a statistic's row of the table: its target, and low, median and high for each seed."""
    first = measured[0]
    target = figure(first.target_low)
    if first.target_high > first.target_low:
        target += f" to {figure(first.target_high)}"
    many = len(first.values) > 1
    got = [
        f"{figure(one.centre)} ({figure(one.low)} to {figure(one.high)})" if many else figure(one.centre)
        for one in measured
    ]
    inside = sum(one.within for one in measured)
    return f"| {first.name} | {target} | {' | '.join(got)} | {inside} of {len(measured)} |"


def save(chart: alt.LayerChart | alt.FacetChart, name: str) -> None:
    """Write a chart as SVG into the docs."""
    svg = vl_convert.vegalite_to_svg(chart.to_json(), vl_version=alt.SCHEMA_VERSION.rpartition(".")[0])
    (DOCS / f"practice-world-{name}.svg").write_text(svg, encoding="utf-8")


def pairs_chart(months: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Return each pair's monthly ln(M/X) of all worlds beside the published mean and two standard deviations."""
    frame = months.with_columns(pair=pl.col("exporter") + " to " + pl.col("importer")).to_pandas()
    published = pd.DataFrame(
        {
            "pair": f"{alpha2_of()[one['exporter']]} to {alpha2_of()[one['importer']]}",
            "mean": float(one["mean_log_ratio"]),
            "low": float(one["mean_log_ratio"]) - 2 * float(one["sd_log_ratio"]),
            "high": float(one["mean_log_ratio"]) + 2 * float(one["sd_log_ratio"]),
        }
        for one in rows("pair_statistics")
    )
    y = alt.Y("pair:N", title=None)
    title = "ln(M/X) of a month, imports by origin"
    got = alt.Chart(frame).mark_circle(size=14, opacity=0.35, color=BLUE).encode(x=alt.X("ratio:Q", title=title), y=y)
    band = alt.Chart(published).mark_bar(height=14, opacity=0.35, color=ORANGE).encode(x="low:Q", x2="high:Q", y=y)
    mean = alt.Chart(published).mark_tick(color=ORANGE, thickness=2, height=14).encode(x="mean:Q", y=y)
    heading = alt.Title(
        "Pair-months", subtitle="points: five practice worlds; bars: published mean +- 2 sd, 2012 to 2018"
    )
    return alt.layer(band, mean, got).properties(width=520, height=300, title=heading)


def cells_chart(ratios: np.ndarray) -> alt.LayerChart | alt.FacetChart:
    """Return the distribution of ln(M/X) over HS2 cells beside a normal curve with the target's spread."""
    edges = np.linspace(-2.5, 2.5, 101)
    count, _ = np.histogram(ratios, bins=edges, density=True)
    middle = (edges[1:] + edges[:-1]) / 2
    target = 0.42
    normal = np.exp(-0.5 * (middle / target) ** 2) / (target * np.sqrt(2 * np.pi))
    frame = pd.DataFrame({"ratio": middle, "got": count, "normal": normal})
    x = alt.X("ratio:Q", title="ln(M/X) of an HS2 cell of a pair and month")
    bars = alt.Chart(frame).mark_bar(color=BLUE, opacity=0.6, width=4).encode(x=x, y=alt.Y("got:Q", title="density"))
    line = alt.Chart(frame).mark_line(color=ORANGE).encode(x=x, y="normal:Q")
    heading = alt.Title(
        "HS2 cells", subtitle=f"bars: five practice worlds, sd {ratios.std(ddof=1):.3f}; line: normal, sd 0.42"
    )
    return alt.layer(bars, line).properties(width=520, height=220, title=heading)


def traders_chart(traders: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Return the rank-size plot of the offices' traders with the slopes of Hill exponents 1.1 and 1.3."""
    frame = traders.to_pandas()
    scale = alt.Scale(type="log")
    points = (
        alt.Chart(frame)
        .mark_line(opacity=0.8)
        .encode(
            x=alt.X("size:Q", title="part of the office's trade held by a trader", scale=scale),
            y=alt.Y("rank:Q", title="part of traders that hold more", scale=scale),
            color=alt.Color("office:N", title=None),
        )
    )
    size = np.geomspace(0.004, 0.2, 20)
    slopes = pd.concat(
        pd.DataFrame({"size": size, "rank": 0.02 * (size / 0.01) ** -exponent, "exponent": f"slope {exponent}"})
        for exponent in (1.1, 1.3)
    )
    lines = (
        alt.Chart(slopes)
        .mark_line(strokeDash=[4, 3], color=GREY)
        .encode(x=alt.X("size:Q", scale=scale), y=alt.Y("rank:Q", scale=scale), detail="exponent:N")
    )
    heading = alt.Title("Traders", subtitle="seed 21; dashed: Pareto tails with exponents 1.1 and 1.3")
    return alt.layer(points, lines).properties(width=520, height=260, title=heading)


def ranked(facts: WorldFacts) -> pl.DataFrame:
    """Return each trader's part of its office's trade, and its rank as a part of the traders."""
    return pl.concat(
        trader_totals(office.declarations)
        .select(size=pl.col("value") / pl.col("value").sum())
        .sort("size", descending=True)
        .with_columns(rank=(pl.int_range(pl.len()) + 1) / pl.len(), office=pl.lit(office.office))
        .filter(pl.col("size") > 1e-6)
        for office in facts.offices
    )


def main() -> None:
    """Make five worlds, print the table, write the plots."""
    measured: list[tuple[Statistic, ...]] = []
    months, ratios, traders = [], [], []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            facts = generate(World(seed=seed), Path(folder))
            measured.append(statistics_of(facts))
            truth = read_truth(facts.truth)
            months.append(pair_months(mirror_cells(facts, truth, "origin")))
            ratios.append(cell_ratios(mirror_cells(facts, truth, "consignment")))
            if seed == SEEDS[0]:
                traders.append(ranked(facts))
    print(f"| statistic | target | {' | '.join(f'seed {seed}' for seed in SEEDS)} | within |")
    print("|---|---|" + "---|" * (len(SEEDS) + 1))
    for same in zip(*measured, strict=True):
        print(row(same))
    save(pairs_chart(pl.concat(months)), "pairs")
    save(cells_chart(np.concatenate(ratios)), "cells")
    save(traders_chart(traders[0]), "traders")


if __name__ == "__main__":
    main()
