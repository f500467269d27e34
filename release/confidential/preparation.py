"""From rows to declaration lines: the stated rules by which a row counts, moves to the residual, or is dropped.

Amounts are read row by row, texts once for each distinct text of a column; both by the expressions below.

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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.batches import batches
from release.confidential.coding import NOTHING, Codes, Dictionary, Rule, integers
from release.config.fields import months_of
from release.config.release import Column, FieldSource
from release.plan import ReleasePlan
from release.tables import Flow, Layout, Measure, leaf_of_code

_OWN = 2**32
"""Codes of units that are single rows begin here; those of traders end before."""

_DIGITS_IN = {"units": 0, "thousands": 3, "millions": 6}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A batch of rows with their fields read: arrays of 64-bit integers, `NOTHING` where a rule couldn't read a field.

    Attributes:
        trader: exact code of who it is.
        flow: place in the layout, as that of period, partner and product.
        value: minor units, signed.
        net_mass: grams; 0 where there is none, or nobody asks.
        currency: `NOTHING` where it is another one than the office's.
        declaration: exact code, where lines that are equal count once.
    """

    trader: Codes
    flow: Codes
    period: Codes
    partner: Codes
    product: Codes
    value: Codes
    net_mass: Codes
    currency: Codes
    declaration: Codes

    def counts(self) -> NDArray[np.bool_]:
        """Decide which rows are lines that count."""
        known = (self.trader, self.flow, self.period, self.value, self.currency)
        return np.asarray(np.logical_and.reduce([field != NOTHING for field in known]))


