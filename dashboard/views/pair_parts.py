"""The lower half of the pair page: products, periods, and the pair's public past."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import charts, figures, markup, names, sentences
from dashboard.figures import amount, percent
from dashboard.mirrored import Gaps, gap_beyond_noise, is_one_sided, understated
from dashboard.tables import both_sides, csv_of
from dashboard.views.ranking import beyond, beyond_noise, heads, least
from release.mirror.agreement import Past
from release.mirror.comparison import MirrorCell
from release.mirror.looks import Look
from release.wording import ratio, ratio_interval

MOST_PRODUCTS = 14


def products(whole: MirrorCell, parts: Sequence[MirrorCell], gaps: Gaps) -> None:
    """Write which products carry the gap: a dumbbell, a scatter and a table."""
    ranked = sorted(parts, key=lambda one: (-gap_beyond_noise(one), -abs(_rest(one))))
    st.subheader("Which products carry the gap", anchor=False)
    noisy = [one for one in parts if gap_beyond_noise(one) > 0]
    st.html(markup.paragraph(_carried(noisy, gaps)))
    left, right = st.columns([3, 2], gap="large")
    with left:
        shown = ranked[:MOST_PRODUCTS]
        labels = [names.product_with_code(one.product) for one in shown]
        st.altair_chart(
            charts.dumbbell(pd.DataFrame([side for one in shown for side in _sides(one)]), labels),
            width="stretch",
            alt=f"Exports and imports of the {len(shown)} products with the largest gaps; an arrow: understated by an"
            " unknown amount; the table holds the figures.",
        )
        if any(is_one_sided(one) for one in shown):
            st.html(markup.paragraph("An arrow: the side is understated by an unknown amount.", "quiet"))
    with right:
        band = (whole.band_low, whole.band_high)
        st.altair_chart(
            charts.scatter(pd.DataFrame([_point(one) for one in parts]), band),
            width="stretch",
            alt="Exports against imports by product with the band; the table holds the figures.",
        )
        st.html(
            markup.paragraph(
                "Each point is a product; the cross is its 95 % interval of noise, the wedge the band.", "quiet"
            )
        )
    columns = ("Product", "Verdict", "Exports", "Imports", "Imports less exports", *heads(gaps)[::-1])
    first = f"All {len(parts)} products, those with most beyond noise first"
    caption = f"{first}. ± is half a 95 % interval. {beyond(gaps)}{sentences.understatement(parts)}"
    rows = [_product_row(one, gaps) for one in ranked]
    with st.expander("The same as a table"):
        st.html(markup.table(caption, columns, rows, numbers=columns[2:]))
    st.download_button(
        "Download this pair, both sides",
        lambda: csv_of(both_sides([whole, *ranked], gaps)),
        f"{whole.exporter}-{whole.importer}-{whole.period}.csv",
        "text/csv",
        on_click="ignore",
    )


def _rest(cell: MirrorCell) -> float:
    return cell.m - cell.cif_fob * cell.x


def _carried(noisy: Sequence[MirrorCell], gaps: Gaps) -> str:
    parts = len(gaps.sure)
    if not noisy:
        return f"In none of {parts} products is the gap beyond noise."
    listed = [
        f"{names.product_with_code(one.product)} ({'imports' if one.gap > 0 else 'exports'} higher,"
        f" {beyond_noise(one)})"
        for one in sorted(noisy, key=gap_beyond_noise, reverse=True)[:3]
    ]
    sure = sum(gaps.least(one) > 0 for one in noisy)
    expected = max(1, round(0.05 * parts))
    some = f"In {len(noisy)} of {parts} products the gap is beyond noise; chance alone would make about {expected} so."
    return f"{some} In {sure or 'none'} of them it is sure. Most beyond noise: {'; '.join(listed)}."


def _sides(cell: MirrorCell) -> list[dict[str, object]]:
    sides = (("exports", "x", cell.x, cell.x_sd), ("imports", "m", cell.m, cell.m_sd))
    return [
        {
            "product": names.product_with_code(cell.product),
            "side": side,
            "value": value,
            "low": value - figures.Z95 * sd,
            "high": value + figures.Z95 * sd,
            "words": figures.side(cell, flow),
            "open": understated(cell, flow),
        }
        for side, flow, value, sd in sides
    ]


def _point(cell: MirrorCell) -> dict[str, object]:
    reach_x, reach_m = figures.Z95 * cell.x_sd, figures.Z95 * cell.m_sd
    return {
        "product": names.product_with_code(cell.product),
        "x": cell.x,
        "m": cell.m,
        "x_low": cell.x - reach_x,
        "x_high": cell.x + reach_x,
        "m_low": cell.m - reach_m,
        "m_high": cell.m + reach_m,
        "x_words": figures.side(cell, "x"),
        "m_words": figures.side(cell, "m"),
        "verdict": figures.verdict(cell),
    }


def _product_row(cell: MirrorCell, gaps: Gaps) -> tuple[markup.Value, ...]:
    return (
        names.product_with_code(cell.product),
        figures.verdict(cell),
        figures.side(cell, "x"),
        figures.side(cell, "m"),
        figures.with_error(cell.gap, (cell.x_sd**2 + cell.m_sd**2) ** 0.5),
        beyond_noise(cell),
        least(gaps.least(cell)),
    )


def over_time(cells: Sequence[MirrorCell], looks: Sequence[Look]) -> None:
    """Write both sides over the periods, with bands of noise, and the years to date."""
    st.subheader("Over time", anchor=False)
    ordered = sorted(cells, key=lambda one: one.period)
    months = [{"period": one.period, **side} for one in ordered for side in _sides(one)]
    st.altair_chart(
        charts.lines(pd.DataFrame(months).drop(columns="product")),
        width="stretch",
        alt="Exports and imports over time with 95 % bands of noise; the table holds the figures.",
    )
    columns = ("Period", "Verdict", "Exports", "Imports", "M / X", "by noise alone", "Relative difference")
    rows = [
        (
            one.period,
            figures.verdict(one),
            figures.side(one, "x"),
            figures.side(one, "m"),
            ratio(one.ratio),
            ratio_interval(one.ratio_noise_low, one.ratio_noise_high),
            percent(one.srd),
        )
        for one in ordered
    ]
    with st.expander("The same as a table"):
        st.html(markup.table("± is half a 95 % interval of noise", columns, rows, numbers=columns[2:5]))
    if looks:
        _to_date(looks)


def _to_date(looks: Sequence[Look]) -> None:
    """Write what can be said of the running year after each month, all looks together at the agreed error rate."""
    last = looks[-1]
    higher = {"x": ", exports higher", "m": ", imports higher", None: ""}
    st.html(
        markup.paragraph(
            f"The year to {last.period}, looked at after every month without raising false alarms:"
            f" {last.verdict}{higher[last.higher]}."
        )
    )
    columns = ("Year to", "Verdict", "Exports", "Imports", "M / X", "Interval")
    rows = [
        (
            one.period,
            f"{one.verdict}{higher[one.higher]}",
            amount(one.x, "USD"),
            amount(one.m, "USD"),
            ratio(one.ratio),
            ratio_interval(one.ratio_low, one.ratio_high),
        )
        for one in looks
    ]
    with st.expander("The year to date, month by month"):
        caption = "Intervals allow for noise, clipping and all looks of the year together"
        st.html(markup.table(caption, columns, rows, numbers=columns[2:5]))


def past(cell: MirrorCell, history: Sequence[Past], source: str | None) -> None:
    """Write how this period's ratio stands beside what the two offices published exactly in earlier ones."""
    st.subheader("Usual for this pair?", anchor=False)
    st.html(markup.paragraph(sentences.unusual(cell)))
    ratios = [_published(one) for one in history if one.exports > 0]
    if not ratios:
        return
    ratios += [] if cell.ratio is None else [_released(cell)]
    st.altair_chart(
        charts.past(pd.DataFrame(ratios), (cell.band_low, cell.band_high)),
        width="stretch",
        alt="Imports over exports in earlier periods and in this one; the table holds the figures.",
    )
    rows = [(str(one["period"]), str(one["kind"]), str(one["words"])) for one in ratios]
    with st.expander("The same as a table"):
        st.html(markup.table(f"Source of the past: {source}", ("Period", "Figure", "M / X"), rows, numbers=("M / X",)))


def _published(one: Past) -> dict[str, object]:
    figure = one.imports / one.exports
    return {
        "period": one.period,
        "kind": "published exactly",
        "ratio": figure,
        "low": figure,
        "high": figure,
        "words": ratio(figure),
    }


def _released(cell: MirrorCell) -> dict[str, object]:
    low, high = cell.ratio_noise_low or 0.0, cell.ratio_noise_high
    words = f"{ratio(cell.ratio)} ({ratio_interval(low, high)} by noise)"
    shown = 2.0 * (cell.ratio or 0.0) if high is None else high
    return {
        "period": cell.period,
        "kind": "this release",
        "ratio": cell.ratio,
        "low": low,
        "high": shown,
        "words": words,
    }
