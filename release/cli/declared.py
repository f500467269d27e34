"""A trader's own figures for `mirrors protect`, read from its file and nowhere kept.

CSV in UTF-8 with a header; a line is a declaration or a sum of several:

- `flow`: M, X, RM or RX;
- `period`: a year, quarter or month (`2024`, `2024-Q1`, `2024-03`) or a day (`2024-03-15`); what lies in a period of
  the release counts there;
- `partner`: ISO 3166 alpha-2; one that the release doesn't list goes to its residual;
- `product`: an HS code of two to ten digits, with its leading zero; the finest listed code that it begins with counts;
- `value`: in the release's currency, a decimal point, no thousands marks; negative for returns;
- `net_mass` (kg) and `declarations` (how many lines it stands for) may be given as well.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl

from release.codelists import area_codes
from release.config.fields import PERIOD, months_of, year_of
from release.errors import DeclarationsError
from release.plan import COUNT_UNITS
from release.policy import PublishedPolicy
from release.tables import RESIDUAL, Flow, Layout, Measure, leaf_of_code

COLUMNS = ("flow", "period", "partner", "product", "value")
LARGEST_LINE = 2**52
"""The largest amount of one line in minor units, as in an office's own preparation."""

_PRODUCT = re.compile(r"[0-9]{2,10}", re.ASCII)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredLine:
    """One line of the file, as it stands there."""

    flow: Flow
    period: str
    partner: str
    product: str
    value: Decimal
    net_mass: Decimal | None
    declarations: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """A trader's leaf sums in one release.

    Attributes:
        amounts: for each measure that the file tells, a row for each leaf, in the form that the clip takes.
        counted: how many lines count in the release.
        left_out: how many are of another flow or period.
    """

    amounts: Mapping[Measure, pl.DataFrame]
    counted: int
    left_out: int


def read_declared(place: Path) -> tuple[DeclaredLine, ...]:
    """Return the lines of a trader's file.

    Raises:
        DeclarationsError: it can't be read, or a line has no such form.
    """
    try:
        text = place.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error, OSError):
        raise DeclarationsError(str(place), ["it can't be read, or isn't CSV in UTF-8"]) from None
    if not rows or not set(COLUMNS) <= rows[0].keys():
        raise DeclarationsError(str(place), ["its first line doesn't name the columns, or no line follows"])
    lines: list[DeclaredLine] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=2):
        try:
            lines.append(_line(row))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise DeclarationsError(str(place), problems)
    return tuple(lines)


def _line(row: Mapping[str | None, str | None]) -> DeclaredLine:
    field = {name: text.strip() for name, text in row.items() if name is not None and isinstance(text, str)}
    if None in row or not set(COLUMNS) <= field.keys():
        raise ValueError("it has more or fewer fields than the first line")
    if field["flow"].upper() not in set(Flow):
        raise ValueError("the flow isn't M, X, RM or RX")
    if not _DAY.fullmatch(field["period"]) and not PERIOD.fullmatch(field["period"]):
        raise ValueError("the period isn't written as 2024, 2024-Q1, 2024-03 or 2024-03-15")
    if not _PRODUCT.fullmatch(field["product"]):
        raise ValueError("the product isn't an HS code of two to ten digits")
    if field["partner"].upper() not in {*area_codes(), RESIDUAL}:
        raise ValueError("the partner isn't an ISO 3166 alpha-2 code, such as DE")
    mass, lines = field.get("net_mass"), field.get("declarations")
    return DeclaredLine(
        flow=Flow(field["flow"].upper()),
        period=field["period"],
        partner=field["partner"].upper(),
        product=field["product"],
        value=_number(field["value"], "value"),
        net_mass=_number(mass, "net_mass") if mass else None,
        declarations=int(_number(lines, "declarations")) if lines else None,
    )


def _number(text: str, column: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"the {column} isn't a number with a decimal point")
    return Decimal(text)


def declared_in(lines: Iterable[DeclaredLine], policy: PublishedPolicy) -> Declared:
    """Return what the lines are in a release: leaf sums of each measure in minor units, by the stated rules."""
    held = tuple(lines)
    placed = [(leaf, line) for line in held if (leaf := _leaf(line, policy.layout)) is not None]
    sums: dict[Measure, dict[int, int]] = {measure: defaultdict(int) for measure in Measure}
    for leaf, line in placed:
        value = _minor(line.value, 10**policy.value_decimals)
        sums[Measure.VALUE][leaf] += value
        sums[Measure.RETURNS][leaf] += max(-value, 0)
        sums[Measure.TRADERS][leaf] = 1
        sums[Measure.DECLARATIONS][leaf] += (line.declarations or 0) * COUNT_UNITS
        sums[Measure.NET_MASS][leaf] += _minor(line.net_mass or Decimal(0), 1000)
    told = {Measure.VALUE, Measure.RETURNS, Measure.TRADERS}
    told |= {Measure.DECLARATIONS} if all(line.declarations is not None for _, line in placed) else set()
    told |= {Measure.NET_MASS} if all(line.net_mass is not None for _, line in placed) else set()
    return Declared(
        amounts={measure: leaf_amounts(sums[measure]) for measure in Measure if measure in told},
        counted=len(placed),
        left_out=len(held) - len(placed),
    )


def leaf_amounts(sums: Mapping[int, int]) -> pl.DataFrame:
    """Return one trader's leaf sums in the form that the clip takes: `trader`, `leaf`, `amount`."""
    return pl.DataFrame(
        {
            "trader": pl.Series([0] * len(sums), dtype=pl.UInt32),
            "leaf": pl.Series(list(sums), dtype=pl.UInt32),
            "amount": pl.Series(list(sums.values()), dtype=pl.Int128),
        }
    )


def _minor(amount: Decimal, units: int) -> int:
    """Return an amount in minor units, rounded half away from zero, as the office's preparation does."""
    whole = int((amount * units).quantize(Decimal(1), rounding=ROUND_HALF_UP)) if abs(amount) < LARGEST_LINE else None
    if whole is None:
        return LARGEST_LINE if amount > 0 else -LARGEST_LINE
    return max(-LARGEST_LINE, min(whole, LARGEST_LINE))


def _leaf(line: DeclaredLine, layout: Layout) -> int | None:
    """Return the leaf that a line counts in, or None when its flow or period isn't the release's."""
    period = _period(line.period, layout.periods)
    if line.flow not in layout.flows or period is None:
        return None
    partner = _place(line.partner, layout.partners)
    places = leaf_of_code(layout)
    listed = (line.product[:length] for length in (6, 4, 2) if line.product[:length] in places)
    product = places.get(next(listed, ""), len(layout.products) - 1)
    block = layout.flows.index(line.flow) * len(layout.periods) + period
    return (block * len(layout.partners) + partner) * len(layout.products) + product


def _place(code: str, codes: tuple[str, ...]) -> int:
    return codes.index(code) if code in codes else len(codes) - 1


def _period(text: str, periods: tuple[str, ...]) -> int | None:
    day = _DAY.fullmatch(text)
    own = f"{day[1]}-{day[2]}" if day else text
    if PERIOD.fullmatch(own) is None:
        return None
    for place, period in enumerate(periods):
        if year_of(own) == year_of(period) and months_of(own) <= months_of(period):
            return place
    return None
