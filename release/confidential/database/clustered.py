"""Spark on the source's Parquet files."""

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from release.confidential.database.session import Driver, on_this_machine
from release.confidential.database.spark import Spark
from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors
from release.confidential.rules import Ids
from release.confidential.sources import HeldFile, columns_of
from release.config.office import SparkPlace
from release.errors import SchemaError, SourceChangedError
from release.plan import ReleasePlan


class SparkFiles:
    """Held files and a driver that has them open too; it is started at once, before anything is charged.

    Executors on other machines read the files by their paths. That these lead to the held files is looked at before
    and after; whether the files changed meanwhile, their holder decides.
    """

    def __init__(self, files: Sequence[HeldFile], place: SparkPlace, *, folder: Path) -> None:
        self._files = files
        self._here = on_this_machine(place)
        self._driver = Driver(place, folder=folder, descriptors=[file.descriptor for file in files])

    def vectors(
        self, plan: ReleasePlan, ids: Ids, *, rows: int | None = None, protected: tuple[str, ...] = ()
    ) -> Vectors:
        """Return each tier's and measure's clipped integer vector before noise, of the first `rows` rows or of all.

        Raises:
            SchemaError: a column is of a kind that Spark doesn't read as polars does, or a file's path is gone.
            SourceChangedError: a path doesn't lead to the held file any more.
        """
        if not self._found():
            raise SchemaError(["a file's path doesn't lead to it any more, and a cluster reads it by its path"])
        mapped = columns_of(plan.release.source)
        kinds = [pl.read_parquet_schema(file.path) for file in self._files]
        chosen = [pl.Schema({name: schema[name] for name in mapped}) for schema in kinds]
        database = Spark(self._driver.session)
        table = database.files([self._path(file) for file in self._files], chosen)
        vectors = database_vectors(
            database, table if rows is None else table.limit(rows), plan, ids, protected=protected
        )
        if not self._found():
            raise SourceChangedError(plan.release.release)
        return vectors

    def close(self) -> None:
        """End the driver."""
        self._driver.close()

    def _path(self, file: HeldFile) -> str:
        return file.path if self._here else str(Path(file.path).readlink())

    def _found(self) -> bool:
        return self._here or all(_leads_to(Path(file.path).readlink(), file.descriptor) for file in self._files)


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
