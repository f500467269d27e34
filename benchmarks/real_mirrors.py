"""The twelve pairs of real published figures, released as an exercise and compared, beside verdicts from exact figures.

    python benchmarks/real_mirrors.py DATA [--out TABLE.md]

DATA holds `imf_dots_monthly/mirror_monthly_2011_2018.csv` (IMF, Direction of Trade Statistics: exports as the exporter
and imports as the importer reports them, million US$) and `comtrade_pilot_2022_03/*.csv` (UN Comtrade, March 2022, a
file for each partner). The figures are public and exact: noise protects nothing here, and shows what could be told if
it did.

The unit is a record, each row one. Every row's bound is declared beforehand, as a multiple of an earlier public figure
of the same cell (twice the same month a year before; two and a half times March 2018): nothing within it is clipped.
"""

import argparse
import contextlib
import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from real_exercise import CIF_FOB, FLOOR, OFFICES, Case, Rows, comparison_toml, write_office

from release.cli.app import app
from release.inference import Adjustment, Band, judge, judge_family, mirrors
from release.privacy import volume_interval_percent

COMTRADE = {"842": "USA", "841": "USA", "826": "GBR", "528": "NLD", "380": "ITA", "381": "ITA"}
RHOS = ("0.5", "12", "600")
TOLERANCES = ("0.10", "0.25")
DRAWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was compared of a case's releases: each pair's cell, and its looks."""

    cells: dict[tuple[str, str], dict[str, Any]]
    looks: dict[tuple[str, str], list[dict[str, Any]]]


def main() -> None:
    """Run both exercises and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--out", type=Path)
    given = arguments.parse_args()
    text = "\n".join(line for case in cases(given.data) for line in tables(case))
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


def cases(data: Path) -> Iterator[Case]:
    """Yield the two exercises."""
    imf = monthly(data / "imf_dots_monthly" / "mirror_monthly_2011_2018.csv")
    months = tuple(f"2018-{month:02}" for month in range(1, 13))
    yield Case(
        name="2018 of the IMF's monthly figures",
        year=2018,
        months=months,
        compared="2018",
        rows={key: value for key, value in imf.items() if key[3] in months},
        earlier={key: value for key, value in imf.items() if key[3].startswith("2017")},
        multiple=2.0,
        history=history(imf, before="2018"),
    )
    yield Case(
        name="March 2022 of UN Comtrade",
        year=2022,
        months=("2022-03",),
        compared="2022-03",
        rows=pilot(data / "comtrade_pilot_2022_03"),
        earlier={key: value for key, value in imf.items() if key[3] == "2018-03"},
        multiple=2.5,
        history=history(imf, before="2019"),
    )


def monthly(path: Path) -> dict[tuple[str, str, str, str], float]:
    """Return the IMF's file as rows of the two reporting offices."""
    rows = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            period = f"{row['year']}-{int(row['month']):02}"
            rows[row["exporter"], "X", row["importer"], period] = 1e6 * float(row["exports_reported_musd"])
            rows[row["importer"], "M", row["exporter"], period] = 1e6 * float(row["imports_reported_musd"])
    return rows


def pilot(folder: Path) -> dict[tuple[str, str, str, str], float]:
    """Return the four offices' rows of the pilot files; a file holds all reporters' rows on one partner."""
    flows = {"Imports": "M", "Exports": "X"}
    rows = {}
    for path in sorted(folder.glob("*2022.csv")):
        with path.open(encoding="latin-1") as file:
            for row in csv.DictReader(file):
                reporter, partner = (COMTRADE.get(row[f"{side} Code"]) for side in ("Reporter", "Partner"))
                flow = flows.get(row["Trade Flow"])
                if reporter and partner and flow and reporter != partner and row["Commodity Code"] == "TOTAL":
                    rows[reporter, flow, partner, "2022-03"] = float(row["Trade Value (US$)"])
    return rows


