"""What format 1 promises for ever: its bytes, and that a bundle of it verifies.

A change of these files is a change of the format, which gets a new name; the digests of the structure also change with
a shipped codelist. `MIRRORS_GOLDEN=write` writes them anew.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from release.bundle.observations import OBSERVATION_SCHEMA, csv_bytes, stated
from release.bundle.sdmx import sdmx_files

GOLDEN = Path(__file__).parent / "golden"
PLAN: dict[str, Any] = {
    "office": {"code": "NLD", "name": "Office of tests", "area": "NL"},
    "release": "2024.first",
    "title": 'Trade of "2024" & more',
    "rho": "1/3",
    "unit": {"kind": "trader-year"},
    "flows": ["M", "X"],
    "periods": ["2024-Q1", "2024-03"],
    "partners": ["DE", "_X"],
    "chapters": ["84", "_X"],
    "headings": ["8471"],
    "subheadings": ["847130"],
    "sections": ["16", "_X"],
    "of_which": {},
    "measures": [{"measure": "value", "levels": [{"level": "total"}, {"level": "partner x subheading"}]}],
    "metadata": {
        "currency": "EUR",
        "hs_edition": "HS 2017",
        "trade_system": "special",
        "valuation": {"M": "CIF", "X": "unknown", "RM": "unknown", "RX": "unknown"},
        "partner": {"M": "origin", "X": "sale or purchase", "RM": "unknown", "RX": "unknown"},
    },
}
CELLS = (
    ("2024-Q1", "M", "W0", "TOTAL", "total", "value", 1234567.891, 999.5, "EUR"),
    ("2024-03", "X", "DE", "847130", "partner x subheading", "value", -0.25, 0.125, "EUR"),
    ("2024-03", "X", "_X", "84_X", "partner x subheading", "value", 3e12, 7e9, "EUR"),
    ("2024-Q1", "M", "W0", "TOTAL", "total", "declarations", 17.0, 4.0, "lines"),
    ("2024-Q1", "M", "W0", "_X", "chapter", "net mass", 5e5, 1e3, "kg"),
)


def table() -> pl.DataFrame:
    """Return a few cells of every kind."""
    rows = [
        {
            "office": "NLD",
            **dict(zip(("period", "flow", "partner", "product", "level", "measure"), cell[:6], strict=True)),
            **dict.fromkeys(("measured", "estimate"), cell[6]),
            **dict.fromkeys(("measured_sd", "sd"), cell[7]),
            "low": cell[6] - 2 * cell[7],
            "high": cell[6] + 2 * cell[7],
            "exposure": float("inf") if cell[5] == "value" else cell[7] / 50,
            "display": max(cell[6], 0.0),
            "unit": cell[8],
        }
        for cell in CELLS
    ]
    return stated(pl.DataFrame(rows, schema=OBSERVATION_SCHEMA))


def written() -> dict[str, bytes]:
    return {"observations.csv": csv_bytes(table()), **sdmx_files(PLAN, "ab" * 32, "2025-01-31", table())}


def held(name: str, content: bytes) -> bytes:
    """Return what is kept of a file: itself, or of a long one its digest."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}\n".encode()
    return digest if name.startswith("sdmx-structure") else content


@pytest.mark.parametrize("name", list(written()))
def test_a_release_is_written_as_format_1_always_was(name: str) -> None:
    content, place = held(name, written()[name]), GOLDEN / f"{name}.golden"
    if os.environ.get("MIRRORS_GOLDEN") == "write":
        place.write_bytes(content)
    assert content == place.read_bytes()


def test_figures_are_stated_to_six_digits_of_their_noise_and_never_too_narrow() -> None:
    first, small, large = table().head(3).iter_rows(named=True)
    assert (first["measured"], first["measured_sd"]) == (1234567.891, 999.5)
    assert (small["estimate"], small["sd"], small["low"], small["high"]) == (-0.25, 0.125, -0.5, 0.0)
    assert (large["estimate"], large["low"], large["high"]) == (3e12, 2.986e12, 3.014e12)
    odd = pl.DataFrame([{**first, "measured_sd": 123.456789, "sd": 98.7654321, "low": 0.00049, "high": 0.00051}])
    told = stated(odd.with_columns(pl.col("exposure").fill_nan(0)))
    assert told.select("measured_sd", "sd", "low", "high").row(0) == (123.457, 98.766, 0.0, 0.001)


def test_a_bundle_of_format_1_verifies_for_ever(mirrors, bundle: Path, tmp_path: Path) -> None:
    kept = GOLDEN / "bundle-1.zip"
    if os.environ.get("MIRRORS_GOLDEN") == "write":
        shutil.make_archive(str(kept.with_suffix("")), "zip", bundle)
    shutil.unpack_archive(kept, tmp_path / "2024")
    ended = mirrors("verify", tmp_path / "2024", "--json")
    assert ended.code == 0, ended.out
    (found,) = ended.json["bundles"]
    assert (found["valid"], found["findings"]) == (True, [])
