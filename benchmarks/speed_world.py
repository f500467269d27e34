"""Invented declarations of any size for timing alone: heavy-tailed traders, each with partners and chapters of its own.

    python benchmarks/speed_world.py FOLDER --rows 10000000

Columns and types are those of the practice world. Half as many (trader, partner, chapter) combinations as rows come
out, and the largest trader has some 0.65 % of the lines, as in the world that the targets were set on. Files hold
400,000 lines each. Writes `office.toml` and one release for each of several numbers of cells beside the records.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from release.codelists import area_codes, chapter_codes

LINES_A_FILE = 400_000
LINES_A_TRADER = 40
FLOWS = ("M", "X")
LARGEST = 0.0065
TAIL = 1.2

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firms:
    """Each trader's part of all lines, added up, and its favourites; shape (traders,)."""

    reach: NDArray[np.float64]
    partner: Indices
    chapter: Indices


def firms(traders: int, chance: np.random.Generator) -> Firms:
    """Return Pareto firms whose largest has a fixed part of all lines."""
    sizes = np.sort((np.arange(traders) + 1.0) ** (-1 / TAIL))[::-1]
    sizes[0] = LARGEST / (1 - LARGEST) * sizes[1:].sum() if traders > 1 else 1.0
    sizes = np.minimum(sizes, sizes[0])
    reach = np.cumsum(sizes)
    return Firms(
        reach=reach / reach[-1],
        partner=chance.integers(0, len(area_codes()), traders),
        chapter=chance.integers(0, len(chapter_codes()), traders),
    )


def lines(count: int, known: Firms, chance: np.random.Generator) -> pa.Table:
    """Return `count` declaration lines; a trader's partners and chapters lie near its favourites."""
    areas, chapters = area_codes(), chapter_codes()
    trader = np.searchsorted(known.reach, chance.random(count))
    partner = (known.partner[trader] + chance.geometric(0.16, count)) % len(areas)
    chapter = (known.chapter[trader] + chance.geometric(0.2, count)) % len(chapters)
    cents = np.minimum(np.exp(chance.normal(11.5, 1.6, count)), 1e13).astype(np.int64)
    export = chance.random(count) < 0.4
    area = pa.array([*areas, None], pa.string())
    nowhere = len(areas)
    return pa.table(
        {
            "trader": texts([f"NL{number:09d}" for number in range(len(known.reach))], trader),
            "date": pa.array((19723 + chance.integers(0, 366, count)).astype(np.int32)).cast(pa.date32()),
            "flow": texts(list(FLOWS), export.astype(np.int64)),
            "partner_consignment": area.take(pa.array(np.where(export, nowhere, partner))),
            "partner_destination": area.take(pa.array(np.where(export, partner, nowhere))),
            "commodity": texts(
                [f"{code}{item:04d}" for code in chapters for item in range(60)], chapter * 60 + cents % 60
            ),
            "value": decimals(cents, 2),
            "net_mass_kg": decimals(cents * 3 // 7 + 1, 3),
        }
    )


def texts(values: list[str], index: Indices) -> pa.Array:
    """Return the texts that an index names."""
    return pa.array(values, pa.string()).take(pa.array(index))


def decimals(units: Indices, scale: int) -> pa.Array:
    """Return whole minor units as exact decimals."""
    limbs = np.zeros((len(units), 2), np.int64)
    limbs[:, 0] = units
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(units), [None, pa.py_buffer(limbs)])


def write_world(folder: Path, rows: int, *, seed: int = 1) -> Path:
    """Write a world's records and configs below a folder, unless they are there, and return the folder."""
    if (folder / "office.toml").exists():
        return folder
    records = folder / "declarations"
    records.mkdir(parents=True)
    chance = np.random.default_rng(seed)
    known = firms(max(100, rows // LINES_A_TRADER), chance)
    for number, first in enumerate(range(0, rows, LINES_A_FILE)):
        part = lines(min(LINES_A_FILE, rows - first), known, chance)
        pq.write_table(part, records / f"part-{number:04d}.parquet", compression="zstd")
    for name, shape in SHAPES.items():
        (folder / f"{name}.toml").write_text(release_text(name, shape), encoding="utf-8")
    (folder / "office.toml").write_text(OFFICE, encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A release's key sets and measures."""

    partners: int
    chapters: int
    periods: tuple[str, ...] = ("2024",)
    flows: tuple[str, ...] = FLOWS
    measures: tuple[str, ...] = ("value",)


MONTHS = tuple(f"2024-{month:02d}" for month in range(1, 13))
THREE = ("value", "declarations", "traders")
SHAPES = {
    "cells-1e3": Shape(partners=19, chapters=23),
    "cells-1e4": Shape(partners=80, chapters=60),
    "cells-5e4": Shape(partners=999, chapters=999),
    "cells-5e4-three": Shape(partners=999, chapters=999, measures=THREE),
    "cells-1e6": Shape(partners=999, chapters=999, periods=MONTHS, flows=("M", "X", "RM", "RX")),
}
"""Releases by their number of cells; the world's own key sets end a list that is longer."""

NOISE = {
    "value": {"total": "3e7", "partner": "1e7", "chapter": "1e7", "partner x chapter": "3e6"},
    "declarations": {"total": "3e3", "partner": "1e3", "chapter": "1e3", "partner x chapter": "300"},
    "traders": {"total": "300", "partner": "100", "chapter": "100", "partner x chapter": "30"},
}


def release_text(name: str, shape: Shape) -> str:
    """Return a release's TOML."""
    measures = "".join(
        f'[[measures]]\nname = "{measure}"\nrho = "1/2"\nlevels = [\n'
        + "".join(f'    {{ level = "{level}", noise_sd = "{sd}" }},\n' for level, sd in NOISE[measure].items())
        + "]\n"
        for measure in shape.measures
    )
    return Template(RELEASE).substitute(
        name=name,
        periods=quoted(shape.periods),
        flows=quoted(shape.flows),
        partners=quoted(area_codes()[: shape.partners]),
        chapters=quoted(chapter_codes()[: shape.chapters]),
        measures=measures,
    )


def quoted(codes: tuple[str, ...]) -> str:
    """Return codes as the inside of a TOML list."""
    return ", ".join(f'"{code}"' for code in codes)


OFFICE = """code = "NLD"
name = "Office of the benchmarks"
area = "NL"

[unit]
kind = "trader-year"
formed_by = "the trader's number"

[account]
limit = "1000"
delta = "1e-8"

[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"

[metadata]
trade_system = "general"
re_exports = "included"
thresholds = "none"
currency = "USD"
usd_per_unit = "1"
rate_source = "US dollars"
confidentiality = "none"
hs_edition = "HS 2022"
territory = "invented"
date_basis = "clearance"
vintage = "first"

[metadata.valuation]
M = "CIF"
X = "FOB"

[metadata.partner]
M = "consignment"
X = "last known destination"
"""

RELEASE = """release = "$name"
title = "Invented trade of 2024"
year = 2024
periods = [$periods]
flows = [$flows]

[source]
name = "declarations"
path = "declarations"
layout = "parquet"

[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = { by_flow = { M = "partner_consignment", X = "partner_destination" } }
commodity = "commodity"
value = "value"
net_mass = "net_mass_kg"

[keys]
partners = [$partners]
chapters = [$chapters]

$measures"""


def main() -> None:
    """Write a world of the size that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    write_world(given.folder, given.rows)


if __name__ == "__main__":
    main()
