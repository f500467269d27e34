"""How figures are written for people, the same in the command line, the dashboard and the reports."""

import math
from fractions import Fraction

from release.amounts import written

_SCALES = ((1e12, "trn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_SIGNS = {"USD": "US$", "EUR": "€", "GBP": "£", "KRW": "₩"}
_UNITS = {"declarations": "lines", "traders": "traders", "net mass": "kg"}
_ROUND = 999.5
"""From here on three digits round up into the next scale."""


def amount(figure: float | None, unit: str = "") -> str:
    """Return a figure in three digits with its scale: `US$ 12.8 bn`, `450 m kg`; `–` when there is none."""
    if figure is None or math.isnan(figure):
        return "–"
    if math.isinf(figure):
        return "no bound" if figure > 0 else "no lower bound"
    return _with_unit(_scaled(figure), unit)


def _scaled(figure: float) -> str:
    size = abs(figure)
    sign = "-" if figure < 0 else ""
    for scale, word in _SCALES:
        if size >= scale * _ROUND / 1000:
            return f"{sign}{_three_digits(size / scale)} {word}"
    plain = _three_digits(size)
    return sign + (plain.rstrip("0").rstrip(".") if "." in plain else plain)


def _three_digits(size: float) -> str:
    if size == 0:
        return "0"
    rounded = float(f"{size:.3g}")
    places = max(0, 2 - math.floor(math.log10(rounded)))
    return f"{rounded:.{min(places, 6)}f}"


def _with_unit(text: str, unit: str) -> str:
    if not unit:
        return text
    sign = _SIGNS.get(unit, unit)
    if unit in _SIGNS or (len(unit) == 3 and unit.isupper()):  # noqa: PLR2004 - ISO 4217
        return f"-{sign} {text[1:]}" if text.startswith("-") else f"{sign} {text}"
    return f"{text} {unit}"


def with_half(figure: float, half: float, unit: str = "") -> str:
    """Return a figure with half its interval in one scale, the half in two digits: `US$ 14.31 ± 0.66 bn`.

    Without a half the figure is an `amount`.
    """
    if not (math.isfinite(figure) and math.isfinite(half)) or half <= 0:
        return f"{amount(figure, unit)} ± {amount(half)}"
    size = max(abs(figure), half)
    scale, word = next(((one, word) for one, word in _SCALES if size >= one * _ROUND / 1000), (1.0, ""))
    rounded = float(f"{half / scale:.2g}")
    places = max(0, 1 - math.floor(math.log10(rounded))) if rounded else 0
    told = f"{abs(figure) / scale:,.{min(places, 6)}f}"
    sign = "-" if figure < 0 and float(told.replace(",", "")) else ""
    both = f"{sign}{told} ± {rounded:,.{min(places, 6)}f}"
    return _with_unit(f"{both} {word}" if word else both, unit)


def unit_of(measure: str, currency: str) -> str:
    """Return the unit that a measure's figures are in."""
    return _UNITS.get(measure, currency)


def percent(part: float | None) -> str:
    """Return a part as per cent in two or three digits: `4.7 %`, `120 %`; `–` when there is none."""
    if part is None or not math.isfinite(part):
        return "–"
    size = 100 * part if abs(part) >= _SHOWN else 0.0
    return f"{size:,.0f} %" if abs(size) >= 9.95 else f"{size:.1f} %"  # noqa: PLR2004


_SHOWN = 0.0005
"""The least part that isn't written as 0.0 %."""


def within(tolerance: float) -> str:
    """Return how far a ratio may be off and still correspond: `within a factor of 1.25` for the tolerance 0.25."""
    return f"within a factor of {1 + tolerance:.4g}"


def ratio(figure: float | None) -> str:
    """Return a ratio in two decimals; `–` when there is none."""
    return "–" if figure is None else f"{figure:.2f}"


def ratio_interval(low: float | None, high: float | None) -> str:
    """Return limits of a ratio; an open side is said in words."""
    if not low and high is None:
        return "no limit"
    if high is None:
        return f"at least {ratio(low)}"
    return f"{ratio(low)} to {ratio(high)}" if low else f"at most {ratio(high)}"


def probability(p: float) -> str:
    """Return a p-value in two digits, never with an exponent: `0.012`, `below 0.001`."""
    return "below 0.001" if p < 0.001 else f"{p:.2g}"  # noqa: PLR2004


NO_PROTECTION = 10.0
"""A unit whose volume can be estimated within so many per cent is as good as known."""


def volume_bound(p_percent: float) -> str:
    """Return how well a fitting unit's volume can be estimated at best, p rounded down: `to about ±88 %`.

    p is 1.96 standard errors of the best unbiased estimate; above 100 % that is no useful bound for the observer. Where
    it is no protection to speak of, that is said.
    """
    known = f"to about ±{math.floor(p_percent):,} %"
    return f"{known}, which is no protection" if p_percent < NO_PROTECTION else known


ROWS_ONLY = (
    "This protects single rows and no firm: the more rows a firm has, the less it is protected, and a row that is a"
    " whole country's total stands for all its firms together."
)
"""What every output says where the unit of protection is a record."""


def unit_warning(unit: str) -> str | None:
    """Return what must be said of a unit that protects no firm; None where the unit is a trader."""
    return ROWS_ONLY if unit == "record" else None


def holder(unit: str) -> str:
    """Return whose volume a unit's loss is about."""
    return "row" if unit == "record" else "trader"


def exact(text: str) -> str:
    """Return an exact amount's stored text as people write it: `19,999`, `0.5`, `1e-8`, `1/3`; other text as it is."""
    try:
        return written(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return text


def one_in(chance: Fraction) -> str:
    """Return a small chance as people write it, never smaller than it is: `1 in 100,000,000`."""
    return f"1 in {math.floor(1 / chance):,}"


def points_up(part: float) -> int:
    """Return a part in percentage points, rounded up, at most 100."""
    return min(100, math.ceil(100 * part))


def decimals_up(figure: float) -> str:
    """Return a figure in two decimals, rounded up: what a loss is told to be is never less than it is."""
    return f"{math.ceil(figure * 100) / 100:.2f}"


def count(number: int) -> str:
    """Return a count with thousands set apart: `280,000`."""
    return f"{number:,}"
