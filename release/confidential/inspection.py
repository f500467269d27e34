"""What is wrong with a source's files as a whole, and what would be right: for `mirrors source check`, a private look.

It looks at the text (encoding, number of fields) and at the rows that the config leaves out; what the mapped columns
hold is looked at by `contents`. Nothing here decides about a release. A finding is worded with numbers, names from the
config and codes from public lists; what a record says is never quoted.
"""

import codecs
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from release.codelists import area_codes
from release.confidential.rows import all_rows, code_of, field_counts, text_lines
from release.confidential.sources import HeldFile, columns_of, mapped_columns, own_header
from release.config.kinds import area_translations, choices_of
from release.config.source import Column, Source
from release.plan import ReleasePlan
from release.wording import count

UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_BLOCK = 1 << 22


MEANINGS = {
    "encoding": "bytes that aren't text of the stated encoding",
    "trailing-separator": "every line ends with a separator that the header line lacks: dropped, and nothing shifts",
    "surplus-fields": "lines with more fields than the header: a separator stands inside a field",
    "lacking-fields": "lines with fewer fields than the header",
    "summed-partners": "rows of the whole world or of a group, which hold other rows once more",
    "merged-levels": "rows of several commodity levels, or of years and months, in one file",
    "other-rows": "rows of other reporters, or parts of other rows",
    "no-rows": "no row counts: another office's file, another level, or none at all",
    "shifted-columns": "the columns stand one beside their names",
    "unreadable-date": "dates that aren't written as date_format says",
    "unreadable-flow": "flows that aren't M, X, RM, RX and aren't translated to these",
    "unreadable-partner": "partners that aren't codes of areas",
    "unreadable-commodity": "goods that aren't HS codes",
    "unreadable-value": "values that aren't numbers with a decimal point",
    "other-year": "no row lies in the release's year",
    "mixed-currencies": "values in several currencies, or in another than the office's",
}
"""Every code of a finding, and what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found.

    Attributes:
        code: its short name, as in docs/reference.
        serious: figures would be wrong; else it is told so that nobody is surprised.
        problem: what is wrong.
        remedy: what would be right.
    """

    code: str
    serious: bool
    problem: str
    remedy: str


def text_findings(files: Sequence[HeldFile], source: Source) -> Iterator[Finding]:
    """Yield what is wrong with a CSV's text: its encoding, and lines with more or fewer fields than the header."""
    if source.layout != "csv":
        return
    for number, file in enumerate(files, start=1):
        where = "" if len(files) == 1 else f"file {number} of {len(files)}, by name: "
        yield from _encoding_findings(file, source, where)
        yield from _width_findings(file, source, where)


def _encoding_findings(file: HeldFile, source: Source, where: str) -> Iterator[Finding]:
    if source.encoding != "utf-8":
        if _is_utf8(file):
            yield Finding(
                code="encoding",
                serious=True,
                problem=f"{where}the text is UTF-8, and the config says {source.encoding}: its letters with accents are"
                " read as others",
                remedy='set encoding = "utf-8" in [source]',
            )
        return
    lines = text_lines(file)
    bad = lines.select(pl.col("line").str.contains(UNREADABLE, literal=True).sum()).collect(engine="streaming").item()
    if not bad:
        return
    rows = all_rows([file], source, columns_of(source))
    mapped = [name for name in mapped_columns(source) if name in rows.collect_schema().names()]
    hit = rows.select(code_of(name).str.contains(UNREADABLE, literal=True).sum() for name in mapped).collect()
    touched = [name for name in mapped if hit[name].item()]
    yield Finding(
        code="encoding",
        serious=bool(touched),
        problem=f"{where}{_lines(bad)} not UTF-8"
        + (f", in the columns {', '.join(touched)} that are read" if touched else ", in columns that aren't read"),
        remedy='set encoding = "latin-1" (or "cp1252") in [source], or save the file as UTF-8'
        if touched
        else "nothing is lost; the file can stay as it is",
    )


def _is_utf8(file: HeldFile) -> bool:
    """Decide whether a file's own bytes are UTF-8 and more than ASCII."""
    decoder, place, beyond = codecs.getincrementaldecoder("utf-8")(), 0, False
    while block := os.pread(file.descriptor, _BLOCK, place):
        place += len(block)
        beyond = beyond or not block.isascii()
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            return False
    return beyond


