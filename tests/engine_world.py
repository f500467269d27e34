"""Releases and rows on which engines are compared: every rule of a config, every kind of amounts, both tiers."""

import datetime
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import cycle, product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from clip_world import ALL_LEVELS, BELOW_CELLS, planned, uneven_prior
from hypothesis import strategies as st

from release.confidential.database.port import Database
from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors, exact_vectors
from release.confidential.sources import hold
from release.config.source import Column
from release.plan import ReleasePlan
from release.tables import Flow, Measure

SPLIT = {"headings": ("0101", "0102"), "subheadings": ("010121",)}
WIDE = {"total": "41", "partner": "9.3", "partner x chapter": "5.7"}
PLANS = {
    "levels": planned(rho="1/2", levels=ALL_LEVELS, flows=tuple(Flow), periods=("2024-01", "2024-02")),
    "large traders": planned(rho="1/8", ceiling="9"),
    "headings": planned(rho="1", levels=ALL_LEVELS | BELOW_CELLS, flows=tuple(Flow), ceiling="40", **SPLIT),
    "count once": planned(rho="2", duplicates="count once", decimals=1),
    "counts": planned(rho="3", levels=WIDE, measures=(Measure.DECLARATIONS, Measure.TRADERS)),
    "masses": planned(rho="1/3", measures=(Measure.RETURNS, Measure.NET_MASS), ceiling="2"),
}
_PRIOR = planned(rho="3", levels={"total": "0.07", "partner x chapter": "0.3"}, shape=uneven_prior(planned(), 5))
PLANS["uneven"] = _PRIOR
ODD_PLAN = planned(rho="2", duplicates="count once", measures=(Measure.VALUE, Measure.RETURNS, Measure.NET_MASS))

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6), st.sampled_from([0, 1, -1, 5, 10**17, -(10**17), 2**52, 450359962737049600])
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["T1", "t1", " T1", "T2", "T 3", "t\u00a03", "\uff34\uff12", "", "\u00e9", None, "a.b-9"]),
        st.sampled_from([datetime.date(2024, month, 3) for month in (1, 2, 7)] + [datetime.date(2023, 1, 1), None]),
        st.sampled_from(["M", "X", "RX", "m", "Q", None]),
        st.sampled_from(["DE", "de", "FR", "ZZ", "\uff24\uff25", "", None]),
        st.sampled_from(["010121", "10121", "0102", "2709.00", "99", "84O2", "", None]),
        st.one_of(st.none(), NUMBERS),
        st.one_of(st.none(), NUMBERS),
        st.sampled_from(["D1", "D2", " D1", "d1", None]),
    ),
    max_size=40,
)
KINDS = {
    "decimals": (lambda whole: Decimal(whole).scaleb(-2), pa.decimal128(20, 2)),
    "long decimals": (lambda whole: Decimal(whole).scaleb(-4), pa.decimal128(28, 4)),
    "integers": (lambda whole: whole, pa.int64()),
    "doubles": (lambda whole: whole / 1000, pa.float64()),
    "texts": (lambda whole: f"{Decimal(whole).scaleb(-3):f}", pa.string()),
}


