"""Every engine gives the same integers on the same records, bit for bit."""

import datetime
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clip_world import ALL_LEVELS, BELOW_CELLS, planned, uneven_prior
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from table_world import Server, of_table, serving

from release.confidential.database.duckdb import DuckDB, parquet
from release.confidential.database.files import _own_folder, by_duckdb
from release.confidential.database.lines import Database
from release.confidential.database.postgres import vectors_of_table
from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors, exact_vectors, vectors_of_rows
from release.confidential.holding import HeldFiles
from release.confidential.rows import shaped
from release.confidential.sources import hold
from release.confidential.tables import HeldTable
from release.config.source import Column
from release.errors import UsageError
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


@pytest.mark.slow
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(rows=ROWS, name=st.sampled_from(sorted(PLANS)), kind=st.sampled_from(sorted(KINDS)))
def test_duckdb_gives_the_integers_of_the_engine_in_this_process(
    rows: list[tuple[object, ...]], name: str, kind: str, tmp_path: Path
) -> None:
    place = written(tmp_path / "rows", rows, kind)
    database = DuckDB(folder=tmp_path / "spilled")
    try:
        found = by(database, database.table(parquet([str(place / "rows.parquet")])), PLANS[name])
    finally:
        database.close()
    assert found == expected(place, PLANS[name])


MANY = [
    (trader, datetime.date(2024, month, 3), flow, partner, commodity, value, mass, declaration)
    for trader, month, declaration in (
        ("T1", 1, "D1"),
        ("t1", 2, "D1"),
        ("\u00e9", 7, None),
        ("a.b-9", 1, " D1"),
        (None, 2, "D2"),
    )
    for flow, partner, commodity in (("M", "DE", "010121"), ("x", "ZZ", "0102"), ("RX", None, "84O2"))
    for value, mass in ((12345, 7), (10**17, None), (-(10**17), -5), (None, 3), (2**52, 10**6))
] * 2
"""A row of each sort, twice: every rule and both tiers are at work."""


CODES = planned(rho="1", levels=ALL_LEVELS).release.source
CHOSEN = {
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


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_duckdb_takes_the_rows_and_fields_that_a_config_chooses(name: str, tmp_path: Path) -> None:
    place, plan = written(tmp_path / "rows", MANY, "texts"), CASES[name]
    files = hold(place, "parquet")
    found = listed(by_duckdb(files, plan, IDS, folder=tmp_path / "spilled", protected=("T2",)))
    assert any(map(any, found.values()))
    assert found == expected(place, plan)


MOMENTS = {
    "milliseconds beyond a database's own": pa.timestamp("ms"),
    "instants of another zone": pa.timestamp("us", tz="UTC"),
    "microseconds": pa.timestamp("us"),
    "nanoseconds": pa.timestamp("ns"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_date_stops_an_engine_or_counts_in_another_year(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, plan, kind = written(tmp_path / "rows", MANY, "texts"), PLANS["levels"], MOMENTS[moment]
    table = pq.read_table(place / "rows.parquet")
    unit = {"ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    eve = 1704067200 * unit
    dates = [eve - unit // 2, eve + unit // 2, 2**62, -(2**62), None][: len(table)]
    dates += [eve + unit] * (len(table) - len(dates))
    table = table.set_column(table.column_names.index("date"), "date", pa.array(dates, pa.int64()).cast(kind))
    pq.write_table(table, place / "rows.parquet")
    monkeypatch.setenv("TZ", "Asia/Seoul")
    held = HeldFiles(place, plan.release.source, "duckdb")
    found = held.vectors(plan, IDS, rows=None, protected=("T2",), folder=tmp_path / "spilled")
    assert any(map(any, listed(found).values()))
    assert listed(found) == expected(place, plan)


@pytest.mark.slow
def test_duckdb_goes_on_where_memory_ends_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = _own_folder(tmp_path)
    database = DuckDB(folder=folder, memory="40MB")
    try:
        database.connection.execute(
            "create temp table kept as"
            " select 'T' || (n * 7919 % 600000) as id, n from range(600000) as r(n) order by id"
        )
        spilled = [path for path in folder.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in spilled) > 10**6
        assert database.connection.sql("select count(distinct id) from kept").fetchall() == [(600_000,)]
    finally:
        database.close()
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_the_next_run_removes_what_a_killed_one_spilled_and_nobody_else_can_look(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, others = tmp_path / f"duckdb-{gone.pid}-ab", tmp_path / f"duckdb-{os.getpid()}-ab"
    for folder in (left, others):
        folder.mkdir()
        (folder / "duckdb_temp_storage-0.tmp").write_bytes(b"lines")
    own = _own_folder(tmp_path)
    assert (left.exists(), others.exists(), own.stat().st_mode & 0o777) == (False, True, 0o700)


def test_an_engine_that_is_not_installed_is_refused_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(UsageError, match="needs: pip install"):
        HeldFiles(tmp_path / "nowhere", PLANS["levels"].release.source, "duckdb")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("services")) as started:
        yield started


@pytest.mark.slow
def test_a_table_gives_the_integers_of_files_whether_postgresql_or_polars_adds_it_up(
    server: Server, tmp_path: Path
) -> None:
    for name, kind in with_kinds(sorted(CASES)):
        place = written(tmp_path / "rows", MANY, kind)
        server.put(pq.read_table(place / "rows.parquet"))
        wanted, plan = expected(place, CASES[name]), of_table(CASES[name])
        for work in (True, False):
            table = HeldTable(plan.release.source, work=work)
            try:
                found = (
                    vectors_of_table(table, plan, IDS, protected=("T2",))
                    if work
                    else vectors_of_rows(
                        [shaped(frame, plan.release.source) for frame in table.frames()], plan, IDS, protected=("T2",)
                    )
                )
            finally:
                table.close()
            assert listed(found) == wanted, (name, kind, work)
