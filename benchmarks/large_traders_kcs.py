"""The two tiers on real-like customs lines: `python benchmarks/large_traders_kcs.py df_syn_train_eng.csv`.

The file is public (github.com/Seondong/Customs-Declaration-Datasets, data/df_syn_train_eng.csv, MIT licence): import
declarations of Korea in 2020, synthesised by the customs service. It holds one year, so its first half stands for the
earlier public figure here, under the name of 2019, and the third and fourth quarter are released. A real config with
such a prior would be refused. Importers' losses are told because the file is public.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from accuracy_world import OFFICE
from large_traders import Setting, estimates, excess_of, plan_of
from numpy.typing import NDArray

from release.confidential.clip import pre_noise
from release.confidential.leaves import amounts
from release.confidential.preparation import Preparation
from release.confidential.rows import scans
from release.confidential.sources import columns_of, hold
from release.config import load_release
from release.plan import ReleasePlan, make_plan
from release.postprocess import Z95
from release.priors import load_prior
from release.tables import Layout, Level, Measure, cells_of_leaves

FloatArray = NDArray[np.float64]
LEVELS = (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER)
FLOORS = {Level.TOTAL: 10**9, Level.PARTNER: 10**7, Level.CHAPTER: 10**7, Level.PARTNER_CHAPTER: 10**6}
LARGEST = 20

RELEASE = """
release = "2020-H2"
title = "Imports of the third and fourth quarter of 2020"
year = 2020
periods = ["2020-Q3", "2020-Q4"]
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
[prior]
table = "prior.csv"
publisher = "the first half of the same public file"
period = "2019"
published = "2020-07-01"
growth = "0.5"
[[measures]]
name = "value"
rho = "{rho}"
levels = [{levels}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A setting's floors, and the parts of the prior in the order of the levels, for both tiers."""

    name: str
    rho: str
    parts: Sequence[str]
    floors: int = 1
    ceiling: str | None = None

    @property
    def scales(self) -> Mapping[Level, tuple[str, str]]:
        """Each level's relative noise and floor."""
        return {level: (part, str(FLOORS[level] * self.floors)) for level, part in zip(LEVELS, self.parts, strict=True)}


WIDE = ("0.5", "0.2", "1", "3")
"""The best of five widths on partners, chosen by looking at the answer: an office couldn't."""
FINE = ("0.03", "0.04", "0.08", "0.2")
SETTINGS = (
    Asked(name="uniform tier alone, wide noise", rho="2", parts=WIDE, floors=10),
    Asked(name="uniform tier alone, fine noise", rho="2", parts=FINE, floors=10),
    Asked(name="both tiers, low floors", rho="2", parts=FINE, ceiling="10000000"),
    Asked(name="both tiers, floors ten times as high", rho="2", parts=FINE, floors=10, ceiling="10000000"),
    Asked(name="both, floors a hundred times as high", rho="2", parts=FINE, floors=100, ceiling="10000000"),
    Asked(name="both, high floors, ceiling 1,000", rho="2", parts=FINE, floors=100, ceiling="1000"),
)


def main() -> None:
    """Print the page's table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    asked = parser.parse_args()
    amounts = _amounts(asked.file, _plan(SETTINGS[0], asked.file))
    print(
        "| setting | median sd | median error | 90 % below | coverage | where no ceiling binds | largest P | 5th |"
        " 20th | 100th | above rho |"
    )
    print("|" + "---|" * 11)
    for setting in SETTINGS:
        plan = _plan(setting, asked.file)
        _tell(setting, plan, amounts, asked.draws)


def _tell(setting: Asked, plan: ReleasePlan, amounts: pl.DataFrame, draws: int) -> None:
    measure = plan.measures[0]
    losses, excess, cut = excess_of(amounts, measure, int(amounts["trader"].to_numpy().max()) + 1)
    uniform = pre_noise(amounts, measure)
    told = [estimates(plan, uniform, excess)[Level.PARTNER] for _ in range(draws)]
    truth = _truth(amounts, plan.layout)
    by_origin = truth.reshape(2, -1).sum(axis=0)
    largest = np.argsort(-by_origin)[:LARGEST]
    both = np.concatenate([largest, largest + len(by_origin)])
    own = both[truth[both] > 0]
    errors = np.array([abs(one.values[own] / truth[own] - 1) for one in told])
    covered = np.array([abs(one.values[own] - truth[own]) <= Z95 * one.sd[own] for one in told])
    free = ~cut[Level.PARTNER][own]
    ordered = np.sort(losses)[::-1]
    print(
        f"| {setting.name} | {100 * np.median(told[0].sd[own] / truth[own]):.1f} % | {100 * np.median(errors):.1f} % |"
        f" {100 * np.quantile(errors, 0.9):.1f} % | {100 * covered.mean():.1f} % |"
        f" {100 * covered[:, free].mean():.1f} % of {free.sum()} | {ordered[0]:,.0f} | {ordered[4]:,.0f} |"
        f" {ordered[19]:,.0f} | {ordered[99]:,.1f} | {int((losses > float(measure.rho) + 1e-9).sum())} |",
        flush=True,
    )


def _plan(setting: Asked, file: Path) -> ReleasePlan:
    levels = ", ".join(
        f'{{ level = "{level}", relative_noise = "{part}", floor = "{floor}" }}'
        for level, (part, floor) in setting.scales.items()
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "office.toml").write_text(OFFICE.replace("USD", "KRW"))
        (folder / "release.toml").write_text(RELEASE.format(rho=setting.rho, levels=levels))
        _first_half(file).write_csv(folder / "prior.csv")
        office, release = load_release(folder / "release.toml")
        plain = make_plan(office, release, load_prior(office, release, folder=folder, published=folder))
    tier = setting.scales if setting.ceiling is not None else None
    return plan_of(
        Setting(name=setting.name, rho=setting.rho, uniform=setting.scales, ceiling=setting.ceiling, tier=tier), plain
    )


def _first_half(file: Path) -> pl.DataFrame:
    """Return the first half's sums at every level, in the form of a prior table."""
    lines = (
        pl.read_csv(file, infer_schema=False)
        .filter(pl.col("Date") < "2020-07")
        .select(
            partner=pl.col("Country of Origin"),
            product=pl.col("HS6 Code").str.zfill(6).str.slice(0, 2),
            value=pl.col("Item Price").cast(pl.Float64),
        )
    )
    coarse = {"partner": pl.lit("W0"), "product": pl.lit("TOTAL")}
    cubes = {"total": coarse, "partner": {"product": coarse["product"]}, "chapter": {"partner": coarse["partner"]}}
    parts = [
        lines.with_columns(**wholes)
        .group_by("partner", "product")
        .agg(pl.col("value").sum())
        .with_columns(flow=pl.lit("M"), period=pl.lit("2019"), level=pl.lit(level), measure=pl.lit("value"))
        for level, wholes in {**cubes, "partner x chapter": {}}.items()
    ]
    return pl.concat(parts)


def _amounts(file: Path, plan: ReleasePlan) -> pl.DataFrame:
    """Return importers' leaf sums by the program's own preparation."""
    files = hold(file, "csv")
    source = plan.release.source
    sums = pl.concat(amounts(scans(files, source, columns_of(source)), plan, Preparation(plan)))
    for held in files:
        os.close(held.descriptor)
    return sums.select("trader", "leaf", pl.col(Measure.VALUE).alias("amount"))


def _truth(amounts: pl.DataFrame, layout: Layout) -> FloatArray:
    """Return the origins' exact sums, period by period; shape (cells,)."""
    origins = cells_of_leaves(layout, Level.PARTNER)
    return np.bincount(
        origins[amounts["leaf"].to_numpy()],
        amounts["amount"].cast(pl.Float64).to_numpy(),
        len(layout.periods) * len(layout.partners),
    )


if __name__ == "__main__":
    main()
