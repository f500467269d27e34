"""The charts, as Altair specifications of frames; each has its words beside it, and none loads anything.

Colours are told apart by people who don't see red and green alike: exports blue, imports orange, and a shape or a
word wherever a colour carries meaning.
"""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

EXPORTS, IMPORTS = "#2f7ebc", "#d9730d"
EVEN = "#f2f2f0"
PARTED = "#8c8c8c"
BAND = "#7f9f7f"
CLAMP = 1.0
"""Relative differences beyond +-100 % have the colour of 100 %."""

PALE = 0.25
"""How much of its colour a flow keeps that can't be told."""

PICK = "pair"
"""The selection of the matrix, by exporter and importer."""

_US = (
    "datum.value == null ? '' : (abs(datum.value) >= 999.5e9 ? format(datum.value / 1e12, '.3~r') + ' trn' : "
    "abs(datum.value) >= 999.5e6 ? format(datum.value / 1e9, '.3~r') + ' bn' : "
    "abs(datum.value) >= 999.5e3 ? format(datum.value / 1e6, '.3~r') + ' m' : "
    "abs(datum.value) >= 999.5 ? format(datum.value / 1e3, '.3~r') + ' k' : format(datum.value, '.3~r'))"
)


_ROWS: dict[str, Any] = {"labelFontSize": 13, "labelOverlap": False, "labelFlush": False}


def _money_axis(title: str, **more: Any) -> alt.Axis:
    return alt.Axis(title=title, labelExpr=_US, labelOverlap=True, tickCount=6, **more)


def matrix(flows: pd.DataFrame, offices: Sequence[str]) -> alt.LayerChart:
    """Return exporters by importers, one square a flow.

    Args:
        flows: a row a flow: `exporter, importer, way, shade, told, difference, sign, verdict, open, unknown, within, x,
            m, noise`; `shade` is the clamped relative difference, `told` what the square says of it, `difference` its
            words, `sign` the verdict's; what is `open` is drawn pale, what is `unknown` without shade and dashed.
        offices: the codes in order.
    """
    pick = alt.selection_point(name=PICK, fields=["exporter", "importer"], on="click", clear=False)
    apart = alt.Scale(paddingInner=0.04)
    base = alt.Chart(flows).encode(
        x=alt.X("importer:N", scale=apart, sort=list(offices), title="imports reported by", axis=_heads("top")),
        y=alt.Y("exporter:N", scale=apart, sort=list(offices), title="exports reported by", axis=_heads("left")),
        tooltip=[
            alt.Tooltip("way:N", title="Flow"),
            alt.Tooltip("verdict:N", title="Verdict"),
            alt.Tooltip("x:N", title="Exports"),
            alt.Tooltip("m:N", title="Imports"),
            alt.Tooltip("difference:N", title="Relative difference"),
            alt.Tooltip("noise:N", title="By noise alone"),
        ],
    )
    stops = [-CLAMP, -CLAMP / 2, 0, CLAMP / 2, CLAMP]
    shade = alt.Scale(domain=stops, range=[EXPORTS, "#a3c6e3", EVEN, "#f2bd8a", IMPORTS], clamp=True, interpolate="rgb")
    legend = alt.Legend(
        title="imports less exports, of their mean",
        format=".0%",
        orient="bottom",
        gradientLength=260,
        values=[-1, -0.5, 0, 0.5, 1],
        titleLimit=400,
    )
    ground = base.mark_rect(color=EVEN)
    squares = base.mark_rect(cursor="pointer").encode(
        color=alt.Color("shade:Q", scale=shade, legend=legend),
        opacity=alt.condition("datum.open", alt.value(PALE), alt.value(1.0)),
    )
    dashed = base.transform_filter("datum.unknown").mark_rect(
        fillOpacity=0, stroke=PARTED, strokeWidth=1.5, strokeDash=[5, 4]
    )
    squares = squares.add_params(pick)
    words = base.mark_text(fontSize=15, fontWeight=600, dy=-9, color="#111").encode(text="told:N")
    verdicts = base.mark_text(fontSize=12, dy=12, color="#111").encode(text="sign:N")
    dots = base.transform_filter("datum.within").mark_text(text="●", fontSize=11, dy=29, color="#111")
    return _layered(ground, squares, dashed, words, verdicts, dots, height=110 * len(offices) + 40)


def _heads(orient: Literal["top", "left"]) -> alt.Axis:
    return alt.Axis(orient=orient, labelAngle=0, labelFontSize=13, domain=False, ticks=False, labelLimit=160)


