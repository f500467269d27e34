"""Whether a folder is the bundle that it says it is: everything listed, nothing unlisted, every number in its place.

Sizes and digests come before anything is parsed. A check returns findings; none raises for what a stranger wrote.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.content import FORMAT, MANIFEST, manifest_bytes
from release.bundle.observations import KEY, OBSERVATION_SCHEMA, read_csv
from release.errors import BundleError, BundleRefusedError
from release.measurement import Key, Measurement, from_bytes, measured

LARGEST_MANIFEST = 1_000_000
LARGEST_FILE = 2_000_000_000
MOST_FILES = 64
_FILES = {
    "observations.parquet",
    "observations.csv",
    "measurement.parquet",
    "plan.json",
    "charge.json",
    "metadata.json",
    "methods.md",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFinding:
    """One way in which a bundle isn't what it says: a stable code and a message for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a bundle; `valid` when there is no finding.

    An unsigned bundle may be valid: it is complete and consistent, but nobody vouches for it.
    """

    bundle: str
    findings: tuple[BundleFinding, ...]
    signed: bool = False
    signer: str | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """A bundle that was verified when it was read; there is no other way to one.

    Attributes:
        place: where it was read.
        digest: SHA-256 of its manifest.
        plan: the published plan.
        charge: the published charge.
        metadata: the sheet that a mirror needs.
        observations: the published table.
    """

    place: str
    digest: str
    plan: dict[str, Any]
    charge: dict[str, Any]
    metadata: dict[str, Any]
    observations: pl.DataFrame


def read_bundle(place: Path) -> Bundle:
    """Return the bundle at `place`, verified.

    Raises:
        BundleRefusedError: it has findings.
    """
    findings, contents = _checked(place)
    if findings:
        raise BundleRefusedError(str(place), [finding.message for finding in findings])
    return Bundle(
        place=str(place),
        digest=hashlib.sha256(contents[MANIFEST]).hexdigest(),
        plan=json.loads(contents["plan.json"]),
        charge=json.loads(contents["charge.json"]),
        metadata=json.loads(contents["metadata.json"]),
        observations=pl.read_parquet(contents["observations.parquet"]),
    )


def verify(place: Path) -> Verification:
    """Return everything that is wrong with the bundle at `place`."""
    findings, _ = _checked(place)
    return Verification(bundle=str(place), findings=tuple(findings))


def _checked(place: Path) -> tuple[list[BundleFinding], dict[str, bytes]]:
    try:
        contents = _read_listed(place)
        return list(_content_findings(contents)), contents
    except _Stop as stop:
        return [stop.finding], {}


class _Stop(Exception):  # noqa: N818
    """Reading on would trust what was just found wrong."""

    def __init__(self, code: str, message: str) -> None:
        self.finding = BundleFinding(code=code, message=message)
        super().__init__(message)


def _read_listed(place: Path) -> dict[str, bytes]:
    """Return all files' bytes once sizes and digests are those of the manifest."""
    if not place.is_dir():
        raise _Stop("missing", f"there is no bundle at {place}")
    present = _present(place)
    manifest = _bytes_of(place, MANIFEST, LARGEST_MANIFEST)
    listed = _resources(manifest)
    if set(listed) != _FILES:
        raise _Stop("manifest", f"{MANIFEST} doesn't list the files of this format")
    for name in sorted(present - set(listed) - {MANIFEST}):
        raise _Stop("unlisted", f"{name!r} isn't listed in {MANIFEST}")
    contents = {MANIFEST: manifest}
    for name, (size, digest) in listed.items():
        content = _bytes_of(place, name, size)
        if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
            raise _Stop("digest", f"{name} isn't the file that {MANIFEST} lists")
        contents[name] = content
    return contents


