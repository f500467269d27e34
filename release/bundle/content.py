"""The bytes of a bundle's files. Equal inputs give equal bytes: no clock, no host, no path goes in.

The manifest is a Frictionless Data Package v2 (`datapackage.json`) that names every other file with its size and
SHA-256; the bundle's digest is the SHA-256 of the manifest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from release.bundle.deployment import deployment_entry, yaml_bytes
from release.bundle.methods import methods_in_words
from release.bundle.observations import KEY, OBSERVATION_SCHEMA, csv_bytes, parquet_bytes
from release.bundle.page import FILES, page_of
from release.bundle.sdmx import SDMX_FILES, sdmx_files
from release.bundle.sdmx.model import COLUMNS, COMPONENTS
from release.ledger.values import Charge
from release.plan import ReleasePlan, canonical_json
from release.privacy import amount_text

FORMAT = "noisy-mirrors/bundle/1"
MANIFEST = "datapackage.json"
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"

PAGE = "README.html"
LEDGER = "ledger.json"
FILE_NAMES = frozenset(FILES) | {PAGE}
"""All files of a bundle of this format, the manifest among them."""

_MEDIA = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "html": "text/html",
    "yaml": "application/yaml",
    "xml": "application/xml",
    **SDMX_FILES,
}
_FORMATS = {"parquet": "apache-parquet"}
"""Not the ending: readers of packages that know it take the file for a table, and then don't check its bytes."""

