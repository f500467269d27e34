"""Releases and rows on which the clip is tried, and edited copies of the clip that must be caught.

    plan = planned(rho="1/2", periods=MONTHS)
    vectors = contributions(write_rows(tmp_path / "rows", rows), plan)      # the real way from rows to integers

A mutant is a copy of a module's source with one edit, loaded beside the real module under a name of its own.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential import clip, leaves, preparation
from release.confidential.engine import exact_vectors
from release.confidential.rows import scans
from release.confidential.sources import HeldFile, columns_of, hold
from release.config.measures import LargeTraders, LevelScale, MeasurePlan
from release.config.office import (
    AccountTerms,
    Attributions,
    LedgerPlace,
    MetadataSheet,
    Office,
    Unit,
    Valuations,
)
from release.config.release import KeySets, Release
from release.config.source import Columns, Source
from release.plan import PlannedMeasure, PriorFigures, ReleasePlan, make_plan
from release.tables import Flow, Level, Measure, Tier

MONTHS = tuple(f"2024-{month:02}" for month in range(1, 13))
FLOWS = (Flow.IMPORTS, Flow.EXPORTS)
AGAIN = {"M": "RM", "X": "RX"}
ALL_FLOWS = tuple(Flow)
"""With re-imports and re-exports, which stand in imports and exports as well."""
LEVELS = {"total": "4000", "partner": "2500", "chapter": "2000", "partner x chapter": "1000"}
ALL_LEVELS = LEVELS | {"section": "3000", "partner x section": "1500"}
BELOW_CELLS = {"partner x heading": "700", "partner x subheading": "1100"}
BELOW_CHAPTERS = {"heading": "900", "subheading": "600"}
COUNTED = {"total": "41", "partner": "1.3", "section": "0.7", "partner x chapter": "0.3"}
HEADS = {"total": "410", "partner": "31", "section": "17", "partner x chapter": "15"}
"""Noise sd of each level in the measure's unit; no weight is a whole number, so that every whitening rounds."""

AT_THE_END = "\n# the end of an edited copy\n"

FIELDS = ("trader", "date", "flow", "partner", "commodity", "value", "mass", "declaration")
Row = tuple[str | None, ...]

OFFICE = Office(
    code="AAA",
    name="Office of the tests",
    area="AX",
    unit=Unit(kind="trader-year", formed_by="the trader's number"),
    account=AccountTerms(limit="1000", delta="1e-8"),  # type: ignore[arg-type]
    ledger=LedgerPlace(url="sqlite:///state/ledger.sqlite"),
    metadata=MetadataSheet(
        trade_system="general",
        valuation=Valuations(),
        partner=Attributions(),
        re_exports="included",
        thresholds="none",
        currency="EUR",
        usd_per_unit="1.1",  # type: ignore[arg-type]
        rate_source="stated for tests",
        confidentiality="none",
        hs_edition="HS 2022",
        territory="all",
        date_basis="clearance",
        vintage="first",
    ),
)


def planned(
    *,
    rho: str = "1/2",
    levels: Mapping[str, str] = LEVELS,
    flows: Sequence[Flow] = (Flow.IMPORTS,),
    periods: Sequence[str] = ("2024",),
    partners: Sequence[str] = ("DE", "FR"),
    chapters: Sequence[str] = ("01", "27"),
    headings: Sequence[str] = (),
    subheadings: Sequence[str] = (),
    measures: Sequence[Measure] = (Measure.VALUE,),
    duplicates: str = "keep",
    layout: str = "parquet",
    decimals: int = 2,
    shape: PriorFigures | None = None,
    ceiling: str | None = None,
) -> ReleasePlan:
    """Return a plan in which every measure has the same rho and the same levels.

    With `shape`, a level's text is its relative noise, and its floor is 1. With `ceiling`, there is a tier for large
    traders, whose scales are those of the levels in reversed order.
    """
    scales = tuple(_scale(name, sd, shape) for name, sd in levels.items())
    turned = tuple(_scale(name, sd, shape) for name, sd in zip(levels, [*levels.values()][::-1], strict=True))
    tier = None if ceiling is None else LargeTraders(ceiling=ceiling, levels=turned)  # type: ignore[arg-type]
    release = Release(
        release="tried",
        title="A release of the tests",
        year=2024,
        periods=tuple(periods),
        flows=tuple(flows),
        source=Source(
            name="rows",
            layout=layout,  # type: ignore[arg-type]
            columns=Columns(net_mass="mass", **{name: name for name in FIELDS if name != "mass"}),
            duplicates=duplicates,  # type: ignore[arg-type]
            value_decimals=decimals,
        ),
        keys=KeySets(
            partners=tuple(partners),
            chapters=tuple(chapters),
            headings=tuple(headings),
            subheadings=tuple(subheadings),
        ),
        measures=tuple(
            MeasurePlan(name=measure, rho=rho, levels=scales, large_traders=tier)  # type: ignore[arg-type]
            for measure in measures
        ),
    )
    return make_plan(OFFICE, release, shape)


def uneven_prior(plan: ReleasePlan, seed: int) -> PriorFigures:
    """Return a prior whose cells differ by many orders of magnitude, some being 0."""
    chance = np.random.default_rng(seed)
    figures = {
        (measure.measure, level.level): np.exp(chance.normal(10, 4, level.cells)) * (chance.random(level.cells) < 0.8)
        for measure in plan.measures
        for level in measure.levels
    }
    return PriorFigures(
        publisher="the tests",
        period="2023",
        published="2024-01-31",
        digest="0" * 64,
        growth=Fraction(1),
        same_account=False,
        figures=figures,
    )


