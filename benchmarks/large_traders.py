"""What the large-trader tier buys and costs on seeded heavy-tailed worlds: `make large-traders`.

20,000 traders, the top five of whom hold a fifth of trade; 30 partners, 97 chapters, two flows; the prior is off by
0.34 on cells above 100 million. The program's own config, plan, clip, noise and reconciliation run on them. Losses of
single traders are told here because the traders are invented. Noise can't be seeded: figures move in their last digit.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import polars as pl
from accuracy_world import ALL_LEVELS, Asked, by_level, leaves_of, planned
from heavy_world import Trades, heavy_world
from numpy.typing import NDArray

from release.confidential.clip import clip, pre_noise, summed
from release.confidential.excess import whitened_excess
from release.confidential.noise import noisy
from release.config.measures import LargeTraders, LevelScale
from release.estimates import Figures, reconciled
from release.measurement import Measurement
from release.plan import PlannedMeasure, ReleasePlan, make_plan
from release.postprocess import Z95, measured_figures
from release.privacy import GRID_BITS
from release.tables import Level, Measure

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Scales = Mapping[Level, tuple[str, str]]

TRADERS = 20_000
RANKS = (1, 2, 3, 4, 5, 20, 100)
"""Whose policy losses are told, by size."""

FLOORS = {Level.TOTAL: "1e9", Level.PARTNER: "1e8", Level.CHAPTER: "1e8", Level.PARTNER_CHAPTER: "2e7"}
PARTS = ((1e7, 1e8), (1e8, np.inf))
"""Bands of partner x chapter cells by their true figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A way to release: a uniform loss and scales, and those of the tier where there is one."""

    name: str
    rho: str
    uniform: Scales
    ceiling: str | None = None
    tier: Scales | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Got:
    """One world's outcome: relative errors and coverage by group of cells, and the policy losses of traders by size."""

    errors: Mapping[str, FloatArray]
    covered: Mapping[str, NDArray[np.bool_]]
    sds: Mapping[str, FloatArray]
    losses: FloatArray
    bound: int


def scales(parts: Sequence[str], *, floors: int = 1) -> Scales:
    """Return relative noise level by level with the usual floors, `floors` times as high."""
    return {level: (part, str(Fraction(FLOORS[level]) * floors)) for level, part in zip(ALL_LEVELS, parts, strict=True)}


ALONE = scales(("0.3", "0.3", "0.4", "0.6"))
PARTS_OF_PRIOR = ("0.03", "0.04", "0.08", "0.15")
FINE = scales(PARTS_OF_PRIOR)
TWO_PERCENT = scales(("0.01", "0.015", "0.08", "0.15"))
SETTINGS = (
    Setting(name="uniform tier alone", rho="0.5", uniform=ALONE),
    Setting(name="both tiers", rho="0.5", uniform=FINE, ceiling="10000000", tier=FINE),
    Setting(
        name="both, floors ten times as high",
        rho="0.5",
        uniform=FINE,
        ceiling="10000000",
        tier=scales(PARTS_OF_PRIOR, floors=10),
    ),
    Setting(name="both, ceiling 300", rho="0.5", uniform=FINE, ceiling="300", tier=FINE),
    Setting(name="both, sd 2 % on partners", rho="0.5", uniform=TWO_PERCENT, ceiling="10000000", tier=TWO_PERCENT),
)


def plan_of(setting: Setting, plain: ReleasePlan) -> ReleasePlan:
    """Return the setting's plan in a world whose plan without the tier is `plain`."""
    if setting.ceiling is None or setting.tier is None:
        return plain
    tier = LargeTraders(
        ceiling=setting.ceiling,  # type: ignore[arg-type]
        levels=tuple(
            LevelScale(level=level, relative_noise=part, floor=floor)  # type: ignore[arg-type]
            for level, (part, floor) in setting.tier.items()
        ),
    )
    release = replace(plain.release, measures=(replace(plain.release.measures[0], large_traders=tier),))
    return make_plan(plain.office, release, plain.prior)


def amounts_of(trades: Trades, measure: PlannedMeasure) -> pl.DataFrame:
    """Return the records in the form that the clip takes."""
    return pl.DataFrame(
        {
            "trader": pl.Series(trades.traders, dtype=pl.UInt32),
            "leaf": pl.Series(leaves_of(trades), dtype=pl.UInt32),
            "amount": pl.Series(np.round(trades.amounts).astype(np.int64) * measure.minor_units, dtype=pl.Int128),
        }
    )


def outcome(setting: Setting, seed: int, draws: int) -> Got:
    """Return what a setting gives in one world."""
    years = heavy_world(traders=TRADERS, seed=seed)
    plan = plan_of(setting, planned(years, Asked(rho=setting.rho, scales=setting.uniform, assumption="")))
    measure = plan.measures[0]
    amounts = amounts_of(years.now, measure)
    uniform = pre_noise(amounts, measure)
    losses, excess, cut = excess_of(amounts, measure, TRADERS)
    truth = by_level(plan.layout, years.now)
    groups = _groups(truth)
    told = [estimates(plan, uniform, excess) for _ in range(draws)]
    return Got(
        errors={
            name: np.concatenate([abs(one[level].values[own] / truth[level][own] - 1) for one in told])
            for name, (level, own) in groups.items()
        },
        covered={
            name: np.concatenate([_covers(one[level], truth[level])[own & ~cut[level]] for one in told])
            for name, (level, own) in groups.items()
        },
        sds={name: told[0][level].sd[own] / truth[level][own] for name, (level, own) in groups.items()},
        losses=losses,
        bound=int((losses >= float(Fraction(setting.ceiling or "1e18")) * (1 - 1e-9)).sum()),
    )


