"""From rows to declaration lines: the stated rules by which a row counts, moves to the residual, or is dropped.

Every rule looks at one row, the public codelists and a fixed mapping of ids, never at another trader's row, and none
stops a run. The rules:

- trader: NFKC, outer space removed, inner space as one blank, capitals; then the office's fixed table of ids. Empty:
  left out, or a trader of its own.
- flow, period: a row of another flow or period, or with a date that can't be read, is dropped.
- partner: NFKC, capitals; not on the key list or empty: residual.
- commodity: dots and blanks removed, a lost leading zero restored (odd length); the longest listed code that it begins
  with, and there the rest where that code is split; no digits or off the list: residual.
- value, net mass: exact decimals, rounded half away from zero to minor units. What isn't a finite number drops the row
  when it is the value, and counts as 0 when it is the mass. Beyond +-2^52 minor units it is set to that.
- currency, where mapped: a row in another currency than the office's is dropped.
"""

import polars as pl

from release.config.fields import months_of
from release.config.source import Column, FieldSource
from release.plan import ReleasePlan
from release.tables import Flow, Layout, leaf_of_code

Ids = tuple[tuple[str, ...], tuple[str, ...]]
"""A fixed table of ids: normalised aliases, and the trader that each stands for."""

NO_IDS: Ids = ((), ())

DIGITS_IN = {"units": 0, "thousands": 3, "millions": 6}
"""By how many digits amounts are shortened in a source whose values are in thousands or millions."""

LARGEST_LINE = 2**52
"""The largest amount of one line, in minor units; far above every cap, and exact as a double."""

_UNSEEN = r"[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\x{2800}]"
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_SCIENTIFIC = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]{1,3}$"


def column_name(field: FieldSource) -> str | None:
    """Return the one column that a field is, or None."""
    return field if isinstance(field, str) else field.column


OF_FLOWS = ("partner", "product")
"""Fields that may come from another column for each flow."""


def only(field: FieldSource) -> pl.Expr:
    """Return a field's text where flows make no difference; null where it differs by flow."""
    return raws(field).get(None, pl.lit(None, pl.String))


def is_date(field: FieldSource, schema: pl.Schema) -> bool:
    """Decide whether a field is a column of dates or times."""
    name = column_name(field)
    return name is not None and schema[name].base_type() in (pl.Date, pl.Datetime)


def raws(field: FieldSource) -> dict[Flow | None, pl.Expr]:
    """Return a mapped field as text before translation: one column for all flows (None), or one for each."""
    if isinstance(field, str):
        return {None: pl.col(field).cast(pl.String)}
    if field.column is not None:
        return {None: pl.col(field.column).cast(pl.String)}
    if field.constant is not None:
        return {None: pl.lit(field.constant)}
    if field.first_of is not None:
        candidates = [pl.col(name).cast(pl.String) for name in field.first_of]
        filled = (pl.when(candidate.str.strip_chars() != "").then(candidate) for candidate in candidates)
        return {None: pl.coalesce(filled)}
    if field.joined is not None:
        parts = [pl.col(name).cast(pl.String).str.strip_chars() for name in field.joined]
        return {None: pl.concat_str(parts, separator="-")}
    return {code: pl.col(name).cast(pl.String) for code, name in (field.by_flow or {}).items()}


def normalised(raw: pl.Expr, field: FieldSource) -> pl.Expr:
    """Return a field's text normalised and translated."""
    text = raw.str.normalize("NFKC").str.strip_chars()
    if isinstance(field, Column) and field.translate:
        return text.replace(list(field.translate), list(field.translate.values()))
    return text


def trader(raw: pl.Expr, field: FieldSource, ids: Ids) -> pl.Expr:
    """Return who a text names: its one spelling, or the trader that the table of ids has for it; null for nobody."""
    text = normalised_id(normalised(raw, field))
    if ids[0]:
        text = text.replace(list(ids[0]), list(ids[1]))
    return pl.when(text != "").then(text)


def normalised_id(text: pl.Expr) -> pl.Expr:
    """Return an id's one spelling: NFKC, capitals, inner space as one blank, nothing that can't be seen.

    Capitals can leave NFKC again, so it is applied once more after them.
    """
    visible = text.str.normalize("NFKC").str.replace_all(_UNSEEN, "").str.replace_all(r"\s+", " ")
    return visible.str.strip_chars().str.to_uppercase().str.normalize("NFKC")


def place(text: pl.Expr, codes: tuple[str, ...]) -> pl.Expr:
    """Return the place of a code in a list; null when it isn't there."""
    listed = [str(code) for code in codes]
    return text.str.to_uppercase().replace_strict(
        listed, list(range(len(listed))), default=None, return_dtype=pl.UInt32
    )


def place_or_residual(text: pl.Expr, codes: tuple[str, ...]) -> pl.Expr:
    """Return the place of a code in its key list; the last place is the residual's."""
    listed = codes[:-1]
    return text.str.to_uppercase().replace_strict(
        list(listed), list(range(len(listed))), default=len(listed), return_dtype=pl.UInt32
    )


