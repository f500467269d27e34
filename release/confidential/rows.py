"""Rows of the source's files as text columns, each row read by itself.

A quotation mark that is never closed must not swallow the lines after it: they are other traders'. So a line is a row,
whatever is in it; quoting is understood within lines only. Invalid UTF-8 becomes the replacement character, missing
fields become null, surplus fields are dropped.
"""

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from release.confidential.sources import HeldFile, names_in, own_header
from release.config.source import FieldSource, Source
from release.errors import SchemaError

_NO_SEPARATOR = "\x01"

ROW = "row of the frame\x01"
"""A column that views add: which row of its frame a view is of, so that all views of a row are one unit."""

_TOGETHER = 8_000_000
"""Bytes of files that are read at the same time, or one file."""


def scan_rows(files: Sequence[HeldFile], source: Source, names: Sequence[str]) -> pl.LazyFrame:
    """Return one row a record with the columns `names`: text from CSV, their own types from Parquet.

    Where the source has views, a row is one view of a record and has their columns too, and `ROW`. Rows that `only` and
    `leave_out` leave out aren't there; each is decided by its own codes.
    """
    return _chosen(all_rows(files, source, names), source)


def shaped(rows: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    """Return rows of any source in its views, without those that `only` and `leave_out` leave out."""
    return _chosen(_viewed(rows, source), source)


def _chosen(rows: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    return rows.filter(chosen(source)) if source.only or source.leave_out else rows


def all_rows(files: Sequence[HeldFile], source: Source, names: Sequence[str]) -> pl.LazyFrame:
    """Return the rows as above, with those that are left out."""
    scans = [_scan(file, source).select(names) for file in files]
    return _viewed(pl.concat(scans, how="vertical_relaxed"), source)


def _viewed(rows: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    if not source.views:
        return rows
    numbered = rows.with_row_index(ROW)
    made = [numbered.with_columns(_made(field).alias(name) for name, field in view.items()) for view in source.views]
    return pl.concat(made, how="vertical_relaxed")


def chosen(source: Source) -> pl.Expr:
    """Decide whether a row is one that `only` and `leave_out` let count; a row without such a code isn't `only`'s."""
    inside = (code_of(column).is_in(list(codes)).fill_null(value=False) for column, codes in source.only.items())
    outside = (~code_of(column).is_in(list(codes)).fill_null(value=False) for column, codes in source.leave_out.items())
    return pl.all_horizontal(*inside, *outside)


def first_rows(files: Sequence[HeldFile], source: Source, number: int) -> pl.DataFrame:
    """Return the first rows of each file that count as chosen, with all columns that every file has."""
    scans = [_scan(file, source) for file in files]
    shared = [
        name for name in scans[0].collect_schema().names() if all(name in s.collect_schema().names() for s in scans)
    ]
    days = cs.datetime().cast(pl.Date, strict=False)  # of any instant, where its text would fail at the extremes
    firsts = [scan.select(shared).with_columns(days).cast(pl.String, strict=False).head(number) for scan in scans]
    return shaped(pl.concat(firsts), source).collect()


def text_lines(file: HeldFile) -> pl.LazyFrame:
    """Return a CSV's lines after the first as one column, `line`."""
    return _text_rows(file, _NO_SEPARATOR, ["line"]).select(pl.col("line").str.strip_chars_end("\r").fill_null(""))


def field_counts(file: HeldFile, source: Source) -> pl.LazyFrame:
    """Return a CSV's lines that aren't empty, with the number of their `fields`."""
    line = pl.col("line")
    open_text = line if source.quotes == "none" else line.str.replace_all(r'"(?:[^"]|"")*"', "")
    fields = open_text.str.count_matches(source.separator, literal=True) + 1
    return text_lines(file).filter(line != "").with_columns(fields=fields)


def code_of(column: str) -> pl.Expr:
    """Return a column's codes as plain text."""
    return pl.col(column).cast(pl.String).str.strip_chars()


def _made(field: FieldSource) -> pl.Expr:
    if isinstance(field, str):
        return pl.col(field)
    return pl.lit(field.constant)


def scans(files: Sequence[HeldFile], source: Source, names: Sequence[str]) -> tuple[pl.LazyFrame, ...]:
    """Return the same rows in frames of some files each: read one by one, they need less memory than all at once."""
    groups: list[list[HeldFile]] = [[]]
    for file in files:
        if sum(one.state[0] for one in groups[-1]) > _TOGETHER:
            groups.append([])
        groups[-1].append(file)
    return tuple(scan_rows(group, source, names) for group in groups)


def check_kinds(files: Sequence[HeldFile], source: Source, names: Sequence[str]) -> None:
    """Refuse columns of a kind whose conversion could fail at a single row, or that differ between files.

    Raises:
        SchemaError: names every such column.
    """
    kinds = [_scan(file, source).select(names).collect_schema() for file in files]
    date = source.columns.date if isinstance(source.columns.date, str) else source.columns.date.column
    problems = [
        f"file {number} of {len(files)}: the column {name!r} is of the kind {kind.base_type()}, which isn't read"
        for number, schema in enumerate(kinds, start=1)
        for name, kind in schema.items()
        if not (_readable(kind) or (name == date and kind.base_type() in (pl.Date, pl.Datetime)))
    ]
    problems += [
        f"the column {name!r} isn't of the same kind in all {len(files)} files"
        for name in names
        if len({_kind(schema[name]) for schema in kinds}) > 1
    ]
    problems += [
        f"the column {name!r} holds ids as {schema[name].base_type()}; write them as text or whole numbers"
        for schema in kinds[:1]
        for name in _id_columns(source)
        if name in schema and (schema[name].is_float() or schema[name].base_type() in (pl.Decimal, pl.Boolean))
    ]
    if problems:
        raise SchemaError(problems)


def dates_alike(files: Sequence[HeldFile], source: Source) -> bool:
    """Decide whether all engines read the files' dates alike, whatever is in a row.

    Milliseconds can be too large for a database's own timestamps, and one such row would end its query; which day an
    instant with a time zone belongs to is a setting of the database.
    """
    kinds = [
        kind
        for file in files
        for kind in _scan(file, source).select(names_in(source.columns.date)).collect_schema().dtypes()
    ]
    return not any(isinstance(kind, pl.Datetime) and (kind.time_zone or kind.time_unit == "ms") for kind in kinds)


def check_text(files: Sequence[HeldFile], source: Source, names: Sequence[str]) -> None:
    """Refuse Parquet files whose text isn't UTF-8: one such row would fail the whole read, after the charge.

    Raises:
        SchemaError: names the file.
    """
    for number, file in enumerate(files if source.layout == "parquet" else (), start=1):
        scan = _scan(file, source).select(names)
        text = [name for name, kind in scan.collect_schema().items() if kind == pl.String]
        try:
            scan.select(pl.col(text).str.len_bytes().sum()).collect(engine="streaming")
        except pl.exceptions.ComputeError:
            problem = f"file {number} of {len(files)}: its pages are damaged, or its text isn't UTF-8"
        else:
            continue
        raise SchemaError([problem])


def _kind(kind: pl.DataType) -> object:
    """Return what must be the same in all files: a decimal's scale decides how large its amounts may be."""
    return kind if kind.is_decimal() else kind.base_type()


def _id_columns(source: Source) -> tuple[str, ...]:
    fields = (source.columns.trader, source.columns.declaration)
    return tuple(dict.fromkeys(name for field in fields if field is not None for name in names_in(field)))


def _readable(kind: pl.DataType) -> bool:
    if kind.base_type() == pl.UInt128:
        return False
    return kind.is_numeric() or kind.base_type() in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null)


def _scan(file: HeldFile, source: Source) -> pl.LazyFrame:
    if source.layout == "parquet":
        scan = pl.scan_parquet(file.path, hive_partitioning=False)
    elif source.quotes == "none":
        scan = _plain_csv(file, source)
    else:
        scan = _quoted_csv(file, source)
    inside = set(scan.collect_schema().names())
    return scan.with_columns(pl.lit(text).alias(name) for name, text in file.partition if name not in inside)


def _plain_csv(file: HeldFile, source: Source) -> pl.LazyFrame:
    return _text_rows(file, source.separator, _own_columns(file, source))


def _text_rows(file: HeldFile, separator: str, names: Sequence[str]) -> pl.LazyFrame:
    """Scan a CSV with its columns stated beforehand: no row, not even the first or a lacking one, decides on them."""
    return pl.scan_csv(
        file.path,
        separator=separator,
        quote_char=None,
        has_header=True,
        schema=dict.fromkeys(names, pl.String),
        infer_schema=False,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )


def _quoted_csv(file: HeldFile, source: Source) -> pl.LazyFrame:
    lines = _text_rows(file, _NO_SEPARATOR, ["line"])
    mark = "\\" + source.separator if source.separator == "|" else source.separator
    line = pl.concat_str(pl.lit(source.separator), pl.col("line").str.strip_chars_end("\r"))
    fields = line.str.extract_all(f'{mark}(?:"(?:[^"]|"")*"|[^{mark}]*)')
    return lines.select(fields.alias("fields")).select(
        _unquoted(pl.col("fields").list.get(index, null_on_oob=True)).alias(name)
        for index, name in enumerate(_own_columns(file, source))
    )


def _unquoted(field: pl.Expr) -> pl.Expr:
    text = field.str.slice(1)
    quoted = text.str.contains(r'^"(?s:.*)"$') & (text.str.len_bytes() > 1)
    inner = text.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
    return pl.when(quoted).then(inner).otherwise(text)


def _own_columns(file: HeldFile, source: Source) -> list[str]:
    """Return the file's own columns with unnamed and repeated ones made distinct; mapped ones are unique already."""
    names = own_header(file, source)
    return [name if names.count(name) == 1 and name else f"{name}\0{index}" for index, name in enumerate(names)]