def written(place: Path, rows: list[tuple[object, ...]], kind: str) -> Path:
    """Write rows as one Parquet file with amounts of a kind, and return its folder."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    make, amount = KINDS[kind]
    columns = list(zip(*rows, strict=True)) or [()] * 8
    amounts = [[None if one is None else make(one) for one in column] for column in columns[5:7]]
    table = pa.table(
        {
            "trader": pa.array(columns[0], pa.string()),
            "date": pa.array(columns[1], pa.date32()),
            "flow": pa.array(columns[2], pa.string()),
            "partner": pa.array(columns[3], pa.string()),
            "commodity": pa.array(columns[4], pa.string()),
            "value": pa.array(amounts[0], amount),
            "mass": pa.array(amounts[1], amount),
            "declaration": pa.array(columns[7], pa.string()),
            "year": pa.array([None if day is None else str(day.year) for day in columns[1]], pa.string()),
            "month": pa.array([None if day is None else f" {day.month:02}" for day in columns[1]], pa.string()),
        }
    )
    pq.write_table(table, place / "rows.parquet")
    return place


def expected(place: Path, plan: ReleasePlan) -> dict[str, list[int]]:
    files = hold(place, "parquet")
    try:
        return listed(exact_vectors(files, plan, IDS, protected=("T2",)))
    finally:
        for file in files:
            os.close(file.descriptor)


IDS = (("A.B-9",), ("T2",))


def listed(vectors: Vectors) -> dict[str, list[int]]:
    return {f"{tier} {measure}": vector.tolist() for (tier, measure), vector in vectors.items()}


def by(database: Database, rows: object, plan: ReleasePlan) -> dict[str, list[int]]:
    return listed(database_vectors(database, rows, plan, IDS, protected=("T2",)))  # type: ignore[arg-type]


MANY = [
    (trader, datetime.date(2024, month, 3), flow, partner, commodity, value, mass, declaration)
    for trader, month, declaration in (
        ("T1", 1, "D1"),
        ("", 1, "D2"),
        ("t1", 2, "D1"),
        ("\u00e9", 7, None),
        ("a.b-9", 1, " D1"),
    )
    for flow, partner, commodity in (("M", "DE", "010121"), ("x", "ZZ", "0102"), ("RX", None, "84O2"))
    for value, mass in ((12345, 7), (10**17, None), (-(10**17), -5), (None, 3), (2**52, 10**6))
] * 2
"""A row of each sort, twice: every rule and both tiers are at work."""


CODES = planned(rho="1", levels=ALL_LEVELS).release.source
CHOSEN = {
    "traders of their own": {"missing_trader": "own unit"},
    "chosen rows": {"only": {"flow": ("M", "x")}, "leave_out": {"partner": ("ZZ",), "declaration": ("D9",)}},
    "two views of each row": {
        "columns": replace(CODES.columns, value="worth", flow="way"),
        "views": ({"worth": "value", "way": "flow"}, {"worth": "mass", "way": Column(constant="M")}),
        "only": {"way": ("M",)},
    },
    "views of rows that are units": {
        "columns": replace(CODES.columns, value="worth"),
        "views": ({"worth": "value"}, {"worth": "mass"}),
        "missing_trader": "own unit",
    },
    "fields of several columns": {
        "columns": replace(
            CODES.columns,
            date=Column(joined=("year", "month")),
            partner=Column(first_of=("declaration", "partner")),
            commodity=Column(by_flow={Flow.IMPORTS: "commodity", Flow.EXPORTS: "partner"}),
        ),
        "date_format": "%Y-%m",
        "value_in": "thousands",
    },
}
"""What a config may say of rows and fields, beside a column a field."""


def choosing(**said: object) -> ReleasePlan:
    """Return a plan whose source is told so."""
    plan = planned(rho="1", levels=ALL_LEVELS, flows=tuple(Flow))
    return replace(plan, release=replace(plan.release, source=replace(plan.release.source, **said)))  # type: ignore[arg-type]


CASES = {**PLANS, **{name: choosing(**said) for name, said in CHOSEN.items()}}


def with_kinds(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each case with a kind of amounts, all kinds in turn."""
    kinds = cycle(sorted(KINDS))
    return ((name, next(kinds)) for name in names)


NAMES = ("T1\n", "T1", "t1\r\n", "T1\u2028", "T2\x85", "\tT3", "T 3", "T3\n\n")
DAYS = tuple(datetime.date(year, month, 3) for year, month in ((1, 1), (1500, 2), (2024, 1), (2024, 2), (9999, 12)))
ODD = {
    "doubles": ([float("nan"), float("inf"), float("-inf"), -0.0, 0.005, -0.015, 1e300, 123.455], pa.float64()),
    "38 digits": (
        [Decimal(text) for text in ("0.00499999999999999999", "-0.005", "1.5", "999999999999999999", "7")],
        pa.decimal128(38, 20),
    ),
    "unsigned": ([2**64 - 1, 0, 1, 12345], pa.uint64()),
    "small": ([-128, 127, 5], pa.int8()),
    "texts": (["1e3", "0.005\n", " 7 ", "NaN", "1,5", "12.345", "9" * 30, ""], pa.string()),
}
"""Values at which engines' own ideas of numbers, dates and ends of texts would part, and their kinds."""


def written_odd(place: Path, kind: str, of_mass: str) -> Path:
    """Write rows with odd ids, dates, values and masses as one Parquet file, and return its folder."""
    values, form = ODD[kind]
    masses, form_of_mass = ODD[of_mass]
    rows = [
        (name, day, value, masses[number % len(masses)], f"D{number % 3}\n" if number % 2 else "D1")
        for number, (name, day, value) in enumerate(product(NAMES, DAYS, values))
    ]
    columns = list(zip(*rows, strict=True))
    place.mkdir(parents=True)
    table = pa.table(
        {
            "trader": pa.array(columns[0]),
            "date": pa.array(columns[1], pa.date32()),
            "flow": pa.array(["M"] * len(rows)),
            "partner": pa.array(["DE"] * len(rows)),
            "commodity": pa.array(["0101"] * len(rows)),
            "value": pa.array(columns[2], form),
            "mass": pa.array(columns[3], form_of_mass),
            "declaration": pa.array(columns[4]),
        }
    )
    pq.write_table(table, place / "rows.parquet")
    return place
