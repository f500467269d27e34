"""Every engine gives the same integers on the same records, bit for bit; Spark's own tests are beside these."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_world import (
    CASES,
    CHOSEN,
    IDS,
    KINDS,
    MANY,
    ODD,
    ODD_PLAN,
    PLANS,
    ROWS,
    by,
    expected,
    listed,
    with_kinds,
    written,
    written_odd,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from table_world import Server, of_table, serving

from release.confidential.database.duckdb import DuckDB, parquet
from release.confidential.database.files import by_duckdb
from release.confidential.database.postgres import vectors_of_table
from release.confidential.database.scratch import own_folder
from release.confidential.engine import vectors_of_rows
from release.confidential.holding import HeldFiles
from release.confidential.rows import shaped
from release.confidential.sources import hold
from release.confidential.tables import HeldTable
from release.errors import UsageError


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


@pytest.mark.parametrize("kinds", list(pairwise([*ODD, "doubles"])), ids=" and ".join)
def test_duckdb_makes_the_same_of_odd_values(kinds: tuple[str, str], tmp_path: Path) -> None:
    place, plan = written_odd(tmp_path / "rows", *kinds), ODD_PLAN
    files = hold(place, "parquet")
    found = listed(by_duckdb(files, plan, IDS, folder=tmp_path / "spilled", protected=("T2",)))
    assert found == expected(place, plan)


@pytest.mark.slow
def test_duckdb_goes_on_where_memory_ends_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "duckdb")
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
    own = own_folder(tmp_path, "duckdb")
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
