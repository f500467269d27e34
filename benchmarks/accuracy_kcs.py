"""Real input: a public file of Korean import declarations, flat scales against a prior from a first small release.

    python benchmarks/accuracy_kcs.py df_syn_train_eng.csv

Nothing is tuned but the flat scales, which are the best of a grid in hindsight, in their favour. The prior way spends
rho 1/4 on a first release with flat scales, and the rest on a second one whose scales the planner proposes from the
first one's noisy figures. Errors and coverage are those of the 20 largest origins, over several draws of the noise.
"""

import argparse
import os
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential import clip
from release.confidential.leaves import amounts
from release.confidential.noise import noisy
from release.confidential.preparation import Preparation
from release.confidential.rows import scans
from release.confidential.sources import columns_of, hold
from release.config import load_release
from release.estimates import Figures, reconciled
from release.measurement import Measurement
from release.plan import Figures as PriorValues
from release.plan import PriorFigures, ReleasePlan, make_plan
from release.planner import suggest
from release.postprocess import measured_figures
from release.tables import Level, Measure

FloatArray = NDArray[np.float64]
Scales = dict[Level, tuple[str, str]]
OFFICE = Path(__file__).parent.parent / "configs" / "kcs" / "office.toml"
LEVELS = (Level.TOTAL, Level.PARTNER)
TOP = 20
FIRST, SECOND = "1/4", "7/4"
FLAT = ("1e8", "2e8", "3e8", "5e8", "8e8")


def planned(rho: str, levels: str, prior: PriorValues | None = None) -> ReleasePlan:
    """Return the plan of a release of the file's imports of 2020 by origin."""
    named = '[prior]\nbundle = "KOR/first"\npublisher = "KOR"\nperiod = "2020"\npublished = "2021-01-31"\n'
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "office.toml").write_text(OFFICE.read_text())
        (folder / "release.toml").write_text(_release(rho, levels, named if prior is not None else ""))
        office, release = load_release(folder / "release.toml")
    if prior is None:
        return make_plan(office, release)
    figures = PriorFigures(
        publisher="KOR",
        period="2020",
        published="2021-01-31",
        digest="0" * 64,
        growth=Fraction(1),
        same_account=True,
        figures=prior,
    )
    return make_plan(office, release, figures)


def _release(rho: str, levels: str, prior: str) -> str:
    return f"""
release = "2020"
title = "Imports by origin"
year = 2020
periods = ["2020"]
flows = ["M"]
[source]
name = "import-declarations"
layout = "csv"
value_decimals = 0
quotes = "none"
[source.columns]
trader = "Importer ID"
date = "Date"
flow = {{ constant = "M" }}
partner = "Country of Origin"
commodity = "HS6 Code"
value = "Item Price"
declaration = "Declaration ID"
{prior}
[assumption]
traders = 10000
top = 5
top_share = "0.2"
partners = "2"
chapters = "1"
[[measures]]
name = "value"
rho = "{rho}"
levels = [{levels}]
"""


def flat(size: str) -> str:
    """Return levels with one scale each: partners' own, and the total's three times that."""
    total = str(3 * Fraction(size))
    return f'{{ level = "total", noise_sd = "{total}" }}, {{ level = "partner", noise_sd = "{size}" }}'


def shaped(scales: Scales) -> str:
    """Return levels shaped by the prior."""
    return ", ".join(
        f'{{ level = "{level}", relative_noise = "{part}", floor = "{floor}" }}'
        for level, (part, floor) in scales.items()
    )


def leaf_sums(file: Path, plan: ReleasePlan) -> pl.DataFrame:
    """Return traders' leaf sums of the file, by the program's own preparation."""
    files = hold(file, "csv")
    try:
        frames = scans(files, plan.release.source, columns_of(plan.release.source))
        sums = pl.concat(amounts(frames, plan, Preparation(plan)))
    finally:
        for held in files:
            os.close(held.descriptor)
    return sums.select("trader", "leaf", pl.col(Measure.VALUE).alias("amount"))


def released(sums: pl.DataFrame, plan: ReleasePlan) -> dict[Level, Figures]:
    """Return estimates of one noisy release."""
    measure = plan.measures[0]
    parts = np.split(
        noisy(clip.pre_noise(sums, measure), measure, release="kcs", charged=measure.rho), [measure.levels[0].cells]
    )
    measurement = Measurement(
        plan_digest="",
        charge_hash="",
        noisy={(Measure.VALUE, level): part for level, part in zip(LEVELS, parts, strict=True)},
        weights={(Measure.VALUE, level.level): level.weights for level in measure.levels},
    )
    return reconciled(plan.layout, measured_figures(measure, measurement))


def second(sums: pl.DataFrame, size: str) -> dict[Level, Figures]:
    """Return estimates of a release shaped by a first small one with the flat scale `size`."""
    first = released(sums, planned(FIRST, flat(size)))
    prior = {(Measure.VALUE, level): np.maximum(found.values, 0.0) for level, found in first.items()}
    start = planned(SECOND, shaped(dict.fromkeys(LEVELS, ("0.2", size))), prior)
    (proposal,) = suggest(start)
    scales = {scale.level: (str(scale.relative_noise), str(scale.floor)) for scale in proposal.scales}
    return released(sums, planned(SECOND, shaped(scales), prior))


def told(truth: FloatArray, found: list[dict[Level, Figures]]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, for each origin, median error, median signed error, and coverage of the 95 % interval over draws."""
    values = np.array([figures[Level.PARTNER].values for figures in found])
    sds = np.array([figures[Level.PARTNER].sd for figures in found])
    with np.errstate(divide="ignore", invalid="ignore"):
        off = values / truth - 1
    inside = np.abs(values - truth) <= 1.959964 * sds
    return np.median(np.abs(off), axis=0), np.median(off, axis=0), inside.mean(axis=0)


def main() -> None:
    """Print errors and coverage by origin, before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    plan = planned("2", flat(FLAT[0]))
    sums = leaf_sums(asked.file, plan)
    level = plan.measures[0].levels[1]
    leaves = sums["leaf"].to_numpy()
    truth = np.bincount(level.own_cells[leaves], sums["amount"].cast(pl.Float64).to_numpy(), level.cells)
    top = np.argsort(-truth)[:TOP]
    by_scale = {}
    for size in FLAT:
        draws = [released(sums, planned("2", flat(size))) for _ in range(asked.draws)]
        by_scale[size] = told(truth, draws)
        print(f"flat {size}: median error of the top {TOP} {np.median(by_scale[size][0][top]):.3f}")
    best = min(by_scale, key=lambda size: float(np.median(by_scale[size][0][top])))
    before, after = by_scale[best], told(truth, [second(sums, best) for _ in range(asked.draws)])
    print(f"\nflat scale {best} at rho 2, against a first release at rho {FIRST} and a second at rho {SECOND}\n")
    print("| origin | error, flat | signed | coverage | error, prior | signed | coverage |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for place in top:
        cells = (*(row[place] for row in before), *(row[place] for row in after))
        print(f"| {plan.layout.partners[place]} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    middle = [float(np.median(row[top])) for row in (before[0], before[1], after[0], after[1])]
    covered = [float(row[2][top].mean()) for row in (before, after)]
    print(f"\nmedian error {middle[0]:.3f} -> {middle[2]:.3f}; signed {middle[1]:.3f} -> {middle[3]:.3f};"
          f" coverage {covered[0]:.3f} -> {covered[1]:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