def _scale(level: str, amount: str, shape: PriorFigures | None) -> LevelScale:
    if shape is None:
        return LevelScale(level=Level(level), noise_sd=amount)  # type: ignore[arg-type]
    return LevelScale(level=Level(level), relative_noise=amount, floor="1")  # type: ignore[arg-type]


def row(
    trader: str | None,
    *,
    block: int,
    leaf: tuple[str, str],
    value: str | None,
    mass: str | None = "1",
    declaration: str = "D",
) -> Row:
    """Return a line in the block's month and flow (months within flows), with a partner and a commodity."""
    flow, month = divmod(block, len(MONTHS))
    return (trader, f"2024-{month + 1:02}-15", str(FLOWS[flow]), *leaf, value, mass, declaration)


def write_rows(place: Path, chunks: Sequence[Sequence[Row]], *, layout: str = "parquet") -> Path:
    """Write each chunk of rows as one file of text columns in the folder `place`, and return the folder."""
    place.mkdir(parents=True)
    for number, rows in enumerate(chunks):
        frame = pl.DataFrame(list(rows), schema=dict.fromkeys(FIELDS, pl.String), orient="row")
        if layout == "parquet":
            frame.write_parquet(place / f"{number}.parquet")
        else:
            frame.write_csv(place / f"{number}.csv", null_value="")
    return place


def contributions(
    place: Path,
    plan: ReleasePlan,
    *,
    preparing: ModuleType = preparation,
    summing: ModuleType = leaves,
    clipping: ModuleType = clip,
) -> NDArray[np.int64]:
    """Return the pre-noise integers of everything drawn, stacked, by the real code or by edited copies of its modules.

    Edited copies give the uniform tier alone.
    """
    if (preparing, summing, clipping) == (preparation, leaves, clip):
        with _held(place, plan) as files:
            vectors = exact_vectors(files, plan)
        return np.concatenate([vectors[tier, each.measure] for each in plan.measures for tier in tiers_of(each)])
    sums = prepared(place, plan, preparing, summing)
    chosen = [sums.select("trader", "leaf", pl.col(each.measure).alias("amount")) for each in plan.measures]
    return np.concatenate(list(map(clipping.pre_noise, chosen, plan.measures)))


def tiers_of(measure: PlannedMeasure) -> tuple[Tier, ...]:
    """Return the tiers in which a measure is drawn."""
    return (Tier.UNIFORM,) if measure.excess is None else (Tier.UNIFORM, Tier.LARGE_TRADER)


def everything_drawn(plan: ReleasePlan) -> tuple[PlannedMeasure, ...]:
    """Return the measures of both tiers in the order in which `contributions` stacks them."""
    return tuple(each for measure in plan.measures for each in (measure, measure.excess) if each is not None)


def prepared(
    place: Path, plan: ReleasePlan, preparing: ModuleType = preparation, summing: ModuleType = leaves
) -> pl.DataFrame:
    """Return each trader's leaf sums of every measure, by the real preparation or edited copies of two modules."""
    with _held(place, plan) as files:
        frames = scans(files, plan.release.source, columns_of(plan.release.source))
        sums: pl.DataFrame = pl.concat(summing.amounts(frames, plan, preparing.Preparation(plan)))
    return sums


@contextmanager
def _held(place: Path, plan: ReleasePlan) -> Iterator[tuple[HeldFile, ...]]:
    files = hold(place, plan.release.source.layout)
    try:
        yield files
    finally:
        for file in files:
            os.close(file.descriptor)


def leaf_sums(traders: Sequence[Mapping[int, int]]) -> pl.DataFrame:
    """Return traders' leaf sums in the form that the clip takes: a row for each (trader, leaf)."""
    rows = [(number, leaf, amount) for number, leaves in enumerate(traders) for leaf, amount in leaves.items()]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = {"trader": pl.UInt32, "leaf": pl.UInt32, "amount": pl.Int128}
    return pl.DataFrame(
        [pl.Series(name, column, dtype=types[name]) for name, column in zip(types, columns, strict=True)]
    )


def integers(traders: Sequence[Mapping[int, int]], measure: PlannedMeasure) -> list[list[int]]:
    """Return each trader's own clipped integers, by the real clip; shape (traders, cells)."""
    vectors = [[0] * measure.cells for _ in traders]
    clipped = clip.clip(clip.whitened(clip.capped(leaf_sums(traders), measure), measure), measure.bound)
    for trader, cell, steps in clipped.iter_rows():
        vectors[trader][cell] = steps
    return vectors


def edited(module: ModuleType, *, place: Path, name: str, edits: Mapping[str, str]) -> ModuleType:
    """Return a copy of a module with pieces of its source replaced; each piece must stand in it exactly once.

    What replaces the piece `AT_THE_END` is put there, where it may define a function anew.
    """
    source = Path(str(module.__file__)).read_text(encoding="utf-8") + AT_THE_END
    for piece, replacement in edits.items():
        if source.count(piece) != 1:
            raise LookupError(piece)
        source = source.replace(piece, replacement)
    file = place / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    copy = importlib.util.module_from_spec(spec)
    sys.modules[name] = copy  # dataclasses look their module up
    spec.loader.exec_module(copy)
    return copy
