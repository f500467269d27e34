"""The engine of a database: from its rows to each tier's and measure's integers before noise.

Only what each cell adds up to, over traders' bounded integers, leaves the database, and stays in this package.
"""

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from release.confidential.database.expressions import given, large_traders, leaf_sums, public_tables, uniform
from release.confidential.database.lines import Lines
from release.confidential.database.port import Database
from release.confidential.engine import Vectors
from release.confidential.rules import Ids
from release.plan import ReleasePlan
from release.tables import Tier

_LIMIT = 2**62


def database_vectors(
    database: Database, rows: Table, plan: ReleasePlan, ids: Ids, *, protected: tuple[str, ...] = ()
) -> Vectors:
    """Return each tier's and measure's clipped integer vector before noise.

    The traders in `protected` stay in the uniform tier alone.
    """
    lines = Lines(database, plan, ids).lines(rows)
    sums = database.keep(leaf_sums(lines, tuple(measure.measure for measure in plan.measures)))
    asked = database.give(pa.table({"trader": pa.array(protected, pa.string())}))
    vectors: Vectors = {}
    for measure in plan.measures:
        public = given(database, public_tables(measure))
        added = database.read(uniform(database, sums, public, measure))
        vectors[Tier.UNIFORM, measure.measure] = _vector(added, measure.cells)
        if measure.excess is not None:
            added = database.read(large_traders(database, sums, public, measure, protected=asked))
            vectors[Tier.LARGE_TRADER, measure.measure] = _vector(added, measure.cells)
    return vectors


def _vector(added: pa.Table, cells: int) -> NDArray[np.int64]:
    vector = np.zeros(cells, np.int64)
    vector[added["cell"].to_numpy()] = added["u"].to_numpy()
    return np.clip(vector, -_LIMIT, _LIMIT)
