"""The plots of `docs/performance.md`, from the figures that the benchmark kept.

    python benchmarks/speed.py --figures FIGURES.json ... && python benchmarks/speed_plot.py FIGURES.json docs

`performance-growth.svg`: CPU seconds and peak memory against rows. `performance-ways.svg`: all ways of one size.
"""

import json
import sys
from pathlib import Path

import altair as alt
import pandas as pd

GROWN = {
    ("mirrors run", "cells-5e4"): "mirrors run, one measure",
    ("mirrors run", "cells-5e4-three"): "mirrors run, three measures",
    ("bounding", "cells-5e4"): "bounding by hand, without noise",
    ("polars", "cells-5e4"): "group-by without privacy",
}
COLOURS = ("#0b6e99", "#5aa9c9", "#b5651d", "#8c8c8c")
"""Of the ways in `GROWN`, in their order."""

WAYS = {
    "duckdb": "group-by without privacy, DuckDB",
    "polars": "group-by without privacy, polars",
    "bounding": "bounding by hand, without noise",
    "mirrors run": "mirrors run, whole, with noise",
    "opendp": "OpenDP's Context, with noise",
    "PipelineDP": "PipelineDP, with noise",
    "Tumult Analytics": "Tumult Analytics on Spark, with noise",
}
SHAPE = "cells-5e4"


def main() -> None:
    """Write both SVGs into the folder that is named."""
    figures = pd.DataFrame(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    folder = Path(sys.argv[2])
    growth(figures).save(str(folder / "performance-growth.svg"))
    ways(figures).save(str(folder / "performance-ways.svg"))


def growth(figures: pd.DataFrame) -> alt.HConcatChart:
    """Return CPU seconds and peak memory against rows, both axes linear, so that linear growth is a straight line."""
    named = [GROWN.get(key) for key in zip(figures["what"], figures["shape"], strict=True)]
    known = figures.assign(way=named).dropna(subset=["way"])
    colour = alt.Color(
        "way:N",
        scale=alt.Scale(domain=list(GROWN.values()), range=list(COLOURS)),
        legend=alt.Legend(title=None, orient="bottom", columns=2, labelLimit=300),
    )
    rows = alt.X("millions:Q", title="million rows", scale=alt.Scale(zero=True))
    panels = [
        alt.Chart(known, width=300, height=230)
        .mark_line(point=True)
        .encode(x=rows, y=alt.Y(f"{column}:Q", title=title), color=colour)
        for column, title in (("cpu", "CPU seconds"), ("peak", "peak memory, GB"))
    ]
    return alt.hconcat(*panels).configure_view(strokeOpacity=0)


def ways(figures: pd.DataFrame) -> alt.LayerChart:
    """Return bars of CPU seconds of all ways, at the largest size at which OpenDP's Context ran."""
    size = figures.loc[figures["what"] == "opendp", "millions"].max()
    chosen = figures[(figures["millions"] == size) & (figures["shape"] == SHAPE) & figures["what"].isin(list(WAYS))]
    named = chosen.assign(way=chosen["what"].map(WAYS), told=[f"{cpu:,.3g} s" for cpu in chosen["cpu"]])
    bars = alt.Chart(named, width=420, height=alt.Step(26), title=f"{size} million rows").encode(
        x=alt.X("cpu:Q", title="CPU seconds"),
        y=alt.Y("way:N", sort="x", title=None, axis=alt.Axis(labelLimit=320)),
    )
    ours = alt.condition("datum.what == 'mirrors run'", alt.value(COLOURS[0]), alt.value("#b0b0b0"))
    texts = bars.mark_text(align="left", dx=4).encode(text="told:N")
    return alt.layer(bars.mark_bar().encode(color=ours), texts).configure_view(strokeOpacity=0)


if __name__ == "__main__":
    main()
