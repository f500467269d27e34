"""What a source's mapped columns hold: whether dates, flows, partners, codes and values are such, or stand elsewhere.

A part of `mirrors source check`, which is private. It looks at the first rows of each file. A finding names columns of
the config, formats and codes of public lists, never what a record says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from release.codelists import area_codes
from release.confidential.inspection import Finding
from release.confidential.rows import first_rows
from release.confidential.rules import parsed_date
from release.confidential.sources import HeldFile, own_header
from release.config.source import Column, Source
from release.plan import ReleasePlan
from release.tables import Flow
from release.wording import count, percent

_FIRST = 10_000
_MOST = 0.9
_FEW = 0.5
_SHARE_OF_A_LEVEL = 0.02
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_DECIMAL_COMMA = r"^[+-]?[0-9]{1,3}(?:[. ]?[0-9]{3})*,[0-9]{1,3}$"
_GOODS = r"^(?:TOTAL|[0-9][0-9. ]{0,12})$"
_WORLD = ("W0", "W00", "WLD", "WORLD", "0", "00", "000", "1000", "TOTAL", "ALL")
_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m", "%Y%m", "%Y")
_CURRENCIES = tuple(
    code
    for codes in (
        ("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY"),
        ("KRW", "MXN", "NGN", "NOK", "NZD", "PLN", "RON", "RUB", "SEK", "SGD", "THB", "TRY", "USD", "ZAR"),
    )
    for code in codes
)
"""The currencies that most trade is stated in; a column that holds them is one of currencies."""

Test = Callable[[pl.Expr], pl.Expr]


def content_findings(files: Sequence[HeldFile], plan: ReleasePlan) -> Iterator[Finding]:
    """Yield what is wrong with what the mapped columns hold."""
    source = plan.release.source
    rows = first_rows(files, source, _FIRST)
    if not rows.height and source.only:
        return  # that none counts was told with the rows' choice
    if not rows.height:
        yield Finding(code="no-rows", serious=True, problem="there are no rows", remedy="name the right file")
        return
    tests = {name: test for name, test in _tests(source).items() if test[0] in rows.columns}
    fits = {name: _share(rows, column, test) for name, (column, test) in tests.items()}
    unfit = [name for name, share in fits.items() if share is not None and share < _FEW]
    shift = _shift(files, source, rows, {name: tests[name] for name in unfit})
    if shift is not None:
        yield _shifted(unfit, shift)
    else:
        yield from (_unfit(rows, plan, name, tests[name][0], fits[name] or 0.0) for name in unfit)
    yield from _other_years(rows, plan)
    yield from _sums(rows, source)
    yield from _currencies(rows, plan)


def _other_years(rows: pl.DataFrame, plan: ReleasePlan) -> Iterator[Finding]:
    column = _column(plan.release.source.columns.date)
    if column is None or column not in rows.columns:
        return
    years = rows.select(year=parsed_date(_text(column), plan.release.source.date_format).dt.year()).to_series()
    known = [int(year) for year in years.drop_nulls().unique()]
    if known and plan.release.year not in known:
        yield Finding(
            code="other-year",
            serious=True,
            problem=f"none of the first {count(rows.height)} rows lies in the release's year {plan.release.year};"
            f" they lie in {min(known)} to {max(known)}",
            remedy="name the file of the release's year with --source",
        )


def _tests(source: Source) -> dict[str, tuple[str, Test]]:
    """Return each mapped field's column and what its text should be like."""
    columns = source.columns
    flows = [str(flow) for flow in Flow]
    formats = source.date_format
    tests: dict[str, tuple[str | None, Test]] = {
        "date": (_column(columns.date), lambda text: parsed_date(text, formats).is_not_null()),
        "flow": (_column(columns.flow), lambda text: text.str.to_uppercase().is_in(_known(columns.flow, flows))),
        "partner": (
            _column(columns.partner),
            lambda text: text.str.to_uppercase().is_in([*_known(columns.partner, area_codes()), *_WORLD]),
        ),
        "commodity": (_column(columns.commodity), lambda text: text.str.to_uppercase().str.contains(_GOODS)),
        "value": (_column(columns.value), lambda text: text.str.contains(_NUMBER)),
    }
    return {name: (column, test) for name, (column, test) in tests.items() if column is not None}


def _column(field: str | Column | None) -> str | None:
    return field if isinstance(field, str) or field is None else field.column


def _known(field: str | Column, codes: Sequence[str]) -> list[str]:
    translated = {} if isinstance(field, str) else field.translate or {}
    return [*codes, *(code.upper() for code in translated)]


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars()


def _share(rows: pl.DataFrame, column: str, test: Test) -> float | None:
    """Return which part of a column's values that aren't empty pass a test; None when all are empty."""
    filled = rows.lazy().select(text=_text(column)).filter(pl.col("text") != "")
    return filled.select(test(pl.col("text")).mean()).collect().item()  # type: ignore[no-any-return]


def _shift(
    files: Sequence[HeldFile], source: Source, rows: pl.DataFrame, unfit: Mapping[str, tuple[str, Test]]
) -> int | None:
    """Return by how many columns the unfit fields stand beside their names, None when that isn't what is wrong."""
    names = list(own_header(files[0], source))
    if len(unfit) < 2 or source.views:  # noqa: PLR2004 - a single column that is wrong is wrong by itself
        return None
    for step in (1, -1):
        beside = {name: names.index(column) + step for name, (column, _) in unfit.items()}
        if not all(0 <= place < len(names) and names[place] in rows.columns for place in beside.values()):
            continue
        shares = [_share(rows, names[beside[name]], test) for name, (_, test) in unfit.items()]
        if all(share is not None and share >= _MOST for share in shares):
            return step
    return None


