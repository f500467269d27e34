"""Whether the files of a bundle agree: every number in its place, and nothing that the plan and charge don't promise.

The files are those that were listed, and their sizes and digests are right, before any of this is asked. A check yields
findings; none raises for what a stranger wrote.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.agreement import disagreements
from release.bundle.bounds import MOST_CELLS, csv_fits, document, parquet_fits
from release.bundle.content import MANIFEST, manifest_bytes
from release.bundle.findings import BundleFinding, Stop
from release.bundle.observations import KEY, OBSERVATION_SCHEMA, read_csv, stated_figures
from release.errors import BundleError
from release.measurement import Key, Measurement, from_bytes, measured
from release.plan import layout_of
from release.tables import Level, partners_of, products_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parsed:
    """The parsed files of a bundle."""

    manifest: dict[str, Any]
    plan: dict[str, Any]
    charge: dict[str, Any]
    metadata: dict[str, Any]
    measurement: Measurement
    table: pl.DataFrame
    text: pl.DataFrame


def parsed(contents: Mapping[str, bytes]) -> Parsed:
    """Return the files' values; nothing is parsed that could ask for more room than the plan's cells need.

    Raises:
        Stop: a file isn't what its name says.
    """
    manifest, plan, charge, metadata = (
        document(contents[name], name) for name in (MANIFEST, "plan.json", "charge.json", "metadata.json")
    )
    cells = promised_cells(plan)
    tiers = (cells, cells + promised_cells(plan, tiered=True))
    for name in ("observations.csv", "sdmx-data.csv"):
        csv_fits(contents[name], name, cells)
    parquet_fits(contents["observations.parquet"], "observations.parquet", lambda rows: rows == cells, noisy=4)
    parquet_fits(contents["measurement.parquet"], "measurement.parquet", lambda rows: rows in tiers, noisy=1)
    try:
        return Parsed(
            manifest=manifest,
            plan=plan,
            charge=charge,
            metadata=metadata,
            measurement=from_bytes(contents["measurement.parquet"]),
            table=pl.read_parquet(contents["observations.parquet"]),
            text=read_csv(contents["observations.csv"]),
        )
    except (ValueError, RecursionError, BundleError, pl.exceptions.PolarsError, OSError):
        raise Stop("unreadable", "a file isn't in the format that its name says") from None


def promised_cells(plan: dict[str, Any], *, tiered: bool = False) -> int:
    """Return how many cells a published plan promises, or those of measures with a large-trader tier alone.

    Raises:
        Stop: the plan isn't one, or promises more than any release has.
    """
    try:
        chosen = [one for one in plan["measures"] if not tiered or one["large_traders"] is not None]
        cells = sum(_level_cells(plan, level["level"]) for one in chosen for level in one["levels"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Stop("structure", "plan.json lacks something that the format promises") from None
    if cells > MOST_CELLS:
        raise Stop("cells", f"plan.json promises {cells:,} cells, more than any release has")
    return cells


def _level_cells(plan: dict[str, Any], level: str) -> int:
    partners, products = _axes(plan, level)
    return len(plan["flows"]) * len(plan["periods"]) * len(partners) * len(products)


def findings_within(contents: Mapping[str, bytes], values: Parsed) -> Iterator[BundleFinding]:
    """Yield what is wrong within files that are the listed ones."""
    plan, charge = values.plan, values.charge
    try:
        others = {name: content for name, content in contents.items() if name != MANIFEST}
        if manifest_bytes(plan, charge["head"], others) != contents[MANIFEST]:
            yield BundleFinding(code="manifest", message=f"{MANIFEST} isn't the one that these files have")
        yield from _plan_findings(contents["plan.json"], values.manifest, plan, charge, values.metadata)
        yield from _table_findings(values.table, values.text, plan)
        yield from _measurement_findings(values.table, values.measurement, plan, charge)
        for code, message in disagreements(contents, plan, charge, values.table):
            yield BundleFinding(code=code, message=message)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, pl.exceptions.PolarsError):
        yield BundleFinding(code="structure", message="plan, charge or table lack something that the format promises")


def _plan_findings(
    document: bytes,
    manifest: dict[str, Any],
    plan: dict[str, Any],
    charge: dict[str, Any],
    metadata: dict[str, Any],
) -> Iterator[BundleFinding]:
    digest = hashlib.sha256(document).hexdigest()
    if not manifest["plan_digest"] == charge["plan_digest"] == digest:
        yield BundleFinding(code="plan", message="manifest, charge and plan.json don't name the same plan")
    if plan["metadata"] != metadata:
        yield BundleFinding(code="metadata", message="metadata.json isn't the sheet of the plan")
    if manifest["ledger_head"] != charge["head"]:
        yield BundleFinding(code="head", message="manifest and charge name different heads of the ledger")
    if (charge["rho"], charge["unit"]) != (plan["rho"], plan["unit"]["kind"]):
        yield BundleFinding(code="charge", message="the charge states another loss or unit than the plan")
    paid = [(loss["measure"], loss["rho"], loss["sensitivity"], loss["scales_digest"]) for loss in charge["measures"]]
    asked = [(one["measure"], one["rho"], one["sensitivity"], one["scales_digest"]) for one in plan["measures"]]
    if paid != asked:
        yield BundleFinding(code="charge", message="the charge's measures aren't those of the plan")
    if _large_traders_paid(charge) != _large_traders_asked(plan):
        yield BundleFinding(code="charge", message="the large-trader tier wasn't charged as the plan says")


def _large_traders_paid(charge: dict[str, Any]) -> list[tuple[Any, ...]]:
    large = charge["large_traders"]
    if large is None:
        return []
    named = [(loss["measure"], loss["rho"], loss["sensitivity"], loss["scales_digest"]) for loss in large["measures"]]
    return named if large["plan_digest"] == charge["plan_digest"] else []


def _large_traders_asked(plan: dict[str, Any]) -> list[tuple[Any, ...]]:
    tiers = [(measure["measure"], measure["large_traders"]) for measure in plan["measures"]]
    return [
        (measure, tier["rho"], tier["sensitivity"], tier["scales_digest"])
        for measure, tier in tiers
        if tier is not None
    ]


def _table_findings(table: pl.DataFrame, text: pl.DataFrame, plan: dict[str, Any]) -> Iterator[BundleFinding]:
    if table.schema != OBSERVATION_SCHEMA:
        yield BundleFinding(code="columns", message="observations.parquet hasn't the columns of the format")
        return
    if not table.equals(text):
        yield BundleFinding(code="csv", message="observations.csv and observations.parquet hold different figures")
    if not table.select(KEY).equals(expected_keys(plan)):
        yield BundleFinding(code="cells", message="the cells aren't those of the plan, in its order")
    elif table.select(KEY).is_duplicated().any():
        yield BundleFinding(code="cells", message="the plan and the table have a cell twice")
    numbers = table.select("measured", "measured_sd", "estimate", "sd", "low", "high", "display")
    if not numbers.select(pl.all_horizontal(pl.all().is_finite().all())).item() or numbers["sd"].min() <= 0:  # type: ignore[operator]
        yield BundleFinding(code="numbers", message="a figure isn't finite, or a standard deviation isn't positive")


def expected_keys(plan: dict[str, Any]) -> pl.DataFrame:
    """Return the keys of every cell that a published plan promises, in order; one row a cell."""
    parts = []
    for measure in plan["measures"]:
        for level in measure["levels"]:
            partners, products = _axes(plan, level["level"])
            grid = pl.DataFrame({"flow": plan["flows"]}, schema={"flow": pl.String})
            for name, codes in (("period", plan["periods"]), ("partner", partners), ("product", products)):
                grid = grid.join(
                    pl.DataFrame({name: codes}, schema={name: pl.String}),
                    how="cross",
                    maintain_order="left_right",
                )
            parts.append(
                grid.with_columns(
                    office=pl.lit(plan["office"]["code"]),
                    level=pl.lit(level["level"]),
                    measure=pl.lit(measure["measure"]),
                ).select(KEY)
            )
    return pl.concat(parts)


def _axes(plan: dict[str, Any], level: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    layout, own = layout_of(plan), Level(level)
    return partners_of(layout, own), products_of(layout, own)


def _measurement_findings(
    table: pl.DataFrame, measurement: Measurement, plan: dict[str, Any], charge: dict[str, Any]
) -> Iterator[BundleFinding]:
    if (measurement.plan_digest, measurement.charge_hash) != (charge["plan_digest"], charge["head"]["hash"]):
        yield BundleFinding(code="measurement", message="the noisy result was drawn for another plan or charge")
    for measure in plan["measures"]:
        tier = measure["large_traders"]
        uniform_kept = _scales(measurement.weights, measure["measure"]) == measure["scales_digest"]
        excess = _scales(measurement.excess_weights, measure["measure"])
        if not uniform_kept or excess != (None if tier is None else tier["scales_digest"]):
            yield BundleFinding(code="scales", message=f"the noise scales of {measure['measure']} aren't the plan's")
            continue
        for key in (key for key in measurement.noisy if key[0] == measure["measure"]):
            rows = table.filter((pl.col("measure") == key[0]) & (pl.col("level") == key[1]))
            values, sd = measured(measurement.noisy[key], measurement.weights[key], measure["minor_units"])
            if tier is not None:
                more, its_sd = measured(
                    measurement.excess[key], measurement.excess_weights[key], measure["minor_units"]
                )
                values, sd = values + more, np.hypot(sd, its_sd)
            told = (stated_figures(values, sd, "measured"), stated_figures(sd, sd, "measured_sd"))
            if not (np.array_equal(rows["measured"], told[0]) and np.array_equal(rows["measured_sd"], told[1])):
                yield BundleFinding(code="measured", message=f"{key[0]} at level {key[1]} isn't the noisy result")


def _scales(weights: Mapping[Key, NDArray[np.float64]], measure: str) -> str | None:
    """Return the digest of a measure's weights in published order, or None when there are none."""
    own = [part for key, part in weights.items() if key[0] == measure]
    return hashlib.sha256(np.concatenate(own).astype("<f8").tobytes()).hexdigest() if own else None
