"""What of a published bundle may differ between two sets of records, and everything else, to be compared.

`shape` keeps all of a bundle but what noise decides: the noisy columns' figures (their kind and finiteness stay), the
sizes and digests of published files that hold them, and the hash of the ledger's entry.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

NOISY_COLUMNS = ("measured", "estimate", "low", "high", "display")
NOISY_FILES = ("observations.parquet", "observations.csv", "measurement.parquet")
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
    return path.read_bytes().decode()


def _stripped_manifest(document: dict[str, Any]) -> dict[str, Any]:
    document["ledger_head"]["hash"] = ENTRY_HASH
    for entry in document["resources"]:
        if entry["path"] in (*NOISY_FILES, "charge.json"):
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
