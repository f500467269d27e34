"""One office's published figures of one flow with one partner, in US dollars, with what their sheets say of them.

Rates come from a public table where one is given, else from each bundle's own sheet. A period that an office doesn't
publish is the sum of those of its periods that make it up. A `Figures` frame has a row for each cell: `period`,
`level`, `product`; `estimate`, `sd`, `exposure`, `measured`, `measured_sd` in US dollars; `valuation`, `attribution`,
`condition`.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from release.bundle.verification import Bundle
from release.config.fields import months_of, year_of
from release.errors import BundleRefusedError
from release.privacy import parse_amount

LEVELS = ("partner", "partner x section", "partner x chapter", "partner x heading", "partner x subheading")
"""The levels of which a cell names one partner, coarse to fine."""

CELL = ("period", "level", "product")
MONEY = ("estimate", "sd", "exposure", "measured", "measured_sd")
SAID = ("valuation", "attribution", "condition")

Rates = Mapping[tuple[str, str], float]
"""US dollars for one unit, by currency (ISO 4217) and period."""

_SCHEMA = {
    **dict.fromkeys(CELL, pl.String),
    **dict.fromkeys(MONEY, pl.Float64),
    **dict.fromkeys(SAID, pl.String),
}


def refuse_odd_sheets(bundles: Iterable[Bundle]) -> None:
    """Refuse bundles whose metadata sheet lacks what a mirror needs, or says it otherwise than in words.

    Raises:
        BundleRefusedError: for the first such bundle, with all that its sheet lacks.
    """
    for bundle in bundles:
        sheet = bundle.metadata
        by_flow = [f"{key}.{flow}" for key in ("valuation", "partner") for flow in ("M", "X", "RX")]
        lacking = [name for name in (*_NEEDED, *by_flow) if not isinstance(_said(sheet, name), str)]
        if lacking:
            raise BundleRefusedError(bundle.place, [f"its metadata sheet lacks {', '.join(lacking)}"])


_NEEDED = ("trade_system", "currency", "usd_per_unit", "hs_edition", "date_basis")


def _said(sheet: Mapping[str, Any], name: str) -> object:
    key, _, flow = name.partition(".")
    said = sheet.get(key)
    return said.get(flow) if flow and isinstance(said, dict) else said


def figures_of(bundles: Iterable[Bundle], flow: str, partner: str, rates: Rates) -> pl.DataFrame:
    """Return the `Figures` of a flow with a partner.

    Where several releases hold the same cell on the same attribution, the last one in order of their names counts.
    """
    parts = [pl.DataFrame(schema=_SCHEMA)]
    parts += [_of_bundle(bundle, flow, partner, rates) for bundle in bundles]
    return pl.concat(parts).unique((*CELL, "attribution"), keep="last", maintain_order=True)


def _of_bundle(bundle: Bundle, flow: str, partner: str, rates: Rates) -> pl.DataFrame:
    sheet = bundle.metadata
    rows = bundle.observations.filter(
        (pl.col("measure") == "value")
        & (pl.col("flow") == flow)
        & (pl.col("partner") == partner)
        & pl.col("level").is_in(LEVELS)
    )
    by_period = {period: rate_of(sheet, period, rates) for period in rows["period"].unique()}
    rate = pl.col("period").replace_strict(by_period or {"": 1.0}, return_dtype=pl.Float64, default=1.0)
    return rows.select(
        *CELL,
        *(pl.col(name) * rate for name in MONEY),
        valuation=pl.lit(sheet["valuation"][flow]),
        attribution=pl.lit(sheet["partner"][flow]),
        condition=pl.lit(condition_of(bundle.plan)),
    )


def rate_of(sheet: Mapping[str, Any], period: str, rates: Rates) -> float:
    """Return US dollars for one unit of a sheet's currency: the public table's, else the sheet's own."""
    own = float(parse_amount(sheet["usd_per_unit"], low=Fraction(1, 10**12), high=Fraction(10**18)))
    return rates.get((sheet["currency"], period), own)


