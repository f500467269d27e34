"""From rows to declaration lines, batch by batch: amounts row by row, texts once for each distinct text of a column.

What is made of a row is decided by `rules`; this module puts the fields together and counts what each rule touched.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.batches import batches
from release.confidential.coding import NOTHING, Codes, Dictionary, Rule, integers
from release.confidential.rows import ROW
from release.confidential.rules import (
    DIGITS_IN,
    NO_IDS,
    OF_FLOWS,
    Ids,
    amount,
    column_name,
    is_date,
    normalised,
    only,
    parsed_date,
    period,
    place,
    place_or_residual,
    product,
    raws,
    trader,
)
from release.config.source import FieldSource
from release.plan import ReleasePlan
from release.tables import Flow, Layout, Measure

_OWN = 2**32
"""Codes of units that are single rows begin here; those of traders end before."""


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
        self._own = self._frame = _OWN
        self._by_row = plan.office.unit.kind == "record" or source.columns.trader is None
        self.once = source.duplicates == "count once"
        self.weighed = self.once or any(measure.measure is Measure.NET_MASS for measure in plan.measures)

    def lines(self, frames: Iterable[pl.LazyFrame]) -> Iterator[Lines]:
        """Yield all rows of some frames in batches, in any order."""
        for rows in frames:
            schema = rows.collect_schema()
            read = rows.select(**self._texts(schema), **self._numbers(schema))
            self._frame = self._own
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
            "period": None if is_date(columns.date, schema) else columns.date,
            "trader": None if self._by_row else columns.trader,
            "currency": columns.currency,
            "declaration": columns.declaration if self.once else None,
        }
        texts = {
            _branch(name, code): text
            for name, field in fields.items()
            if field is not None
            for code, text in (raws(field) if name in OF_FLOWS else {None: only(field)}).items()
        }
        self._read = {name: self._read.get(name, Dictionary()) for name in texts}
        return {name: text.cast(self._read[name].kind) for name, text in texts.items()}

    def _numbers(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Return the columns that are read row by row."""
        columns = self._columns
        source = self._plan.release.source
        decimals = source.value_decimals + DIGITS_IN[source.value_in]
        numbers = {"value": amount(columns.value, schema, decimals)}
        if ROW in schema:
            numbers[ROW] = pl.col(ROW)
        if self.weighed and columns.net_mass is not None:
            numbers["net_mass"] = amount(columns.net_mass, schema, 3).fill_null(0)
        if is_date(columns.date, schema):
            numbers["period"] = period(pl.col(str(column_name(columns.date))).cast(pl.Date, strict=False), self._plan)
        return numbers

    def _lines(self, batch: pl.DataFrame) -> Lines:
        columns, layout = self._columns, self._plan.layout
        nothing = np.zeros(batch.height, np.int64)
        flow = self._coded(batch, "flow", columns.flow, lambda text: place(text, layout.flows))
        return Lines(
            trader=self._trader(batch),
            flow=flow,
            period=self._periods(batch),
            partner=self._coded(
                batch, "partner", columns.partner, lambda text: place_or_residual(text, layout.partners), flow
            ),
            product=self._coded(batch, "product", columns.commodity, lambda text: product(text, layout), flow),
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
            return self._read[column].read(batch[column], name, lambda raw: rule(normalised(raw, field)))

        if flow is None or None in raws(field):
            return places(name)
        flows = self._plan.layout.flows
        branches = {code: places(_branch(name, code)) for code in raws(field) if code in flows}
        none = int(pl.select(rule(normalised(pl.lit(None, pl.String), field))).item())
        return np.select([flow == flows.index(code) for code in branches], list(branches.values()), none)

    def _trader(self, batch: pl.DataFrame) -> Codes:
        field = self._columns.trader
        if self._by_row or field is None:
            return self._rows(batch)
        known = self._read["trader"].read(
            batch["trader"], "trader", lambda raw: trader(raw, field, self._ids), self._traders
        )
        own = self._plan.release.source.missing_trader == "own unit"
        return np.where(known == NOTHING, self._rows(batch), known) if own else known

    def _rows(self, batch: pl.DataFrame) -> Codes:
        """Return a code of its own for each row; all views of a row have the same."""
        if ROW in batch.columns:
            codes = self._frame + batch[ROW].to_numpy().astype(np.int64)
            self._own = max(self._own, int(codes.max()) + 1)
            return codes
        first = self._own
        self._own += batch.height
        return np.arange(first, self._own)

    def _periods(self, batch: pl.DataFrame) -> Codes:
        if "period" not in self._read:
            return integers(batch["period"])
        layout = self._plan.release.source.date_format
        return self._coded(
            batch, "period", self._columns.date, lambda text: period(parsed_date(text, layout), self._plan)
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
            batch["declaration"], "declaration", lambda raw: normalised(raw, field), self._declarations
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
