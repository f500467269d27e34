"""What a release's TOML says of the confidential records: where they are, and which column is which field."""

from dataclasses import field, replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from release.config.fields import STRICT, DateFormat, InnerPath, Name, Relation, Service, Text
from release.tables import Flow


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Column:
    """Where a field of a declaration comes from; exactly one of the first five is given.

    Attributes:
        column: a column's name.
        constant: the same text for every row.
        first_of: the first of several columns that isn't empty.
        by_flow: another column for each flow.
        joined: several columns with a hyphen between them, such as a year and a month.
        codes: the source names areas by UN Comtrade's numbers or by ISO alpha-3; the shipped codelist translates them.
        translate: source's codes to ours, applied last; a code that isn't listed stays as it is.
    """

    column: Text | None = None
    constant: Text | None = None
    first_of: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)] | None = None
    by_flow: dict[Flow, Text] | None = None
    joined: Annotated[tuple[Text, ...], Field(min_length=2, max_length=3)] | None = None
    codes: Literal["comtrade", "alpha-3"] | None = None
    translate: Annotated[dict[str, str], Field(max_length=20_000)] | None = None

    def __post_init__(self) -> None:
        given = [self.column, self.constant, self.first_of, self.by_flow, self.joined]
        if sum(part is not None for part in given) != 1:
            raise ValueError("give exactly one of column, constant, first_of, by_flow, joined")


FieldSource = Annotated[Text | Column, Field(union_mode="left_to_right")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Columns:
    """Which column of the source holds which field of a declaration line."""

    date: FieldSource
    flow: FieldSource
    partner: FieldSource
    commodity: FieldSource
    value: FieldSource
    trader: FieldSource | None = None
    net_mass: FieldSource | None = None
    currency: FieldSource | None = None
    declaration: FieldSource | None = None


Codes = Annotated[dict[Text, tuple[Text, ...]], Field(max_length=20)]
"""Columns of the source, each with some of its codes."""

View = Annotated[dict[Text, FieldSource], Field(min_length=1, max_length=20)]
"""New columns, each by where it comes from: a column of the file, or a constant."""


def _source_schema(schema: dict[str, Any]) -> None:
    """Tell editors that a kind states layout and columns, so that only other layouts need them."""
    schema["required"] = ["name"]
    schema["anyOf"] = [{"required": ["kind"]}, {"required": ["layout", "columns"]}]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(**STRICT, json_schema_extra=_source_schema))
class Source:
    """The confidential records and how they are laid out.

    A `kind` states layout, columns and rules of a known provider's files (`data/sources/`); what stands beside it goes
    before. Without one, `columns` maps whatever layout the records have.

    Attributes:
        name: the source's name in the ledger; one account for each source and year.
        kind: a known layout, such as `comtrade`; or `columns`, the mapping given here.
        level: which commodity level's rows count, where a kind's files hold several: adding levels counts goods twice.
        frequency: which rows count, where a kind's files hold years and months.
        path: a file, folder or glob inside the config's folder; `--source` replaces it.
        layout: `csv` (one line a row, gzip allowed), `parquet`, or `table` (of a PostgreSQL database).
        service: which entry of libpq's `pg_service.conf` says where the database is, for a table. Passwords stay there.
        table: the table or materialized view, as `schema.name`; without a schema the role's search path finds it.
        encoding: of a CSV's text.
        quotes: `none`: a quotation mark is text; `within lines`: a quoted field may hold the separator, not a line end.
        value_decimals: how many decimals of the currency are kept.
        value_in: the unit that values are written in.
        reporter: who reports a row; rows of other reporters than the office are left out.
        only: by column, the codes of rows that count; all other rows are left out.
        leave_out: by column, the codes of rows that don't count, such as those of the whole world.
        views: where one row holds several figures: each view looks at every row with new columns, and all are taken.
        missing_trader: what becomes of rows without a trader id.
        duplicates: `count once` counts identical rows of one trader's declaration once.
        trader_ids: a CSV `alias,trader` inside the config's folder: the office's fixed table of ids.
        protected_traders: a CSV `trader` inside the config's folder: who asked for protection, and stays in the uniform
            tier alone.
        obtainable: where the file can be had, for public sources.
    """

    name: Name
    columns: Columns
    layout: Literal["csv", "parquet", "table"]
    kind: Name = "columns"
    level: Literal["TOTAL", "chapter", "heading", "subheading"] | None = None
    frequency: Literal["annual", "monthly"] | None = None
    path: InnerPath | None = None
    service: Service | None = None
    table: Relation | None = None
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    separator: Literal[",", ";", "\t", "|"] = ","
    quotes: Literal["none", "within lines"] = "within lines"
    date_format: DateFormat = "%Y-%m-%d"
    value_decimals: Annotated[int, Field(ge=0, le=3)] = 2
    value_in: Literal["units", "thousands", "millions"] = "units"
    reporter: FieldSource | None = None
    only: Codes = field(default_factory=dict)
    leave_out: Codes = field(default_factory=dict)
    views: Annotated[tuple[View, ...], Field(max_length=4)] = ()
    missing_trader: Literal["leave out", "own unit"] = "leave out"
    duplicates: Literal["keep", "count once"] = "keep"
    trader_ids: InnerPath | None = None
    protected_traders: InnerPath | None = None
    obtainable: Text | None = None


def rows_of_reporter(source: Source, area: str) -> Source:
    """Return the source with only the rows that the office of `area` (ISO alpha-2) reports, where it says who does."""
    reporter = source.reporter
    if reporter is None:
        return source
    column, known = (reporter, None) if isinstance(reporter, str) else (reporter.column, reporter.translate)
    codes = tuple(code for code, own in (known or {}).items() if own == area) or (area,)
    return replace(source, only={**source.only, str(column): codes})
