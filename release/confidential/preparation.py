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

from dataclasses import dataclass

import polars as pl

from release.config.fields import months_of
from release.config.release import Column, FieldSource
from release.plan import ReleasePlan, minor_units
from release.tables import Layout, Measure, leaf_of_code

_ROW = "\0row"
"""A name for the rows' numbers that no source column can have."""

LARGEST_LINE = 2**52
"""The largest amount of one line, in minor units; far above every cap, and exact as a double."""

_UNSEEN = r"[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\x{2800}]"
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_SCIENTIFIC = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]{1,3}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """How many rows were left out, and why; confidential, for the private report only."""

    rows: int
    counted: int
    no_trader: int
    other_flow_or_period: int
    unreadable_value: int
    other_currency: int
    residual_partner: int
    residual_commodity: int
    returns: int


Ids = tuple[tuple[str, ...], tuple[str, ...]]
"""A fixed table of ids: normalised aliases, and the trader that each stands for."""

NO_IDS: Ids = ((), ())


def lines(rows: pl.LazyFrame, plan: ReleasePlan, ids: Ids = NO_IDS) -> pl.LazyFrame:
    """Return one row a declaration line that counts.

    Columns: `trader` (String), `leaf` (UInt32), `value` (Int64, minor units, signed), `net_mass` (Int64, grams).
    """
    known = _fields(rows, plan, ids)
    counted = known.filter(counts())
    if plan.release.source.duplicates == "count once":
        counted = counted.unique(["trader", "declaration", "leaf", "value", "net_mass"])
    return counted.select("trader", "leaf", "value", "net_mass")


def counts() -> pl.Expr:
    """Decide whether a row with its fields read is a line that counts."""
    known = (pl.col(name).is_not_null() for name in ("trader", "flow", "period", "value", "currency"))
    return pl.all_horizontal(*known)


