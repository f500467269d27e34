"""Intervals of published figures as inline SVG; every label is escaped, equal figures give equal bytes."""

from collections.abc import Iterator, Mapping
from html import escape

import polars as pl

from release.wording import amount

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 190, 20, 24, 10
_MOST_TICKS = 8


def partner_intervals(rows: pl.DataFrame, column: str, labels: Mapping[str, str], title: str, unit: str) -> str:
    """Return a drawing with a line for each row, the largest first: its 95 % interval and its estimate."""
    ordered = rows.sort("estimate", column, descending=[True, False])
    named = ((labels.get(code, code), row) for code, row in zip(ordered[column], _spans(ordered), strict=True))
    return _figure(list(named), title, unit)


def period_intervals(rows: pl.DataFrame, title: str, unit: str) -> str:
    """Return a drawing with a line for each period, in order."""
    return _figure(list(zip(rows["period"], _spans(rows), strict=True)), title, unit)


def _spans(rows: pl.DataFrame) -> list[tuple[float, float, float]]:
    return rows.select("low", "estimate", "high").rows()


def _figure(lines: list[tuple[str, tuple[float, float, float]]], title: str, unit: str) -> str:
    if not lines:
        return ""
    low = min(0.0, *(span[0] for _, span in lines))
    high = max(0.0, *(span[2] for _, span in lines)) or 1.0
    height = _TOP + _ROW * len(lines) + 26
    inner = "".join([*_axis(low, high, height, unit), *(_line(at, one, low, high) for at, one in enumerate(lines))])
    said = escape(title)
    label = f"{said}; the table holds the same figures"
    drawn = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{inner}</svg>'
    return f"<figure>{drawn}<figcaption>{said}.</figcaption></figure>"


def _axis(low: float, high: float, height: int, unit: str) -> Iterator[str]:
    for tick in _ticks(low, high):
        at = _place(tick, low, high)
        yield f'<line class="rule" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{height - 22}"/>'
        label = escape(amount(tick, unit) if tick else "0")
        yield f'<text class="tick" x="{at:.1f}" y="{height - 7}" text-anchor="middle">{label}</text>'


def _ticks(low: float, high: float) -> list[float]:
    """Return round figures from low to high: multiples of 1, 2 or 5 times a power of ten, zero among them."""
    span = (high - low) / _MOST_TICKS
    power = 10.0 ** len(f"{int(span)}") / 10 if span >= 1 else 0.1
    step = next(part * power for part in (1, 2, 5, 10) if part * power >= span)
    return [number * step for number in range(-int(-low // step), int(high // step) + 1)]


def _line(at: int, line: tuple[str, tuple[float, float, float]], low: float, high: float) -> str:
    label, (lower, middle, upper) = line
    y = _TOP + _ROW * at + _ROW // 2
    left, dot, right = (_place(figure, low, high) for figure in (lower, middle, upper))
    short = label if len(label) <= 26 else f"{label[:25]}…"  # noqa: PLR2004 - what fits left of the axis
    return (
        f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(short)}</text>'
        f'<line class="mark" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}" stroke-width="3"/>'
        f'<circle class="dot" cx="{dot:.1f}" cy="{y}" r="4"/>'
    )


def _place(figure: float, low: float, high: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (figure - low) / (high - low)
