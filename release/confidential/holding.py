"""Records that are held: the files of a source, or a database's table, as a run sees them before and after its charge.

Before it: their form is checked, and their digest taken. After it: their rows are read, by the engine that the office
chose, and it is looked again whether they are the same.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from release.confidential.boundary import sealed
from release.confidential.contents import content_findings
from release.confidential.engine import Vectors, exact_vectors, vectors_of_rows
from release.confidential.inspection import Finding, row_findings, text_findings
from release.confidential.partitions import unnamed
from release.confidential.rows import check_kinds, check_text, dates_alike, scans, shaped
from release.confidential.rules import Ids
from release.confidential.sources import (
    HeldFile,
    check_schema,
    columns_of,
    content_digest,
    file_digests,
    hold,
    unchanged,
)
from release.confidential.tables import HeldTable
from release.config.faults import WORKS_ON
from release.config.office import Engine, SparkPlace
from release.config.source import Source
from release.errors import UsageError
from release.plan import ReleasePlan

if TYPE_CHECKING:
    from release.confidential.database.clustered import SparkFiles

_HERE = SparkPlace()


class HeldRecords(Protocol):
    """What `records` asks of records, wherever they are."""

    @property
    def parts(self) -> int:
        """How many files there are, or 1."""

    def check(self) -> None:
        """Refuse records without the mapped columns, or of kinds that aren't read."""

    def digest(self) -> bytes:
        """Return a digest of all that may be read; confidential."""

    def file_digests(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each file; none where there are no files."""

    def unchanged(self, digest: bytes) -> bool:
        """Decide whether what was read is what had this digest."""

    def frames(self, plan: ReleasePlan) -> Iterable[pl.LazyFrame]:
        """Return the rows that count as chosen, in frames."""

    def vectors(
        self, plan: ReleasePlan, ids: Ids, *, rows: int | None, protected: tuple[str, ...], folder: Path
    ) -> Vectors:
        """Return the integers before noise, of all rows, or of `rows` of each frame: 0 rehearses the way."""

    def findings(self, plan: ReleasePlan, folder: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the records as a whole; confidential."""

    def close(self) -> None:
        """Let go of what others may wait for."""


class HeldFiles:
    """The files at a place, opened once."""

    def __init__(self, place: Path, source: Source, engine: Engine, spark: SparkPlace = _HERE) -> None:
        _hold_to_extra(engine)
        self._place = spark
        self._spark: SparkFiles | None = None
        self._files = sealed("open", lambda: hold(place, source.layout, source.encoding))
        self._source = source
        self._engine = engine

    @property
    def parts(self) -> int:
        """How many files there are."""
        return len(self._files)

    def check(self) -> None:
        """Refuse files without the mapped columns, or with columns of kinds that aren't read.

        Raises:
            SchemaError: with every problem.
        """
        names = columns_of(self._source)
        sealed("schema", lambda: check_schema(self._files, self._source))
        sealed("schema", lambda: check_kinds(self._files, self._source, names))
        sealed("schema", lambda: check_text(self._files, self._source, names))

    def digest(self) -> bytes:
        """Return the SHA-256 over all files' names and bytes."""
        return sealed("digest", lambda: content_digest(self._files, file_digests(self._files)))

    def file_digests(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each file."""
        return sealed("digest", lambda: file_digests(self._files))

    def unchanged(self, digest: bytes) -> bool:
        """Decide whether no file was written to, and all bytes are what they were."""
        return unchanged(self._files) and self.digest() == digest

    def frames(self, plan: ReleasePlan) -> Iterable[pl.LazyFrame]:
        """Return the rows that count as chosen, in frames of some files each."""
        return scans(self._files, plan.release.source, columns_of(plan.release.source))

    def vectors(
        self, plan: ReleasePlan, ids: Ids, *, rows: int | None, protected: tuple[str, ...], folder: Path
    ) -> Vectors:
        """Return the integers before noise, by the engine that the office chose; CSV is polars' in any case."""
        works = WORKS_ON.get(self._engine) == self._source.layout and not any(file.partition for file in self._files)
        if not (works and dates_alike(self._files, self._source)):
            return exact_vectors(self._files, plan, ids, rows=rows, protected=protected, folder=folder)
        if self._engine == "spark":
            return self._in_spark(folder).vectors(plan, ids, rows=rows, protected=protected)
        from release.confidential.database.files import by_duckdb

        return by_duckdb(self._files, plan, ids, rows=rows, protected=protected, folder=folder)

    def findings(self, plan: ReleasePlan, folder: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the files as a whole."""
        del folder
        return findings_of_files(self._files, plan)

    def close(self) -> None:
        """End Spark, where it was started; keep the descriptors: nobody waits for them."""
        if self._spark is not None:
            self._spark.close()
            self._spark = None

    def _in_spark(self, folder: Path) -> "SparkFiles":
        """Return Spark on the files, started for the rehearsal and still there for the rows."""
        from release.confidential.database.clustered import SparkFiles

        if self._spark is None:
            self._spark = SparkFiles(self._files, self._place, folder=folder)
        return self._spark


class HeldRows:
    """A database's table in one transaction."""

    def __init__(self, source: Source, engine: Engine) -> None:
        _hold_to_extra(engine)
        self._table = HeldTable(source, work=engine == "postgres")
        self._engine = engine

    @property
    def parts(self) -> int:
        """There is one table."""
        return 1

    def check(self) -> None:
        """Do nothing: a table with other columns wasn't held in the first place."""

    def digest(self) -> bytes:
        """Return the digest of the rows as the transaction sees them."""
        return self._table.digest()

    def file_digests(self) -> tuple[bytes, ...]:
        """Return nothing: no prior can be the very bytes of a table."""
        return ()

    def unchanged(self, digest: bytes) -> bool:
        """Return that nothing changed: rows are stored, and the transaction sees one state of them."""
        del digest
        return True

    def frames(self, plan: ReleasePlan) -> Iterable[pl.LazyFrame]:
        """Return the rows that count as chosen, as they come."""
        return (shaped(frame, plan.release.source) for frame in self._table.frames())

    def vectors(
        self, plan: ReleasePlan, ids: Ids, *, rows: int | None, protected: tuple[str, ...], folder: Path
    ) -> Vectors:
        """Return the integers before noise: by the database itself, or by another engine on what it sends."""
        if self._engine == "postgres":
            from release.confidential.database.postgres import vectors_of_table

            return vectors_of_table(self._table, plan, ids, rows=rows, protected=protected)
        frames = self.frames(plan) if rows is None else [shaped(self._table.empty(), plan.release.source)]
        return vectors_of_rows(frames, plan, ids, protected=protected, folder=folder)

    def findings(self, plan: ReleasePlan, folder: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the rows as a whole, by a copy of them in a file without a name."""
        source = replace(plan.release.source, layout="parquet", service=None, table=None)
        if pl.Date in self._table.empty().collect_schema().dtypes():
            source = replace(source, date_format="%Y-%m-%d")
        copied = replace(plan, release=replace(plan.release, source=source))
        with unnamed(folder) as file:
            return findings_of_files((self._table.copied(file),), copied)

    def close(self) -> None:
        """End the transaction, whose snapshot keeps the server from changing the table's form and from tidying up."""
        self._table.close()


def _hold_to_extra(engine: Engine) -> None:
    """Refuse an engine whose libraries, or whose Java, aren't installed.

    Raises:
        UsageError: they aren't.
    """
    extra, library = ("spark", "pyspark") if engine == "spark" else ("engines", "ibis")
    if engine != "polars" and find_spec(library) is None:
        needs = f'pip install "noisy-mirrors[{extra}]"'
        raise UsageError(f"The engine {engine} needs: {needs}. Nothing was read or charged.")
    if engine == "spark" and not find_java():
        raise UsageError(
            "The engine spark needs Java 17 or 21 (Debian: default-jre-headless), found by JAVA_HOME or PATH."
            " Nothing was read or charged."
        )


def find_java() -> str | None:
    """Return the program that starts Java, as Spark's own scripts find it; None where there is none."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin" if home else None)


def findings_of_files(files: tuple[HeldFile, ...], plan: ReleasePlan) -> tuple[Finding, ...]:
    """Return what is wrong with files as a whole."""
    return (
        *text_findings(files, plan.release.source),
        *row_findings(files, plan),
        *content_findings(files, plan),
    )
