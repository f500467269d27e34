"""An office for `benchmarks/accuracy.py`: the world's records and prior as a real config, plan, clip and noise."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from heavy_world import CHAPTERS, FLOWS, PARTNERS, Trades, Years
from numpy.typing import NDArray

from release.codelists import area_codes, chapter_codes
from release.confidential import clip
from release.confidential.noise import noisy
from release.config import load_release
from release.estimates import Figures, reconciled
from release.measurement import Measurement
from release.plan import PlannedMeasure, ReleasePlan, make_plan
from release.planner import Proposal
from release.postprocess import measured_figures
from release.priors import load_prior
from release.tables import Layout, Level, Measure, cells, cells_of_leaves

FloatArray = NDArray[np.float64]
ALL_LEVELS = (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER)
TWO_LEVELS = (Level.TOTAL, Level.PARTNER)

OFFICE = """
code = "AAA"
name = "Benchmark"
area = "AX"
[unit]
kind = "trader-year"
formed_by = "the trader's number"
[account]
limit = "1000"
delta = "1e-8"
[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"
[metadata]
trade_system = "general"
re_exports = "included"
thresholds = "none"
currency = "USD"
usd_per_unit = "1"
rate_source = "US dollars"
confidentiality = "none applied before noise"
hs_edition = "HS 2022"
territory = "none"
date_basis = "clearance"
vintage = "first"
[metadata.valuation]
M = "CIF"
X = "FOB"
[metadata.partner]
M = "origin"
X = "last known destination"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a release of the world asks: its loss, its levels and their scales, and what it assumes."""

    rho: str
    scales: Mapping[Level, tuple[str, str]]
    assumption: str


def first_scales(levels: tuple[Level, ...]) -> dict[Level, tuple[str, str]]:
    """Return scales to start the planner from."""
    return dict.fromkeys(levels, ("0.3", "1e8"))


def proposed_scales(proposal: Proposal) -> dict[Level, tuple[str, str]]:
    """Return the planner's proposal as a config writes it."""
    return {scale.level: (str(scale.relative_noise), str(scale.floor)) for scale in proposal.scales}


def planned(years: Years, asked: Asked) -> ReleasePlan:
    """Return the plan of a release of the world, through real config files and a real prior table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "office.toml").write_text(OFFICE)
        (folder / "release.toml").write_text(_release(asked))
        office, release = load_release(folder / "release.toml")
        layout = make_plan(office, release).layout
        _write_prior(folder / "prior.csv", by_level(layout, years.before), layout)
        prior = load_prior(office, release, folder=folder, published=folder)
        return make_plan(office, release, prior)


def by_level(layout: Layout, trades: Trades) -> dict[Level, FloatArray]:
    """Return the exact figures of each level, cells in published order."""
    leaves = np.zeros((FLOWS, PARTNERS + 1, CHAPTERS + 1))
    leaves[:, :PARTNERS, :CHAPTERS] = trades.by_cell()
    return {level: np.bincount(cells_of_leaves(layout, level), leaves.ravel()) for level in ALL_LEVELS}


def leaves_of(trades: Trades) -> NDArray[np.int64]:
    """Return each entry's leaf in the release's order, which has residual categories."""
    route, chapter = np.divmod(trades.cells, CHAPTERS)
    flow, partner = np.divmod(route, PARTNERS)
    return np.asarray((flow * (PARTNERS + 1) + partner) * (CHAPTERS + 1) + chapter)


def clipped_integers(trades: Trades, measure: PlannedMeasure) -> NDArray[np.int64]:
    """Return the real clip's integers before noise, levels stacked; shape (cells,)."""
    amounts = pl.DataFrame(
        {
            "trader": pl.Series(trades.traders, dtype=pl.UInt32),
            "leaf": pl.Series(leaves_of(trades), dtype=pl.UInt32),
            "amount": pl.Series(np.round(trades.amounts).astype(np.int64) * measure.minor_units),
        }
    ).with_columns(pl.col("amount").cast(pl.Int128))
    return clip.pre_noise(amounts, measure)


def clipped_figures(integers: NDArray[np.int64], measure: PlannedMeasure) -> dict[Level, FloatArray]:
    """Return the clipped expectation of each level's cells, in the measure's unit."""
    parts = _split(integers, measure)
    return {level.level: parts[level.level] / level.weights / measure.minor_units for level in measure.levels}


def draw(integers: NDArray[np.int64], plan: ReleasePlan) -> dict[Level, Figures]:
    """Return estimates after the program's own noise and reconciliation."""
    measure = plan.measures[0]
    parts = _split(noisy(integers, measure, release="benchmark", charged=measure.rho), measure)
    measurement = Measurement(
        plan_digest=plan.digest,
        charge_hash="",
        noisy={(Measure.VALUE, level): part for level, part in parts.items()},
        weights={(Measure.VALUE, level.level): level.weights for level in measure.levels},
    )
    return reconciled(plan.layout, measured_figures(measure, measurement))


def _split(integers: NDArray[np.int64], measure: PlannedMeasure) -> dict[Level, NDArray[np.int64]]:
    ends = np.cumsum([level.cells for level in measure.levels])[:-1]
    return {level.level: part for level, part in zip(measure.levels, np.split(integers, ends), strict=True)}


def _release(asked: Asked) -> str:
    partners = [code for code in area_codes() if code != "AX"][:PARTNERS]
    levels = ",\n".join(
        f'{{ level = "{level}", relative_noise = "{part}", floor = "{floor}" }}'
        for level, (part, floor) in asked.scales.items()
    )
    return f"""
release = "2024"
title = "Benchmark"
year = 2024
periods = ["2024"]
flows = ["M", "X"]
[source]
name = "declarations"
layout = "csv"
value_decimals = 0
[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
[keys]
partners = {list(partners)}
chapters = {list(chapter_codes()[:CHAPTERS])}
[prior]
table = "prior.csv"
publisher = "Benchmark"
period = "2023"
published = "2024-01-31"
[assumption]
{asked.assumption}
[[measures]]
name = "value"
rho = "{asked.rho}"
levels = [{levels}]
"""


def _write_prior(file: Path, figures: Mapping[Level, FloatArray], layout: Layout) -> None:
    tables = [
        pl.DataFrame(
            [
                (str(cell.flow), "2023", cell.partner, cell.product, str(level), "value")
                for cell in cells(layout, level)
            ],
            schema=["flow", "period", "partner", "product", "level", "measure"],
            orient="row",
        ).with_columns(value=pl.Series(values))
        for level, values in figures.items()
    ]
    pl.concat(tables).write_csv(file)
