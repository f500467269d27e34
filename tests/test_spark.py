"""Spark gives the same integers as the engine in this process, and tells nobody anything meanwhile."""

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Mirrors
from engine_world import CASES, MANY, ODD_PLAN, by, expected, with_kinds, written, written_odd
from offices import OFFICE, PARQUET_RELEASE, line, some_lines, write_office
from planted import FIGURES, TEXTS, canaries_in, leaks_below

from release.confidential.holding import HeldFiles, find_java
from release.config.office import SparkPlace
from release.errors import EnvironmentRefusedError, SchemaError, UsageError

pytestmark = [
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # PySpark's own, to the driver
    pytest.mark.skipif(
        find_spec("pyspark") is None or find_java() is None,
        reason="Spark or Java isn't installed; `make .venv/spark` does that",
    ),
]
QUICK = [
    ("spark.sql.shuffle.partitions", "2"),
    ("spark.driver.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"),
]
"""For small records: few parts, and Java that compiles less."""

COMPARED = (
    "headings",
    "counts",
    "fields of several columns",
    "two views of each row",
    "traders of their own",
)
"""With the odd values, each rule of a config, each measure and both tiers once: Spark takes seconds for each case."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Started"]:
    """Start one driver for this module."""
    from release.confidential.database.session import Driver

    folder = tmp_path_factory.mktemp("state")
    os.environ.pop("SPARK_HOME", None)
    driver = Driver(SparkPlace(master="local[2]", driver_memory="1g"), folder=folder, more=QUICK)
    try:
        yield Started(driver, folder)
    finally:
        driver.close()
    assert not list(folder.iterdir())


class Started:
    """A driver, and the folder that what it writes has to stay in."""

    def __init__(self, driver, folder: Path) -> None:
        from release.confidential.database.spark import Spark

        self.driver = driver
        self.folder = folder
        self.database = Spark(driver.session)

    def rows(self, place: Path):
        """Return the rows of a folder's one file."""
        file = str(place / "rows.parquet")
        return self.database.files([file], [pl.Schema(pl.read_parquet_schema(file))])


@pytest.mark.slow
def test_spark_gives_the_integers_of_the_engine_in_this_process(started: Started, tmp_path: Path) -> None:
    for name, kind in with_kinds(COMPARED):
        place = written(tmp_path / "rows", MANY, kind)
        assert by(started.database, started.rows(place), CASES[name]) == expected(place, CASES[name]), (name, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("doubles", "38 digits"), ("texts", "unsigned")], ids=" and ".join)
def test_no_odd_value_stops_spark_or_counts_otherwise(kinds: tuple[str, str], started: Started, tmp_path: Path) -> None:
    place = written_odd(tmp_path / "rows", *kinds)
    assert by(started.database, started.rows(place), ODD_PLAN) == expected(place, ODD_PLAN)


@pytest.mark.parametrize(
    "kind", [pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Amsterdam"), pa.float16()], ids=str
)
def test_kinds_that_spark_would_read_otherwise_are_refused(kind: pa.DataType, started: Started, tmp_path: Path) -> None:
    pq.write_table(pa.table({"value": pa.array([1]), "date": pa.nulls(1, kind)}), tmp_path / "rows.parquet")
    with pytest.raises(SchemaError, match="'date' is of the kind"):
        started.rows(tmp_path)


def test_a_column_that_is_not_mapped_is_refused_in_our_words_or_does_not_matter(
    started: Started, tmp_path: Path
) -> None:
    mapped = [pl.Schema({"value": pl.Int64})]
    for kind, read in ((pa.timestamp("ns"), True), (pa.time64("us"), False)):
        file = str(tmp_path / f"{read}.parquet")
        pq.write_table(pa.table({"value": pa.array([1]), "other": pa.nulls(1, kind)}), file)
        if read:
            assert started.database.read(started.database.files([file], mapped)).to_pylist() == [{"value": 1}]
        else:
            with pytest.raises(SchemaError, match="doesn't know the kind of a column"):
                started.database.files([file], mapped)


def test_what_spark_writes_lies_in_its_folder_and_shows_no_id(started: Started) -> None:
    ids = [f"TRADER-{number:05}-{number:05}" for number in range(3000)]
    rows = started.database.give(pa.table({"trader": ids * 2}))
    assert started.database.read(rows.group_by("trader").agg(lines=rows.count())).num_rows == len(ids)
    (own,) = started.folder.iterdir()
    assert own.stat().st_mode & 0o777 == 0o700
    written_by_it = [path for path in own.rglob("*.data") if path.is_file()]
    assert sum(path.stat().st_size for path in written_by_it) > 10_000
    assert not [path for path in own.rglob("*") if path.is_file() and b"TRADER-0" in path.read_bytes()]


def test_spark_shows_no_page_has_no_streams_and_listens_to_this_machine_alone(started: Started) -> None:
    process = started.driver.process
    assert started.driver.session.sparkContext.uiWebUrl is None
    open_files = Path(f"/proc/{process}/fd")
    assert [str((open_files / number).readlink()) for number in "12"] == [os.devnull] * 2
    held = {str(one.readlink()) for one in open_files.iterdir() if one.is_symlink()}
    listening = [
        fields[1].rpartition(":")[0]
        for name in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/{process}/net/{name}").read_text().splitlines()[1:])
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in held
    ]
    assert listening
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.slow
def test_a_release_by_spark_shows_no_raw_value_and_leaves_nothing_behind(tmp_path: Path, mirrors: Mirrors) -> None:
    office = OFFICE.replace("[unit]", 'engine = "spark"\n\n[unit]', 1) + '\n[spark]\nmaster = "local[1]"\n'
    release = "[[measures]]".join(PARQUET_RELEASE.split("[[measures]]")[:2])
    lines = [line(**(TEXTS | {"date": "2024-02-03", "value": "1", "mass": "1"})), line(**FIGURES), *some_lines(300)]
    place = write_office(tmp_path / "office", lines=lines, office=office, release=release)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = mirrors("run", place.release, "--json", cwd=elsewhere)
    assert ended.code == 0, ended.err
    assert not canaries_in((ended.out + ended.err).encode())
    assert leaks_below([place.folder], {place.source}) == []
    assert not list((place.state / "spilled").iterdir())
    assert not list(elsewhere.iterdir())


def test_a_driver_that_does_not_start_is_told_in_our_words(tmp_path: Path) -> None:
    from release.confidential.database.session import Driver

    with pytest.raises(UsageError, match=r"Spark can't be started at local\[1\]") as told:
        Driver(SparkPlace(master="local[1]", driver_memory="1m"), folder=tmp_path)
    assert told.value.__cause__ is None
    assert not list(tmp_path.iterdir())
    del told
    gc.collect()  # the pipe that PySpark leaves behind


def test_a_variable_that_loads_code_into_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from release.confidential.database.session import Driver

    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-javaagent:elsewhere.jar")
    with pytest.raises(EnvironmentRefusedError, match="JAVA_TOOL_OPTIONS"):
        Driver(SparkPlace(), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_java_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="needs Java"):
        HeldFiles(tmp_path / "nowhere", CASES["levels"].release.source, "spark")
