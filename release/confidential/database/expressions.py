"""The clip as one expression that databases work out: from lines to sums of bounded integers, a row a cell.

The same arithmetic as `clip` and `excess`, in a database's exact decimals: a sum below 2^62, its product with a weight
in doubles, rounded down; squares of up to 38 digits; a root that is made exact by one step of Newton's and one
comparison. Nothing else leaves the database than what each cell adds up to. Expressions name tables and no engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import IntegerValue, Table, Value

from release.confidential.database.port import Database
from release.plan import PlannedMeasure, minor_units
from release.tables import NOWHERE, Measure, at_leaves

EXACT = "decimal(38,0)"
LARGEST_SUM = 2**62
_BELOW_2_63 = 2.0**63 - 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTables:
    """What the database has to know of a measure, by name; all of it public.

    Attributes:
        leaves: a row a leaf: `leaf`, `cap`, `wide` (the large-trader tier's cap).
        cells: a row for each grouping, over all levels, and leaf that adds to a cell there: `leaf`, `grouping`, stacked
            `cell` and its `weight`.
        ratios: a row a stacked cell: `cell`, `ratio` of the large-trader tier's weight to the uniform one's.
    """

    leaves: pa.Table
    cells: pa.Table
    ratios: pa.Table | None


def public_tables(measure: PlannedMeasure) -> PublicTables:
    """Return the public numbers of a measure."""
    wide = measure.caps if measure.excess is None else measure.excess.caps
    leaves = {"leaf": pa.array(np.arange(len(measure.caps))), "cap": pa.array(measure.caps), "wide": pa.array(wide)}
    ratios = None
    if measure.excess is not None:
        pairs = zip(measure.excess.levels, measure.levels, strict=True)
        ratio = np.concatenate([large.weights / uniform.weights for large, uniform in pairs])
        ratios = pa.table({"cell": np.arange(len(ratio), dtype=np.int64), "ratio": ratio})
    return PublicTables(leaves=pa.table(leaves), cells=_cells(measure), ratios=ratios)


def _cells(measure: PlannedMeasure) -> pa.Table:
    parts: list[pa.Table] = []
    offset = 0
    for level in measure.levels:
        for grouping in level.groupings:
            inside = np.flatnonzero(grouping != NOWHERE)
            part = {
                "leaf": inside,
                "grouping": np.full(len(inside), len(parts)),
                "cell": grouping[inside].astype(np.int64) + offset,
                "weight": at_leaves(level.weights, grouping)[inside],
            }
            parts.append(pa.table(part))
        offset += level.cells
    return pa.concat_tables(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The public tables of a measure, in the database."""

    leaves: Table
    cells: Table
    ratios: Table | None


def given(database: Database, public: PublicTables) -> Given:
    """Bring the public tables into the database."""
    ratios = None if public.ratios is None else database.give(public.ratios)
    return Given(leaves=database.give(public.leaves), cells=database.give(public.cells), ratios=ratios)


def leaf_sums(lines: Table, measures: Sequence[Measure]) -> Table:
    """Return each trader's sum in each leaf: `trader`, `leaf` and a column a measure, within +-2^62."""
    value = lines.value.cast(EXACT)
    sums = {
        Measure.VALUE: value.sum(),
        Measure.RETURNS: ibis.ifelse(lines.value < 0, -value, ibis.literal(0).cast(EXACT)).sum(),
        Measure.DECLARATIONS: lines.count().cast(EXACT) * minor_units(Measure.DECLARATIONS, 0),
        Measure.TRADERS: lines.leaf.max() * 0 + 1,
        Measure.NET_MASS: lines.net_mass.cast(EXACT).sum(),
    }
    within = {name_of(measure): _limited(sums[measure]) for measure in measures}
    return lines.group_by("trader", "leaf").agg(**within)


def name_of(measure: Measure) -> str:
    """Return a measure's column."""
    return measure.replace(" ", "_")


def _limited(value: Value) -> Value:
    return ibis.greatest(ibis.least(value, LARGEST_SUM), -LARGEST_SUM).cast("int64")


def uniform(database: Database, sums: Table, public: Given, measure: PlannedMeasure) -> Table:
    """Return `cell` and `u` of the uniform tier: the sum over traders of their clipped whitened integers."""
    stacked = _whitened(_placed(sums, public.leaves, measure), public.cells, "cap", measure)
    return _added(_clipped(database, stacked, _ceilings(database, stacked, measure.bound), measure.bound))


def large_traders(
    database: Database, sums: Table, public: Given, measure: PlannedMeasure, *, protected: Table
) -> Table:
    """Return `cell` and `u` of the large-trader tier: the same of traders' excess, those in `protected` left out."""
    if measure.excess is None or public.ratios is None:
        raise LookupError
    placed = _placed(sums.anti_join(protected, "trader"), public.leaves, measure)
    stacked = _whitened(placed, public.cells, "cap", measure)
    ceilings = _ceilings(database, stacked, measure.bound)
    cut = placed.filter(placed.amount > placed.cap).select("trader")
    large = database.once(cut.union(ceilings.select(trader=ceilings.norm_trader)).distinct())
    whole = _whitened(placed.semi_join(large, "trader"), public.cells, "wide", measure)
    bounded = _clipped(database, stacked.semi_join(large, "trader"), ceilings, measure.bound)
    kept = bounded.select("u", kept_trader="trader", kept_cell="cell")
    both = whole.left_join(kept, [whole.trader == kept.kept_trader, whole.cell == kept.kept_cell])
    of_cell = public.ratios.select(ratio_cell="cell", ratio="ratio")
    scaled = both.join(of_cell, both.cell == of_cell.ratio_cell)
    rest = (scaled.a - scaled.u.fill_null(0)).cast("float64") * scaled.ratio
    excess = scaled.select("trader", "cell", a=rest.floor().cast("int64")).filter(ibis._.a > 0)
    excess, bound = database.once(excess), measure.excess.bound
    return _added(_clipped(database, excess, _ceilings(database, excess, bound), bound))


def _placed(sums: Table, leaves: Table, measure: PlannedMeasure) -> Table:
    amount = sums[name_of(measure.measure)]
    own = sums.select("trader", "leaf", amount=amount)
    return own.join(leaves, "leaf")


def _whitened(placed: Table, cells: Table, cap: str, measure: PlannedMeasure) -> Table:
    """Return `trader`, stacked `cell` and the whitened integer `a`."""
    indicator = measure.measure is Measure.TRADERS
    counted = ibis.literal(1, "int64") if indicator else ibis.least(placed.amount, placed[cap])
    some = placed.select("trader", "leaf", counted=counted).filter(ibis._.counted > 0)
    inside = some.join(cells, "leaf")
    total = inside.group_by("trader", "grouping", "cell").agg(
        amount=ibis.literal(1, "int64") if indicator else inside.counted.cast(EXACT).sum().cast("int64"),
        weight=inside.weight.max(),
    )
    steps = (total.amount.cast("float64") * total.weight).floor().cast("int64")
    return total.select("trader", "cell", a=steps)


def _ceilings(database: Database, stacked: Table, bound: int) -> Table:
    """Return the traders whose vectors' norms exceed a bound: `norm_trader`, and `n`, the norm rounded up."""
    wide = stacked.a.cast("decimal(19,0)")
    norms = stacked.group_by("trader").agg(square=(wide * wide).cast(EXACT).sum().cast(EXACT))
    over = norms.filter(norms.square > _exact(bound * bound))
    roots = over.select(norm_trader=over.trader, square=over.square, root=_newton(database, over.square))
    square = roots.root.cast("decimal(19,0)") * roots.root.cast("decimal(19,0)")
    n = ibis.ifelse(square >= roots.square, roots.root, roots.root + 1)
    return database.once(roots.select("norm_trader", n=n))


def _clipped(database: Database, stacked: Table, ceilings: Table, bound: int) -> Table:
    """Return `trader`, `cell`, `u` with sum u^2 <= bound^2 for each trader."""
    both = stacked.left_join(ceilings, stacked.trader == ceilings.norm_trader)
    product = (both.a.cast("decimal(19,0)") * _exact(bound, "decimal(19,0)")).cast(EXACT)
    scaled = database.divide(product, both.n.cast(EXACT))
    return both.select("trader", "cell", u=ibis.ifelse(both.n.isnull(), both.a, scaled.cast("int64")))


def _newton(database: Database, square: Value) -> IntegerValue:
    """Return an integer above the root less one, and at most the root rounded up; exact but for one comparison.

    The double's root is off by a part of 2^-50; one step of Newton's leaves it too large by far less than one, and the
    two divisions, rounded down, take less than one from it.
    """
    near = ibis.least(square.cast("float64").sqrt().floor(), _BELOW_2_63).cast("int64").cast(EXACT)
    return database.divide((near + database.divide(square, near)).cast(EXACT), _exact(2)).cast("int64")


def _exact(whole: int, kind: str = EXACT) -> Value:
    from decimal import Decimal

    return ibis.literal(Decimal(whole), kind)


def _added(clipped: Table) -> Table:
    return clipped.group_by("cell").agg(u=clipped.u.cast(EXACT).sum().cast("int64"))
