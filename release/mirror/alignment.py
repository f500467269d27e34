"""Which published cells are mirrors of each other, and how far they can be compared.

X is what A reports as exported to B, M what B reports as imported from A, in US dollars by each office's stated rate. A
CIF/FOB factor applies only from an FOB-type to a CIF figure. Re-exports are taken off X where M is by origin and A
publishes them. What can't be aligned is named in a note.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.verification import Bundle
from release.privacy import parse_amount

LEVELS = ("partner", "partner x section", "partner x chapter")
"""The levels of which a cell names one partner, coarse to fine."""

_FOB_TYPES = ("FOB", "FAS")
_CELL = ("period", "level", "product")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """One direction of trade between two offices: its aligned cells, in US dollars.

    Attributes:
        exporter: ISO alpha-3.
        importer: ISO alpha-3.
        cells: a row for each cell that both publish: `period`, `level`, `product`.
        x: the exporter's estimates; shape (cells,).
        x_sd: their standard deviations.
        bound_x: bounds on what clipping took off them.
        m: the importer's estimates.
        m_sd: their standard deviations.
        bound_m: bounds on what clipping took off them.
        valuation_x: price basis of the exports.
        valuation_m: price basis of the imports.
        notes: what differs between the two sheets, in words.
    """

    exporter: str
    importer: str
    cells: pl.DataFrame
    x: NDArray[np.float64]
    x_sd: NDArray[np.float64]
    bound_x: NDArray[np.float64]
    m: NDArray[np.float64]
    m_sd: NDArray[np.float64]
    bound_m: NDArray[np.float64]
    valuation_x: str
    valuation_m: str
    notes: tuple[str, ...]

    @property
    def from_fob_to_cif(self) -> bool:
        """Whether a CIF/FOB factor applies."""
        return self.valuation_x in _FOB_TYPES and self.valuation_m == "CIF"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One office's published values of one flow to or from one partner, in US dollars."""

    table: pl.DataFrame
    note: str | None = None


def aligned(bundles: Iterable[Bundle]) -> Iterator[Pair]:
    """Yield every ordered pair of the bundles' offices with the cells that both publish, exporters in order."""
    offices = _offices(bundles)
    for exporter, export_bundles in offices.items():
        for importer, import_bundles in offices.items():
            if exporter != importer:
                yield _pair(exporter, export_bundles, importer, import_bundles)


def _offices(bundles: Iterable[Bundle]) -> dict[str, list[Bundle]]:
    offices: dict[str, list[Bundle]] = {}
    for bundle in sorted(bundles, key=lambda one: (one.plan["office"]["code"], one.plan["release"])):
        offices.setdefault(bundle.plan["office"]["code"], []).append(bundle)
    return offices


def _pair(exporter: str, exports: list[Bundle], importer: str, imports: list[Bundle]) -> Pair:
    sheet_x, sheet_m = exports[-1].metadata, imports[-1].metadata
    areas = exports[-1].plan["office"]["area"], imports[-1].plan["office"]["area"]
    x = _exports(exports, areas[1], by_origin=sheet_m["partner"]["M"] == "origin")
    m = _Side(table=_figures(imports, "M", areas[0]))
    both = x.table.join(m.table, on=_CELL, how="inner", suffix="_m", maintain_order="left")
    notes = tuple(note for note in (x.note, *_differences(sheet_x, sheet_m), _missing(both)) if note)
    return Pair(
        exporter=exporter,
        importer=importer,
        cells=both.select(_CELL),
        x=both["estimate"].to_numpy(),
        x_sd=both["sd"].to_numpy(),
        bound_x=both["exposure"].to_numpy(),
        m=both["estimate_m"].to_numpy(),
        m_sd=both["sd_m"].to_numpy(),
        bound_m=both["exposure_m"].to_numpy(),
        valuation_x=sheet_x["valuation"]["X"],
        valuation_m=sheet_m["valuation"]["M"],
        notes=notes,
    )


def _exports(bundles: list[Bundle], partner: str, *, by_origin: bool) -> _Side:
    """Return exports to a partner, less re-exports where the importer counts by origin and they are published."""
    gross = _figures(bundles, "X", partner)
    if not by_origin:
        return _Side(table=gross)
    again = _figures(bundles, "RX", partner)
    if again.is_empty():
        return _Side(
            table=gross,
            note="imports are by origin and re-exports aren't published: exports are compared with re-exports in them",
        )
    less = gross.join(again, on=_CELL, how="inner", suffix="_rx", maintain_order="left")
    table = less.select(
        *_CELL,
        estimate=pl.col("estimate") - pl.col("estimate_rx"),
        sd=(pl.col("sd") ** 2 + pl.col("sd_rx") ** 2).sqrt(),
        exposure=pl.col("exposure") + pl.col("exposure_rx"),
    )
    return _Side(table=table, note="exports less re-exports against imports by origin")


def _figures(bundles: list[Bundle], flow: str, partner: str) -> pl.DataFrame:
    """Return an office's values with one partner in US dollars: `period, level, product, estimate, sd, exposure`.

    Where several releases hold the same cell, the last one in order of their names counts.
    """
    parts = []
    for bundle in bundles:
        rate = float(parse_amount(bundle.metadata["usd_per_unit"], low=Fraction(1, 10**12), high=Fraction(10**18)))
        parts.append(
            bundle.observations.filter(
                (pl.col("measure") == "value")
                & (pl.col("flow") == flow)
                & (pl.col("partner") == partner)
                & pl.col("level").is_in(LEVELS)
            ).select(*_CELL, *(pl.col(name) * rate for name in ("estimate", "sd", "exposure")))
        )
    return pl.concat(parts).unique(_CELL, keep="last", maintain_order=True)


def _differences(sheet_x: dict[str, str], sheet_m: dict[str, str]) -> Iterator[str]:
    words = {
        "hs_edition": "editions of the Harmonized System",
        "trade_system": "trade systems",
        "currency": "currencies (converted by each office's stated rate)",
    }
    for key, word in words.items():
        if sheet_x[key] != sheet_m[key]:
            yield f"different {word}: {sheet_x[key]} and {sheet_m[key]}"


def _missing(both: pl.DataFrame) -> str | None:
    return "the two offices publish no common cell of this flow" if both.is_empty() else None
