"""Flows by their gaps, largest first: the same table on the first page and where a pair has to be chosen."""

from collections.abc import Sequence

import streamlit as st

from dashboard import figures, markup
from dashboard.choices import kept
from dashboard.mirrored import gap_beyond_noise, sure_gap
from release.mirror.comparison import MirrorCell
from release.wording import amount

BEYOND = (
    "Beyond noise: what of the gap the added noise alone doesn't make; clipping of large traders may. Sure: clipping"
    " and the number of comparisons are allowed for as well."
)


def show(cells: Sequence[MirrorCell]) -> None:
    """Write the ranking, each flow a link to its pair."""
    sure = any(sure_gap(cell) > 0 for cell in cells)
    caption = (
        f"Ranked by the sure gap, then by what is beyond noise. {BEYOND} A flow can correspond and have a sure gap:"
        " within the band."
        if sure
        else f"No gap is sure. Ranked by what is beyond noise. {BEYOND}"
    )
    columns = ("Flow", "Verdict", "Sure gap", "Beyond noise")
    rows = [_ranked(cell) for cell in ranked(cells)]
    st.html(markup.table(caption, columns, rows, numbers=columns[2:], short=columns[:1]))


def ranked(cells: Sequence[MirrorCell]) -> list[MirrorCell]:
    """Return the cells by their gaps: the sure one first, then what is beyond noise, then the estimate."""
    return sorted(cells, key=lambda cell: (-sure_gap(cell), -gap_beyond_noise(cell), -abs(cell.gap)))


def _ranked(cell: MirrorCell) -> tuple[markup.Value, ...]:
    return (link(cell), figures.verdict(cell), least(sure_gap(cell)), least(gap_beyond_noise(cell)))


def link(cell: MirrorCell) -> markup.Link:
    """Return the way to a flow's pair, with what was chosen of the band."""
    shown = (("exporter", cell.exporter), ("importer", cell.importer), ("period", cell.period))
    return markup.Link(page="pair", shown=(*shown, *kept("t", "c")), words=f"{cell.exporter} to {cell.importer}")


def least(gap: float) -> str:
    """Return the least that a gap is, in words."""
    return f"≥ {amount(gap, 'USD')}" if gap else "none"