def _present(place: Path) -> set[str]:
    names = set()
    with os.scandir(place) as entries:
        for number, entry in enumerate(entries):
            if number > MOST_FILES:
                raise _Stop("too many files", "it has more files than a bundle may have")
            if not entry.is_file(follow_symlinks=False):
                raise _Stop("not a file", f"{entry.name!r} isn't a plain file")
            names.add(entry.name)
    return names


def _bytes_of(place: Path, name: str, most: int) -> bytes:
    try:
        descriptor = os.open(place / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise _Stop("missing file", f"{name} is missing or can't be read") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > most:
            raise _Stop("size", f"{name} is larger than it may be")
        return file.read(most + 1)


def _resources(manifest: bytes) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of each listed file, from a manifest of the known format."""
    try:
        document = json.loads(manifest)
        if document["format"] != FORMAT:
            raise _Stop("format", f"{MANIFEST} names a format that this version doesn't know")
        listed = {
            str(entry["path"]): (int(entry["bytes"]), str(entry["hash"]).removeprefix("sha256:"))
            for entry in document["resources"]
        }
        whole = len(listed) == len(document["resources"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _Stop("manifest", f"{MANIFEST} can't be read") from None
    if not whole or any(size > LARGEST_FILE or size < 0 for size, _ in listed.values()):
        raise _Stop("manifest", f"{MANIFEST} lists a file twice, or one that is too large")
    return listed


def _content_findings(contents: dict[str, bytes]) -> Iterator[BundleFinding]:
    """Yield what is wrong within files that are the listed ones."""
    try:
        manifest, plan, charge, metadata = (
            json.loads(contents[name]) for name in (MANIFEST, "plan.json", "charge.json", "metadata.json")
        )
        measurement = from_bytes(contents["measurement.parquet"])
        table = pl.read_parquet(contents["observations.parquet"])
        text = read_csv(contents["observations.csv"])
    except (ValueError, RecursionError, BundleError, pl.exceptions.PolarsError, OSError):
        yield BundleFinding(code="unreadable", message="a file isn't in the format that its name says")
        return
    try:
        others = {name: content for name, content in contents.items() if name != MANIFEST}
        if manifest_bytes(plan, charge["head"], others) != contents[MANIFEST]:
            yield BundleFinding(code="manifest", message=f"{MANIFEST} isn't the one that these files have")
        yield from _plan_findings(contents["plan.json"], manifest, plan, charge, metadata)
        yield from _table_findings(table, text, plan)
        yield from _measurement_findings(table, measurement, plan, charge)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, pl.exceptions.PolarsError):
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


def _axes(plan: dict[str, Any], level: str) -> tuple[list[str], list[str]]:
    partners = plan["partners"] if level.startswith("partner") else ["W0"]
    if level.endswith("chapter"):
        return partners, plan["chapters"]
    if level.endswith("section"):
        return partners, ["_X" if code == "_X" else f"S{code}" for code in dict.fromkeys(plan["sections"])]
    return partners, ["TOTAL"]


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
            if not (np.array_equal(rows["measured"], values) and np.array_equal(rows["measured_sd"], sd)):
                yield BundleFinding(code="measured", message=f"{key[0]} at level {key[1]} isn't the noisy result")


def _scales(weights: Mapping[Key, NDArray[np.float64]], measure: str) -> str | None:
    """Return the digest of a measure's weights in published order, or None when there are none."""
    own = [part for key, part in weights.items() if key[0] == measure]
    return hashlib.sha256(np.concatenate(own).astype("<f8").tobytes()).hexdigest() if own else None


def examine(place: Path) -> tuple[tuple[BundleFinding, ...], dict[str, bytes]]:
    """Return everything that is wrong with the bundle at `place`, and its files' bytes where they are the listed ones.

    For an audit, which looks on where a reader stops: what it finds next is told beside these findings.
    """
    findings, contents = _checked(place)
    return tuple(findings), contents


def examine_contents(contents: dict[str, bytes]) -> tuple[BundleFinding, ...]:
    """Return what is wrong within a bundle's files, whose digests are taken to be right."""
    return tuple(_content_findings(contents))
