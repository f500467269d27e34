"""Every engine gives the same integers on the same records, bit for bit."""

import datetime
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clip_world import ALL_LEVELS, BELOW_CELLS, planned, uneven_prior
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ledger_world import plain, postgres

from release.confidential.database.duckdb import DuckDB, parquet
from release.confidential.database.lines import Database
from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors, exact_vectors
from release.confidential.sources import hold
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
    for trader, month, declaration in (("T1", 1, "D1"), ("t1", 2, "D1"), ("\u00e9", 7, None), ("a.b-9", 1, " D1"))
    for flow, partner, commodity in (("M", "DE", "010121"), ("x", "ZZ", "0102"), ("RX", None, "84O2"))
    for value, mass in ((12345, 7), (10**17, None), (-(10**17), -5), (None, 3), (2**52, 10**6))
] * 2
"""A row of each sort, twice: every rule and both tiers are at work."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as database:
        yield plain(database())


@pytest.mark.slow
def test_postgresql_gives_the_integers_of_the_engine_in_this_process(server: str, tmp_path: Path) -> None:
    from release.confidential.database.postgres import Postgres

    for name, kind in zip(sorted(PLANS), [*sorted(KINDS), *sorted(KINDS)], strict=False):
        place = written(tmp_path / "rows", MANY, kind)
        database = Postgres(server)
        try:
            assert by(database, database.give(pq.read_table(place / "rows.parquet")), PLANS[name]) == expected(
                place, PLANS[name]
            )
        finally:
            database.close()
