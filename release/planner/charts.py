"""A plan's prediction as one picture: error against the size of a cell's prior, noise and clipping apart."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from release.planner.forecast import LevelForecast
from release.wording import amount

PARTS = {"error": "median error", "noise": "noise alone", "clipping": "clipping alone"}
"""With a tier for large traders, clipping is what its ceiling cuts off."""

COLOURS = ("#1f1f1f", "#2166ac", "#b2182b")


def write_chart(forecasts: Sequence[LevelForecast], file: Path, *, title: str, unit: str) -> None:
    """Write the chart of a prediction as `.svg`, `.png`, `.html` or `.json`, by the file's ending."""
    chart(forecasts, title=title, unit=unit).save(str(file))


def chart(forecasts: Sequence[LevelForecast], *, title: str, unit: str) -> alt.HConcatChart:
    """Return one panel a level of the first measure that has priors; both axes logarithmic."""
    told = [level for level in forecasts if level.bands]
    measure = told[0].measure if told else None
    panels = [_panel(level, unit) for level in told if level.measure is measure]
    covered = "both tiers together" if told and told[0].alone is not None else "the uniform tier"
    titled = alt.Title(title, subtitle=f"predicted of {covered}, under the release's assumption")
    joined: alt.HConcatChart = alt.hconcat(*panels, title=titled).configure_view(strokeOpacity=0)
    return joined


def _panel(level: LevelForecast, unit: str) -> alt.Chart:
    rows = pd.DataFrame(
        [
            {"prior": band.median_prior, "part": PARTS[name], "error": max(value, 1e-4), "size": amount(band.low, unit)}
            for band in level.bands
            for name, value in (
                ("error", band.median_error),
                ("noise", band.noise_error),
                ("clipping", band.clipping_bias or 0.0),
            )
        ]
    )
    panel: alt.Chart = (
        alt.Chart(rows, title=f"{level.level}")
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "prior:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"), title=f"prior of the cell, {unit}"
            ),
            y=alt.Y(
                "error:Q",
                scale=alt.Scale(type="log", domain=[1e-3, 10], clamp=True),
                axis=alt.Axis(format="~%"),
                title="predicted, part of the figure",
            ),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=list(PARTS.values()), range=list(COLOURS)),
                legend=alt.Legend(orient="bottom", title=None),
            ),
        )
        .properties(width=190, height=190)
    )
    return panel
