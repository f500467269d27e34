"""The shipped codelists: complete, unique, sorted and written the same way everywhere."""

import csv
import re
from itertools import pairwise
from pathlib import Path

import pytest

CODELISTS = Path(__file__).parent.parent / "data" / "codelists"
COLUMNS = {
    "areas.csv": ["alpha2", "alpha3", "m49", "comtrade", "name"],
    "chapters.csv": ["code", "section", "label"],
    "sections.csv": ["code", "roman", "label", "first_chapter", "last_chapter"],
    "flows.csv": ["code", "label"],
    "currencies.csv": ["code", "label"],
}


def rows(name: str) -> list[dict[str, str]]:
    with (CODELISTS / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def areas() -> dict[str, dict[str, str]]:
    return {row["alpha2"]: row for row in rows("areas.csv")}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_codelist_is_plain_utf8_with_unix_line_ends_and_full_rows(name: str) -> None:
    raw = (CODELISTS / name).read_bytes()
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\n")
    assert not raw.endswith(b"\n\n")
    with (CODELISTS / name).open(encoding="utf-8", newline="") as lines:
        table = list(csv.reader(lines))
    assert table[0] == COLUMNS[name]
    assert {len(row) for row in table} == {len(COLUMNS[name])}
    assert all(field == field.strip() for row in table for field in row)


@pytest.mark.parametrize("name", COLUMNS)
def test_codes_are_unique_and_labels_stand_once(name: str) -> None:
    table = rows(name)
    label = {"areas.csv": "name", "currencies.csv": "code"}.get(
        name, "label"
    )  # two bolívares have one name in ISO 4217
    for column in (COLUMNS[name][0], label):
        values = [row[column] for row in table]
        assert all(values)
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("name", ["areas.csv", "chapters.csv", "sections.csv"])
def test_rows_are_sorted_by_code(name: str) -> None:
    codes = [row[COLUMNS[name][0]] for row in rows(name)]
    assert codes == sorted(codes)


def test_every_area_has_codes_of_the_standard_form() -> None:
    for row in rows("areas.csv"):
        assert re.fullmatch(r"[A-Z]{2}", row["alpha2"])
        assert re.fullmatch(r"[A-Z]{3}", row["alpha3"])
        assert re.fullmatch(r"[0-9]{3}", row["m49"])
        assert re.fullmatch(r"([1-9][0-9]{0,2}(;[1-9][0-9]{0,2})*)?", row["comtrade"])


def test_no_two_areas_share_an_alpha3_an_m49_or_a_comtrade_number() -> None:
    table = rows("areas.csv")
    for column in ("alpha3", "m49"):
        assert len({row[column] for row in table}) == len(table)
    numbers = [number for row in table for number in row["comtrade"].split(";") if number]
    assert len(set(numbers)) == len(numbers)


def test_comtrade_numbers_differ_from_m49_for_exactly_the_seven_known_areas() -> None:
    differing = {
        row["alpha2"]: row["comtrade"]
        for row in rows("areas.csv")
        if row["comtrade"] and row["comtrade"].zfill(3) != row["m49"]
    }
    assert differing == {
        "CH": "757",
        "FR": "251",
        "IN": "699",
        "IT": "380;381",
        "NO": "579",
        "TW": "490",
        "US": "842",
    }


@pytest.mark.parametrize(
    ("alpha2", "alpha3", "m49", "name"),
    [
        ("GB", "GBR", "826", "United Kingdom"),
        ("NL", "NLD", "528", "Netherlands"),
        ("IT", "ITA", "380", "Italy"),
        ("US", "USA", "840", "United States of America"),
        ("KR", "KOR", "410", "Republic of Korea"),
        ("CN", "CHN", "156", "China"),
        ("AF", "AFG", "004", "Afghanistan"),
        ("SD", "SDN", "729", "Sudan"),
        ("DE", "DEU", "276", "Germany"),
        ("CI", "CIV", "384", "Côte d'Ivoire"),
    ],
)
def test_an_area_carries_its_own_codes(alpha2: str, alpha3: str, m49: str, name: str) -> None:
    row = areas()[alpha2]
    assert (row["alpha3"], row["m49"], row["name"]) == (alpha3, m49, name)


def test_groups_and_dissolved_areas_are_left_out() -> None:
    assert len(areas()) == 249
    assert not {"EU", "R4", "SU", "YU", "CS", "AN", "DD", "UK", "W0", "_X", "XK"} & set(areas())
    assert not [row["name"] for row in rows("areas.csv") if "..." in row["name"] or "Isds" in row["name"]]


def test_chapters_run_from_01_to_97_without_77_and_end_with_99() -> None:
    expected = [f"{number:02d}" for number in range(1, 98) if number != 77] + ["99"]
    assert [row["code"] for row in rows("chapters.csv")] == expected


def test_sections_partition_the_chapters_of_the_hs() -> None:
    sections = rows("sections.csv")
    assert [row["code"] for row in sections] == [f"{number:02d}" for number in range(1, 22)]
    for before, after in pairwise(sections):
        assert int(after["first_chapter"]) == int(before["last_chapter"]) + 1
    assert (sections[0]["first_chapter"], sections[-1]["last_chapter"]) == ("01", "97")
    bounds = {row["code"]: (row["first_chapter"], row["last_chapter"]) for row in sections}
    for chapter in rows("chapters.csv"):
        if chapter["code"] == "99":
            assert not chapter["section"]
        else:
            first, last = bounds[chapter["section"]]
            assert first <= chapter["code"] <= last


def test_the_roman_numerals_of_sections_are_those_of_their_codes() -> None:
    values = {"I": 1, "V": 5, "X": 10}
    for row in rows("sections.csv"):
        numerals = [values[letter] for letter in row["roman"]]
        signed = [-n if n < max(numerals[i:]) else n for i, n in enumerate(numerals)]
        assert sum(signed) == int(row["code"])


def test_chapters_stand_in_the_sections_of_the_harmonized_system() -> None:
    section = {row["code"]: row["section"] for row in rows("chapters.csv")}
    known = {"01": "01", "27": "05", "30": "06", "71": "14", "72": "15", "85": "16", "88": "17", "97": "21"}
    assert {code: section[code] for code in known} == known


def test_the_flows_are_imports_exports_and_the_two_returns() -> None:
    assert [(row["code"], row["label"]) for row in rows("flows.csv")] == [
        ("M", "imports"),
        ("X", "exports"),
        ("RM", "re-imports"),
        ("RX", "re-exports"),
    ]