def condition_of(plan: Mapping[str, Any]) -> str:
    """Return what the finite exposures of a plan's values rest on, in words; empty where none is finite."""
    office = plan["office"]["code"]
    for measure in plan["measures"]:
        tier = measure["large_traders"]
        if measure["measure"] == "value" and measure.get("declared_bound") is not None:
            return (
                f"no {_UNITS.get(plan['unit']['kind'], 'unit')} of {office} exceeds the bound that was declared for it"
            )
        if measure["measure"] == "value" and tier is not None and tier["beyond"] == "assumed none":
            return f"no trader of {office} is above the ceiling of its large-trader tier"
    return ""


_UNITS = {"record": "record", "trader-year": "trader"}


def with_periods(figures: pl.DataFrame, wanted: Iterable[str]) -> pl.DataFrame:
    """Return the figures with sums added for wanted periods that the office itself doesn't publish.

    Noise is drawn afresh for every period's cells, so variances add; so do bounds.
    """
    held = sorted(set(figures["period"]))
    parts = [figures]
    for period in sorted(set(wanted) - set(held)):
        inner = parts_of(period, held)
        if inner:
            parts.append(_summed(figures.filter(pl.col("period").is_in(inner)), period, len(inner)))
    return pl.concat(parts)


def parts_of(period: str, held: Sequence[str]) -> tuple[str, ...]:
    """Return the coarsest of the held periods that together make up `period`; empty when none do."""
    missing = set(months_of(period))
    chosen = []
    inside = [one for one in held if year_of(one) == year_of(period) and one != period]
    for one in sorted(inside, key=lambda name: (-len(months_of(name)), name)):
        if months_of(one) <= missing:
            chosen.append(one)
            missing -= months_of(one)
    return () if missing else tuple(sorted(chosen))


def _summed(figures: pl.DataFrame, period: str, count: int) -> pl.DataFrame:
    """Return sums over periods of the cells that stand in all of them."""
    whole = figures.group_by("level", "product", "attribution", maintain_order=True).agg(
        *(pl.col(name).sum() for name in ("estimate", "exposure", "measured")),
        *((pl.col(name) ** 2).sum().sqrt().alias(name) for name in ("sd", "measured_sd")),
        pl.when(pl.col("valuation").n_unique() == 1)
        .then(pl.col("valuation").first())
        .otherwise(pl.lit("unknown"))
        .alias("valuation"),
        pl.col("condition").unique().sort().str.join(", and "),
        found=pl.len(),
    )
    return whole.filter(pl.col("found") == count).with_columns(period=pl.lit(period)).select(_SCHEMA.keys())


def less(gross: pl.DataFrame, again: pl.DataFrame) -> pl.DataFrame:
    """Return exports less re-exports where both are published; `over` bounds what clipped re-exports add to it.

    The two flows' noise is independent. Clipping takes from both: the difference lies at most the exports' exposure
    below what the office holds, and at most the re-exports' (`over`) above it.
    """
    joined = gross.join(again, on=CELL, how="inner", suffix="_again", maintain_order="left")
    return joined.select(
        *CELL,
        *(pl.col(name) - pl.col(f"{name}_again") for name in ("estimate", "measured")),
        *((pl.col(name) ** 2 + pl.col(f"{name}_again") ** 2).sqrt().alias(name) for name in ("sd", "measured_sd")),
        "exposure",
        over="exposure_again",
        over_measured=pl.col("exposure_again") * pl.col("measured_sd_again") / pl.col("sd_again"),
        exposure_measured=measured_exposure(),
        valuation="valuation",
        condition="condition",
    )


def measured_exposure() -> pl.Expr:
    """Return the exposure of the raw measurement: stated ones are a fixed part of a standard deviation, or none."""
    return pl.col("exposure") * pl.col("measured_sd") / pl.col("sd")
