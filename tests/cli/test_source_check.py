"""`mirrors source check`: broken files of providers are named for what they are, with what would be right."""

from pathlib import Path

import pytest
from command_line import Mirrors
from providers import RECORD_OFFICE, Row, current, legacy, text_of, write_release
from small_office import OFFICE

TOTALS = 'level = "TOTAL"'
MONTHS = 'level = "TOTAL"\nfrequency = "monthly"'
PLAIN = 'layout = "csv"\ncolumns = {{ date = "d", flow = "f", partner = "p", commodity = "c", value = "v"{more} }}\n'


def plain(**changes: str) -> Row:
    """Return a row of a layout of its own."""
    return {"d": "2022-03-01", "f": "M", "p": "IT", "c": "840210", "v": "10.50", "cur": "USD"} | changes


CASES: dict[str, tuple[str, str, bytes, str, str]] = {
    "wrong encoding": (
        "columns",
        PLAIN.format(more=', trader = "t"'),
        text_of([plain() | {"t": "Müller"}]).encode("latin-1"),
        "encoding",
        'encoding = "latin-1"',
    ),
    "encoding of other columns": (
        "comtrade",
        MONTHS,
        text_of([current(partnerDesc="Türkiye")]).encode("latin-1"),
        "encoding",
        "nothing is lost",
    ),
    "utf-8 said to be latin-1": (
        "columns",
        PLAIN.format(more="") + 'encoding = "latin-1"',
        text_of([plain(p="Itália")]).encode(),
        "encoding",
        'encoding = "utf-8"',
    ),
    "trailing comma": (
        "comtrade",
        MONTHS,
        text_of([current()] * 3, end=",").encode(),
        "trailing-separator",
        "in its place",
    ),
    "separator inside a field": (
        "comtrade-legacy",
        TOTALS,
        text_of([legacy()]).replace("Italy", "Italy, Republic of").encode(),
        "surplus-fields",
        "quote fields",
    ),
    "short lines": (
        "comtrade-legacy",
        TOTALS,
        text_of([legacy()]).replace(",1000,", "\n").encode(),
        "lacking-fields",
        "whole",
    ),
    "merged levels": (
        "comtrade-legacy",
        TOTALS,
        text_of([legacy(), legacy(**{"Aggregate Level": "2", "Commodity Code": "1"})]).encode(),
        "merged-levels",
        "left out",
    ),
    "merged levels of an own layout": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(c="84"), plain(c="8402"), plain(c="840210")]).encode(),
        "merged-levels",
        "keep one level",
    ),
    "the world among partners": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(), plain(p="World")]).encode(),
        "summed-partners",
        "leave_out",
    ),
    "shifted columns": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain()] * 3).replace("2022-03-01", "7,2022-03-01").encode(),
        "shifted-columns",
        "header line",
    ),
    "several currencies": (
        "columns",
        PLAIN.format(more=', currency = "cur"'),
        text_of([plain(), plain(cur="EUR")]).encode(),
        "mixed-currencies",
        "left out",
    ),
    "several currencies, not mapped": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(), plain(cur="EUR")]).encode(),
        "mixed-currencies",
        'currency = "cur"',
    ),
    "decimal commas": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(v="1.250,50")] * 3).encode(),
        "unreadable-value",
        "decimal point",
    ),
    "dates written otherwise": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(d="31.03.2022")] * 3).encode(),
        "unreadable-date",
        'date_format = "%d.%m.%Y"',
    ),
    "partners in words": (
        "columns",
        PLAIN.format(more=""),
        text_of([plain(p="Italy")]).encode(),
        "unreadable-partner",
        "alpha-2",
    ),
    "another office's file": (
        "comtrade-legacy",
        TOTALS,
        text_of([legacy(**{"Reporter Code": "826"})]).encode(),
        "no-rows",
        "--source",
    ),
    "another year": ("columns", PLAIN.format(more=""), text_of([plain(d="2021-03-01")]).encode(), "other-year", "year"),
}
NOTES = {"encoding of other columns", "trailing comma", "merged levels"}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_file_is_named_for_what_it_is_with_what_would_be_right(
    mirrors: Mirrors, tmp_path: Path, case: str
) -> None:
    kind, choices, content, code, remedy = CASES[case]
    office = OFFICE if "trader" in choices else RECORD_OFFICE
    release = write_release(tmp_path, kind, choices, office=office)
    (tmp_path / "records.csv").write_bytes(content)
    ended = mirrors("source", "check", release, "--source", tmp_path / "records.csv", "--json")
    found = {finding["code"]: finding for finding in ended.json["findings"]}
    assert code in found, found
    assert remedy in found[code]["remedy"]
    assert found[code]["serious"] == (case not in NOTES)
    assert ended.code == (0 if case in NOTES else 1)


def test_a_good_file_has_no_findings(mirrors: Mirrors, tmp_path: Path) -> None:
    release = write_release(tmp_path, "columns", PLAIN.format(more=', currency = "cur"'))
    (tmp_path / "records.csv").write_text(text_of([plain(), plain(f="X", p="_X")]))
    ended = mirrors("source", "check", release, "--source", tmp_path / "records.csv", "--json")
    assert (ended.code, ended.json["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (text_of([current()]).encode(), 'kind = "comtrade"'),
        (text_of([legacy()]).encode("utf-16"), "UTF-16"),
        (b"", "no header line"),
        (b"PK\x03\x04\0\0 a workbook", "no header line"),
    ],
)
def test_an_unreadable_file_or_another_format_is_refused_before_any_charge(
    mirrors: Mirrors, tmp_path: Path, content: bytes, told: str
) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS)
    (tmp_path / "records.csv").write_bytes(content)
    ended = mirrors("run", release, "--source", tmp_path / "records.csv")
    assert ended.code == 4
    assert told in ended.err
    assert mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"] == []


def test_no_broken_row_stops_a_run(mirrors: Mirrors, tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS)
    rows = text_of([legacy(), legacy(**{"Trade Value (US$)": "a lot"})]) + "\n,,,\n\xff\xfe,\0\n" + '"never closed,1\n'
    (tmp_path / "records.csv").write_bytes(rows.encode("latin-1"))
    ended = mirrors("run", release, "--source", tmp_path / "records.csv")
    assert ended.code == 0, ended.err


def test_a_check_quotes_nothing_that_a_record_says(mirrors: Mirrors, tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS)
    rows = [dict.fromkeys(legacy(), f"CANARY{place}") for place in range(3)]
    (tmp_path / "records.csv").write_text(text_of(rows))
    ended = mirrors("source", "check", release, "--source", tmp_path / "records.csv")
    assert ended.code == 1
    assert "CANARY" not in ended.out + ended.err