def interval_on_band(interval: pd.DataFrame, band: tuple[float, float]) -> alt.LayerChart:
    """Return the intervals of a ratio as bars against the band.

    Args:
        interval: a row an interval: `kind, shown_low, shown_high, open_low, open_high, ratio, words`; an open side
            is cut at the chart's edge and has an arrow.
        band: its edges.
    """
    top = max(2.0, 1.5 * band[1], float(interval["shown_high"].max()))
    scale = alt.Scale(domain=[0, top], nice=False)
    edges = alt.Chart(pd.DataFrame({"low": [band[0]], "high": [band[1]]}))
    area = edges.mark_rect(opacity=0.3, color=BAND).encode(
        x=alt.X("low:Q", scale=scale, title="imports over exports (M / X)"), x2="high:Q"
    )
    base = alt.Chart(interval).encode(
        y=alt.Y(
            "kind:N",
            title=None,
            sort=list(interval["kind"]),
            axis=alt.Axis(labelLimit=260, **_ROWS),
        ),
        tooltip=[alt.Tooltip("kind:N", title="Interval"), alt.Tooltip("words:N", title="M / X")],
    )
    bars = base.mark_rule(strokeWidth=5, color=EXPORTS).encode(x=alt.X("shown_low:Q", scale=scale), x2="shown_high:Q")
    points = base.mark_point(filled=True, size=110, fill="#ffffff", stroke="#111111", strokeWidth=2).encode(x="ratio:Q")
    arrows = [
        base.transform_filter(f"datum.open_{end}")
        .mark_text(text=arrow, fontSize=16, color=EXPORTS, dx=shift)
        .encode(x=alt.X(f"shown_{end}:Q", scale=scale))
        for end, arrow, shift in (("low", "◀", 5), ("high", "▶", -3))
    ]
    return _layered(area, bars, *arrows, points, height=170)


def dumbbell(parts: pd.DataFrame, order: Sequence[str]) -> alt.LayerChart:
    """Return exports and imports by chapter, joined by a line, each with its 95 % interval of noise.

    Args:
        parts: a row for each chapter and side: `product, side, value, low, high, words, open`; a side that is `open`
            is understated by an unknown amount, and has an arrow.
        order: the chapters, largest difference first.
    """
    room = alt.ExprRef("max(96, min(310, 0.42 * containerSize()[0]))")
    y = alt.Y("product:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=room, **_ROWS))
    domain = ["exports", "imports"]
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=domain, range=[EXPORTS, IMPORTS]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
    )
    shape = alt.Shape("side:N", scale=alt.Scale(domain=domain, range=["circle", "square"]), legend=None)
    tips = [
        alt.Tooltip("product:N", title="Product"),
        alt.Tooltip("side:N", title="Side"),
        alt.Tooltip("words:N", title="95 % by noise"),
    ]
    base = alt.Chart(parts)
    x = alt.X("low:Q", axis=_money_axis("US$"))
    links = base.mark_line(strokeWidth=3, opacity=0.5, color="gray").encode(x="value:Q", y=y, detail="product:N")
    spans = [
        base.transform_filter(f"datum.side == '{side}'")
        .mark_rule(strokeWidth=2, opacity=0.8, yOffset=off)
        .encode(x=x, x2="high:Q", y=y, color=colour, tooltip=tips)
        for side, off in (("exports", -6), ("imports", 6))
    ]
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x="value:Q", y=y, color=colour, shape=shape, tooltip=tips
    )
    arrows = [
        base.transform_filter(f"datum.open && datum.side == '{side}'")
        .mark_text(text="▶", fontSize=11, dx=6, yOffset=off)
        .encode(x="high:Q", y=y, color=colour)
        for side, off in (("exports", -6), ("imports", 6))
    ]
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(strokeDash=[3, 3], opacity=0.6, color="gray").encode(x="x:Q")
    return _layered(zero, links, *spans, *arrows, points, height=30 * len(order) + 100)


