"""Data is held against the structure beside it: each rule of it, broken once, is found by `mirrors verify`."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import polars as pl
import pytest

from release.bundle.agreement import disagreements
from release.bundle.observations import parquet_bytes
from release.bundle.sdmx.checking import key_findings, read_structure, rule_findings
from release.bundle.sdmx.model import COLUMNS

STRUCTURES = ("sdmx-structure.xml", "sdmx-structure-3.0.xml")


@pytest.fixture
def rows(bundle: Path) -> pl.DataFrame:
    return pl.read_csv(bundle / "sdmx-data.csv", infer_schema=False)


def first(column: str, value: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a change of a column's first row."""
    here = pl.int_range(pl.len()) == 0
    return lambda rows: rows.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


BROKEN: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "a commodity without its edition": (first("COMMODITY_1", "01"), "CL_COMMODITY"),
    "a partner's number for its code": (first("COUNTERPART_AREA_1", "842"), "CL_AREA"),
    "an unknown unit": (first("UNIT_MEASURE", "GROATS"), "CL_UNIT_MEASURE"),
    "no status": (first("OBS_STATUS", ""), "OBS_STATUS is mandatory"),
    "no value": (first("OBS_VALUE", ""), "OBS_VALUE is mandatory"),
    "two observations of one key": (lambda rows: pl.concat([rows, rows.head(1)]), "one key"),
    "a column too few": (lambda rows: rows.drop("NOISE_SD"), "columns"),
    "a column too many": (lambda rows: rows.with_columns(TRADERS_NAME=pl.lit("x")), "columns"),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_published_data_breaks_no_rule_of_its_structure(bundle: Path, rows: pl.DataFrame, name: str) -> None:
    structure = read_structure((bundle / name).read_bytes())
    assert [*structure.dimensions, *structure.attributes] != []
    assert set(structure.dimensions) | set(structure.attributes) == set(COLUMNS)
    assert [*rule_findings(rows, structure, name), *key_findings(rows, structure)] == []


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("name", STRUCTURES)
def test_each_broken_rule_is_found(bundle: Path, rows: pl.DataFrame, name: str, broken: str) -> None:
    change, word = BROKEN[broken]
    told, structure = change(rows), read_structure((bundle / name).read_bytes())
    found = [*rule_findings(told, structure, name), *key_findings(told, structure)]
    assert [code for code, _ in found] == ["sdmx data"]
    assert word in found[0][1]


@pytest.mark.parametrize(
    "text", ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', '<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>', "<a>", "no"]
)
def test_a_structure_that_would_load_something_or_is_no_xml_is_refused(text: str) -> None:
    with pytest.raises((ValueError, expat.ExpatError)):
        read_structure(text.encode())


def _swapped(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


def _another_value(content: bytes) -> bytes:
    start = content.index(b'OBS_VALUE="') + len(b'OBS_VALUE="')
    return content[:start] + b"9" + content[start:]


FORGED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "XML says another value than the table": ("sdmx-data.xml", _another_value, "sdmx data"),
    "CSV says another status": ("sdmx-data.csv", lambda b: _swapped(b, b",E,", b",A,"), "sdmx data"),
    "a codelist lacks a code": (
        "sdmx-structure.xml",
        lambda b: _swapped(b, b'id="HS22_84"', b'id="HS22_8X"'),
        "sdmx data",
    ),
    "another structure's name": ("sdmx-structure-3.0.xml", lambda b: b.replace(b"IMTS_DP", b"OTHER"), "sdmx structure"),
    "no structure at all": ("sdmx-structure.xml", lambda _: b"<mes:Structure>", "sdmx structure"),
    "the ledger ends elsewhere": (
        "ledger.json",
        lambda b: _swapped(b, b'"head":{"hash":"', b'"head":{"hash":"0'),
        "ledger",
    ),
    "the ledger is no statement": ("ledger.json", lambda _: b"{}\n", "ledger"),
    "the page may run scripts": ("README.html", lambda b: b.replace(b"default-src 'none'", b"default-src *"), "page"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_derived_file_that_says_something_else_is_found(bundle: Path, forgery: str) -> None:
    name, change, code = FORGED[forgery]
    contents = {path.name: path.read_bytes() for path in bundle.iterdir()}
    plan, charge = (json.loads(contents[one]) for one in ("plan.json", "charge.json"))
    table = pl.read_parquet(io.BytesIO(contents["observations.parquet"]))
    assert list(disagreements(contents, plan, charge, table)) == []
    contents[name] = change(contents[name])
    assert code in {found for found, _ in disagreements(contents, plan, charge, table)}


def test_a_row_in_another_unit_is_found(bundle: Path) -> None:
    contents = {path.name: path.read_bytes() for path in bundle.iterdir()}
    plan, charge = (json.loads(contents[one]) for one in ("plan.json", "charge.json"))
    table = pl.read_parquet(io.BytesIO(contents["observations.parquet"]))
    other = pl.read_parquet(io.BytesIO(parquet_bytes(table.with_columns(unit=pl.lit("EUR")))))
    assert "unit" in {found for found, _ in disagreements(contents, plan, charge, other)}


def test_a_code_of_a_megabyte_in_a_strangers_plan_is_refused_before_it_fills_every_row(bundle: Path) -> None:
    contents = {path.name: path.read_bytes() for path in bundle.iterdir()}
    plan, charge = (json.loads(contents[one]) for one in ("plan.json", "charge.json"))
    table = pl.read_parquet(io.BytesIO(contents["observations.parquet"]))
    plan["release"] = "x" * 1_000_000
    assert ("sdmx data", "plan.json has a code or name that is longer than any code is") in list(
        disagreements(contents, plan, charge, table)
    )