def reasons(rows: pl.LazyFrame, plan: ReleasePlan, ids: Ids = NO_IDS) -> Reasons:
    """Return how many rows each rule touched. Confidential."""
    missing = {name: pl.col(name).is_null() for name in ("trader", "value", "currency")}
    layout = plan.layout
    counted = counts()
    products = len(layout.products)
    told = _fields(rows, plan, ids).select(
        rows=pl.len(),
        counted=counted.sum(),
        no_trader=missing["trader"].sum(),
        other_flow_or_period=(pl.col("flow").is_null() | pl.col("period").is_null()).sum(),
        unreadable_value=missing["value"].sum(),
        other_currency=missing["currency"].sum(),
        residual_partner=(
            counted & (pl.col("leaf") // products % len(layout.partners) == len(layout.partners) - 1)
        ).sum(),
        residual_commodity=(counted & (pl.col("leaf") % products == products - 1)).sum(),
        returns=(counted & (pl.col("value") < 0)).sum(),
    )
    row = told.collect(engine="streaming").row(0, named=True)
    return Reasons(**{name: int(count or 0) for name, count in row.items()})


def _fields(rows: pl.LazyFrame, plan: ReleasePlan, ids: Ids = NO_IDS) -> pl.LazyFrame:
    """Return every row with its fields read; null where a rule couldn't read one."""
    source, layout = plan.release.source, plan.layout
    columns = source.columns
    schema = rows.collect_schema()
    decimals = source.value_decimals
    flow = _flow(columns.flow)
    read = rows.with_row_index(_ROW).select(
        trader=_trader(plan, ids),
        flow=flow.replace_strict(
            [str(code) for code in layout.flows],
            list(range(len(layout.flows))),
            default=None,
            return_dtype=pl.UInt32,
        ),
        period=_period(columns.date, schema, plan),
        partner=_coded(_text(columns.partner, flow), layout.partners),
        product=_product(_text(columns.commodity, flow), layout),
        value=_amount(columns.value, schema, decimals),
        net_mass=pl.lit(0, pl.Int64) if columns.net_mass is None else _amount(columns.net_mass, schema, 3).fill_null(0),
        currency=_currency(columns.currency, plan.office.metadata.currency),
        declaration=pl.lit("") if columns.declaration is None else _text(columns.declaration),
    )
    return read.with_columns(leaf=_leaf(layout))


def _leaf(layout: Layout) -> pl.Expr:
    block = pl.col("flow") * len(layout.periods) + pl.col("period")
    return ((block * len(layout.partners) + pl.col("partner")) * len(layout.products) + pl.col("product")).cast(
        pl.UInt32
    )


def _raw(field: FieldSource, flow: pl.Expr | None = None) -> pl.Expr:
    """Return a mapped field as text, before translation."""
    if isinstance(field, str):
        return pl.col(field).cast(pl.String)
    if field.column is not None:
        return pl.col(field.column).cast(pl.String)
    if field.constant is not None:
        return pl.lit(field.constant)
    if field.first_of is not None:
        candidates = [pl.col(name).cast(pl.String) for name in field.first_of]
        return pl.coalesce(pl.when(candidate.str.strip_chars() != "").then(candidate) for candidate in candidates)
    branches = pl.lit(None, pl.String)
    for code, name in (field.by_flow or {}).items():
        branches = pl.when(flow == str(code)).then(pl.col(name).cast(pl.String)).otherwise(branches)
    return branches


def _text(field: FieldSource, flow: pl.Expr | None = None) -> pl.Expr:
    """Return a mapped field as normalised text, translated."""
    text = _raw(field, flow).str.normalize("NFKC").str.strip_chars()
    if isinstance(field, Column) and field.translate:
        return text.replace(list(field.translate), list(field.translate.values()))
    return text


def _flow(field: FieldSource) -> pl.Expr:
    return _text(field).str.to_uppercase()


def _trader(plan: ReleasePlan, ids: Ids) -> pl.Expr:
    row = pl.concat_str(pl.lit("\0"), pl.col(_ROW).cast(pl.String))
    field = plan.release.source.columns.trader
    if plan.office.unit.kind == "record" or field is None:
        return row
    text = normalised_id(_text(field))
    if ids[0]:
        text = text.replace(list(ids[0]), list(ids[1]))
    empty = text.is_null() | (text == "")
    return (
        pl.when(~empty)
        .then(text)
        .otherwise(row if plan.release.source.missing_trader == "own unit" else pl.lit(None, pl.String))
    )


def normalised_id(text: pl.Expr) -> pl.Expr:
    """Return an id's one spelling: NFKC, capitals, inner space as one blank, nothing that can't be seen.

    Capitals can leave NFKC again, so it is applied once more after them.
    """
    visible = text.str.normalize("NFKC").str.replace_all(_UNSEEN, "").str.replace_all(r"\s+", " ")
    return visible.str.strip_chars().str.to_uppercase().str.normalize("NFKC")


def _coded(text: pl.Expr, codes: tuple[str, ...]) -> pl.Expr:
    """Return the place of a code in its key list; the last place is the residual's."""
    listed = codes[:-1]
    return text.str.to_uppercase().replace_strict(
        list(listed), list(range(len(listed))), default=len(listed), return_dtype=pl.UInt32
    )


def _product(text: pl.Expr, layout: Layout) -> pl.Expr:
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


def _period(field: FieldSource, schema: pl.Schema, plan: ReleasePlan) -> pl.Expr:
    name = field if isinstance(field, str) else field.column
    dtype = schema.get(name) if name else None
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        date = pl.col(str(name)).cast(pl.Date, strict=False)
    else:
        date = _parsed_date(_text(field), plan.release.source.date_format)
    places: list[int | None] = [None] * 13
    for index, period in enumerate(plan.layout.periods):
        for month in months_of(period):
            places[month] = index
    months = [month for month in range(1, 13) if places[month] is not None]
    place = (
        date.dt.month()
        .cast(pl.Int32)
        .replace_strict(months, [places[month] for month in months], default=None, return_dtype=pl.UInt32)
    )
    return pl.when(date.dt.year() == plan.release.year).then(place)


def _parsed_date(text: pl.Expr, layout: str) -> pl.Expr:
    if "%d" in layout:
        return text.str.to_date(layout, strict=False)
    if any(month in layout for month in ("%m", "%b", "%B")):
        return pl.concat_str(text, pl.lit(" 01")).str.to_date(f"{layout} %d", strict=False)
    return pl.concat_str(text, pl.lit(" 01 01")).str.to_date(f"{layout} %m %d", strict=False)


def _currency(field: FieldSource | None, currency: str) -> pl.Expr:
    if field is None:
        return pl.lit(value=True)
    return pl.when(_text(field).str.to_uppercase() == currency).then(pl.lit(value=True))


def _amount(field: FieldSource, schema: pl.Schema, decimals: int) -> pl.Expr:
    """Return an amount in 10^-decimals units, exact, rounded half away from zero; null when it isn't a number."""
    name = field if isinstance(field, str) else field.column
    dtype = schema.get(name) if name else pl.String
    column = pl.col(name) if name else _text(field)
    if dtype is not None and dtype.is_integer():
        return _clamped(column.cast(pl.Int128).clip(-LARGEST_LINE, LARGEST_LINE) * 10**decimals)
    if isinstance(dtype, pl.Decimal):
        return _from_decimal(column, dtype.scale, decimals)
    if dtype is not None and dtype.is_float():
        return _from_double(column.cast(pl.Float64), decimals)
    return _from_text(_text(field), decimals)


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


def _from_text(text: pl.Expr, decimals: int) -> pl.Expr:
    whole = text.str.extract(r"^[+-]?0*([0-9]*)", 1)
    places = text.str.extract(r"\.([0-9]*)$", 1).fill_null("")
    tail = pl.concat_str(places, pl.lit("0000")).str.slice(0, decimals + 1).cast(pl.Int64, strict=False)
    units = pl.concat_str(pl.lit("0"), whole.str.slice(0, 15)).cast(pl.Int64, strict=False)
    size = (units * 10**decimals + (tail + 5) // 10).clip(0, LARGEST_LINE)
    size = pl.when(whole.str.len_bytes() > 15).then(pl.lit(LARGEST_LINE, pl.Int64)).otherwise(size)  # noqa: PLR2004
    exact = pl.when(text.str.starts_with("-")).then(-size).otherwise(size)
    scientific = _from_double(text.cast(pl.Float64, strict=False), decimals)
    return pl.when(text.str.contains(_NUMBER)).then(exact).when(text.str.contains(_SCIENTIFIC)).then(scientific)


def amounts(prepared: pl.LazyFrame, measures: tuple[Measure, ...]) -> pl.LazyFrame:
    """Return each trader's sum in each leaf it has lines in, one column a measure, in minor units (Int128).

    A row is one (trader, leaf). Money is summed in 128 bits, since 64-bit sums wrap without a word.
    """
    wide = pl.Int128
    sums = {
        Measure.VALUE: pl.col("value").cast(wide).sum(),
        Measure.RETURNS: (-pl.col("value").clip(upper_bound=0)).cast(wide).sum(),
        Measure.DECLARATIONS: pl.len().cast(wide) * minor_units(Measure.DECLARATIONS, 0),
        Measure.TRADERS: pl.lit(1, wide),
        Measure.NET_MASS: pl.col("net_mass").cast(wide).sum(),
    }
    return prepared.group_by("trader", "leaf").agg(sums[measure].alias(measure) for measure in measures)


def trader_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with `trader` as an exact dictionary code (UInt32); no two ids share one."""
    codes = frame["trader"].rank("dense").cast(pl.UInt32)
    return frame.with_columns(codes.alias("trader"))
