"""Figures with their uncertainty, as people write them: one place for every page."""

import math
from collections.abc import Callable
from fractions import Fraction

from dashboard.mirrored import understated
from release.mirror.comparison import MirrorCell
from release.privacy import amount_text, volume_interval_percent
from release.wording import amount, exact, percent, volume_bound

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""

NONE = "–"

LONGEST_EXACT = 8
"""How many characters an amount may have to be written out."""


def with_error(figure: float, sd: float, unit: str = "USD") -> str:
    """Return an estimate with half its 95 % interval: `US$ 12.8 bn ± 1.2 bn`."""
    return f"{amount(figure, unit)} ± {amount(Z95 * sd)}"


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
    """Return limits of a relative difference."""
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


def _amount(amount: Fraction, whole: Callable[[Fraction], int]) -> str:
    text = amount_text(amount)
    if len(text) > LONGEST_EXACT and amount.denominator > 1:
        text = amount_text(Fraction(whole(amount * 10**6), 10**6))
    return exact(text)


def best_estimate(loss: Fraction) -> str:
    """Return how well the volume of a trader within the bound can be estimated at best: `to about ±98 %`."""
    return "not at all" if loss <= 0 else volume_bound(volume_interval_percent(loss))