def excess_of(
    amounts: pl.DataFrame, measure: PlannedMeasure, traders: int
) -> tuple[FloatArray, IntArray | None, dict[Level, NDArray[np.bool_]]]:
    """Return traders' policy losses by size, the excess before noise, and which cells a ceiling cut."""
    cells = {level.level: np.zeros(level.cells, dtype=np.bool_) for level in measure.levels}
    tier = measure.excess
    if tier is None:
        return np.full(traders, float(measure.rho)), None, cells
    whitened = whitened_excess(amounts, measure, tier)
    wide = pl.col("a").cast(pl.Float64)
    squares = whitened.group_by("trader").agg((wide * wide).sum().alias("square"))
    losses = np.full(traders, float(measure.rho))
    losses[squares["trader"].to_numpy()] += np.minimum(
        squares["square"].to_numpy() / (2 * 4.0**GRID_BITS), float(tier.rho)
    )
    over = squares.filter(pl.col("square") > float(tier.bound) ** 2)["trader"]
    offset = 0
    touched = whitened.filter(pl.col("trader").is_in(over.implode()))["cell"].to_numpy()
    for level in measure.levels:
        cells[level.level][touched[(touched >= offset) & (touched < offset + level.cells)] - offset] = True
        offset += level.cells
    return losses, summed(clip(whitened, tier.bound), tier.cells), cells


def estimates(plan: ReleasePlan, uniform: IntArray, excess: IntArray | None) -> dict[Level, Figures]:
    """Return reconciled estimates after noise of each tier's own."""
    measure = plan.measures[0]
    tier = measure.excess
    measurement = Measurement(
        plan_digest=plan.digest,
        charge_hash="",
        noisy=_noisy(measure, uniform),
        weights={(Measure.VALUE, level.level): level.weights for level in measure.levels},
        excess={} if tier is None or excess is None else _noisy(tier, excess),
        excess_weights={} if tier is None else {(Measure.VALUE, level.level): level.weights for level in tier.levels},
    )
    return reconciled(plan.layout, measured_figures(measure, measurement))


def _noisy(measure: PlannedMeasure, integers: IntArray) -> dict[tuple[Measure, Level], IntArray]:
    ends = np.cumsum([level.cells for level in measure.levels])[:-1]
    drawn = np.split(noisy(integers, measure, release="benchmark", charged=measure.rho), ends)
    return {(Measure.VALUE, level.level): part for level, part in zip(measure.levels, drawn, strict=True)}


def _covers(figures: Figures, truth: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(abs(figures.values - truth) <= Z95 * figures.sd)


def _groups(truth: Mapping[Level, FloatArray]) -> dict[str, tuple[Level, NDArray[np.bool_]]]:
    leaves = truth[Level.PARTNER_CHAPTER]
    groups = {
        "partners": (Level.PARTNER, truth[Level.PARTNER] > 0),
        "chapters": (Level.CHAPTER, truth[Level.CHAPTER] > 0),
    }
    names = ("partner x chapter, 10 to 100 m", "partner x chapter, above 100 m")
    for name, (low, high) in zip(names, PARTS, strict=True):
        groups[name] = (Level.PARTNER_CHAPTER, (leaves >= low) & (leaves < high))
    return groups


def main() -> None:
    """Print what each setting gives over all worlds, in the form of the page's tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5)
    asked = parser.parse_args()
    print("| setting | cells | median sd | median error | 90 % below | coverage |\n|---|---|---|---|---|---|")
    losses: dict[str, FloatArray] = {}
    bound: dict[str, float] = {}
    for setting in SETTINGS:
        got = [outcome(setting, seed, asked.draws) for seed in range(1, asked.worlds + 1)]
        for name in got[0].errors:
            errors, covered, sds = (
                np.concatenate([getattr(one, of)[name] for one in got]) for of in ("errors", "covered", "sds")
            )
            print(
                f"| {setting.name} | {name} | {100 * np.median(sds):.1f} % | {100 * np.median(errors):.1f} % |"
                f" {100 * np.quantile(errors, 0.9):.1f} % | {100 * covered.mean():.1f} % |",
                flush=True,
            )
        losses[setting.name] = np.median([one.losses for one in got], axis=0)
        bound[setting.name] = float(np.median([one.bound for one in got]))
        losses[f"{setting.name}, largest"] = np.array([max(one.losses.max() for one in got)])
    print(
        f"\n| setting | {' | '.join(f'P of the {rank}.' for rank in RANKS)} | largest P | that fit | at the ceiling |"
    )
    print("|---|" + "---|" * (len(RANKS) + 3))
    for setting in SETTINGS:
        own = losses[setting.name]
        fitting = f"{100 * (own <= float(Fraction(setting.rho)) + 1e-9).mean():.1f} %" if setting.tier else "–"
        told = " | ".join(_loss(own[rank - 1]) for rank in RANKS)
        largest = _loss(losses[f"{setting.name}, largest"][0])
        print(f"| {setting.name} | {told} | {largest} | {fitting} | {bound[setting.name]:.0f} |")


def _loss(rho: float) -> str:
    return f"{rho:,.3g}" if rho < 1000 else f"{rho:,.0f}"


if __name__ == "__main__":
    main()