def _shifted(unfit: Sequence[str], step: int) -> Finding:
    way = "right" if step > 0 else "left"
    return Finding(
        code="shifted-columns",
        serious=True,
        problem=f"the columns are shifted: {', '.join(unfit)} don't hold what their names say, and the columns one to"
        f" the {way} do",
        remedy="the header line lacks a name or has one too many, as when a file was saved with row numbers or read"
        " with its trailing separator; write the file anew, or correct its header line",
    )


def _unfit(rows: pl.DataFrame, plan: ReleasePlan, name: str, column: str, share: float) -> Finding:
    remedies = {
        "date": _date_remedy(rows, column),
        "flow": "map the source's codes: flow = { column = ..., translate = { ... } } to M, X, RM or RX",
        "partner": 'name partners by ISO alpha-2, or say codes = "comtrade" or "alpha-3" in the column',
        "commodity": "map the column of HS codes; words are no codes",
        "value": _value_remedy(rows, column),
    }
    return Finding(
        code=f"unreadable-{name}",
        serious=True,
        problem=f"{percent(1 - share)} of what the column {column} holds can't be read as a {name}"
        + (f" written as {plan.release.source.date_format}" if name == "date" else ""),
        remedy=remedies[name],
    )


def _date_remedy(rows: pl.DataFrame, column: str) -> str:
    fitting = (form for form in _FORMATS if (_share(rows, column, _dated(form)) or 0.0) >= _MOST)
    form = next(fitting, None)
    return "set date_format to how dates are written" if form is None else f'set date_format = "{form}"'


def _dated(form: str) -> Test:
    return lambda text: parsed_date(text, form).is_not_null()


def _value_remedy(rows: pl.DataFrame, column: str) -> str:
    if (_share(rows, column, lambda text: text.str.contains(_DECIMAL_COMMA)) or 0.0) >= _FEW:
        return "the values have a decimal comma; write them with a decimal point and no thousands marks"
    return "map the column of values; amounts are digits with a decimal point and no thousands marks"


def _sums(rows: pl.DataFrame, source: Source) -> Iterator[Finding]:
    """Yield rows that hold other rows' sums: the whole world among partners, several commodity levels."""
    partner, commodity = _column(source.columns.partner), _column(source.columns.commodity)
    excluded = [code for codes in source.leave_out.values() for code in codes]
    if partner is not None and partner in rows.columns and partner not in source.leave_out:
        codes = [code for code in _WORLD if code not in excluded]
        held = rows.select(_text(partner).str.to_uppercase().is_in(codes).sum()).item()
        if held:
            yield Finding(
                code="summed-partners",
                serious=True,
                problem=f"{count(held)} of the first {count(rows.height)} rows are of the whole world, which holds"
                " every partner's rows once more",
                remedy=f'leave them out: leave_out = {{ "{partner}" = [...] }} in [source]',
            )
    if commodity is None or commodity not in rows.columns or source.level is not None:
        return
    levels = _levels(rows, commodity)
    if len(levels) > 1 and ("TOTAL" in levels or any(level in levels for level in ("2 digits", "4 digits"))):
        held = ", ".join(f"{level}: {count(number)}" for level, number in levels.items())
        yield Finding(
            code="merged-levels",
            serious=True,
            problem=f"the rows are of several commodity levels ({held} of the first {count(rows.height)} rows); a"
            " chapter holds its headings' trade, so adding them counts the same goods more than once",
            remedy="keep one level: name the column that tells the level in `only` of [source], or write such a file",
        )


def _levels(rows: pl.DataFrame, column: str) -> dict[str, int]:
    text = _text(column).str.to_uppercase().str.replace_all(r"[. ]", "")
    digits = text.str.len_chars() + text.str.len_chars() % 2
    level = (
        pl.when(text == "TOTAL")
        .then(pl.lit("TOTAL"))
        .when(text.str.contains(r"^[0-9]{1,10}$"))
        .then(pl.concat_str(digits.cast(pl.String), pl.lit(" digits")))
    )
    counted = rows.lazy().group_by(level=level).agg(rows=pl.len()).drop_nulls().sort("level").collect()
    return {name: number for name, number in counted.iter_rows() if number >= _SHARE_OF_A_LEVEL * rows.height}


def _currencies(rows: pl.DataFrame, plan: ReleasePlan) -> Iterator[Finding]:
    own, field = plan.office.metadata.currency, _column(plan.release.source.columns.currency)
    mapped = field is not None
    candidates = [field] if mapped else [name for name, kind in rows.schema.items() if kind == pl.String]
    for column in candidates:
        if column is None or column not in rows.columns:
            continue
        text = _text(column).str.to_uppercase()
        counted = rows.lazy().group_by(code=text).agg(rows=pl.len()).filter(pl.col("code") != "").sort("code").collect()
        held = {code: number for code, number in counted.iter_rows() if code in _CURRENCIES}
        other = {code: number for code, number in held.items() if code != own}
        if not other or sum(held.values()) < _MOST * sum(counted["rows"]):
            continue
        told = ", ".join(f"{code} {count(number)}" for code, number in held.items())
        yield Finding(
            code="mixed-currencies",
            serious=True,
            problem=f"values are in several currencies or another than {own} ({told} of the first {count(rows.height)}"
            f" rows, by the column {column})" + ("" if mapped else ", and they would be added as if all were the same"),
            remedy=f"rows in others than {own} are left out; convert them beforehand by public rates"
            if mapped
            else f'map it: currency = "{column}" under [source.columns]; rows in others than {own} are then left out.'
            " Or convert them beforehand by public rates",
        )
