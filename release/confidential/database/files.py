"""DuckDB on the source's Parquet files."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from release.confidential.database.duckdb import DuckDB, parquet
from release.confidential.database.scratch import own_folder
from release.confidential.database.vectors import database_vectors
from release.confidential.engine import Vectors
from release.confidential.rules import Ids
from release.confidential.sources import HeldFile
from release.plan import ReleasePlan


def by_duckdb(
    files: Sequence[HeldFile],
    plan: ReleasePlan,
    ids: Ids,
    *,
    folder: Path,
    rows: int | None = None,
    protected: tuple[str, ...] = (),
    memory: str = "60%",
) -> Vectors:
    """Return each tier's and measure's clipped integer vector before noise, of the first `rows` rows or of all.

    What DuckDB spills lies in a folder of its own in `folder`, and is removed afterwards; after a run that was killed,
    by the next one.
    """
    own = own_folder(folder, "duckdb")
    database = DuckDB(folder=own, memory=memory)
    try:
        table = database.table(parquet([file.path for file in files]))
        return database_vectors(database, table if rows is None else table.limit(rows), plan, ids, protected=protected)
    finally:
        database.close()
        shutil.rmtree(own, ignore_errors=True)
