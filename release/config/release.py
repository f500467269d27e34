"""What a release's TOML says: source and columns, period, key sets, measures with their loss, levels and prior."""

from dataclasses import field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from release.config.fields import (
    STRICT,
    Date,
    DateFormat,
    Factor,
    InnerPath,
    Name,
    Part,
    Period,
    PolicyRho,
    Relation,
    Rho,
    Scale,
    Service,
    Text,
    Year,
)
from release.tables import CHAPTER_DIGITS, Flow, Level, Measure, normalised_keys


def _keys(codes: tuple[str, ...]) -> tuple[str, ...]:
    if len(codes) > 20_000:  # noqa: PLR2004
        raise ValueError("a key list holds at most 20,000 codes")
    return normalised_keys(codes)


Keys = Annotated[tuple[str, ...], AfterValidator(_keys)]


def _codes(digits: int, name: str) -> AfterValidator:
    def checked(codes: tuple[str, ...]) -> tuple[str, ...]:
        keys = _keys(codes) if codes else ()
        odd = [key for key in keys if len(key) != digits or not key.isdigit()]
        if odd:
            raise ValueError(f"{', '.join(odd[:8])}: a {name} has {digits} digits")
        return keys

    return AfterValidator(checked)


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
        table: the table or view, as `schema.name`; without a schema the role's search path finds it.
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


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class KeySets:
    """The public key sets; a list of codes, or `"all"` of the shipped codelist. The residual is added by itself.

    Attributes:
        partners: ISO alpha-2 codes.
        chapters: two-digit HS chapters.
        headings: four-digit headings that chapters are split into, all of listed chapters; what isn't listed of a split
            chapter is its rest, as `84_X`.
        subheadings: six-digit subheadings that headings are split into, all of listed headings.
    """

    partners: Literal["all"] | Keys = "all"
    chapters: Literal["all"] | Keys = "all"
    headings: Annotated[tuple[str, ...], _codes(4, "heading")] = ()
    subheadings: Annotated[tuple[str, ...], _codes(6, "subheading")] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LevelScale:
    """The noise of a level: one standard deviation, or a part of each cell's prior with a floor.

    Attributes:
        noise_sd: standard deviation of every cell's noise, in the measure's unit (currency units, lines, traders, kg).
        relative_noise: r, the standard deviation as a part of the prior.
        floor: the least prior that a cell is taken to have, in the measure's unit.
        target: the relative error, root mean square of noise and the predicted clipped part, that the level's median
            cell should reach, for `plan --target`.
    """

    level: Level
    noise_sd: Scale | None = None
    relative_noise: Part | None = None
    floor: Scale | None = None
    target: Part | None = None

    def __post_init__(self) -> None:
        shaped = self.relative_noise is not None and self.floor is not None
        half = (self.relative_noise is None) != (self.floor is None)
        if half or shaped == (self.noise_sd is not None):
            raise ValueError("give either noise_sd, or relative_noise together with floor")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LargeTraders:
    """The large-trader tier of a measure: a draw of its own on what the bound cuts off, with its own noise.

    Attributes:
        ceiling: K, the largest loss in rho that any trader's policy can reach, the uniform tier's included.
        levels: the noise of the excess, for the same levels as the measure's.
        beyond: what is assumed of traders above the ceiling.
    """

    ceiling: PolicyRho
    levels: Annotated[tuple[LevelScale, ...], Field(min_length=1, max_length=12)]
    beyond: Literal["assumed none", "not bounded"] = "not bounded"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DeclaredBound:
    """A public bound on what one unit holds of a measure, declared beforehand and never read off the records.

    Nothing of a unit within it is clipped: `plan` refuses noise for which that isn't so. Exposure is then the grid's
    alone, on condition that the bound holds.

    Attributes:
        source: who declared it, and where.
        amount: of a unit's whole total in the release, in the measure's unit; or
        times_prior: of a single record, as a multiple of its cell's prior at `level`; only where the unit is a record.
        level: one of the measure's levels.
        floor: the least prior that a cell is taken to have here, in the measure's unit.
        units: how many units a cell holds at most; what truncation to the grid takes from it is bounded by that.
    """

    source: Text
    units: Annotated[int, Field(ge=1, le=10**10)] = 167_772
    amount: Scale | None = None
    times_prior: Part | None = None
    level: Level | None = None
    floor: Scale | None = None

    def __post_init__(self) -> None:
        by_prior = self.times_prior is not None and self.level is not None
        if by_prior == (self.amount is not None) or (self.times_prior is None) != (self.level is None):
            raise ValueError("give either amount, or times_prior together with level")
        if self.level is not None and self.level.digits > CHAPTER_DIGITS:
            raise ValueError("headings and subheadings don't tell every record's cell: name a coarser level")
        if self.amount is not None and self.floor is not None:
            raise ValueError("floor goes with times_prior")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MeasurePlan:
    """A measure, the loss it is given, its levels, and the tier for large traders where there is one."""

    name: Measure
    rho: Rho
    levels: Annotated[tuple[LevelScale, ...], Field(min_length=1, max_length=12)]
    large_traders: LargeTraders | None = None
    declared_bound: DeclaredBound | None = None

    def __post_init__(self) -> None:
        names = [scale.level for scale in self.levels]
        if len(set(names)) != len(names):
            raise ValueError("a level stands twice in this measure")
        if len({level.by_partner for level in names if level.digits > CHAPTER_DIGITS}) > 1:
            raise ValueError("headings and subheadings are measured either by partner or over all partners")
        if self.declared_bound is not None and self.declared_bound.level not in (None, *names):
            raise ValueError("declared_bound names a level that the measure hasn't")
        if self.large_traders is None:
            return
        if self.large_traders.ceiling <= self.rho:
            raise ValueError("the ceiling of the large-trader tier must be above the measure's rho")
        if [scale.level for scale in self.large_traders.levels] != names:
            raise ValueError("the large-trader tier needs a scale for the same levels, in the same order")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Prior:
    """An earlier public figure for each cell, which shapes the noise.

    Attributes:
        bundle: a bundle in the place of publication, as `KOR/2020`; or
        table: a CSV or Parquet file inside the config's folder, with the columns
            `flow, period, partner, product, level, measure, value`; or a Comtrade Plus download; or SDMX-CSV 2.0 or
            SDMX-ML of trade in goods, as bundles hold it.
        publisher: who published it.
        period: what it refers to.
        published: when it was published.
        growth: factor from the prior's figure to this release's period, such as `"0.25"` from a year to a quarter.
    """

    publisher: Text
    period: Period
    published: Date
    bundle: InnerPath | None = None
    table: InnerPath | None = None
    growth: Factor = Fraction(1)

    def __post_init__(self) -> None:
        if (self.bundle is None) == (self.table is None):
            raise ValueError("give exactly one of bundle, table")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TopShare:
    """A published share: what part of all trade the largest `top` traders hold."""

    top: Annotated[int, Field(ge=2, le=10**6)]
    share: Part


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Assumption:
    """A public assumption on how concentrated trade is, from which `mirrors plan` predicts what clipping takes.

    It changes a prediction and no figure. It must come from published statistics, never from the records.

    Attributes:
        traders: how many traders there are in a year.
        top: how many of the largest traders `top_share` is about.
        top_share: their part of all trade.
        further: the same of more traders, such as of the largest 20, 100 and 1,000, as far as it is published. Without
            it sizes are taken to fall as one power of the rank, which understates how much middling traders hold where
            they don't.
        partners: over how many partners, counted for each flow, the value of the largest traders is spread: one over
            the sum of squared shares. Smaller traders have fewer.
        chapters: over how many chapters with each of them.
        main_flow: which part of their trade lies in their main flow, imports or exports, where both are released.
        narrowing: how fast partners and chapters fall, as far as they exceed one: as a trader's rank to the power of
            minus this, among the largest too.
        prior_error: how far a large cell usually lies from its prior: the standard deviation of ln(prior / figure).
        source: where the figures come from, in words.
    """

    traders: Annotated[int, Field(ge=10, le=10**8)] = 20_000
    top: Annotated[int, Field(ge=1, le=1000)] = 5
    top_share: Part = Fraction(1, 5)
    further: Annotated[tuple[TopShare, ...], Field(max_length=12)] = ()
    partners: Part = Fraction(5)
    chapters: Part = Fraction(3)
    main_flow: Part = Fraction(4, 5)
    narrowing: Part = Fraction(3, 10)
    prior_error: Part = Fraction(3, 10)
    source: Text = "the program's own defaults: no published statistic was named"

    def __post_init__(self) -> None:
        if not self.top < self.traders or not Fraction(self.top, self.traders) < self.top_share < Fraction(19, 20):
            raise ValueError("the top traders hold more than their number's part of trade, and less than 95 %")
        known = [(self.top, self.top_share), *((one.top, one.share) for one in self.further)]
        known.append((self.traders, Fraction(1)))
        each = [(more - held) / (beyond - top) for (top, held), (beyond, more) in pairwise(known) if beyond > top]
        falling = all(small <= large for large, small in pairwise([self.top_share / self.top, *each]))
        if len(each) < len(known) - 1 or not falling or min(each) <= 0:
            raise ValueError("further shares are of ever more traders who hold ever less by head, not all of trade")
        if self.partners < 1 or self.chapters < 1:
            raise ValueError("a trader has at least one partner and one chapter")
        if not Fraction(1, 2) <= self.main_flow <= 1:
            raise ValueError("the main flow holds from half to all of a trader's trade")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Release:
    """A release's whole configuration.

    Attributes:
        revision: whether it is charged to the part of the limit that is kept for revisions.
        supersedes: the office's earlier release that a revision takes the place of; readers are told.
    """

    release: Name
    title: Text
    year: Year
    periods: Annotated[tuple[Period, ...], Field(min_length=1, max_length=12)]
    flows: Annotated[tuple[Flow, ...], Field(min_length=1, max_length=4)]
    source: Source
    measures: Annotated[tuple[MeasurePlan, ...], Field(min_length=1, max_length=8)]
    office: InnerPath = "office.toml"
    keys: KeySets = KeySets()
    prior: Prior | None = None
    assumption: Assumption = Assumption()
    revision: bool = False
    supersedes: Name | None = None
    scales_from: Text | None = None
