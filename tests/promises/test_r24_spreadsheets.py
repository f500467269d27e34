"""R24: a published CSV starts no formula: text stays text and numbers stay numbers in a real spreadsheet.

The spreadsheet is Gnumeric: `ssconvert` opens each CSV as a person would and writes a workbook, which says of every
cell whether it holds text, a number or a formula. It was chosen because it installs in seconds (`make test` does it
where it may); LibreOffice is asked too where it is present.
"""

import csv
import io
import random
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from dashboard.tables import csv_of
from release.bundle.cells import inert_text
from release.bundle.observations import OBSERVATION_SCHEMA, csv_bytes
from release.bundle.sdmx.data import data_csv
from release.bundle.sdmx.model import COMPONENTS

Figure = Callable[[str, str], None]
LABELS = 500
CONVERTERS = {
    "Gnumeric": ("ssconvert", lambda source, made: ["ssconvert", source, made]),
    "LibreOffice": (
        "soffice",
        lambda source, made: ["soffice", "--headless", "--convert-to", "xlsx", "--outdir", made.parent, source],
    ),
}
PRESENT = [name for name, (command, _) in CONVERTERS.items() if shutil.which(command)]
needs_spreadsheet = pytest.mark.skipif(not PRESENT, reason="no spreadsheet is installed (Debian: gnumeric)")


def labels() -> list[str]:
    """Return labels that a spreadsheet would compute, call out with, or take apart into cells."""
    chance = random.Random(24)
    starts = (
        "=",
        "=",
        "=",
        "=",
        "+",
        "-",
        "@",
        "\t=",
        "\r=",
        " =",
        "  +",
        "\n@",
        "＝",
        "＋",
        "－",
        "＠",
        "=-",
        "-@",
        '"=',
        "'=",
    )
    bodies = (
        "1+1",
        "SUM(1,2)",
        "cmd|'/C calc'!A0",
        'HYPERLINK("http://127.0.0.1/","x")',
        'WEBSERVICE("http://127.0.0.1/")',
        "A1*2",
        "2+3+cmd",
        'IMPORTXML(CONCAT("a",A1),"//a")',
        "ROW()",
        "{1,2}",
        "now()",
    )
    return [f"{chance.choice(starts)}{chance.choice(bodies)}{number}" for number in range(LABELS)]


def numbers() -> list[float]:
    chance = random.Random(25)
    return [round(chance.uniform(-1, 1) * 10 ** chance.randint(0, 12), 2) for _ in range(LABELS)]


def as_observations(told: list[str], figures: list[float]) -> bytes:
    """Return a bundle's `observations.csv`."""
    columns = {name: figures if kind == pl.Float64 else told for name, kind in OBSERVATION_SCHEMA.items()}
    return csv_bytes(pl.DataFrame(columns, schema=OBSERVATION_SCHEMA))


def as_sdmx(told: list[str], figures: list[float]) -> bytes:
    """Return a bundle's `sdmx-data.csv`."""
    return data_csv(
        pl.DataFrame({one.id: [f"{x}" for x in figures] if one.text == "Double" else told for one in COMPONENTS})
    )


def as_download(told: list[str], figures: list[float]) -> bytes:
    """Return what the dashboard hands out."""
    return csv_of(pl.DataFrame(_columns(told, figures)))


def as_comparison(told: list[str], figures: list[float]) -> bytes:
    """Return lines as `comparison.csv` has them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["exporter", "importer", *["x"] * 5])
    writer.writerows([inert_text(label)] * 2 + [figure] * 5 for label, figure in zip(told, figures, strict=True))
    return text.getvalue().encode()


def as_before(told: list[str], figures: list[float]) -> bytes:
    """Return the table as a program would that doesn't care."""
    return pl.DataFrame(_columns(told, figures)).write_csv().encode()


def _columns(told: list[str], figures: list[float]) -> dict[str, list[str] | list[float]]:
    """Return as many columns as a real table has: of a narrow one a spreadsheet guesses the separator."""
    return {"office": told, "partner": told} | dict.fromkeys(("estimate", "sd", "low", "high", "exposure"), figures)


WRITERS = {"observations": as_observations, "SDMX-CSV": as_sdmx, "download": as_download, "comparison": as_comparison}


def opened(content: bytes, folder: Path, spreadsheet: str) -> list[list[tuple[str, object]]]:
    """Return the kind and value of each cell, row by row, as a spreadsheet takes a CSV."""
    source, made = folder / "table.csv", folder / "table.xlsx"
    source.write_bytes(content)
    command = [str(part) for part in CONVERTERS[spreadsheet][1](source, made)]
    subprocess.run(
        command, check=True, capture_output=True, timeout=120, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the workbook has no default style, which doesn't matter
        sheet = openpyxl.load_workbook(made).active
    return [[(cell.data_type, cell.value) for cell in row] for row in sheet.iter_rows(min_row=2)]


def faults(content: bytes, folder: Path, spreadsheet: str) -> list[str]:
    """Return every cell that isn't the text or number that was written."""
    wanted = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
    found = opened(content, folder, spreadsheet)
    wrong = []
    for expected, cells in zip(wanted, found, strict=True):
        if len(expected) != len(cells):
            return [f"a row of {len(expected)} cells became one of {len(cells)}"]
        for text, (kind, value) in zip(expected, cells, strict=True):
            number = _number(text)
            kept = kind == "n" and value == number if number is not None else kind == "s"
            if not kept:
                wrong.append(f"{text!r} became {kind} {value!r}")
    return wrong


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@needs_spreadsheet
@pytest.mark.parametrize("spreadsheet", PRESENT)
@pytest.mark.parametrize("writer", WRITERS)
def test_five_hundred_labels_stay_text_and_numbers_numbers(
    writer: str, spreadsheet: str, tmp_path: Path, figure: Figure
) -> None:
    content = WRITERS[writer](labels(), numbers())
    assert faults(content, tmp_path, spreadsheet) == []
    figure("R24", f"{LABELS} labels in {writer}, opened by {spreadsheet}: 0 formulas")


@needs_spreadsheet
@pytest.mark.parametrize("spreadsheet", PRESENT)
def test_a_program_that_writes_labels_as_they_are_is_caught(spreadsheet: str, tmp_path: Path, figure: Figure) -> None:
    caught = faults(as_before(labels(), numbers()), tmp_path, spreadsheet)
    assert len(caught) > LABELS // 50
    figure("R24", f"mutant without the guard: {len(caught)} cells became formulas or numbers, caught")


@pytest.mark.parametrize("writer", WRITERS)
def test_no_text_begins_a_formula_by_any_spreadsheets_rules(writer: str) -> None:
    for row in list(csv.reader(io.StringIO(WRITERS[writer](labels(), numbers()).decode(), newline="")))[1:]:
        for text in row:
            assert _number(text) is not None or text.strip()[:1] not in tuple("=+-@＝＋－＠"), text
