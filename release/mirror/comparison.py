"""Every aligned cell judged: ratio, relative difference and gap with intervals, and a verdict where there can be one.

The intervals of the verdict are widened by the stated bounds on clipping, and open where there is none; beside them
stand the ones by noise alone, which say nothing about clipping.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from release.bundle.verification import Bundle
from release.config.fields import months_of
from release.errors import UsageError
from release.inference import error_rate_each, judge_cells, judge_family
from release.mirror.agreement import (
    DEFAULT_CIF_FOB,
    DEFAULT_TOLERANCE,
    Agreement,
    PublicTables,
    adjustments,
    band_of,
    factor_of,
)
from release.mirror.alignment import Pair, aligned, as_mirrors, from_fob_to_cif, offices_of
from release.mirror.cells import MirrorCell, foreseen, printed
from release.mirror.figures import refuse_odd_sheets
from release.mirror.history import beside_past, expected_exports
from release.mirror.looks import Look, looks_of

__all__ = ["DEFAULT_CIF_FOB", "DEFAULT_TOLERANCE", "Agreement", "Comparison", "MirrorCell", "compare"]

WHOLE_FLOWS = "partner"
"""The level of whole flows between two offices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All mirrors of a set of bundles.

    Attributes:
        cells: pair by pair, coarse to fine.
        notes: for each ordered pair of offices, what can't be aligned or had to be.
        agreement: what was agreed beforehand.
        looks: year-to-date looks of pairs that publish months from January on.
        absent: pairs that can't be compared, as one side or both publish no figure of that flow.
    """

    cells: tuple[MirrorCell, ...]
    notes: tuple[tuple[str, str, tuple[str, ...]], ...]
    agreement: Agreement
    looks: tuple[Look, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()


def compare(
    bundles: Iterable[Bundle], agreement: Agreement | None = None, public: PublicTables | None = None
) -> Comparison:
    """Return the mirrors of all ordered pairs among the bundles' offices.

    Raises:
        UsageError: the bundles are of fewer than two offices.
        BundleRefusedError: a bundle's metadata sheet lacks what a mirror needs.
    """
    agreed, tables, held = agreement or Agreement(), public or PublicTables(), tuple(bundles)
    offices = offices_of(held)
    if len(offices) < 2:  # noqa: PLR2004
        raise UsageError("A comparison needs bundles of two offices or more; nothing was written.")
    refuse_odd_sheets(held)
    pairs = tuple(aligned(held, agreed.scope, tables.rates))
    return Comparison(
        cells=tuple(_judged(pairs, agreed, tables)),
        notes=tuple((pair.exporter, pair.importer, pair.notes) for pair in pairs if pair.notes),
        agreement=agreed,
        looks=_looks(held, agreed, tables),
        absent=(
            *(pair for pair in agreed.scope.pairs if not set(pair) <= set(offices)),
            *((pair.exporter, pair.importer) for pair in pairs if pair.cells.is_empty()),
        ),
    )


def _looks(bundles: Sequence[Bundle], agreement: Agreement, tables: PublicTables) -> tuple[Look, ...]:
    if not any(len(months_of(period)) == 1 for bundle in bundles for period in bundle.plan["periods"]):
        return ()
    scope = replace(agreement.scope, levels=(WHOLE_FLOWS,), periods=())
    return tuple(looks_of(aligned(bundles, scope, tables.rates), agreement))


def _judged(pairs: Sequence[Pair], agreement: Agreement, tables: PublicTables) -> Iterator[MirrorCell]:
    """Yield cells judged in families: all cells of one level and period over all pairs are one family."""
    rows = [
        pair.cells.with_columns(exporter=pl.lit(pair.exporter), importer=pl.lit(pair.importer), pair=pl.lit(number))
        for number, pair in enumerate(pairs)
    ]
    table = pl.concat(rows).with_row_index("row") if rows else pl.DataFrame({"level": [], "period": []})
    judged: dict[int, MirrorCell] = {}
    for family in table.partition_by("level", "period", maintain_order=True):
        judged |= dict(zip(family["row"], _family(family, agreement, tables), strict=True))
    for key in sorted(judged):
        yield judged[key]


def _family(cells: pl.DataFrame, agreement: Agreement, tables: PublicTables) -> Iterator[MirrorCell]:
    rows = list(cells.iter_rows(named=True))
    factors = [_factor(row, agreement) for row in rows]
    bands = [band_of(agreement, factor) for factor, _ in factors]
    how = adjustments(agreement)[rows[0]["level"] == WHOLE_FLOWS]
    family = as_mirrors(cells)
    judged = judge_family(family, bands, how, alpha=agreement.alpha)
    none = np.zeros(len(rows))
    plain = replace(family, x=cells["x"].to_numpy(), bound_x=none, bound_m=none)
    by_noise = judge_cells(plain, bands, alpha=agreement.alpha)
    each = error_rate_each(np.ones(len(rows)), how, alpha=agreement.alpha)
    for index, (row, band) in enumerate(zip(rows, bands, strict=True)):
        whole = row["level"] == WHOLE_FLOWS
        size = expected_exports(tables.history, row) if whole else None
        unusual = beside_past(tables.history, row, family, index, alpha=agreement.alpha) if whole else None
        yield printed(
            row=row,
            band=band,
            source=factors[index][1],
            seen=foreseen(row, band, size=size, alpha=agreement.alpha, each=each),
            judged=(judged[index], by_noise[index]),
            unusual=unusual,
        )


def _factor(row: dict[str, Any], agreement: Agreement) -> tuple[float | None, str | None]:
    if not from_fob_to_cif(row["valuation_x"], row["valuation_m"]):
        return None, None
    return factor_of(agreement, row["exporter"], row["importer"])
