"""Invented traders for an attack on an office's own plan, as records in the layout of its own source.

Canaries stand on a diagonal: in each flow and period, the first in the first partner and the first chapter, and so on.
So no two share a partner or a chapter, and one draw of noise gives a sample for each. Nothing here was ever a record.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.config.fields import months_of
from release.config.source import Column, FieldSource, Source
from release.plan import COUNT_UNITS, PlannedMeasure, ReleasePlan
from release.tables import RESIDUAL, Layout, Measure

MOST_LINES = 40
"""How many lines of a canary at most; its declarations are counted, and its value is spread over them."""

_UNLISTED_PARTNER, _UNLISTED_PRODUCT = "ZZ", "000000"
_LARGEST = 2**52
_DIGITS = 6
Record = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """An invented trader that holds `times` as much as may count in each of its leaves."""

    name: str
    leaves: tuple[int, ...]
    times: float


def diagonal(plan: ReleasePlan, times: float) -> tuple[Canary, ...]:
    """Return canaries of one leaf each, which share no partner and no chapter within a flow and period."""
    layout = plan.layout
    partners, products = len(layout.partners), len(layout.products)
    apart = any(level.level.by_partner or level.level.digits for one in plan.measures for level in one.levels)
    whole = (place for place, flow in enumerate(layout.flows) if flow not in layout.of_which)
    blocks = [flow * len(layout.periods) + period for flow, period in product(whole, range(len(layout.periods)))]
    return tuple(
        Canary(name=f"C{block}-{own}", leaves=((block * partners + own) * products + own,), times=times)
        for block, own in product(blocks, range(min(partners, products) if apart else 1))
    )


def watched_cells(plan: ReleasePlan, canaries: Sequence[Canary]) -> NDArray[np.intp]:
    """Return the cells of everything drawn that each canary has to itself; shape (canaries, cells)."""
    leaves = np.array([canary.leaves[0] for canary in canaries])
    columns, start = [], 0
    for measure in everything_drawn(plan):
        for level in measure.levels:
            cells = level.groupings[0][leaves].astype(np.intp)
            if len(np.unique(cells)) == len(cells) and cells.max() < level.cells:
                columns.append(start + cells)
            start += level.cells
    return np.stack(columns, axis=1)


def everything_drawn(plan: ReleasePlan) -> tuple[PlannedMeasure, ...]:
    """Return the measures of both tiers, each measure's tiers together."""
    return tuple(each for measure in plan.measures for each in (measure, measure.excess) if each is not None)


def records(plan: ReleasePlan, canaries: Sequence[Canary]) -> Iterator[Record]:
    """Yield the canaries' lines as records of the office's source."""
    for canary in canaries:
        for leaf in canary.leaves:
            yield from _lines(plan, canary, leaf)


def background(plan: ReleasePlan) -> Iterator[Record]:
    """Yield the lines of traders that stand in both worlds: one in each flow and period."""
    layout = plan.layout
    for block in range(len(layout.flows) * len(layout.periods)):
        leaf = block * len(layout.partners) * len(layout.products)
        yield from _lines(plan, Canary(name=f"B{block}", leaves=(leaf,), times=0.01), leaf)


def _lines(plan: ReleasePlan, canary: Canary, leaf: int) -> Iterator[Record]:
    layout, source = plan.layout, plan.release.source
    place, item = divmod(leaf, len(layout.products))
    place, partner = divmod(place, len(layout.partners))
    flow, period = divmod(place, len(layout.periods))
    held = {measure.measure: canary.times * int(measure.caps[leaf]) for measure in plan.measures}
    count = min(MOST_LINES, max(1, int(held.get(Measure.DECLARATIONS, 0.0) // COUNT_UNITS)))
    count = 1 if source.columns.trader is None else count
    for number in range(count):
        told = {
            "trader": canary.name,
            "flow": str(layout.flows[flow]),
            "partner": _UNLISTED_PARTNER if layout.partners[partner] == RESIDUAL else layout.partners[partner],
            "commodity": _code_in(layout, layout.products[item]),
            "date": _date(layout.periods[period], source),
            "value": _amount(held.get(Measure.VALUE, 1000.0) / count, source.value_decimals),
            "net_mass": _amount(held.get(Measure.NET_MASS, 1000.0) / count, 3),
            "currency": plan.office.metadata.currency,
            "declaration": f"{canary.name}-{leaf}-{number}",
        }
        yield _in_columns(source, told)


def _code_in(layout: Layout, leaf: str) -> str:
    """Return a code of six digits that belongs to a leaf's product: no listed one of its parts, where it is a rest."""
    if leaf == RESIDUAL:
        return _UNLISTED_PRODUCT
    begin = leaf.removesuffix(RESIDUAL)
    listed = {*layout.headings, *layout.subheadings} if leaf.endswith(RESIDUAL) else set()
    codes = (f"{begin}{number:0{6 - len(begin)}}" for number in range(10 ** (6 - len(begin))))
    return next(code for code in codes if not {code, code[:4]} & (listed - {begin})) if len(begin) < _DIGITS else begin


def _date(period: str, source: Source) -> str:
    return date(int(period[:4]), min(months_of(period)), 15).strftime(source.date_format)


def _amount(minor: float, decimals: int) -> str:
    whole = min(int(minor), _LARGEST)
    return f"{whole // 10**decimals}.{whole % 10**decimals:0{decimals}}" if decimals else str(whole)


def _in_columns(source: Source, told: Mapping[str, str]) -> Record:
    """Return a line under the names of the source's columns, in the source's own codes."""
    record: Record = {}
    for name, text in told.items():
        mapped: FieldSource | None = getattr(source.columns, name)
        if mapped is not None:
            record |= _written(mapped, text, told["flow"])
    return record


def _written(mapped: FieldSource, text: str, flow: str) -> Record:
    if not isinstance(mapped, Column):
        return {mapped: text}
    codes = {ours: theirs for theirs, ours in (mapped.translate or {}).items()}
    own = codes.get(text, text)
    if mapped.column is not None:
        return {mapped.column: own}
    if mapped.first_of is not None:
        return {**dict.fromkeys(mapped.first_of, ""), mapped.first_of[0]: own}
    by_flow = {str(key): name for key, name in (mapped.by_flow or {}).items()}
    return {**dict.fromkeys(by_flow.values(), ""), **({by_flow[flow]: own} if flow in by_flow else {})}


def file_bytes(source: Source, lines: Sequence[Record]) -> bytes:
    """Return records as a file of the source's layout: CSV with its separator, or Parquet of text."""
    names = list(dict.fromkeys(name for line in lines for name in line))
    if source.layout == "parquet":
        sink = io.BytesIO()
        pl.DataFrame(lines, schema=dict.fromkeys(names, pl.String)).write_parquet(sink)
        return sink.getvalue()
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", delimiter=source.separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()
