"""The noisy result of a release: the only thing that leaves the records, in the form in which it is kept and published.

One Parquet file holds all measures: a row for each cell in published order, `noisy` being the integer that OpenDP
released on the whitened grid and `weight` the public grid steps for one minor unit. It promises for ever: columns
`measure`, `level`, `cell`, `weight`, `noisy`, and the plan's digest and the charge's entry hash in the file's metadata.
It is stored by one atomic step and never drawn again.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from release.errors import BundleError
from release.tables import Level, Measure

_SCHEMA = pa.schema(
    [
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
    """

    plan_digest: str
    charge_hash: str
    noisy: Mapping[Key, NDArray[np.int64]]
    weights: Mapping[Key, NDArray[np.float64]]


def to_bytes(measurement: Measurement) -> bytes:
    """Return the measurement as a Parquet file; equal values give equal bytes."""
    parts = [
        pa.table(
            [
                pa.array([str(measure)] * len(noisy)),
                pa.array([str(level)] * len(noisy)),
                pa.array(np.arange(len(noisy), dtype=np.uint32)),
                pa.array(measurement.weights[measure, level]),
                pa.array(noisy),
            ],
            schema=_SCHEMA,
        )
        for (measure, level), noisy in measurement.noisy.items()
    ]
    named = {"plan_digest": measurement.plan_digest, "charge_hash": measurement.charge_hash}
    table = pa.concat_tables(parts).replace_schema_metadata(named)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=["measure", "level"])
    return bytes(sink.getvalue())


def from_bytes(content: bytes) -> Measurement:
    """Return the measurement that a file's bytes hold.

    Raises:
        BundleError: not a measurement file.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError):
        raise BundleError("A measurement file can't be read; it is damaged or isn't one.") from None
    named = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if not {"plan_digest", "charge_hash"} <= named.keys() or not table.schema.equals(_SCHEMA):
        raise BundleError("A measurement file doesn't name its plan and charge, or has other columns.")
    measures = table["measure"].to_numpy(zero_copy_only=False)
    levels = table["level"].to_numpy(zero_copy_only=False)
    rows = {
        (Measure(measure), Level(level)): (measures == measure) & (levels == level)
        for measure, level in dict.fromkeys(zip(measures, levels, strict=True))
    }
    return Measurement(
        plan_digest=named["plan_digest"],
        charge_hash=named["charge_hash"],
        noisy={key: table["noisy"].to_numpy()[chosen] for key, chosen in rows.items()},
        weights={key: table["weight"].to_numpy()[chosen] for key, chosen in rows.items()},
    )


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a measurement file's bytes; they are noisy, so a plain digest may be published."""
    return hashlib.sha256(content).hexdigest()


def stored(folder: Path, name: str) -> bytes | None:
    """Return the stored measurement of that name, or None when there is none yet."""
    try:
        return (folder / f"{name}.parquet").read_bytes()
    except FileNotFoundError:
        return None


def store(folder: Path, name: str, content: bytes) -> bytes:
    """Store a measurement for good and return what is stored: the first one wins, whoever drew it.

    The temporary file is synced, then linked under its name, which fails where one stands already; then the folder is
    synced. A crash leaves either nothing under the name, or all of it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".{name}.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, folder / f"{name}.parquet")
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(folder)
    return (folder / f"{name}.parquet").read_bytes()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
