"""Twelve pairs of real published figures, released as an exercise and compared, beside what the exact figures say.

    python benchmarks/real_mirrors.py pilot-2022-03 --source 'FOLDER/* 2022.csv' --out FOLDER
    python benchmarks/real_mirrors.py imf-2018 --source mirror_monthly_2011_2018.csv --out FOLDER

The exercises are configs/pilot-2022-03 and configs/imf-2018. Each is copied to `--out` once for each loss, with the
noise that goes with it, and run by the commands that an office uses: `mirrors run` for every release, `mirrors compare`
for both bands. The figures are public and exact: noise protects nothing here, and shows what could be told if it did.
"""

import argparse
import contextlib
import csv
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from glob import glob
from itertools import permutations
from math import ceil, sqrt
from pathlib import Path
from typing import Any, TextIO

from release.cli.app import app
from release.config.kinds import area_translations
from release.errors import MirrorsError, UsageError
from release.inference import Band, judge
from release.privacy import amount_text, volume_interval_percent
from release.wording import volume_bound

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
OFFICES = {"USA": "US", "GBR": "GB", "NLD": "NL", "ITA": "IT"}
RHOS = ("0.5", "12", "600")
BANDS = ("10", "25")
CIF_FOB = 1.06
PILOT_COLUMNS = ("Reporter Code", "Partner Code", "Trade Flow Code", "Trade Value (US$)")
IMF_COLUMNS = ("year", "exporter", "importer", "exports_reported_musd", "imports_reported_musd")