class Preparation:
    """One release's rules at work, with what they made of the distinct texts that they have met so far."""

    def __init__(self, plan: ReleasePlan, ids: Ids = NO_IDS) -> None:
        source = plan.release.source
        self._plan = plan
        self._ids = ids
        self._columns = source.columns
        self._traders = Dictionary()
        self._declarations = Dictionary()
        self._read: dict[str, Dictionary] = {}
        self._own = _OWN
        self._by_row = plan.office.unit.kind == "record" or source.columns.trader is None
        self.once = source.duplicates == "count once"
        self.weighed = self.once or any(measure.measure is Measure.NET_MASS for measure in plan.measures)

    def lines(self, frames: Iterable[pl.LazyFrame]) -> Iterator[Lines]:
        """Yield all rows of some frames in batches, in any order."""
        for rows in frames:
            schema = rows.collect_schema()
            read = rows.select(**self._texts(schema), **self._numbers(schema))
            for batch in batches(read):
                if batch.height:
                    yield self._lines(batch)

    def trader_codes(self, traders: tuple[str, ...]) -> Codes:
        """Return the codes of normalised ids."""
        return self._traders.codes(pl.Series(traders, dtype=pl.String))

    def _texts(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Return the columns that are read text by text, as codes."""
        columns = self._columns
        fields = {
            "flow": columns.flow,
            "partner": columns.partner,
            "product": columns.commodity,
            "period": None if _is_date(columns.date, schema) else columns.date,
            "trader": None if self._by_row else columns.trader,
            "currency": columns.currency,
            "declaration": columns.declaration if self.once else None,
        }
        texts = {
            _branch(name, code): text
            for name, field in fields.items()
            if field is not None
            for code, text in (_raw(field) if name in _OF_FLOWS else {None: _only(field)}).items()
        }
        self._read = {name: self._read.get(name, Dictionary()) for name in texts}
        return {name: text.cast(self._read[name].kind) for name, text in texts.items()}

    def _numbers(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Return the columns that are read row by row."""
        columns = self._columns
        source = self._plan.release.source
        numbers = {"value": _amount(columns.value, schema, source.value_decimals + _DIGITS_IN[source.value_in])}
        if self.weighed and columns.net_mass is not None:
            numbers["net_mass"] = _amount(columns.net_mass, schema, 3).fill_null(0)
        if _is_date(columns.date, schema):
            numbers["period"] = _period(pl.col(str(_name(columns.date))).cast(pl.Date, strict=False), self._plan)
        return numbers

    def _lines(self, batch: pl.DataFrame) -> Lines:
        columns, layout = self._columns, self._plan.layout
        nothing = np.zeros(batch.height, np.int64)
        flow = self._coded(batch, "flow", columns.flow, lambda text: _place(text, layout.flows))
        return Lines(
            trader=self._trader(batch),
            flow=flow,
            period=self._periods(batch),
            partner=self._coded(batch, "partner", columns.partner, lambda text: _coded(text, layout.partners), flow),
            product=self._coded(batch, "product", columns.commodity, lambda text: _product(text, layout), flow),
            value=integers(batch["value"]),
            net_mass=integers(batch["net_mass"]) if "net_mass" in batch.columns else nothing,
            currency=nothing if columns.currency is None else self._currency(batch, columns.currency),
            declaration=self._declaration(batch) if "declaration" in batch.columns else nothing,
        )

    def _coded(
        self, batch: pl.DataFrame, name: str, field: FieldSource, rule: Rule, flow: Codes | None = None
    ) -> Codes:
        """Return what a rule makes of a field's normalised text in each row."""

        def places(column: str) -> Codes:
            return self._read[column].read(batch[column], name, lambda raw: rule(_text(raw, field)))

        if flow is None or None in _raw(field):
            return places(name)
        flows = self._plan.layout.flows
        branches = {code: places(_branch(name, code)) for code in _raw(field) if code in flows}
        none = int(pl.select(rule(_text(pl.lit(None, pl.String), field))).item())
        return np.select([flow == flows.index(code) for code in branches], list(branches.values()), none)

    def _trader(self, batch: pl.DataFrame) -> Codes:
        field = self._columns.trader
        if self._by_row or field is None:
            return self._rows(batch)
        known = self._read["trader"].read(
            batch["trader"], "trader", lambda raw: _trader(raw, field, self._ids), self._traders
        )
        own = self._plan.release.source.missing_trader == "own unit"
        return np.where(known == NOTHING, self._rows(batch), known) if own else known

    def _rows(self, batch: pl.DataFrame) -> Codes:
        """Return a code of its own for each row."""
        first = self._own
        self._own += batch.height
        return np.arange(first, self._own)

    def _periods(self, batch: pl.DataFrame) -> Codes:
        if "period" not in self._read:
            return integers(batch["period"])
        layout = self._plan.release.source.date_format
        return self._coded(
            batch, "period", self._columns.date, lambda text: _period(parsed_date(text, layout), self._plan)
        )

    def _currency(self, batch: pl.DataFrame, field: FieldSource) -> Codes:
        currency = self._plan.office.metadata.currency
        return self._coded(
            batch, "currency", field, lambda text: pl.when(text.str.to_uppercase() == currency).then(pl.lit(1))
        )

    def _declaration(self, batch: pl.DataFrame) -> Codes:
        field = self._columns.declaration
        if field is None:
            raise LookupError
        return self._read["declaration"].read(
            batch["declaration"], "declaration", lambda raw: _text(raw, field), self._declarations
        )


def leaves_of(lines: Lines, layout: Layout) -> Codes:
    """Return the place of each line's leaf; of any value for rows that don't count."""
    block = lines.flow * len(layout.periods) + lines.period
    return (block * len(layout.partners) + lines.partner) * len(layout.products) + lines.product


def reasons(rows: Iterable[pl.LazyFrame], plan: ReleasePlan, ids: Ids = NO_IDS) -> Reasons:
    """Return how many rows each rule touched. Confidential."""
    found = dict.fromkeys((field.name for field in fields(Reasons)), 0)
    for lines in Preparation(plan, ids).lines(rows):
        for name, touched in _touched(lines, plan.layout).items():
            found[name] += int(touched.sum())
    return Reasons(**found)


def _touched(lines: Lines, layout: Layout) -> dict[str, NDArray[np.bool_]]:
    """Return, for each of the reasons, which rows it touches."""
    counted = lines.counts()
    return {
        "rows": np.ones_like(counted),
        "counted": counted,
        "no_trader": lines.trader == NOTHING,
        "other_flow_or_period": (lines.flow == NOTHING) | (lines.period == NOTHING),
        "unreadable_value": lines.value == NOTHING,
        "other_currency": lines.currency == NOTHING,
        "residual_partner": counted & (lines.partner == len(layout.partners) - 1),
        "residual_commodity": counted & (lines.product == len(layout.products) - 1),
        "returns": counted & (lines.value < 0),
    }


def _branch(name: str, flow: Flow | None) -> str:
    return name if flow is None else f"{name} of {flow}"


def _name(field: FieldSource) -> str | None:
    return field if isinstance(field, str) else field.column


_OF_FLOWS = ("partner", "product")
"""Fields that may come from another column for each flow."""


def _only(field: FieldSource) -> pl.Expr:
    return _raw(field).get(None, pl.lit(None, pl.String))


def _is_date(field: FieldSource, schema: pl.Schema) -> bool:
    name = _name(field)
    return name is not None and schema[name].base_type() in (pl.Date, pl.Datetime)


def _raw(field: FieldSource) -> dict[Flow | None, pl.Expr]:
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


def _text(raw: pl.Expr, field: FieldSource) -> pl.Expr:
    """Return a field's text normalised and translated."""
    text = raw.str.normalize("NFKC").str.strip_chars()
    if isinstance(field, Column) and field.translate:
        return text.replace(list(field.translate), list(field.translate.values()))
    return text


def _trader(raw: pl.Expr, field: FieldSource, ids: Ids) -> pl.Expr:
    text = normalised_id(_text(raw, field))
    if ids[0]:
        text = text.replace(list(ids[0]), list(ids[1]))
    return pl.when(text != "").then(text)


def normalised_id(text: pl.Expr) -> pl.Expr:
    """Return an id's one spelling: NFKC, capitals, inner space as one blank, nothing that can't be seen.

    Capitals can leave NFKC again, so it is applied once more after them.
    """
    visible = text.str.normalize("NFKC").str.replace_all(_UNSEEN, "").str.replace_all(r"\s+", " ")
    return visible.str.strip_chars().str.to_uppercase().str.normalize("NFKC")


def _place(text: pl.Expr, codes: tuple[str, ...]) -> pl.Expr:
    """Return the place of a code in a list; null when it isn't there."""
    listed = [str(code) for code in codes]
    return text.str.to_uppercase().replace_strict(
        listed, list(range(len(listed))), default=None, return_dtype=pl.UInt32
    )


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


def _period(date: pl.Expr, plan: ReleasePlan) -> pl.Expr:
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


def _amount(field: FieldSource, schema: pl.Schema, decimals: int) -> pl.Expr:
    """Return an amount in 10^-decimals units, exact, rounded half away from zero; null when it isn't a number."""
    name = _name(field)
    if name is None:
        return _from_text(_text(_only(field), field), decimals)
    column, dtype = pl.col(name), schema[name]
    if dtype.is_integer():
        return _clamped(column.cast(pl.Int128).clip(-LARGEST_LINE, LARGEST_LINE) * 10**decimals)
    if isinstance(dtype, pl.Decimal):
        return _from_decimal(column, dtype.scale, decimals)
    if dtype.is_float():
        return _from_double(column.cast(pl.Float64), decimals)
    return _from_text(_text(column.cast(pl.String), field), decimals)


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
    room = 18 - decimals  # digits that fit 64 bits once they are minor units
    tail = pl.concat_str(places, pl.lit("0" * (decimals + 1))).str.slice(0, decimals + 1).cast(pl.Int64, strict=False)
    units = pl.concat_str(pl.lit("0"), whole.str.slice(0, room)).cast(pl.Int64, strict=False)
    size = (units * 10**decimals + (tail + 5) // 10).clip(0, LARGEST_LINE)
    size = pl.when(whole.str.len_bytes() > room).then(pl.lit(LARGEST_LINE, pl.Int64)).otherwise(size)
    exact = pl.when(text.str.starts_with("-")).then(-size).otherwise(size)
    scientific = _from_double(text.cast(pl.Float64, strict=False), decimals)
    return pl.when(text.str.contains(_NUMBER)).then(exact).when(text.str.contains(_SCIENTIFIC)).then(scientific)