def _width_findings(file: HeldFile, source: Source, where: str) -> Iterator[Finding]:
    width = len(own_header(file, source))
    fields, last = pl.col("fields"), pl.col("line").str.ends_with(source.separator)
    told = field_counts(file, source).select(
        every_line_ends_so=((fields == width + 1) & last).all() & (pl.len() > 0),
        surplus=(fields > width).sum(),
        lacking=(fields < width).sum(),
    )
    found = told.collect(engine="streaming").row(0, named=True)
    if found["every_line_ends_so"]:
        yield Finding(
            code="trailing-separator",
            serious=False,
            problem=f"{where}{_lines(found['surplus'], 'ends', 'end')} with a separator that the header line lacks",
            remedy="the empty field is dropped and every column stays in its place; a program that takes the first"
            " column for row names would shift them all",
        )
    elif found["surplus"]:
        yield Finding(
            code="surplus-fields",
            serious=True,
            problem=f"{where}{_lines(found['surplus'], 'has', 'have')} more fields than the header's {width}: a"
            " separator stands inside a field, and what follows it is read one column too early",
            remedy="quote fields that hold the separator, or write the file with another one"
            + ('; the config says quotes = "none"' if source.quotes == "none" else ""),
        )
    if found["lacking"]:
        yield Finding(
            code="lacking-fields",
            serious=True,
            problem=f"{where}{_lines(found['lacking'], 'has', 'have')} fewer fields than the header's {width}; those"
            " that lack count as empty",
            remedy="write whole lines; a line end inside a quoted field isn't read",
        )


def row_findings(files: Sequence[HeldFile], plan: ReleasePlan) -> Iterator[Finding]:
    """Yield how many rows the config's choice of rows leaves out, and whether any are left."""
    source = plan.release.source
    if not (source.only or source.leave_out):
        return
    rows = all_rows(files, source, columns_of(source))
    for column, codes in source.leave_out.items():
        left = rows.select(code_of(column).is_in(list(codes)).sum()).collect(engine="streaming").item()
        if left:
            yield _left_out(column, "summed-partners", f"{_rows(left)} a whole's or a group's ({column})")
    levels = choices_of(source.kind)
    for column, codes in source.only.items():
        counts = _counts(rows, column)
        other = sum(number for code, number in counts.items() if code not in codes)
        if counts and not any(code in codes for code in counts):
            yield _none_left(column, plan, counts)
        elif other and column in (table["column"] for table in levels.values()):
            names = {own: name for table in levels.values() for name, held in table["codes"].items() for own in held}
            told = ", ".join(f"{names[code]} {count(counts[code])}" for code in counts if code in names)
            yield _left_out(column, "merged-levels", f"rows of several levels stand in one file ({column}: {told})")
        elif other:
            yield _left_out(column, "other-rows", f"{_rows(other)} another reporter's or part of other rows ({column})")


def _left_out(column: str, code: str, problem: str) -> Finding:
    remedy = f"left out, as [source] says for {column}; adding such rows would count the same trade more than once"
    return Finding(code=code, serious=False, problem=problem, remedy=remedy)


def _none_left(column: str, plan: ReleasePlan, counts: dict[str, int]) -> Finding:
    source = plan.release.source
    reporter = source.reporter
    if column != (reporter.column if isinstance(reporter, Column) else reporter):
        return Finding(
            code="no-rows",
            serious=True,
            problem=f"no row is one that counts: {column} never holds {' or '.join(source.only[column])}",
            remedy="compare `level`, `frequency` and `only` in [source] with the file",
        )
    translate = area_translations("comtrade") | area_translations("alpha-3") | {code: code for code in area_codes()}
    held = sorted({translate[code] for code in counts if code in translate})
    return Finding(
        code="no-rows",
        serious=True,
        problem=f"no row is reported by {plan.office.code} ({plan.office.area}); the file holds rows of"
        f" {', '.join(held[:12]) or 'no known reporter'}{' and others' if len(held) > 12 else ''}",  # noqa: PLR2004
        remedy="name this office's file with --source, or correct `area` in the office's config",
    )


def _counts(rows: pl.LazyFrame, column: str) -> dict[str, int]:
    told = rows.group_by(code=code_of(column)).agg(rows=pl.len()).drop_nulls().sort("code")
    return dict(told.collect(engine="streaming").iter_rows())


def _rows(number: int) -> str:
    return f"{count(number)} row is" if number == 1 else f"{count(number)} rows are"


def _lines(number: int, one: str = "is", many: str = "are") -> str:
    return f"{count(number)} line {one}" if number == 1 else f"{count(number)} lines {many}"