_FIELDS = {
    "office": "ISO 3166 alpha-3 of the reporting office",
    "period": "2024, 2024-Q1 or 2024-03",
    "flow": "M imports, X exports, RM re-imports, RX re-exports; X holds RX, and M RM, where both are told",
    "partner": "ISO 3166 alpha-2; W0 all partners, _X those not on the list",
    "product": "HS code of 2, 4 or 6 digits or the rest of one (84_X), S and an HS section, TOTAL, or _X: not listed",
    "level": "which of partner and product the cell is detailed by",
    "measure": "what is added up",
    "measured": "the noisy measurement, in `unit`",
    "measured_sd": "standard deviation of its noise",
    "estimate": "the estimate made of all noisy measurements",
    "sd": "standard deviation of the estimate's noise",
    "low": "lower end of the 95 % interval of the noise; clipping isn't in it",
    "high": "upper end of the 95 % interval of the noise; clipping isn't in it",
    "exposure": "bound on what clipping took off, INF where none is stated",
    "display": "for showing only: never negative, no finer than the noise; not for sums or tests",
    "unit": "of all figures in the row: a currency (ISO 4217), lines, traders or kg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """All files of a bundle by name, the manifest among them; `digest` is the manifest's SHA-256."""

    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which states every other file's."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()


def bundle_content(
    plan: ReleasePlan,
    charges: Sequence[Charge],
    measurement: bytes,
    observations: pl.DataFrame,
    *,
    epsilon: float,
    statement: Mapping[str, Any],
) -> BundleContent:
    """Return the files of a release's bundle.

    Args:
        plan: what was released.
        charges: what paid for it: the uniform tier's charge, and the large-trader tier's where there is one.
        measurement: the stored noisy result, as it is.
        observations: the published table.
        epsilon: of the release at the account's delta, by OpenDP.
        statement: of the ledger up to the last of the charges. What is written later isn't in it, so that a run that
            is resumed publishes the same bytes.
    """
    document = json.loads(plan.document)
    date, methods = charges[0].date, methods_in_words(plan, epsilon)
    files = {
        "observations.parquet": parquet_bytes(observations),
        "observations.csv": csv_bytes(observations),
        "measurement.parquet": measurement,
        "plan.json": plan.document,
        "charge.json": canonical_json(charges_document(charges, epsilon)),
        LEDGER: canonical_json(statement),
        "metadata.json": canonical_json(plan.metadata),
        "methods.md": methods.encode(),
        "deployments-registry.yaml": yaml_bytes(deployment_entry(plan, charges[0], epsilon)),
        PAGE: page_of(plan, observations, methods, date).encode(),
        **sdmx_files(document, plan.digest, date, observations),
    }
    head = {"sequence": charges[0].sequence, "hash": charges[0].entry_hash}
    return BundleContent(files={**files, MANIFEST: manifest_bytes(document, head, files)})


def charges_document(charges: Sequence[Charge], epsilon: float) -> dict[str, Any]:
    """Return what is published of a release's charges; the large traders' stands within the uniform tier's."""
    uniform, *rest = charges
    large = None if not rest else charge_document(rest[0])
    return {**charge_document(uniform), "epsilon": epsilon, "large_traders": large}


def charge_document(charge: Charge) -> dict[str, Any]:
    """Return what is published of a charge: its date without a time, and no digest of anything confidential."""
    request = charge.request
    return {
        "sequence": charge.sequence,
        "date": charge.date,
        "account": {
            "office": request.account.office,
            "source": request.account.source,
            "year": request.account.year,
            "tier": request.account.tier,
        },
        "unit": request.terms.unit,
        "rho": amount_text(request.rho),
        "delta": amount_text(request.terms.delta),
        "limit": amount_text(request.terms.limit),
        "measures": [
            {
                "measure": loss.measure,
                "mechanism": loss.mechanism,
                "sensitivity": loss.sensitivity,
                "grid_bits": loss.grid_bits,
                "scales_digest": loss.scales_digest,
                "rho": amount_text(loss.rho),
            }
            for loss in request.measures
        ],
        "policy": request.policy,
        "plan_digest": request.plan_digest,
        "public_digests": dict(request.public_digests),
        "versions": dict(request.versions),
        "head": {"sequence": charge.sequence, "hash": charge.entry_hash},
    }


def manifest_bytes(plan: Mapping[str, Any], head: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return the one manifest that a bundle of these files has; the format leaves no freedom in it.

    Args:
        plan: the published plan.
        head: the ledger's head that the charge names.
        files: all other files, by name.
    """
    office = plan["office"]["code"]
    return canonical_json(
        {
            "$schema": PROFILE,
            "name": f"{office}-{plan['release']}".lower(),
            "title": plan["title"],
            "format": FORMAT,
            "office": office,
            "release": plan["release"],
            "plan_digest": hashlib.sha256(files["plan.json"]).hexdigest(),
            "ledger_head": head,
            "resources": [_resource(name, files[name]) for name in sorted(files)],
        }
    )


def _resource(path: str, content: bytes) -> dict[str, Any]:
    stem, _, ending = path.rpartition(".")
    resource = {
        "name": (stem if ending not in ("parquet", "csv", "xml") else f"{stem}-{ending}").lower(),
        "path": path,
        "title": FILES.get(path, "this release for people to read"),
        "format": _FORMATS.get(ending, ending),
        "mediatype": _MEDIA.get(path, _MEDIA[ending]),
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }
    if path == "observations.csv":
        resource |= {"encoding": "utf-8", "schema": {"fields": list(_table_fields()), "primaryKey": list(KEY)}}
    if path == "sdmx-data.csv":
        resource |= {"encoding": "utf-8", "schema": {"fields": list(_sdmx_fields())}}
    return resource


def _table_fields() -> Iterator[dict[str, Any]]:
    for name, kind in OBSERVATION_SCHEMA.items():
        yield {"name": name, "type": "number" if kind == pl.Float64 else "string", "description": _FIELDS[name]}


def _sdmx_fields() -> Iterator[dict[str, Any]]:
    for name in ("STRUCTURE", "STRUCTURE_ID", "ACTION"):
        yield {"name": name, "type": "string", "description": "of SDMX-CSV 2.0"}
    for name, component in zip(COLUMNS, COMPONENTS, strict=True):
        kind = "number" if component.text == "Double" else "string"
        yield {"name": name, "type": kind, "description": component.name}
