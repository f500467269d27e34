"""From a database's rows to declaration lines, by the rules of `preparation`.

Amounts and dates are worked out in the database. A text is read by the very expressions of `preparation`: each distinct
text of a column comes into this package once and its code goes back as a table to join; ids only where they aren't in
their one spelling already. A trader, and a declaration that counts once, are one column each; a config is refused
otherwise.
"""

import sys
from collections.abc import Callable
from decimal import Decimal

import ibis
import polars as pl
import pyarrow as pa
from ibis.expr.types import Table, Value

from release.confidential import rules
from release.confidential.coding import Rule
from release.confidential.database.expressions import EXACT
from release.confidential.database.port import Database
from release.confidential.rules import LARGEST_LINE, Ids
from release.confidential.sources import columns_of, names_in
from release.config.fields import months_of
from release.config.source import Column, FieldSource
from release.plan import ReleasePlan
from release.tables import Measure

_ONE_SPELLING = "A-Z0-9_.-"
_AS_IT_STANDS = "A-Za-z0-9_.:/-"


class Lines:
    """The rules of one release at work on a database's table."""

    def __init__(self, database: Database, plan: ReleasePlan, ids: Ids) -> None:
        self._database = database
        self._plan = plan
        self._ids = ids
        self._columns = plan.release.source.columns
        self._by_row = plan.office.unit.kind == "record" or self._columns.trader is None
        self._own_units = plan.release.source.missing_trader == "own unit"

    def lines(self, rows: Table) -> Table:
        """Return one row a line that counts: `trader` (text), `leaf`, `value`, `net_mass` (integers)."""
        source, columns, layout = self._plan.release.source, self._columns, self._plan.layout
        once = source.duplicates == "count once"
        flow = lambda text: rules.place(text, layout.flows)  # noqa: E731
        read = self._place(self._chosen(self._viewed(self._own_rows(rows))), "flow", columns.flow, flow)
        read = self._place(
            read, "partner", columns.partner, lambda text: rules.place_or_residual(text, layout.partners)
        )
        read = self._place(read, "product", columns.commodity, lambda text: rules.product(text, layout))
        read = self._period(read)
        read = self._currency(read)
        read = self._amount(read, "value", columns.value, source.value_decimals + rules.DIGITS_IN[source.value_in])
        weighed = once or any(measure.measure is Measure.NET_MASS for measure in self._plan.measures)
        mass = columns.net_mass if weighed else None
        read = read.mutate(of_net_mass=0) if mass is None else self._amount(read, "net_mass", mass, 3)
        read = self._trader(read)
        counted = read.filter(*(read[f"of_{name}"].notnull() for name in ("flow", "period", "value", "trader")))
        counted = counted.filter(counted.of_currency == 1)
        if once and columns.declaration is not None:
            counted = self._texts(counted, "declaration", columns.declaration, _AS_IT_STANDS, rules.normalised)
            counted = counted.mutate(of_declaration=counted.of_declaration.fill_null("\1"))
        block = counted.of_flow * len(layout.periods) + counted.of_period
        leaf = (block * len(layout.partners) + counted.of_partner) * len(layout.products) + counted.of_product
        chosen = {"trader": "of_trader", "value": "of_value", "declaration": "of_declaration"}
        named = counted.mutate(leaf=leaf.cast("int64"), net_mass=counted.of_net_mass.fill_null(0).cast("int64"))
        lines = named.select(
            "leaf", "net_mass", **{new: named[old] for new, old in chosen.items() if old in named.columns}
        )
        return lines.distinct() if once else lines

    def _own_rows(self, rows: Table) -> Table:
        """Return the mapped columns; where a row may be a unit, with its number, before views are made of it."""
        own = rows.select(*columns_of(self._plan.release.source))
        return own.mutate(row_number=ibis.row_number()) if self._by_row or self._own_units else own

    def _viewed(self, rows: Table) -> Table:
        """Return every view of each row, all with the row's number; the rows are gone through once."""
        views = self._plan.release.source.views
        if not views:
            return rows
        numbers = self._database.give(pa.table({"view_number": pa.array(range(len(views)), pa.int64())}))
        each = rows.cross_join(numbers)
        made = {
            name: ibis.cases(
                *((each.view_number == number, _of_view(each, view[name])) for number, view in enumerate(views))
            )
            for name in views[0]
        }
        return each.mutate(**made).drop("view_number")

    def _chosen(self, rows: Table) -> Table:
        """Return the rows that `only` and `leave_out` let count."""
        source = self._plan.release.source
        rules_of = [(column, codes, 1) for column, codes in source.only.items()]
        rules_of += [(column, codes, 0) for column, codes in source.leave_out.items()]
        for number, (column, codes, wanted) in enumerate(rules_of):
            read = self._looked_up(rows, f"choice_{number}", column, _one_of(codes))
            rows = read.filter(read[f"of_choice_{number}"] == wanted).drop(f"of_choice_{number}")
        return rows

    def _place(self, rows: Table, name: str, field: FieldSource, rule: Rule) -> Table:
        """Add what a rule makes of a field's text, as `of_<name>`."""
        made = lambda text: rule(rules.normalised(text, field))  # noqa: E731
        if isinstance(field, Column) and field.by_flow is not None:
            flows = self._plan.layout.flows
            branches = {code: column for code, column in field.by_flow.items() if code in flows}
            for code, column in branches.items():
                rows = self._looked_up(rows, f"{name}_{code}", column, made)
            cases = [(rows.of_flow == flows.index(code), rows[f"of_{name}_{code}"]) for code in branches]
            return rows.mutate(**{f"of_{name}": ibis.cases(*cases, else_=_literal(_made(None, made)))})
        if isinstance(field, Column) and field.constant is not None:
            return rows.mutate(**{f"of_{name}": _literal(_made(field.constant, made))})
        single = _plain(field)
        if single is None:
            return self._looked_up_together(rows, name, field, made)
        return self._looked_up(rows, name, single, made)

    def _looked_up(self, rows: Table, name: str, column: str, made: Rule) -> Table:
        """Add what a rule makes of each distinct text of a column, or of none."""
        distinct = pl.Series(self._database.read(rows.select(key=rows[column]).distinct())["key"]).drop_nulls()
        texts = pl.DataFrame({"text": distinct.cast(pl.String)})
        codes = texts.select(made(pl.col("text")).cast(pl.Int64).alias("code"))["code"]
        known = self._database.give(pa.table({f"key_{name}": distinct.to_arrow(), f"code_{name}": codes.to_arrow()}))
        both = rows.left_join(known, rows[column] == known[f"key_{name}"])
        found = ibis.ifelse(both[column].isnull(), _literal(_made(None, made)), both[f"code_{name}"])
        return both.mutate(**{f"of_{name}": found}).drop(f"key_{name}", f"code_{name}")

    def _looked_up_together(self, rows: Table, name: str, field: FieldSource, made: Rule) -> Table:
        """Add what a rule makes of each distinct combination of the columns that a field is made of."""
        columns = names_in(field)
        keys = {f"key_{name}_{number}": _key(rows[column]) for number, column in enumerate(columns)}
        keyed = rows.mutate(**keys)
        distinct = pl.DataFrame(self._database.read(keyed.select(*dict.fromkeys(columns), *keys).distinct()))
        codes = distinct.select(made(rules.only(field)).cast(pl.Int64).alias("code"))["code"]
        listed = {f"known_{key}": _arrow(distinct[key].cast(pl.String)) for key in keys}
        known = self._database.give(pa.table({**listed, f"of_{name}": codes.to_arrow()}))
        both = keyed.left_join(known, [keyed[key] == known[f"known_{key}"] for key in keys])
        return both.drop(*keys, *listed)

    def _period(self, rows: Table) -> Table:
        plan, field = self._plan, self._columns.date
        name = _plain(field)
        if name is None or not (rows[name].type().is_date() or rows[name].type().is_timestamp()):
            layout = plan.release.source.date_format
            return self._place(rows, "period", field, lambda text: rules.period(rules.parsed_date(text, layout), plan))
        date = rows[name]
        places = {month: place for place, period in enumerate(plan.layout.periods) for month in months_of(period)}
        place = ibis.cases(
            *((date.month() == month, place) for month, place in places.items()), else_=ibis.null("int64")
        )
        return rows.mutate(of_period=ibis.ifelse(date.year() == plan.release.year, place, ibis.null("int64")))

    def _currency(self, rows: Table) -> Table:
        field, currency = self._columns.currency, self._plan.office.metadata.currency
        if field is None:
            return rows.mutate(of_currency=ibis.literal(1, "int64"))
        return self._place(
            rows, "currency", field, lambda text: pl.when(text.str.to_uppercase() == currency).then(pl.lit(1))
        )

    def _amount(self, rows: Table, name: str, field: FieldSource, decimals: int) -> Table:
        """Add an amount in 10^-decimals units, exact, rounded half away from zero; null when it isn't a number."""
        column = _plain(field)
        kind = None if column is None else rows[column].type()
        if kind is None or not (kind.is_integer() or kind.is_decimal() or kind.is_floating()):
            return self._place(rows, name, field, lambda text: rules.amount_of_text(text, decimals))
        amount = rows[str(column)]
        if kind.is_integer():
            whole = _clip(amount, LARGEST_LINE).cast(EXACT) * 10**decimals
        elif kind.is_decimal():
            scale = decimals if kind.scale is None else min(kind.scale, decimals)
            inside = _clip(amount, LARGEST_LINE, kind) if kind.precision is None or _may_exceed(kind) else amount
            rounded = inside.round(decimals) if kind.scale is None or kind.scale > decimals else inside
            whole = rounded.cast(f"decimal({19 + scale},{scale})") * 10**decimals
        else:
            size = ibis.least(ibis.least(amount.cast("float64").abs(), float(LARGEST_LINE)) * 10.0**decimals, 2.0**52)
            rounded = (size + 0.5).floor().cast("int64")
            number = ibis.ifelse(amount < 0, -rounded, rounded)
            infinite = amount.cast("float64").abs() > sys.float_info.max  # Spark has no word for it
            whole = ibis.ifelse(amount.isnull() | amount.isnan() | infinite, ibis.null("int64"), number)
        return rows.mutate(**{f"of_{name}": _clip(whole, LARGEST_LINE).cast("int64")})

    def _trader(self, rows: Table) -> Table:
        """Add who a row's trader is, as one spelling."""
        field = self._columns.trader
        if self._by_row or field is None:
            return rows.mutate(of_trader=_own_unit(rows))
        read = self._texts(rows, "trader", field, _ONE_SPELLING, lambda raw, of: rules.trader(raw, of, ((), ())))
        if self._ids[0]:
            aliases = self._database.give(pa.table({"listed": list(self._ids[0]), "final": list(self._ids[1])}))
            both = read.left_join(aliases, read.of_trader == aliases["listed"])
            read = both.mutate(of_trader=ibis.coalesce(both.final, both.of_trader)).drop("listed", "final")
        return read.mutate(of_trader=ibis.coalesce(read.of_trader, _own_unit(read))) if self._own_units else read

    def _texts(self, rows: Table, name: str, field: FieldSource, plain: str, rule: "TextRule") -> Table:
        """Add a field's text as a rule makes it; a text of `plain` characters alone is what the rule makes of it."""
        column = column_of(field)
        text = rows[column].cast("string")
        translated = isinstance(field, Column) and bool(field.translate)
        stands = ibis.literal(value=False) if translated else _consists_of(text, plain)
        others = rows.filter(~stands).select(key=text).distinct()
        odd = pl.Series(self._database.read(others)["key"]).drop_nulls().cast(pl.String).alias("text")
        made = odd.to_frame().select(rule(pl.col("text"), field).alias("made"))["made"]
        known = self._database.give(pa.table({f"key_{name}": _arrow(odd), f"made_{name}": _arrow(made)}))
        both = rows.left_join(known, text == known[f"key_{name}"])
        found = ibis.ifelse(
            _consists_of(both[column].cast("string"), plain), both[column].cast("string"), both[f"made_{name}"]
        )
        found = both[f"made_{name}"] if translated else found
        return both.mutate(**{f"of_{name}": found}).drop(f"key_{name}", f"made_{name}")