def lines(months: pd.DataFrame) -> alt.LayerChart:
    """Return both sides over time with bands of their noise; `months` has `period, side, value, low, high, words`."""
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=["exports", "imports"], range=[EXPORTS, IMPORTS]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1, symbolStrokeWidth=0),
    )
    base = alt.Chart(months).encode(
        x=alt.X("period:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)), color=colour
    )
    bands = base.mark_area(opacity=0.22, line=False).encode(y=alt.Y("low:Q", axis=_money_axis("US$")), y2="high:Q")
    path = base.mark_line(point=alt.OverlayMarkDef(size=50), strokeWidth=2).encode(
        y="value:Q",
        strokeDash=alt.StrokeDash("side:N", legend=None),
        tooltip=[
            alt.Tooltip("period:O", title="Period"),
            alt.Tooltip("side:N", title="Side"),
            alt.Tooltip("words:N", title="95 % by noise"),
        ],
    )
    return _layered(bands, path, height=280)


def past(ratios: pd.DataFrame, band: tuple[float, float]) -> alt.LayerChart:
    """Return a pair's ratios over its public past and this period's with its interval of noise.

    Args:
        ratios: a row a period: `period, kind, ratio, low, high, words`; a past ratio is exact, its limits are its own.
        band: the band's edges.
    """
    kinds = ["published exactly", "this release"]
    scale = alt.Scale(domain=[0.0, 1.05 * max(float(ratios["high"].max()), band[1])], nice=False)
    area = (
        alt.Chart(pd.DataFrame({"low": [band[0]], "high": [band[1]]}))
        .mark_rect(opacity=0.3, color=BAND)
        .encode(y=alt.Y("low:Q", scale=scale, title="imports over exports (M / X)"), y2="high:Q")
    )
    base = alt.Chart(ratios).encode(
        x=alt.X("period:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range=[EXPORTS, IMPORTS]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )
    spans = base.mark_rule(strokeWidth=3).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        y="ratio:Q",
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "square"]), legend=None),
        tooltip=[alt.Tooltip("period:O", title="Period"), alt.Tooltip("words:N", title="M / X")],
    )
    return _layered(area, spans, points, height=240)


def scatter(parts: pd.DataFrame, band: tuple[float, float]) -> alt.LayerChart:
    """Return exports against imports, a cross of noise a chapter, and the band; `parts` has `x, m, *_low, *_high`."""
    top = float(max(parts["x_high"].max(), parts["m_high"].max(), 1.0))
    least = float(min(parts["x_low"].min(), parts["m_low"].min(), 0.0))
    scale = alt.Scale(domain=[least, top], nice=False)
    wedge = pd.DataFrame({"x": [0.0, top], "low": [0.0, band[0] * top], "high": [0.0, band[1] * top]})
    area = (
        alt.Chart(wedge)
        .mark_area(opacity=0.3, color=BAND, clip=True)
        .encode(x=alt.X("x:Q", scale=scale, axis=_money_axis("exports, US$")), y="low:Q", y2="high:Q")
    )
    base = alt.Chart(parts).encode(
        tooltip=[
            alt.Tooltip("product:N", title="Product"),
            alt.Tooltip("x_words:N", title="Exports"),
            alt.Tooltip("m_words:N", title="Imports"),
            alt.Tooltip("verdict:N", title="Verdict"),
        ]
    )
    y = alt.Y("m:Q", scale=scale, axis=_money_axis("imports, US$"))
    across = base.mark_rule(opacity=0.55, color="gray").encode(x="x_low:Q", x2="x_high:Q", y=y)
    up = base.mark_rule(opacity=0.55, color="gray").encode(x="x:Q", y=alt.Y("m_low:Q", scale=scale), y2="m_high:Q")
    points = base.mark_point(filled=True, size=60, color=EXPORTS, opacity=1).encode(x="x:Q", y=y)
    return _layered(area, across, up, points, height=380)


def spent(steps: pd.DataFrame, accounts: Sequence[str]) -> alt.LayerChart:
    """Return each account's spending in parts of its limit; `steps` has `account, release, start, end, kind, words`."""
    axis = alt.Axis(format=".0%", title="part of the account's limit")
    top = max(1.05, float(steps["end"].max()))
    bars = (
        alt.Chart(steps)
        .mark_bar(height=18, stroke=PARTED, strokeWidth=1)
        .encode(
            x=alt.X("start:Q", axis=axis, scale=alt.Scale(domain=[0, top], nice=False)),
            x2="end:Q",
            y=alt.Y(
                "account:N",
                sort=list(accounts),
                title=None,
                axis=alt.Axis(labelLimit=330, **_ROWS),
            ),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["charged", "planned"], range=[EXPORTS, "#a3c6e3"]),
                legend=alt.Legend(title=None, orient="top", symbolStrokeWidth=0),
            ),
            tooltip=[
                alt.Tooltip("account:N", title="Account"),
                alt.Tooltip("release:N", title="Release"),
                alt.Tooltip("words:N", title="Loss rho"),
                alt.Tooltip("kind:N", title="State"),
            ],
        )
    )
    limit = alt.Chart(pd.DataFrame({"limit": [1.0]})).mark_rule(strokeWidth=3, color=IMPORTS).encode(x="limit:Q")
    return _layered(bars, limit, height=34 * len(accounts) + 110)


def _layered(*charts: alt.Chart, height: int) -> alt.LayerChart:
    return alt.LayerChart(layer=list(charts)).properties(height=height)
