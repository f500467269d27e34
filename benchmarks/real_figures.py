"""The public figures beside the two exercises in configs/: what bounds and noise follow from, and each pair's past.

    python benchmarks/real_figures.py DATA      # DATA holds imf_dots_monthly/mirror_monthly_2011_2018.csv

It writes `earlier.csv` into every office's folder and `history.csv` beside them: figures of the IMF's Direction of
Trade Statistics, of March 2011 to 2018 for the pilot and of 2011 to 2017 for the year 2018.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
AREAS = {"USA": "US", "GBR": "GB", "NLD": "NL", "ITA": "IT"}


def main() -> None:
    """Write the figures of both exercises."""
    path = Path(sys.argv[1]) / "imf_dots_monthly" / "mirror_monthly_2011_2018.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    marches = [row for row in rows if row["month"] == "3"]
    write(CONFIGS / "pilot-2022-03", [row for row in marches if row["year"] == "2018"], marches)
    write(
        CONFIGS / "imf-2018",
        [row for row in rows if row["year"] == "2017"],
        [row for row in rows if row["year"] < "2018"],
    )


def write(folder: Path, earlier: list[dict[str, str]], history: list[dict[str, str]]) -> None:
    """Write the earlier figures of each office and the pairs' past into an exercise's folder."""
    for office in AREAS:
        lines = ["flow,period,partner,product,level,measure,value", *_figures(office, earlier)]
        (folder / office / "earlier.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    past = [
        f"{row['exporter']},{row['importer']},{_period(row)},{_dollars(row['exports_reported_musd'])},"
        f"{_dollars(row['imports_reported_musd'])}"
        for row in history
    ]
    (folder / "history.csv").write_text("\n".join(["exporter,importer,period,exports,imports", *past]) + "\n", "utf-8")


def _figures(office: str, rows: list[dict[str, str]]) -> Iterator[str]:
    for flow, own, other, value in (
        ("X", "exporter", "importer", "exports_reported_musd"),
        ("M", "importer", "exporter", "imports_reported_musd"),
    ):
        for row in rows:
            if row[own] == office:
                yield f"{flow},{_period(row)},{AREAS[row[other]]},TOTAL,partner,value,{_dollars(row[value])}"


def _period(row: dict[str, str]) -> str:
    return f"{row['year']}-{int(row['month']):02}"


def _dollars(millions: str) -> str:
    return f"{1e6 * float(millions):.0f}"


if __name__ == "__main__":
    main()
