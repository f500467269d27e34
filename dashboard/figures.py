"""Figures with their uncertainty, as people write them: one place for every page."""

import math
from collections.abc import Callable
from fractions import Fraction

from dashboard.mirrored import understated
from release import wording
from release.mirror.comparison import MirrorCell
from release.privacy import amount_text, volume_interval_percent
from release.wording import exact, volume_bound

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""

MINUS = "−"

_ENDS = 2 - 1e-9
"""Of a difference divided by the mean."""

NONE = "–"

LONGEST_EXACT = 8
"""How many characters an amount may have to be written out."""


def with_error(figure: float, sd: float, unit: str = "USD") -> str:
    """Return an estimate with half its 95 % interval: `US$ 12.8 ± 1.2 bn`."""
    return wording.with_half(figure, Z95 * sd, unit).replace("-", MINUS)


def amount(figure: float | None, unit: str = "") -> str:
    """Return a figure in three digits with its scale, as everywhere, but with a true minus."""
    return wording.amount(figure, unit).replace("-", MINUS)


def percent(part: float | None) -> str:
    """Return a part as per cent, as everywhere, but with a true minus."""
    return wording.percent(part).replace("-", MINUS)


def side(cell: MirrorCell, flow: str) -> str:
    """Return what one side (`x` or `m`) reports; one that is understated by an unknown amount is at least so much."""
    figure, sd = (cell.x, cell.x_sd) if flow == "x" else (cell.m, cell.m_sd)
    return f"{'≥ ' if understated(cell, flow) else ''}{with_error(figure, sd)}"


def one_sided(cell: MirrorCell) -> str:
    """Return on which side of the figures' own ratio and difference the true ones lie, if one side is understated."""
    open_x, open_m = understated(cell, "x"), understated(cell, "m")
    if cell.bound_over_x is None or (open_x and open_m):
        return "? "
    return "≤ " if open_x else "≥ " if open_m else ""


def percent_interval(low: float | None, high: float | None) -> str:
    """Return limits of a relative difference; one at the end of what it can be, -200 or 200 %, is no limit."""
    below, above = low is None or low <= -_ENDS, high is None or high >= _ENDS
    if below or above:
        return "no limit" if below and above else f"at most {percent(high)}" if below else f"at least {percent(low)}"
    return f"{percent(low)} to {percent(high)}"


def gap_interval(low: float | None, high: float | None) -> str:
    """Return limits of a gap in US dollars; an open side is said in words."""
    if low is None and high is None:
        return "no limit on either side"
    if high is None:
        return f"at least {amount(low, 'USD')}"
    if low is None:
        return f"at most {amount(high, 'USD')}"
    return f"{amount(low, 'USD')} to {amount(high, 'USD')}"


def confidence(level: float) -> str:
    """Return the level of an interval: `95 %`, or `99.58 %` where it allows for many comparisons."""
    shown = min(f"{100 * level:.2f}", "99.99", key=float)
    return f"{shown.removesuffix('.00')} %"


def verdict(cell: MirrorCell) -> str:
    """Return a verdict with the side that is higher, as `mirrors compare` prints it."""
    higher = {"x": "exports", "m": "imports"}
    return cell.verdict if cell.higher is None else f"{cell.verdict}, {higher[cell.higher]} higher"


def rho(loss: Fraction) -> str:
    """Return a privacy loss for people: exact where it is short, else in six decimals, rounded up."""
    return _amount(loss, math.ceil)


def budget(amount: Fraction) -> str:
    """Return a limit, or what is left of one: exact where it is short, else in six decimals, rounded down."""
    return _amount(amount, math.floor)


def _amount(exactly: Fraction, whole: Callable[[Fraction], int]) -> str:
    text = amount_text(exactly)
    if len(text) > LONGEST_EXACT and exactly.denominator > 1:
        text = amount_text(Fraction(whole(exactly * 10**6), 10**6))
    return exact(text)


def best_estimate(loss: Fraction) -> str:
    """Return how well the volume of a trader within the bound can be estimated at best: `to about ±98 %`."""
    return "not at all" if loss <= 0 else volume_bound(volume_interval_percent(loss))