def history(imf: Rows, *, before: str) -> str:
    """Return the public history as CSV: every pair and month before a year."""
    lines = ["exporter,importer,period,exports,imports"]
    for (reporter, flow, partner, period), exports in imf.items():
        if flow == "X" and period < before:
            lines.append(f"{reporter},{partner},{period},{exports},{imf[partner, 'M', reporter, period]}")
    return "\n".join(lines) + "\n"


def tables(case: Case) -> Iterator[str]:
    """Yield a case's verdicts beside those from exact figures, in Markdown."""
    over = [key for key, value in case.rows.items() if value > case.multiple * max(_earlier(case, key), FLOOR)]
    found = {(rho, t): cells for rho in RHOS for t, cells in released(case, rho)}
    yield f"\n### {case.name}\n"
    yield f"Rows above their declared bound: {len(over)} of {len(case.rows)}. Noise of one draw.\n"
    head = [f"{where}, t = {t}" for t in TOLERANCES for where in ("exact", *(f"rho {rho}" for rho in RHOS))]
    yield f"| flow | X, bn US$ | M, bn US$ | M / X | {' | '.join(head)} | unusual (rho 600) |"
    yield f"|---|---:|---:|---:|{'---|' * len(head)}---|"
    tally: Counter[tuple[str, str, str]] = Counter()
    for way in permutations(OFFICES, 2):
        x, m = (sum(_of(case, way, flow)) for flow in ("X", "M"))
        told = []
        for t in TOLERANCES:
            exact = exact_verdict(x, m, float(t))
            told.append(exact)
            for rho in RHOS:
                said = _said(found[rho, t].cells[way])
                told.append(said)
                tally[rho, t, _agrees(said, exact)] += 1
        usual = found["600", TOLERANCES[-1]].cells[way]
        unusual = (
            "–"
            if usual["is_unusual"] is None
            else f"{'yes' if usual['is_unusual'] else 'no'} (p {usual['unusual_p']:.2g})"
        )
        ratio = f"{m / x:.3f}" if x and m else "–"
        yield f"| {way[0]} to {way[1]} | {x / 1e9:.2f} | {m / 1e9:.2f} | {ratio} | {' | '.join(told)} | {unusual} |"
    yield ""
    for rho in RHOS:
        noise = sorted(cell["x_sd"] / abs(cell["x"]) for cell in found[rho, TOLERANCES[0]].cells.values())
        percent = volume_interval_percent(Fraction(rho))
        protection = f"no 95 % interval of a row at its bound narrower than ±{percent:.0f} %"
        if percent < 10:
            protection = f"no protection: a row at its bound is known to ±{percent:.1f} %"
        words = "; ".join(
            f"t = {t}: {tally[rho, t, 'right']} told as by exact figures, {tally[rho, t, 'wrong']} otherwise,"
            f" {tally[rho, t, 'open']} cannot tell"
            for t in TOLERANCES
        )
        yield f"- rho {rho} ({protection}; median noise of an estimate {100 * noise[len(noise) // 2]:.1f} %): {words}."
        yield f"  In {DRAWS} further draws of such noise, on average: {expected_counts(case, found, rho)}."
    yield from looks(case, found)


def expected_counts(case: Case, found: Mapping[tuple[str, str], Released], rho: str) -> str:
    """Return how many verdicts would agree with the exact ones on average, from the exact figures and stated noise."""
    told = []
    chance = np.random.default_rng(1)
    for t in TOLERANCES:
        cells, band = found[rho, t].cells, Band(tolerance=float(t), cif_fob=CIF_FOB)
        ways = tuple(cells)
        x, m = (np.array([sum(_of(case, way, flow)) for way in ways]) for flow in ("X", "M"))
        noise = {name: np.array([cells[way][name] for way in ways]) for name in ("x_sd", "m_sd", "bound_x", "bound_m")}
        exact = [exact_verdict(one, other, float(t)) for one, other in zip(x, m, strict=True)]
        tally: Counter[str] = Counter()
        for _ in range(DRAWS):
            drawn = {"x": chance.normal(x, noise["x_sd"]), "m": chance.normal(m, noise["m_sd"])}
            judged = judge_family(mirrors(**drawn, **noise), band, Adjustment.HOLM)
            tally.update(_agrees(_told(one), right) for one, right in zip(judged, exact, strict=True))
        right, wrong, unclear = (tally[kind] / DRAWS for kind in ("right", "wrong", "open"))
        told.append(f"t = {t}: {right:.2f} as by exact figures, {wrong:.2f} otherwise, {unclear:.2f} cannot tell")
    return "; ".join(told)


