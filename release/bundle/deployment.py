"""A release's entry for the OpenDP registry of deployments, as YAML.

The fields are those of the registry's schema; what a release doesn't know (who reads it, why parameters were chosen)
is said in the words of the office's config or left out. The entry is a draft: whoever registers it signs for it.
"""

import json
import math
from typing import Any

from release.ledger.values import Charge
from release.plan import ReleasePlan
from release.privacy import GRID_BITS, amount_text

_UNITS = {
    "trader-year": "A trader: all of its records in the calendar year",
    "record": "A single record, and no firm",
}


def deployment_entry(plan: ReleasePlan, charge: Charge, epsilon: float) -> dict[str, Any]:
    """Return the entry of a release.

    Args:
        plan: what was released.
        charge: the uniform tier's, which has the date and the account's limit of that day.
        epsilon: at the account's delta, by OpenDP.
    """
    return {
        "url_slug": f"{plan.office.code}-trade-{plan.release.release}".lower().replace(".", "-").replace("_", "-"),
        "status": "Draft",
        "tier": 3,
        "deployment": {
            "basic": _basic(plan, charge.date),
            "dp_variant": {
                "variant_name": "Zero-concentrated DP",
                "data_domain": "Declarations of traded goods; every set of them of any size.",
                "unprotected_quantities": _unprotected(plan),
            },
            "privacy_loss": _loss(plan, epsilon),
            "deployment_model": _model(plan, charge),
            "accounting": {
                "post_processing": "Exact generalised least squares over all cells of a flow and period.",
                "composition": "Rho adds exactly over measures and releases, in a hash-chained ledger that refuses what"
                " goes over the account's limit.",
            },
            "implementation": _implementation(plan),
            "administrative": {
                "notes": "Generated from the release's published plan; valid against the registry's schema.",
                "registry_authors": [plan.office.name],
            },
        },
    }


def _basic(plan: ReleasePlan, date: str) -> dict[str, Any]:
    return {
        "name": plan.release.title,
        "data_curators": [plan.office.name],
        "intended_use": "Comparing what offices report of one another's trade, with known error rates.",
        "data_product_type": "Summary statistics",
        "data_product_region": plan.office.code,
        "description": f"Noisy sums of trade by {', '.join(_levels(plan))}, with an interval for every cell.",
        "publication_date": date,
        "data_product_sector": "Government",
    }


def _levels(plan: ReleasePlan) -> list[str]:
    return list(dict.fromkeys(str(level.level) for measure in plan.measures for level in measure.levels))


def _unprotected(plan: ReleasePlan) -> str:
    if plan.excess_rho:
        return (
            "None is published without noise. Traders above the bound have less protection, by the published policy of"
            " the large-trader tier."
        )
    return "None."


def _loss(plan: ReleasePlan, epsilon: float) -> dict[str, Any]:
    delta = amount_text(plan.office.account.delta)
    beyond = f" Above the bound: by a policy with the ceiling {amount_text(plan.rho + plan.excess_rho)}."
    return {
        "privacy_unit": _UNITS[plan.office.unit.kind],
        "privacy_unit_details": f"Added or removed: {plan.office.unit.formed_by}",
        "privacy_parameters": {"epsilon": math.ceil(epsilon * 1e6) / 1e6, "delta": delta, "rho": float(plan.rho)},
        "privacy_parameters_details": f"rho is {amount_text(plan.rho)} exactly, for a trader within the bound; epsilon"
        f" follows from it at this delta.{beyond if plan.excess_rho else ''}",
    }


def _model(plan: ReleasePlan, charge: Charge) -> dict[str, Any]:
    return {
        "model_name": "Central",
        "actors": "The office holds the records and runs the program; everyone else sees what is published.",
        "release_type": "Many releases",
        "release_type_details": f"All releases of {plan.release.year} from this source share one account with the limit"
        f" rho = {amount_text(charge.request.terms.limit)}.",
        "data_source_type": "Static",
        "access_type": "Non-interactive",
    }


def _implementation(plan: ReleasePlan) -> dict[str, Any]:
    return {
        "preprocessing_and_hyperparameter_tuning": "Preparation is trader by trader, by stated rules. Noise scales come"
        f" from public inputs: {plan.release.scales_from or 'the release configuration and its public prior'}",
        "mechanisms": "OpenDP's discrete Gaussian on integers: each unit's vector over all cells is whitened to a grid"
        f" of 2^{GRID_BITS} steps in a standard deviation and clipped in one L2 norm, exactly.",
        "justification": "See methods.md and plan.json of the bundle.",
    }


def yaml_bytes(entry: dict[str, Any]) -> bytes:
    """Return nested mappings, lists of text, text and numbers as YAML; text is quoted as in JSON."""
    return ("\n".join(_lines(entry, "")) + "\n").encode()


def _lines(value: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, one in value.items():
        if isinstance(one, dict):
            lines += [f"{indent}{name}:", *_lines(one, f"{indent}  ")]
        elif isinstance(one, list):
            lines += [f"{indent}{name}:", *(f"{indent}  - {json.dumps(item)}" for item in one)]
        else:
            lines.append(f"{indent}{name}: {json.dumps(one)}")
    return lines
