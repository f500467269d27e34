"""A synthetic office for tests: config, records and ledger in one folder, run inside the process or by command.

    place = write_office(tmp_path, lines=some_lines(200))
    outcome = publish(place)                      # inside this process, with a ledger in memory unless one is given

A line is a mapping of column to text with the columns of `COLUMNS`. Everything that a config may say can be changed by
passing other TOML text: `write_office(folder, release=RELEASE.replace(...))`.
"""

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from release.confidential.records import Records
from release.config import load_release
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.plan import ReleasePlan, make_plan
from release.run import Outcome, run

COLUMNS = ("trader", "date", "flow", "partner", "commodity", "value", "mass", "currency", "declaration", "note")
"""The columns of the synthetic records; `note` is mapped by no config."""

OFFICE = """
code = "AAA"
name = "Statistical office of Aland"
area = "AX"

[unit]
kind = "trader-year"
formed_by = "the trader's number"

[account]
limit = "100"
delta = "1e-8"

[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"

[metadata]
trade_system = "general"
re_exports = "included"
thresholds = "none"
currency = "EUR"
usd_per_unit = "1.1"
rate_source = "stated for tests"
confidentiality = "none applied before noise"
hs_edition = "HS 2022"
territory = "Aland"
date_basis = "clearance"
vintage = "first"

[metadata.valuation]
M = "CIF"
X = "FOB"

[metadata.partner]
M = "origin"
X = "last known destination"
"""

RELEASE = """
office = "office.toml"
release = "2024"
title = "Trade of 2024"
year = 2024
periods = ["2024-Q1", "2024-Q2"]
flows = ["M", "X"]

[source]
name = "declarations"
layout = "csv"
path = "records.csv"

[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
net_mass = "mass"
currency = "currency"
declaration = "declaration"

[keys]
partners = ["DE", "FR", "US"]
chapters = ["01", "27", "84"]

[[measures]]
name = "value"
rho = "1/2"
levels = [
    { level = "total", noise_sd = "1e5" },
    { level = "partner", noise_sd = "5e4" },
    { level = "partner x chapter", noise_sd = "2e4" },
]

[[measures]]
name = "declarations"
rho = "1/4"
levels = [{ level = "total", noise_sd = "20" }, { level = "chapter", noise_sd = "10" }]

[[measures]]
name = "traders"
rho = "1/4"
levels = [{ level = "total", noise_sd = "10" }, { level = "partner", noise_sd = "5" }]

[[measures]]
name = "net mass"
rho = "1/4"
levels = [{ level = "total", noise_sd = "1e5" }]
"""

PARQUET_RELEASE = RELEASE.replace('layout = "csv"', 'layout = "parquet"').replace("records.csv", "records.parquet")

Line = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a synthetic office stands: its folder, the release's config and the records."""

    folder: Path
    release: Path
    source: Path

    @property
    def state(self) -> Path:
        """The office's private folder."""
        return self.folder / "state"

    @property
    def published(self) -> Path:
        """The place of publication."""
        return self.folder / "published"


def line(**changes: str) -> dict[str, str]:
    """Return an ordinary declaration line with some fields changed."""
    return {
        "trader": "T1",
        "date": "2024-02-03",
        "flow": "M",
        "partner": "DE",
        "commodity": "840211",
        "value": "1250.50",
        "mass": "17.25",
        "currency": "EUR",
        "declaration": "D1",
        "note": "none",
    } | changes


def some_lines(count: int, *, seed: int = 1, traders: int = 40) -> list[dict[str, str]]:
    """Return lines of several traders, flows, partners, chapters and months; some go to the residual."""
    chance = random.Random(seed)
    return [
        line(
            trader=f"T{chance.randrange(traders)}",
            date=f"2024-{chance.randint(1, 6):02}-{chance.randint(1, 28):02}",
            flow=chance.choice(("M", "X")),
            partner=chance.choice(("DE", "FR", "US", "ZW")),
            commodity=chance.choice(("010121", "270900", "840211", "999999")),
            value=f"{chance.paretovariate(1.2) * 100:.2f}",
            mass=f"{chance.uniform(0, 500):.3f}",
            declaration=f"D{number}",
        )
        for number in range(count)
    ]


def write_office(
    folder: Path, *, lines: Sequence[Line] = (), office: str = OFFICE, release: str = RELEASE, name: str = "2024.toml"
) -> Place:
    """Write an office into `folder` and return where it stands; records are Parquet when the release says so."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "office.toml").write_text(office, encoding="utf-8")
    (folder / name).write_text(release, encoding="utf-8")
    source = folder / ("records.parquet" if 'layout = "parquet"' in release else "records.csv")
    place = Place(folder=folder, release=folder / name, source=source)
    write_records(source, lines)
    return place


def write_records(source: Path, lines: Sequence[Line]) -> None:
    """Write lines as CSV or, by the file's ending, as Parquet of text columns."""
    if source.suffix == ".parquet":
        pl.DataFrame(list(lines), schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(source)
    else:
        source.write_bytes(csv_bytes(lines))


def csv_bytes(lines: Sequence[Line], *, separator: str = ",") -> bytes:
    """Return lines as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def plan_of(place: Place) -> ReleasePlan:
    """Return the plan of the office's release."""
    return make_plan(*load_release(place.release))


def records_of(place: Place) -> Records:
    """Return the office's records, not yet opened."""
    source = plan_of(place).release.source
    ids = None if source.trader_ids is None else place.folder / source.trader_ids
    return Records(place=place.source, source=source, state=place.state, trader_ids=ids)


def new_book() -> Book:
    """Return an empty ledger in memory."""
    return Book(MemoryStore())


def publish(place: Place, *, book: Book | None = None, published: Path | None = None) -> Outcome:
    """Run the release inside this process and return how it ended."""
    return run(
        plan_of(place),
        records=records_of(place),
        book=book or new_book(),
        state=place.state,
        published=published or place.published,
        date="2025-01-31",
    )
