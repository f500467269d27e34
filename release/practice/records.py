"""Declaration lines as an office holds them, and the Parquet files they are written to.

A row is one line. Columns: `declaration` (int64), `trader` (text, such as `US000123`), `date`, `flow` (`M`, `X`, `RM`,
`RX`), `partner_origin`, `partner_consignment` (imports only), `partner_destination` (exports only) as ISO alpha-2,
`commodity` (six digits, text), `value` (decimal(18, 2), US$), `net_mass_kg` (decimal(18, 3)), `mode` (Comtrade's code,
text). Imports are CIF, exports FOB. Files stand in Hive folders `year=YYYY/month=MM/part-NNNN.parquet` by the
recorded date; lines within a part are ordered by date.
"""

from collections import defaultdict
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from release.practice.parameters import commodities, modes
from release.practice.shipments import month_start

FLOWS = ("M", "X", "RM", "RX")
M, X, RM, RX = range(4)
NOWHERE = -1
LINES_A_PART = 400_000
DECLARATIONS_A_YEAR = 10_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Lines of one office's records; arrays have one element a line.

    Attributes:
        flow: index into `FLOWS`.
        day: recorded date, days since 1970-01-01.
        origin: index of the area of origin.
        consignment: index of the area of consignment; -1 for exports.
        destination: index of the area of destination; -1 for imports.
        firm: index of the trading firm.
        commodity: index of the recorded commodity.
        cents: recorded value in US cents.
        grams: net mass.
        mode: index of the transport mode.
        declaration: number of the declaration within these lines.
    """

    flow: NDArray[np.int8]
    day: NDArray[np.int64]
    origin: NDArray[np.int16]
    consignment: NDArray[np.int16]
    destination: NDArray[np.int16]
    firm: NDArray[np.int32]
    commodity: NDArray[np.int32]
    cents: NDArray[np.int64]
    grams: NDArray[np.int64]
    mode: NDArray[np.int8]
    declaration: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.day)


def chosen(records: Records, lines: NDArray[np.bool_] | NDArray[np.int64]) -> Records:
    """Return the lines that a mask or an index names."""
    return Records(**{part.name: getattr(records, part.name)[lines] for part in fields(records)})


def joined(parts: list[Records]) -> Records:
    """Return all lines of several records, in order."""
    return Records(
        **{part.name: np.concatenate([getattr(one, part.name) for one in parts]) for part in fields(Records)}
    )


class DeclarationFiles:
    """The Parquet files of a world that is being written; holds at most `LINES_A_PART` lines a month and office.

    Args:
        folder: where the offices' folders stand.
        offices: ISO alpha-3 codes, in the order of their indices.
        areas: ISO alpha-2 codes of all areas; those of the offices come first.
        traders: number of firms in each register.
    """

    def __init__(self, folder: Path, offices: tuple[str, ...], areas: tuple[str, ...], traders: int) -> None:
        self._folder = folder
        self._offices = offices
        self._areas = pa.array([*areas, None], pa.string())
        digits = max(6, len(str(traders)))
        self._traders = [
            pa.array([f"{areas[number]}{firm:0{digits}d}" for firm in range(1, traders + 1)], pa.string())
            for number in range(len(offices))
        ]
        self._held: dict[tuple[int, int, int], list[Records]] = defaultdict(list)
        self._lines: dict[tuple[int, int, int], int] = defaultdict(int)
        self._parts: dict[tuple[int, int, int], int] = defaultdict(int)
        self._declarations: dict[tuple[int, int], int] = defaultdict(lambda: 1)

    def add(self, office: int, records: Records, year: int, month: int) -> None:
        """Take the lines that an office records in a month; write them when there are enough."""
        if not len(records):
            return
        key = (office, year, month)
        first = self._declarations[office, year]
        _, number = np.unique(records.declaration, return_inverse=True)
        self._declarations[office, year] = first + int(number.max()) + 1
        numbered = {part.name: getattr(records, part.name) for part in fields(records)}
        numbered["declaration"] = year * DECLARATIONS_A_YEAR + first + number
        self._held[key].append(Records(**numbered))
        self._lines[key] += len(records)
        if self._lines[key] >= LINES_A_PART:
            self._write(key)

    def close_months(self, year: int, month: int) -> None:
        """Write what is held for a month and the months before it."""
        for key in sorted(self._held):
            if key[1:] <= (year, month):
                self._write(key)

    def _write(self, key: tuple[int, int, int]) -> None:
        office, year, month = key
        records = joined(self._held.pop(key))
        self._lines[key] = 0
        folder = self._folder / self._offices[office] / "declarations" / f"year={year}" / f"month={month:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        table = self._table(office, chosen(records, np.argsort(records.day, kind="stable")))
        pq.write_table(table, folder / f"part-{self._parts[key]:04d}.parquet", compression="zstd")
        self._parts[key] += 1

    def _table(self, office: int, records: Records) -> pa.Table:
        def area(index: NDArray[np.int16]) -> pa.Array:
            return self._areas.take(pa.array(np.where(index < 0, len(self._areas) - 1, index)))

        return pa.table(
            {
                "declaration": pa.array(records.declaration),
                "trader": self._traders[office].take(pa.array(records.firm)),
                "date": pa.array(records.day.astype(np.int32)).cast(pa.date32()),
                "flow": pa.array(FLOWS, pa.string()).take(pa.array(records.flow)),
                "partner_origin": area(records.origin),
                "partner_consignment": area(records.consignment),
                "partner_destination": area(records.destination),
                "commodity": pa.array(commodities().codes, pa.string()).take(pa.array(records.commodity)),
                "value": decimals(records.cents, 2),
                "net_mass_kg": decimals(records.grams, 3),
                "mode": pa.array(modes(), pa.string()).take(pa.array(records.mode)),
            }
        )


def decimals(units: NDArray[np.int64], scale: int) -> pa.Array:
    """Return whole minor units as exact decimals with `scale` digits after the point."""
    limbs = np.empty((len(units), 2), np.int64)
    limbs[:, 0] = units
    limbs[:, 1] = units >> 63
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(units), [None, pa.py_buffer(limbs)])


def months_of(records: Records, year: int, month: int) -> tuple[Records, Records]:
    """Return the lines recorded in a month, and those recorded in the month after it."""
    later = records.day >= month_start(year, month + 1)
    return chosen(records, ~later), chosen(records, later)
