"""What of a published bundle may differ between two sets of records, and everything else, to be compared.

`shape` keeps all of a bundle but what noise decides: the noisy columns' figures (their kind and finiteness stay), the
sizes and digests of published files that hold them, and the hash of the ledger's entry.
"""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

NOISY_COLUMNS = ("measured", "estimate", "low", "high", "display")
NOISY_FILES = (
    "observations.parquet",
    "observations.csv",
    "measurement.parquet",
    "sdmx-data.csv",
    "sdmx-data.xml",
    "README.html",
)
NOISY_IN_SDMX = ("OBS_VALUE", "INTERVAL_LOW", "INTERVAL_HIGH")
ENTRY_HASH = "(the hash of a ledger entry)"
NOISY = "(noisy)"


def shape(bundle: Path) -> dict[str, Any]:
    """Return everything in a bundle that records must not decide, by file."""
    told: dict[str, Any] = {path.relative_to(bundle).as_posix(): _file(path) for path in sorted(bundle.rglob("*"))}
    told["order in the folder's manifest"] = [entry["path"] for entry in _manifest(bundle)["resources"]]
    return told


def _manifest(bundle: Path) -> dict[str, Any]:
    return dict(json.loads((bundle / "datapackage.json").read_bytes()))


def _file(path: Path) -> Any:
    if path.name == "datapackage.json":
        return _stripped_manifest(json.loads(path.read_bytes()))
    if path.name == "charge.json":
        document = json.loads(path.read_bytes())
        document["head"]["hash"] = ENTRY_HASH
        return document
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.name == "observations.csv":
        return _table(pl.read_csv(path, infer_schema_length=None))
    if path.name == "sdmx-data.csv":
        return _sdmx(pl.read_csv(path, infer_schema=False))
    return _without_noise(path.name, path.read_bytes().decode())


def _sdmx(table: pl.DataFrame) -> dict[str, Any]:
    finite = table.select(pl.col(NOISY_IN_SDMX).cast(pl.Float64).is_finite().all()).row(0)
    return {"order of columns": table.columns, "noisy": finite, "rows": table.drop(NOISY_IN_SDMX).rows()}


def _without_noise(name: str, text: str) -> str:
    if name == "sdmx-data.xml":
        return re.sub(rf'({"|".join(NOISY_IN_SDMX)})="[-0-9.]+"', NOISY, text)
    if name == "README.html":
        return re.sub(r"(?s)<(figure|table)>.*?</\1>", NOISY, text)
    return re.sub(r"[0-9a-f]{64}", ENTRY_HASH, text) if name == "ledger.json" else text


def _stripped_manifest(document: dict[str, Any]) -> dict[str, Any]:
    document["ledger_head"]["hash"] = ENTRY_HASH
    for entry in document["resources"]:
        if entry["path"] in (*NOISY_FILES, "charge.json", "ledger.json"):
            entry["hash"] = NOISY
        if entry["path"] in NOISY_FILES:
            entry["bytes"] = NOISY
    return document


def _parquet(path: Path) -> dict[str, Any]:
    named = dict(pq.read_metadata(path).metadata or {})
    named.pop(b"ARROW:schema", None)
    if b"charge_hash" in named:
        named[b"charge_hash"] = ENTRY_HASH.encode()
    groups = pq.read_metadata(path).num_row_groups
    return {"metadata": sorted(map(str, named.items())), "row groups": groups, **_table(pl.read_parquet(path))}


def _table(table: pl.DataFrame) -> dict[str, Any]:
    noisy = [name for name in table.columns if name in (*NOISY_COLUMNS, "noisy")]
    finite = table.select(pl.col(noisy).cast(pl.Float64).is_finite().all()).row(0)
    return {
        "columns": {name: str(kind) for name, kind in table.schema.items() if name not in noisy},
        "noisy columns": dict(zip(noisy, finite, strict=True)),
        "order of columns": table.columns,
        "rows": table.drop(noisy).rows(),
    }
