"""The plots of `docs/methods.md`, from the package's own formulas and a small simulation."""

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from release.inference import (
    Band,
    Mirrors,
    chance_corresponds,
    chance_differs,
    detectable_ratios,
    expected,
    mirrors,
)
from release.inference.bands import critical_value
from release.inference.intervals import ratio_interval
from release.inference.verdicts import edges, position

SIZE = {"width": 300, "height": 240}
COLOURS = {"corresponds": "#1b7837", "cannot tell": "#969696", "differs": "#b2182b"}


def write_plots(folder: Path) -> None:
    """Write the page's SVG files into `folder`."""
    charts = {
        "inference-verdicts.svg": verdicts_by_ratio(),
        "inference-detectable.svg": seen_by_noise(),
        "inference-clipping.svg": wrong_by_clipping(),
    }
    for name, chart in charts.items():
        chart.configure_view(strokeOpacity=0).save(folder / name)


def verdicts_by_ratio() -> alt.HConcatChart:
    """P(each verdict) against the true ratio, one panel a noise level, band 0.8 to 1.25."""
    band, ratios = Band(tolerance=0.25), np.geomspace(0.4, 2.5, 161)
    frames = []
    for noise in (0.02, 0.05, 0.10):
        flows = expected(x=1.0, x_sd=noise, m_sd=noise, ratio=ratios)
        corresponds, differs = chance_corresponds(flows, band), chance_differs(flows, band)
        chances = {"corresponds": corresponds, "cannot tell": 1.0 - corresponds - differs, "differs": differs}
        frames += [
            pd.DataFrame({"ratio": ratios, "chance": chance, "verdict": verdict, "noise": f"noise {noise:.0%}"})
            for verdict, chance in chances.items()
        ]
    lines = (
        alt.Chart()
        .mark_line()
        .encode(
            x=alt.X(
                "ratio:Q",
                scale=alt.Scale(type="log", domain=[0.4, 2.5], nice=False),
                axis=alt.Axis(values=[0.4, 0.5, 0.8, 1, 1.25, 2, 2.5]),
                title="true ratio M / X",
            ),
            y=alt.Y("chance:Q", title="chance of the verdict", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "verdict:N",
                scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
                legend=alt.Legend(orient="bottom", title=None),
            ),
        )
    )
    edge = pd.DataFrame({"edge": [band.low, band.high]})
    rules = alt.Chart(edge).mark_rule(strokeDash=[4, 3], color="black").encode(x="edge:Q")
    panels = [
        alt.layer(lines.properties(data=frame), rules, title=str(frame["noise"].iloc[0])).properties(
            width=210, height=200
        )
        for frame in (pd.concat(frames[k : k + 3]) for k in range(0, 9, 3))
    ]
    return alt.hconcat(*panels)


def seen_by_noise() -> alt.HConcatChart:
    """The smallest detectable ratios, and P(corresponds) at the centre, against the noise of each side."""
    noise = np.linspace(0.002, 0.12, 119)
    ratio_rows, chance_rows = [], []
    for tolerance in (0.10, 0.25):
        band, name = Band(tolerance=tolerance), f"t = {tolerance:.2f}"
        flows = expected(x=1.0, x_sd=noise, m_sd=noise, ratio=1.0)
        low, high = detectable_ratios(flows, band)
        ratio_rows += [
            pd.DataFrame({"noise": noise, "ratio": r, "band": name, "side": side})
            for r, side in ((low, "low"), (high, "high"))
        ]
        chance_rows.append(pd.DataFrame({"noise": noise, "chance": chance_corresponds(flows, band), "band": name}))
    x = alt.X("noise:Q", axis=alt.Axis(format="%"), title="noise of each side, share of the flow")
    colour = alt.Color("band:N", legend=alt.Legend(orient="bottom", title=None))
    y_ratio = alt.Y("ratio:Q", scale=alt.Scale(zero=False), title="smallest detectable ratio, power 80 %")
    left = alt.Chart(pd.concat(ratio_rows)).mark_line().encode(x=x, y=y_ratio, color=colour, detail="side:N")
    y_chance = alt.Y("chance:Q", title="P(corresponds) at the centre", scale=alt.Scale(domain=[0, 1]))
    right = alt.Chart(pd.concat(chance_rows)).mark_line().encode(x=x, y=y_chance, color=colour)
    return alt.hconcat(left.properties(**SIZE), right.properties(**SIZE))


def wrong_by_clipping() -> alt.Chart:
    """Equal flows called different, against the share of X that was clipped: two ways to treat the bound."""
    rng, draws, noise, band = np.random.default_rng(2026), 20_000, 0.03, Band(tolerance=0.25)
    rows = []
    for clipped in np.linspace(0.0, 0.4, 41):
        x = 1.0 - clipped + noise * rng.standard_normal(draws)
        m = 1.0 + noise * rng.standard_normal(draws)
        for name, bounds in (("bound used", (clipped, 0.0)), ("left out, or charged to M", (0.0, clipped))):
            cells = mirrors(x=x, x_sd=noise, m=m, m_sd=noise, bound_x=bounds[0], bound_m=bounds[1])
            rows.append({"clipped": clipped, "wrong": _differing(cells, band), "bound": name})
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line()
        .encode(
            x=alt.X("clipped:Q", axis=alt.Axis(format="%"), title="share of X clipped, at its stated bound"),
            y=alt.Y("wrong:Q", axis=alt.Axis(format="%"), title="equal flows called different"),
            color=alt.Color("bound:N", legend=alt.Legend(orient="bottom", title=None)),
        )
        .properties(**SIZE)
    )
    return chart


def _differing(cells: Mirrors, band: Band) -> float:
    where = position(ratio_interval(cells, critical_value(0.05)), *edges(band, len(cells)))
    return float((np.abs(where) == 1).mean())