def looks(case: Case, found: Mapping[tuple[str, str], Released]) -> Iterator[str]:
    """Yield what the looks at the running year told, and when."""
    if len(case.months) < 2:
        return
    yield "\nThe year to date after every month: when a flow was first told to differ, and what the last look said.\n"
    head = [f"rho {rho}, t = {t}" for t in TOLERANCES for rho in RHOS]
    yield f"| flow | {' | '.join(f'exact, t = {t}' for t in TOLERANCES)} | {' | '.join(head)} |"
    yield f"|---|{'---|' * (len(head) + len(TOLERANCES))}"
    for way in permutations(OFFICES, 2):
        x, m = (sum(_of(case, way, flow)) for flow in ("X", "M"))
        told = [exact_verdict(x, m, float(t)) for t in TOLERANCES]
        for t in TOLERANCES:
            for rho in RHOS:
                own = found[rho, t].looks[way]
                first = next((look["period"] for look in own if look["verdict"] == "differs"), None)
                told.append(_said(own[-1]) + (f"; told to differ in {first}" if first else ""))
        yield f"| {way[0]} to {way[1]} | {' | '.join(told)} |"


def exact_verdict(x: float, m: float, tolerance: float) -> str:
    """Return what exact figures say: the ratio's place against the band, or that a side has no row."""
    if not (x and m):
        return "no row of " + ("X" if not x else "M")
    return _told(judge(x=x, x_sd=0.0, m=m, m_sd=0.0, band=Band(tolerance=tolerance, cif_fob=CIF_FOB)))


def _told(judged: object) -> str:
    higher = getattr(judged, "higher", None)
    return str(getattr(judged, "verdict", "")) + (f", {higher.upper()} higher" if higher else "")


def _said(cell: Mapping[str, object]) -> str:
    return str(cell["verdict"]) + (f", {str(cell['higher']).upper()} higher" if cell["higher"] else "")


def _agrees(said: str, exact: str) -> str:
    if said == "cannot tell":
        return "open"
    missing = {"no row of X": "differs, M higher", "no row of M": "differs, X higher"}
    return "right" if said == missing.get(exact, exact) else "wrong"


def _of(case: Case, way: tuple[str, str], flow: str) -> Iterator[float]:
    office, partner = way if flow == "X" else way[::-1]
    return (case.rows.get((office, flow, partner, month), 0.0) for month in case.months)


def _earlier(case: Case, key: tuple[str, str, str, str]) -> float:
    return next((v for k, v in case.earlier.items() if k[:3] == key[:3] and k[3][4:] == key[3][4:]), 0.0)


def released(case: Case, rho: str) -> Iterator[tuple[str, Released]]:
    """Yield, for each band, the comparison of the four offices' releases at a loss; run by the real commands."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for office in OFFICES:
            write_office(folder / office, office, case, rho)
            command("run", folder / office / "release.toml", "--out", folder / "published")
        (folder / "history.csv").write_text(case.history, encoding="utf-8")
        for t in TOLERANCES:
            (folder / "comparison.toml").write_text(comparison_toml(case, t), encoding="utf-8")
            document = json.loads(command("compare", folder / "comparison.toml", "--json"))
            cells = {(cell["exporter"], cell["importer"]): cell for cell in document["cells"]}
            by_way = {way: [look for look in document["looks"] if _way(look) == way] for way in cells}
            yield t, Released(cells=cells, looks=by_way)


def _way(look: Mapping[str, str]) -> tuple[str, str]:
    return look["exporter"], look["importer"]


def command(*arguments: object) -> str:
    """Return what a command of `mirrors` printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        app([str(argument) for argument in arguments], standalone_mode=False)
    return printed.getvalue()


if __name__ == "__main__":
    main()
