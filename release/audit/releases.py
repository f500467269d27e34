"""A published release as a report tells it, layer by layer; all of it from its bundle, so that an outsider can too."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import polars as pl

from release.accounting import epsilon
from release.audit.costs import cost_documents
from release.audit.evidence import AuditedBundle, Evidence
from release.audit.plans import plans
from release.audit.scatter import Scatter, scatters, untested
from release.errors import MirrorsError
from release.ledger.values import Charge
from release.privacy import parse_delta, volume_interval_percent
from release.tables import Tier
from release.wording import amount, decimals_up, unit_of, volume_bound


def release_documents(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield what is told of each readable bundle, in the order of the ledger."""
    readable = [(_place_in(evidence, bundle), bundle, plan) for bundle, plan in plans(evidence)]
    for _, bundle, plan in sorted(readable, key=lambda one: (one[0], one[1].place)):
        try:
            yield _release(evidence, bundle, plan)
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
            pl.exceptions.PolarsError,
            MirrorsError,
        ):
            continue  # its findings say what is wrong with it


def _place_in(evidence: Evidence, bundle: AuditedBundle) -> int:
    charge = _charge(evidence, bundle)
    return 2**62 if charge is None else charge.sequence


def _charge(evidence: Evidence, bundle: AuditedBundle) -> Charge | None:
    return evidence.chain.charges.get((bundle.release, str(Tier.UNIFORM)))


def _release(evidence: Evidence, bundle: AuditedBundle, plan: dict[str, Any]) -> dict[str, Any]:
    charge = _charge(evidence, bundle)
    rho, delta = Fraction(plan["rho"]), parse_delta(plan["account"]["delta"])
    table = pl.DataFrame() if bundle.documents is None else bundle.documents.table
    return {
        "release": plan["release"],
        "title": plan["title"],
        "year": plan["account"]["year"],
        "source": plan["account"]["source"],
        "revision": plan["revision"],
        "flows": plan["flows"],
        "periods": plan["periods"],
        "partners": len(plan["partners"]),
        "chapters": len(plan["chapters"]),
        "unit": plan["unit"],
        "rho": plan["rho"],
        "delta": plan["account"]["delta"],
        "epsilon": decimals_up(epsilon(rho, delta)),
        "p": volume_bound(volume_interval_percent(rho)),
        "date": None if charge is None else charge.date,
        "entry": None if charge is None else charge.sequence,
        "mechanism": plan["mechanism"],
        "measures": [_measure(measure, plan, table) for measure in plan["measures"]],
        "scatters": [] if bundle.findings else [_scatter(one) for one in scatters(bundle)],
        "untested": [] if bundle.findings else list(untested(bundle)),
        "costs": [] if bundle.findings else cost_documents(bundle),
        "prior": plan["prior"],
        "scales_from": plan["scales_from"],
        "preparation": plan["preparation"],
        "metadata": plan["metadata"],
        "versions": {} if charge is None else dict(charge.request.versions),
        "digests": {"bundle": bundle.digest, "plan": None if charge is None else charge.request.plan_digest},
        "signed": bundle.signed and not bundle.findings,
        "signer": None if bundle.findings else bundle.signer,
    }


def _scatter(one: Scatter) -> dict[str, Any]:
    below, above = one.seen
    return {
        "measure": one.measure,
        "tier": one.tier,
        "square": f"{one.square:,.1f}",
        "freedom": one.freedom,
        "plausible": one.plausible,
        "seen_below": f"{below:.2f}",
        "seen_above": f"{above:.2f}",
    }


def _measure(measure: dict[str, Any], plan: dict[str, Any], table: pl.DataFrame) -> dict[str, Any]:
    unit = unit_of(measure["measure"], plan["metadata"]["currency"])
    own = table.filter(pl.col("measure") == measure["measure"])
    return {
        "measure": measure["measure"],
        "rho": measure["rho"],
        "sensitivity": measure["sensitivity"],
        "ceiling": None if measure["large_traders"] is None else measure["large_traders"]["ceiling"],
        "beyond": None if measure["large_traders"] is None else measure["large_traders"]["beyond"],
        "declared": (measure.get("declared_bound") or {}).get("source"),
        "bounded": bool(own.height) and bool(own["exposure"].is_finite().all()),
        "levels": [_level(level, own.filter(pl.col("level") == level["level"]), unit) for level in measure["levels"]],
    }


def _level(level: dict[str, Any], rows: pl.DataFrame, unit: str) -> dict[str, Any]:
    def median(column: str) -> str:
        return amount(rows[column].median(), unit)  # type: ignore[arg-type]

    return {
        "level": level["level"],
        "cells": level["cells"],
        "noise": median("measured_sd"),
        "noise_range": f"{amount(rows['measured_sd'].min(), unit)} to {amount(rows['measured_sd'].max(), unit)}",  # type: ignore[arg-type]
        "half_width": amount(1.959963984540054 * float(rows["sd"].median() or 0), unit),  # type: ignore[arg-type]
        "useful": _useful(rows),
    }


def _useful(rows: pl.DataFrame) -> int:
    """Return how many per cent of the cells have an interval narrower than half of their estimate, rounded down."""
    narrow = rows.filter(pl.col("estimate").abs() > 4 * pl.col("sd")).height
    return 100 * narrow // max(1, rows.height)