def product(text: pl.Expr, layout: Layout) -> pl.Expr:
    """Return the place among the leaves' products of the longest listed code that a commodity begins with."""
    digits = text.str.replace_all(r"[. ]", "")
    whole = pl.when(digits.str.len_bytes() % 2 == 1).then(pl.concat_str(pl.lit("0"), digits)).otherwise(digits)
    code = pl.when(whole.str.contains(r"^[0-9]{2,10}$")).then(whole)
    places = leaf_of_code(layout)
    found = []
    for length in sorted({len(listed) for listed in places}, reverse=True):
        own = {listed: place for listed, place in places.items() if len(listed) == length}
        start = code.str.slice(0, length)
        found.append(start.replace_strict(list(own), list(own.values()), default=None, return_dtype=pl.UInt32))
    return pl.coalesce(*found, pl.lit(len(layout.products) - 1, pl.UInt32))


def period(date: pl.Expr, plan: ReleasePlan) -> pl.Expr:
    """Return the place of a date's period; null for a date in none."""
    places: list[int | None] = [None] * 13
    for index, period in enumerate(plan.layout.periods):
        for month in months_of(period):
            places[month] = index
    place = pl.lit(pl.Series(places, dtype=pl.UInt32)).gather(date.dt.month())
    return pl.when(date.dt.year() == plan.release.year).then(place)


def parsed_date(text: pl.Expr, layout: str) -> pl.Expr:
    """Return dates from text written as `layout`; a part that it lacks is the first; null where the text isn't so."""
    if "%d" in layout:
        return text.str.to_date(layout, strict=False)
    if any(month in layout for month in ("%m", "%b", "%B")):
        return pl.concat_str(text, pl.lit(" 01")).str.to_date(f"{layout} %d", strict=False)
    return pl.concat_str(text, pl.lit(" 01 01")).str.to_date(f"{layout} %m %d", strict=False)


def amount(field: FieldSource, schema: pl.Schema, decimals: int) -> pl.Expr:
    """Return an amount in 10^-decimals units, exact, rounded half away from zero; null when it isn't a number."""
    name = column_name(field)
    if name is None:
        return amount_of_text(normalised(only(field), field), decimals)
    column, dtype = pl.col(name), schema[name]
    if dtype.is_integer():
        return _clamped(column.cast(pl.Int128).clip(-LARGEST_LINE, LARGEST_LINE) * 10**decimals)
    if isinstance(dtype, pl.Decimal):
        return _from_decimal(column, dtype.scale, decimals)
    if dtype.is_float():
        return _from_double(column.cast(pl.Float64), decimals)
    return amount_of_text(normalised(column.cast(pl.String), field), decimals)


def _clamped(minor: pl.Expr) -> pl.Expr:
    return minor.clip(-LARGEST_LINE, LARGEST_LINE).cast(pl.Int64)


def _from_decimal(column: pl.Expr, scale: int, decimals: int) -> pl.Expr:
    whole = column.to_physical().cast(pl.Int128)
    if scale <= decimals:
        # a decimal holds at most 38 digits: clamp before scaling up, so that nothing overflows
        room = 10 ** (decimals - scale)
        return _clamped(whole.clip(-LARGEST_LINE, LARGEST_LINE) * room)
    step = 10 ** (scale - decimals)
    size = (whole.abs() + step // 2) // step
    return _clamped(pl.when(whole < 0).then(size * -1).otherwise(size))


def _from_double(column: pl.Expr, decimals: int) -> pl.Expr:
    number = column.fill_nan(None)  # a strict cast of NaN would end the run because of one row
    size = (number.abs() * 10.0**decimals).clip(0, float(LARGEST_LINE))
    rounded = (size + 0.5).floor().cast(pl.Int64).clip(0, LARGEST_LINE)
    return pl.when(column.is_finite()).then(pl.when(column < 0).then(-rounded).otherwise(rounded))


def amount_of_text(text: pl.Expr, decimals: int) -> pl.Expr:
    """Return the amount that a text is, in 10^-decimals units; null where it isn't a number."""
    whole = text.str.extract(r"^[+-]?0*([0-9]*)", 1)
    places = text.str.extract(r"\.([0-9]*)$", 1).fill_null("")
    room = 18 - decimals  # digits that fit 64 bits once they are minor units
    tail = pl.concat_str(places, pl.lit("0" * (decimals + 1))).str.slice(0, decimals + 1).cast(pl.Int64, strict=False)
    units = pl.concat_str(pl.lit("0"), whole.str.slice(0, room)).cast(pl.Int64, strict=False)
    size = (units * 10**decimals + (tail + 5) // 10).clip(0, LARGEST_LINE)
    size = pl.when(whole.str.len_bytes() > room).then(pl.lit(LARGEST_LINE, pl.Int64)).otherwise(size)
    exact = pl.when(text.str.starts_with("-")).then(-size).otherwise(size)
    scientific = _from_double(text.cast(pl.Float64, strict=False), decimals)
    return pl.when(text.str.contains(_NUMBER)).then(exact).when(text.str.contains(_SCIENTIFIC)).then(scientific)