Way = tuple[str, str]
Figures = Mapping[tuple[str, str, str], float]
"""US dollars by reporting office, flow and partner, over all periods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What `mirrors compare` said of one loss and band: each pair's cell, and its looks over the year."""

    cells: dict[Way, dict[str, Any]]
    looks: dict[Way, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One of the two exercises: the releases of each office in order, and the exact figures."""

    name: str
    releases: tuple[str, ...]
    multiple: float
    exact: Figures


def main() -> None:
    """Run an exercise and print its table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("exercise", choices=["pilot-2022-03", "imf-2018"])
    arguments.add_argument("--source", required=True, help="the public files: a path, folder or pattern")
    arguments.add_argument("--out", type=Path, required=True, help="a new folder")
    given = arguments.parse_args()
    exercise = described(given.exercise, given.source)
    compared = {
        (rho, band): told
        for rho in RHOS
        for band, told in released(exercise, given.source, given.out / f"rho-{rho}", rho)
    }
    text = "\n".join(table(exercise, compared))
    (given.out / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def described(name: str, source: str) -> Exercise:
    """Return an exercise with the exact figures of its files."""
    if name == "pilot-2022-03":
        return Exercise(name=name, releases=("2022-03",), multiple=2.5, exact=pilot_figures(source))
    months = tuple(f"2018-{month:02}" for month in range(1, 13))
    return Exercise(name=name, releases=months, multiple=2.0, exact=imf_figures(source))


def pilot_figures(pattern: str) -> Figures:
    """Return the exact figures of the four offices in the pilot's files.

    Raises:
        UsageError: a file isn't one of the pilot's, or there is none.
    """
    areas, flows = area_translations("comtrade"), {"1": "M", "2": "X"}
    offices = {area: office for office, area in OFFICES.items()}
    figures = {}
    for path in sorted(glob(pattern)):  # noqa: PTH207 - a whole pattern, as --source takes it
        with open(path, encoding="latin-1") as file:  # noqa: PTH123
            for row in rows_of(path, file, PILOT_COLUMNS):
                reporter, partner = (
                    offices.get(areas.get(row[f"{side} Code"], "")) for side in ("Reporter", "Partner")
                )
                flow = flows.get(row["Trade Flow Code"])
                if reporter and partner and flow:
                    figures[reporter, flow, partner] = float(row["Trade Value (US$)"])
    if not figures:
        raise UsageError(f"{pattern} finds none of the pilot's files. Nothing was released; correct SOURCE.")
    return figures


def rows_of(path: str, file: TextIO, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of an exercise's CSV.

    Raises:
        UsageError: it lacks columns that the exercise reads.
    """
    rows = csv.DictReader(file)
    lacking = [column for column in columns if column not in (rows.fieldnames or ())]
    if lacking:
        raise UsageError(
            f"{path} isn't one of the exercise's files: it has no column {', '.join(lacking)}. Nothing was released."
            " Let SOURCE name the exercise's files alone, such as 'FOLDER/* 2022.csv' for the pilot's."
        )
    yield from rows


def imf_figures(path: str) -> Figures:
    """Return the exact sums of 2018."""
    figures: dict[tuple[str, str, str], float] = {}
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        for row in rows_of(path, file, IMF_COLUMNS):
            if row["year"] == "2018":
                one, other = row["exporter"], row["importer"]
                for key, name in ((one, "X", other), "exports"), ((other, "M", one), "imports"):
                    figures[key] = figures.get(key, 0.0) + 1e6 * float(row[f"{name}_reported_musd"])
    return figures


def released(exercise: Exercise, source: str, folder: Path, rho: str) -> Iterator[tuple[str, Compared]]:
    """Yield, for each band, the comparison of the four offices' releases at a loss."""
    shutil.copytree(CONFIGS / exercise.name, folder, ignore=shutil.ignore_patterns("state", "published"))
    for office in OFFICES:
        for release in written(exercise, folder / office, Fraction(rho)):
            command("run", release, "--source", source, "--out", folder / "published")
    for band in BANDS:
        out = folder / f"within-{band}-percent"
        told = json.loads(command("compare", folder / f"within-{band}-percent.toml", "--out", out, "--json"))
        cells = {(cell["exporter"], cell["importer"]): cell for cell in told["cells"]}
        looks = {way: [one for one in told["looks"] if (one["exporter"], one["importer"]) == way] for way in cells}
        yield band, Compared(cells=cells, looks=looks)


def written(exercise: Exercise, folder: Path, rho: Fraction) -> list[Path]:
    """Write an office's releases for a loss: equal shares of it, each with noise that clips no row within its bound."""
    share = rho / len(exercise.releases)
    noise = ceil(1.000001e7 * exercise.multiple / sqrt(2 * share)) / 1e7
    office = folder / "office.toml"
    text = office.read_text().replace('limit = "0.5"', f'limit = "{amount_text(rho)}"')
    office.write_text(text.replace('rho = "1/24"', f'rho = "{amount_text(share)}"'))
    first = exercise.releases[0]
    shipped = (folder / f"{first}.toml").read_text()
    stated = re.sub(r'(?m)^rho = ".*"', f'rho = "{amount_text(share)}"', shipped)
    stated = re.sub(r'relative_noise = "[^"]*"', f'relative_noise = "{noise:.7f}"', stated)
    places = []
    for release in exercise.releases:
        places.append(folder / f"{release}.toml")
        places[-1].write_text(stated.replace(first, release))
    return places


def table(exercise: Exercise, compared: Mapping[tuple[str, str], Compared]) -> Iterator[str]:
    """Yield a table of verdicts beside those from exact figures, in Markdown, and what each loss is worth."""
    yield f"### {exercise.name}\n"
    heads = [f"{told}, ±{band} %" for band in BANDS for told in ("exact", *(f"rho {rho}" for rho in RHOS))]
    yield f"| flow | X, bn US$ | M, bn US$ | M / X | off by 10 % | {' | '.join(heads)} |"
    yield f"|---|---:|---:|---:|---|{'---|' * len(heads)}"
    for way in permutations(OFFICES, 2):
        x, m = exercise.exact.get((way[0], "X", way[1])), exercise.exact.get((way[1], "M", way[0]))
        said = []
        for band in BANDS:
            said.append(exact_verdict(x, m, band))
            said += [_said(compared[rho, band].cells.get(way)) for rho in RHOS]
        off = "missing" if not (x and m) else ("yes" if abs(m / x - 1) >= 0.10 else "no")
        figures = [f"{one / 1e9:.2f}" if one else "missing" for one in (x, m)]
        ratio = f"{m / x:.3f}" if x and m else "–"
        yield f"| {way[0]} to {way[1]} | {' | '.join(figures)} | {ratio} | {off} | {' | '.join(said)} |"
    yield from _worth(exercise, compared)
    if len(exercise.releases) > 1:
        yield from _over_the_year(compared)


def _worth(exercise: Exercise, compared: Mapping[tuple[str, str], Compared]) -> Iterator[str]:
    yield ""
    for rho in RHOS:
        cells = compared[rho, BANDS[0]].cells.values()
        noise = sorted(
            cell["x_sd"] / max(exercise.exact[cell["exporter"], "X", cell["importer"]], 1.0) for cell in cells
        )
        known = volume_bound(volume_interval_percent(Fraction(rho)))
        shares = f"{len(exercise.releases)} releases" if len(exercise.releases) > 1 else "one release"
        yield (
            f"- rho {rho} in {shares}: a row at its bound can be estimated from all together at best {known};"
            f" the noise of a published flow has a standard deviation of {100 * noise[len(noise) // 2]:.1f} % of the"
            " exact figure (median flow)."
        )


def _over_the_year(compared: Mapping[tuple[str, str], Compared]) -> Iterator[str]:
    """Yield what the looks at the running year told, and when."""
    heads = [f"rho {rho}, ±{band} %" for band in BANDS for rho in RHOS]
    yield "\nThe year to date after every month: what the last look said, and when a flow was first told to differ.\n"
    yield f"| flow | {' | '.join(heads)} |"
    yield f"|---|{'---|' * len(heads)}"
    for way in permutations(OFFICES, 2):
        told = [_year_said(compared[rho, band].looks[way]) for band in BANDS for rho in RHOS]
        yield f"| {way[0]} to {way[1]} | {' | '.join(told)} |"


def _year_said(looks: Sequence[Mapping[str, Any]]) -> str:
    first = next((look["period"] for look in looks if look["verdict"] == "differs"), None)
    return _said(looks[-1]) + (f"; since {first}" if first else "")


def exact_verdict(x: float | None, m: float | None, band: str) -> str:
    """Return what exact figures say: the ratio's place against the band, or that a side has no row."""
    if not (x and m):
        return "missing"
    judged = judge(x=x, x_sd=0.0, m=m, m_sd=0.0, band=Band(tolerance=int(band) / 100, cif_fob=CIF_FOB))
    return _said({"verdict": str(judged.verdict), "higher": judged.higher})


def _said(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "missing"
    return str(cell["verdict"]) + (f", {str(cell['higher']).upper()} higher" if cell["higher"] else "")


def command(*arguments: object) -> str:
    """Return what a command of `mirrors` printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        app([str(argument) for argument in arguments], standalone_mode=False)
    return printed.getvalue()


if __name__ == "__main__":
    try:
        main()
    except MirrorsError as refused:
        print(refused, file=sys.stderr)
        sys.exit(refused.exit_code)
    except OSError as failed:
        print(f"{failed.filename}: {failed.strerror}. Correct SOURCE, or let OUT be a new folder.", file=sys.stderr)
        sys.exit(2)
