"""Flows by their gaps, largest first: the same table on the first page and where a pair has to be chosen."""

from collections.abc import Sequence

import streamlit as st

from dashboard import figures, markup
from dashboard.choices import kept
from dashboard.figures import amount
from dashboard.mirrored import Gaps, clipping_explains, gap_beyond_noise
from release.mirror.comparison import MirrorCell
from release.wording import count

_FREIGHT = " Gaps are imports less exports: where imports are valued CIF, freight and insurance are in them."

_ORDER = "what is beyond noise; last, gaps that clipping alone could make."


def beyond(gaps: Gaps) -> str:
    """Return what the two columns of gaps mean."""
    together = len(gaps.sure)
    return (
        "Beyond noise: what of the gap the added noise alone doesn't make, each by itself at"
        f" {figures.confidence(gaps.alone)}; clipping of large traders may. Sure: clipping is allowed for as"
        f" well, and that {count(together)} gaps are looked at together: each at {figures.confidence(gaps.level)}."
        f"{_FREIGHT if any(cell.cif_fob != 1 for cell in gaps.sure) else ''}"
    )


def heads(gaps: Gaps) -> tuple[str, str]:
    """Return the heads of the two columns of gaps."""
    sure, alone = (figures.confidence(level).replace(" ", "\u00a0") for level in (gaps.level, gaps.alone))
    return f"Sure gap ({sure})", f"Beyond noise ({alone})"


def show(cells: Sequence[MirrorCell], gaps: Gaps) -> None:
    """Write the ranking of cells, each flow a link to its pair; `gaps` may be of more flows than are ranked."""
    sure = any(gaps.least(cell) > 0 for cell in cells)
    caption = (
        f"Ranked by the sure gap, then by {_ORDER} {beyond(gaps)} A flow can correspond and have a"
        " sure gap: within the band."
        if sure
        else f"No gap is sure. Ranked by {_ORDER} {beyond(gaps)}"
    )
    columns = ("Flow", "Verdict", *heads(gaps))
    rows = [_ranked(cell, gaps) for cell in ranked(cells, gaps)]
    st.html(markup.table(caption, columns, rows, numbers=columns[2:], short=columns[:1]))


def ranked(cells: Sequence[MirrorCell], gaps: Gaps) -> list[MirrorCell]:
    """Return the cells by their gaps: the sure one first, then what is beyond noise, then the estimate.

    A gap that clipping alone could have made stands behind those that it couldn't.
    """
    return sorted(
        cells, key=lambda cell: (-gaps.least(cell), clipping_explains(cell), -gap_beyond_noise(cell), -abs(cell.gap))
    )


def _ranked(cell: MirrorCell, gaps: Gaps) -> tuple[markup.Value, ...]:
    return (link(cell), figures.verdict(cell), least(gaps.least(cell)), beyond_noise(cell))


def link(cell: MirrorCell) -> markup.Link:
    """Return the way to a flow's pair, with what was chosen of the band."""
    shown = (("exporter", cell.exporter), ("importer", cell.importer), ("period", cell.period))
    return markup.Link(page="pair", shown=(*shown, *kept("t", "c")), words=f"{cell.exporter} to {cell.importer}")


def beyond_noise(cell: MirrorCell) -> str:
    """Return what of a gap noise alone doesn't make, and whether clipping could have made it."""
    gap = gap_beyond_noise(cell)
    return f"{least(gap)},\nor clipping" if gap and clipping_explains(cell) else least(gap)


def least(gap: float) -> str:
    """Return the least that a gap is, in words."""
    return f"≥ {amount(gap, 'USD')}" if gap else "none"