def _own_unit(rows: Table) -> Value:
    """Return a text that no other row of the source has, and no trader."""
    return ibis.literal("\1") + rows.row_number.cast("string")


def _of_view(rows: Table, field: FieldSource) -> Value:
    return rows[field] if isinstance(field, str) else ibis.literal(field.constant)


TextRule = Callable[[pl.Expr, FieldSource], pl.Expr]


def column_of(field: FieldSource) -> str:
    """Return the one column that a field is read from.

    Raises:
        LookupError: it is made of several or of none, which the config's faults tell beforehand.
    """
    name = _plain(field)
    if name is None:
        raise LookupError
    return name


def _plain(field: FieldSource) -> str | None:
    return field if isinstance(field, str) else field.column


def _made(text: str | None, rule: Rule) -> int | None:
    """Return what a rule makes of one text, or of none."""
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    made: int | None = frame.select(rule(pl.col("text")).cast(pl.Int64)).item()
    return made


def _one_of(codes: tuple[str, ...]) -> Rule:
    """Return the rule that decides whether a text is one of some codes."""
    return lambda text: text.str.strip_chars().is_in(list(codes)).fill_null(value=False)


def _consists_of(text: Value, characters: str) -> Value:
    """Decide whether a text has these characters alone, and any; engines differ in where a pattern says it ends."""
    return ~text.re_search(f"[^{characters}]") & (text != "")


def _key(column: Value) -> Value:
    """Return a column as text that no other text equals, null included."""
    return ibis.ifelse(column.isnull(), ibis.literal(""), ibis.literal("=") + column.cast("string"))


def _literal(whole: int | None) -> Value:
    return ibis.null("int64") if whole is None else ibis.literal(whole, "int64")


def _clip(value: Value, limit: int, kind: ibis.expr.datatypes.DataType | None = None) -> Value:
    """Return a value within the limit; null stays null, which a database's `least` and `greatest` don't keep.

    With its own `kind` the limit is of it: a database that finds a common kind for both could round the value.
    """
    most, least = (
        (limit, -limit) if kind is None else (ibis.literal(Decimal(limit), kind), ibis.literal(Decimal(-limit), kind))
    )
    return ibis.cases((value > most, most), (value < least, least), else_=value)


def _may_exceed(kind: ibis.expr.datatypes.Decimal) -> bool:
    """Decide whether a decimal has room for amounts beyond the largest of a line, which has 16 digits."""
    return (kind.precision or 38) - (kind.scale or 0) >= len(str(LARGEST_LINE))


def _arrow(texts: pl.Series) -> pa.Array:
    return texts.to_arrow().cast(pa.string())
