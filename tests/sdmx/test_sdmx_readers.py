"""What was written as SDMX is read by two libraries that don't know each other, to the same keys and values."""

import math
from pathlib import Path
from typing import Any

import polars as pl
import pysdmx.io
import pytest
import sdmx
from pysdmx.io.xml.doc_validation import validate_doc

KEYS = ("FREQ", "REF_AREA", "TRADE_FLOW", "COMMODITY_1", "COUNTERPART_AREA_1", "COUNTERPART_AREA_2", "MEASURE")
KEY = (*KEYS, "TIME_PERIOD")
FIGURES = {"NOISE_SD": "sd", "INTERVAL_LOW": "low", "INTERVAL_HIGH": "high", "EXPOSURE": "exposure"}
MESSAGES = ("sdmx-structure.xml", "sdmx-structure-3.0.xml", "sdmx-data.xml")

Cells = dict[tuple[str, ...], tuple[float, ...]]


@pytest.fixture(scope="module")
def expected(published: pl.DataFrame) -> Cells:
    """Return estimates, noise, intervals and exposures by SDMX key, worked out by hand from the published table."""
    return {
        (
            "Q",
            "NL",
            row["flow"],
            commodity(row["product"], row["level"]),
            row["partner"],
            "W0",
            row["measure"].upper(),
            row["period"],
        ): (row["estimate"], *(row[name] for name in FIGURES.values()))
        for row in published.iter_rows(named=True)
    }


def commodity(product: str, level: str) -> str:
    """Return a product's SDMX code; sections and chapters each have a rest."""
    rest = "S_X" if level.endswith("section") else "_X"
    return rest if product == "_X" else f"HS22_{product}"


def cells(rows: Any, value: str) -> Cells:
    names = (value, *FIGURES)
    return {
        tuple(str(row[key]) for key in KEY): tuple(float(row[name]) for name in names) for _, row in rows.iterrows()
    }


def by_sdmx1(path: Path, **options: Any) -> Any:
    with path.open("rb") as file:
        return sdmx.read_sdmx(file, **options)


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_valid_by_the_official_schemas(bundle: Path, name: str) -> None:
    validate_doc((bundle / name).read_text(encoding="utf-8"))


def test_the_schemas_refuse_a_message_that_lacks_something(bundle: Path) -> None:
    text = (bundle / "sdmx-structure.xml").read_text(encoding="utf-8")
    with pytest.raises(Exception, match=r"[Ii]nvalid|Validation"):
        validate_doc(text.replace('assignmentStatus="Mandatory"', "", 1))


@pytest.mark.parametrize("name", ["sdmx-data.xml", "sdmx-data.csv"])
@pytest.mark.parametrize("structure", ["sdmx-structure.xml", "sdmx-structure-3.0.xml"])
def test_pysdmx_reads_the_published_figures(bundle: Path, expected: Cells, name: str, structure: str) -> None:
    (found,) = pysdmx.io.get_datasets(bundle / name, bundle / structure)
    assert cells(found.data, "OBS_VALUE") == expected


def test_sdmx1_reads_the_published_figures(bundle: Path, expected: Cells) -> None:
    structure = by_sdmx1(bundle / "sdmx-structure.xml").structure["IMTS_DP"]
    message = by_sdmx1(bundle / "sdmx-data.xml", structure=structure)
    (found,) = message.data
    assert cells(sdmx.to_pandas(found, attributes="o").reset_index(), "value") == expected


def test_both_libraries_see_one_structure_in_both_versions(bundle: Path) -> None:
    seen = []
    for name in ("sdmx-structure.xml", "sdmx-structure-3.0.xml"):
        (one,) = pysdmx.io.read_sdmx(bundle / name, validate=True).get_data_structure_definitions()
        seen.append(
            {
                part.id: (part.role, part.required, sorted(code.id for code in part.local_codes or ()))
                for part in one.components
            }
        )
    assert seen[0] == seen[1]
    own = by_sdmx1(bundle / "sdmx-structure.xml").structure["IMTS_DP"]
    assert [dimension.id for dimension in own.dimensions] == list(KEY)
    assert {attribute.id for attribute in own.attributes} == set(seen[0]) - {*KEY, "OBS_VALUE"}


def test_comtrades_numbers_stand_beside_the_areas(bundle: Path) -> None:
    areas = by_sdmx1(bundle / "sdmx-structure.xml").codelist["CL_AREA"]
    numbers = {code.id: [str(note.title) for note in code.annotations] for code in areas}
    assert numbers["US"] == ["842"]
    assert numbers["IT"] == ["380", "381"]
    assert numbers["W0"] == ["0"]
    assert numbers["_X"] == []


def test_headings_that_a_release_plans_are_codes_and_what_is_left_of_a_chapter_too(
    bundle: Path, expected: Cells
) -> None:
    commodities = by_sdmx1(bundle / "sdmx-structure.xml").codelist["CL_COMMODITY"]
    assert commodities.is_partial
    names = {code.id: str(code.name) for code in commodities}
    assert names["HS22_8471"] == "HS 8471 (HS22)"
    assert names["HS22_847130"] == "HS 8471.30 (HS22)"
    assert names["HS22_84_X"] == "What isn't listed of 84 (HS22)"
    assert {key[3] for key in expected} <= set(names)


def test_what_is_said_of_the_whole_release_is_read(bundle: Path) -> None:
    (found,) = pysdmx.io.get_datasets(bundle / "sdmx-data.xml", bundle / "sdmx-structure.xml")
    assert found.attributes == {
        "TRADE_SYSTEM": "GENERAL",
        "RELEASE_ID": "2024",
        "MECHANISM": "DISCRETE_GAUSSIAN",
        "PRIVACY_UNIT": "TRADER_YEAR",
        "RHO": "1.5",
    }
    by_measure = found.data.groupby("MEASURE")["UNIT_MEASURE"].unique().map(list).to_dict()
    assert by_measure == {"VALUE": ["USD"], "DECLARATIONS": ["PN"], "TRADERS": ["PN"]}
    told = found.data[["TRADE_FLOW", "MEASURE", "VALUATION", "COUNTERPART_AREA_1_TYPE"]].drop_duplicates()
    assert {tuple(row) for row in told.to_numpy().tolist()} >= {
        ("M", "VALUE", "CIF", "ORIGIN"),
        ("X", "VALUE", "FOB", "LAST_KNOWN_DESTINATION"),
        ("M", "TRADERS", "_Z", "ORIGIN"),
    }


def test_an_exposure_without_a_bound_is_read_as_infinite(expected: Cells) -> None:
    bounded = {key[6]: math.isfinite(figures[-1]) for key, figures in expected.items()}
    assert bounded == {"VALUE": True, "DECLARATIONS": False, "TRADERS": False}
