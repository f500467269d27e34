"""Intervals of mirror ratios against their bands, as an inline SVG; every label is escaped."""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from release.mirror.cells import MirrorCell
from release.wording import ratio

COLOURS = {"corresponds": "#1d6fa5", "differs": "#c2410c", "cannot tell": "#6b7280"}
"""Verdicts' colours; they differ in lightness too, and the words stand beside them."""

_LEFT, _WIDTH, _ROW, _TOP = 130, 760, 24, 26
_LOW, _HIGH = 0.2, 5.0
_TICKS = (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0)


def intervals(flows: Sequence[MirrorCell]) -> str:
    """Return a drawing with a line for each flow: band, 95 % interval, estimate; an arrow where a side is open.

    A limit that lies beyond the axis stands at its end as a number.
    """
    height = _TOP + _ROW * len(flows) + 24
    inner = "".join([*_axis(height), *(part for row, cell in enumerate(flows) for part in _row(row, cell))])
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Intervals of imports over exports against the'
        f' band; the table holds the same figures">{inner}</svg>'
    )


def _axis(height: int) -> Iterator[str]:
    for tick in _TICKS:
        at = _place(tick)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 4}" y2="{height - 20}" stroke="#e5e7eb"/>'
        yield f'<text x="{at:.1f}" y="{height - 6}" text-anchor="middle" class="tick">{tick:g}</text>'
    yield f'<text x="{_LEFT}" y="14" class="tick">imports / exports, logarithmic</text>'


def _row(row: int, cell: MirrorCell) -> Iterator[str]:
    y = _TOP + _ROW * row + _ROW // 2
    colour = COLOURS.get(cell.verdict, "#000000")
    band = _place(cell.band_low), _place(cell.band_high)
    low = _place(cell.ratio_low or _LOW / 10)
    high = _place(cell.ratio_high if cell.ratio_high is not None else 10 * _HIGH)
    label = escape(f"{cell.exporter} to {cell.importer}")
    yield f'<text x="4" y="{y + 4}">{label}</text>'
    yield f'<rect x="{band[0]:.1f}" y="{y - 9}" width="{band[1] - band[0]:.1f}" height="18" fill="#dbeafe"/>'
    yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
    if not cell.ratio_low:
        yield f'<path d="M{low + 7:.1f} {y - 5} L{low:.1f} {y} L{low + 7:.1f} {y + 5}" stroke="{colour}" fill="none"/>'
    elif cell.ratio_low < _LOW:
        yield f'<text x="{low:.1f}" y="{y - 4}" class="tick">{ratio(cell.ratio_low)}</text>'
    if cell.ratio_high is None:
        yield (
            f'<path d="M{high - 7:.1f} {y - 5} L{high:.1f} {y} L{high - 7:.1f} {y + 5}" stroke="{colour}" fill="none"/>'
        )
    elif cell.ratio_high > _HIGH:
        yield f'<text x="{high:.1f}" y="{y - 4}" text-anchor="end" class="tick">{ratio(cell.ratio_high)}</text>'
    if cell.ratio:
        yield f'<circle cx="{_place(cell.ratio):.1f}" cy="{y}" r="4" fill="{colour}"/>'


def _place(value: float) -> float:
    part = (np.log(value) - np.log(_LOW)) / (np.log(_HIGH) - np.log(_LOW))
    return float(_LEFT + (_WIDTH - _LEFT - 10) * np.clip(part, 0.0, 1.0))
