"""The noisy result of a release: the only thing that leaves the records, in the form in which it is kept and published.

One Parquet file holds all measures: a row for each cell in published order, `noisy` being the integer that OpenDP
released on the whitened grid and `weight` the public grid steps for one minor unit. It promises for ever: columns
`tier`, `measure`, `level`, `cell`, `weight`, `noisy`, and the plan's digest and the charge's entry hash in the file's
metadata.
It is stored by one atomic step and never drawn again.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from release.errors import BundleError
from release.plainfile import sync_folder
from release.privacy import GRID_BITS
from release.tables import Level, Measure, Tier

_SCHEMA = pa.schema(
    [
        ("tier", pa.string()),
        ("measure", pa.string()),
        ("level", pa.string()),
        ("cell", pa.uint32()),
        ("weight", pa.float64()),
        ("noisy", pa.int64()),
    ]
)


Key = tuple[Measure, Level]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """Noisy whitened integers of every measure and level.

    Attributes:
        plan_digest: of the plan that was measured.
        charge_hash: of the ledger entry that paid for it.
        noisy: for each measure and level, one integer a cell; shape (cells,).
        weights: for each measure and level, w of each cell; shape (cells,).
        excess: the large-trader tier's integers, where a measure has one.
        excess_weights: and its weights.
    """

    plan_digest: str
    charge_hash: str
    noisy: Mapping[Key, NDArray[np.int64]]
    weights: Mapping[Key, NDArray[np.float64]]
    excess: Mapping[Key, NDArray[np.int64]] = field(default_factory=dict)
    excess_weights: Mapping[Key, NDArray[np.float64]] = field(default_factory=dict)


def to_bytes(measurement: Measurement) -> bytes:
    """Return the measurement as a Parquet file; equal values give equal bytes."""
    tiers = (
        (Tier.UNIFORM, measurement.noisy, measurement.weights),
        (Tier.LARGE_TRADER, measurement.excess, measurement.excess_weights),
    )
    parts = [
        _part(tier, key, integers, weights[key]) for tier, noisy, weights in tiers for key, integers in noisy.items()
    ]
    named = {"plan_digest": measurement.plan_digest, "charge_hash": measurement.charge_hash}
    table = pa.concat_tables(parts).replace_schema_metadata(named)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=["tier", "measure", "level"])
    return bytes(sink.getvalue())


def _part(tier: Tier, key: Key, noisy: NDArray[np.int64], weights: NDArray[np.float64]) -> pa.Table:
    measure, level = key
    columns = [
        pa.array([str(tier)] * len(noisy)),
        pa.array([str(measure)] * len(noisy)),
        pa.array([str(level)] * len(noisy)),
        pa.array(np.arange(len(noisy), dtype=np.uint32)),
        pa.array(weights),
        pa.array(noisy),
    ]
    return pa.table(columns, schema=_SCHEMA)


def from_bytes(content: bytes) -> Measurement:
    """Return the measurement that a file's bytes hold.

    Raises:
        BundleError: not a measurement file.
    """
    try:
        table = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False).read(use_threads=False)
    except (pa.ArrowInvalid, OSError):
        raise BundleError("A measurement file can't be read; it is damaged or isn't one.") from None
    named = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if not {"plan_digest", "charge_hash"} <= named.keys() or not table.schema.equals(_SCHEMA):
        raise BundleError("A measurement file doesn't name its plan and charge, or has other columns.")
    # Arrow's own way to numpy loads pandas, which takes longer than all the rest of a verification.
    told = pl.DataFrame(table)
    uniform, excess = (_by_key(told, tier) for tier in Tier)
    return Measurement(
        plan_digest=named["plan_digest"],
        charge_hash=named["charge_hash"],
        noisy={key: noisy for key, (noisy, _) in uniform.items()},
        weights={key: weights for key, (_, weights) in uniform.items()},
        excess={key: noisy for key, (noisy, _) in excess.items()},
        excess_weights={key: weights for key, (_, weights) in excess.items()},
    )


def _by_key(table: pl.DataFrame, tier: Tier) -> dict[Key, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    tiers, measures, levels = (table[name].to_numpy() for name in ("tier", "measure", "level"))
    own = tiers == tier
    keys = dict.fromkeys(zip(measures[own], levels[own], strict=True))
    rows = {key: own & (measures == key[0]) & (levels == key[1]) for key in keys}
    return {
        (Measure(measure), Level(level)): (table["noisy"].to_numpy()[chosen], table["weight"].to_numpy()[chosen])
        for (measure, level), chosen in rows.items()
    }


def measured(
    noisy: NDArray[np.int64], weights: NDArray[np.float64], minor_units: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the raw figures in the measure's unit and their noise's standard deviation; both of shape (cells,)."""
    return noisy / weights / minor_units, 2.0**GRID_BITS / weights / minor_units


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a measurement file's bytes; they are noisy, so a plain digest may be published."""
    return hashlib.sha256(content).hexdigest()


def stored(folder: Path, name: str, *, ending: str = "parquet") -> bytes | None:
    """Return the stored measurement (or what else is kept so) of that name, or None when there is none yet."""
    try:
        return (folder / f"{name}.{ending}").read_bytes()
    except FileNotFoundError:
        return None


def store(folder: Path, name: str, content: bytes, *, ending: str = "parquet") -> bytes:
    """Store a measurement for good and return what is stored: the first one wins, whoever drew it.

    The file is synced, then linked under its name, which fails where one stands already; then the folder is synced. A
    crash leaves either nothing under the name, or all of it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _link_unnamed(folder, f"{name}.{ending}", content)
    except FileExistsError:
        pass
    except OSError:  # a file system without unnamed files
        _link_named(folder, f"{name}.{ending}", content)
    sync_folder(folder)
    return (folder / f"{name}.{ending}").read_bytes()


def _link_unnamed(folder: Path, name: str, content: bytes) -> None:
    """Give a synced file its name only when it is whole: a crash before that leaves nothing behind."""
    with os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        os.link(f"/proc/self/fd/{file.fileno()}", folder / name, follow_symlinks=True)


def _link_named(folder: Path, name: str, content: bytes) -> None:
    temporary = folder / f".{name}.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, folder / name)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
