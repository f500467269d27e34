"""A plan's document, as it is published: canonical JSON, whose SHA-256 is the plan's digest.

It states what was decided: terms, key sets, scales by their digest, the prior by its own, how records are prepared.
What an account may spend isn't in it: a limit may be raised after a plan was charged.
"""

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from release.codelists import codelist
from release.config import Office, Release
from release.config.measures import DeclaredBound
from release.privacy import GRID_BITS, amount_text

if TYPE_CHECKING:
    from release.plan.values import PlannedMeasure, PriorFigures, ReleasePlan

FORMAT = "noisy-mirrors/plan/1"


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys and no space, ending with a line feed; no nan or infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def plan_document(plan: "ReleasePlan") -> dict[str, Any]:
    """Return what is published of a plan."""
    release, office, layout = plan.release, plan.office, plan.layout
    return {
        "format": FORMAT,
        "office": {"code": office.code, "name": office.name, "area": office.area},
        "release": release.release,
        "title": release.title,
        "revision": release.revision,
        **({} if release.supersedes is None else {"supersedes": release.supersedes}),
        "account": {
            "source": release.source.name,
            "year": release.year,
            "tier": "uniform",
            "delta": amount_text(office.account.delta),
        },
        "unit": {"kind": office.unit.kind, "formed_by": office.unit.formed_by},
        "rho": amount_text(plan.rho),
        "mechanism": {
            "name": "discrete Gaussian on whitened integers, each unit's whole vector clipped in one norm",
            "grid_bits": GRID_BITS,
        },
        "flows": list(layout.flows),
        "periods": list(layout.periods),
        "partners": list(layout.partners),
        "chapters": list(layout.chapters),
        "sections": list(layout.sections),
        "headings": list(layout.headings),
        "subheadings": list(layout.subheadings),
        "of_which": {str(part): str(whole) for part, whole in layout.of_which.items()},
        "measures": [_measure_document(measure) for measure in plan.measures],
        "prior": None if plan.prior is None else _prior_document(plan.prior),
        "scales_from": release.scales_from,
        "preparation": {
            "missing_trader": release.source.missing_trader,
            "duplicates": release.source.duplicates,
            "protected_on_request": release.source.protected_traders is not None,
            "value_decimals": release.source.value_decimals,
            "layout_digest": hashlib.sha256(canonical_json(_layout_of_source(release))).hexdigest(),
        },
        "codelists": {name: codelist(name).digest for name in ("areas", "chapters")},
        "metadata": metadata_document(office),
    }


def _measure_document(measure: "PlannedMeasure") -> dict[str, Any]:
    return {
        "measure": measure.measure,
        "rho": amount_text(measure.rho),
        "sensitivity": measure.bound,
        "minor_units": measure.minor_units,
        "scales_digest": measure.scales_digest,
        "levels": [{"level": level.level, "cells": level.cells} for level in measure.levels],
        "large_traders": None if measure.excess is None else _excess_document(measure, measure.excess),
        **({} if measure.declared is None else {"declared_bound": _declared_document(measure.declared)}),
    }


def _declared_document(declared: DeclaredBound) -> dict[str, Any]:
    amounts = {"amount": declared.amount, "times_prior": declared.times_prior, "floor": declared.floor}
    stated = {name: None if value is None else amount_text(value) for name, value in amounts.items()}
    return {**stated, "level": declared.level, "source": declared.source, "units": declared.units}


def _excess_document(measure: "PlannedMeasure", excess: "PlannedMeasure") -> dict[str, Any]:
    return {
        "ceiling": amount_text(measure.rho + excess.rho),
        "rho": amount_text(excess.rho),
        "sensitivity": excess.bound,
        "scales_digest": excess.scales_digest,
        "beyond": measure.beyond,
        "policy": "P(v) = rho + |b(v)|^2 / (2 * 4^grid_bits), at most the ceiling; b(v) is the whitened excess of v",
    }


def _prior_document(prior: "PriorFigures") -> dict[str, Any]:
    return {
        "publisher": prior.publisher,
        "period": prior.period,
        "published": prior.published,
        "digest": prior.digest,
        "growth": amount_text(prior.growth),
    }


_WHEREABOUTS = ("path", "service", "table", "obtainable")
"""Where the records are is nobody's business, and changes nothing of what is made of them."""


def _layout_of_source(release: Release) -> dict[str, Any]:
    described = asdict(release.source)
    return {key: value for key, value in described.items() if key not in _WHEREABOUTS}


def metadata_document(office: Office) -> dict[str, Any]:
    """Return the sheet that a mirror needs, as it is published."""
    sheet: dict[str, Any] = asdict(office.metadata)
    return {**sheet, "usd_per_unit": amount_text(office.metadata.usd_per_unit)}
