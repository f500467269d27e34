"""Whom a large-trader tier costs what, as anyone can tell from a bundle: P(v) at shares of a partner's published total.

A bundle holds the policy and no prior; the release's own estimates, which are public, stand in for it.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from release.audit.evidence import AuditedBundle
from release.audit.figures import computed_again
from release.plan import PlannedMeasure
from release.policy import PolicyRow, policy_table
from release.tables import RESIDUAL
from release.wording import amount, decimals_up, exact, unit_of

SHOWN = 6
"""How many of the largest partners are told."""


def cost_documents(bundle: AuditedBundle) -> list[dict[str, Any]]:
    """Return, for the largest partners, the loss of a trader with 1, 10 and 30 % of a partner's total.

    Each is a range: of a trader whose goods are spread as the partner's trade is, and of one with the partner's largest
    product group alone.
    """
    policy, table = computed_again(bundle)
    told = replace(policy, measures=tuple(_with_totals(one, table) for one in policy.measures))
    return [_row(row, policy.currency) for row in policy_table(told, most=SHOWN)]


def _with_totals(measure: PlannedMeasure, table: pl.DataFrame) -> PlannedMeasure:
    """Return the measure with its published estimates, never below 0, where a plan has a prior."""
    own = table.filter(pl.col("measure") == str(measure.measure))
    estimates = {
        level.level: np.maximum(own.filter(pl.col("level") == str(level.level))["estimate"].to_numpy(), 0.0)
        for level in measure.levels
    }
    levels = tuple(replace(level, prior=estimates[level.level]) for level in measure.levels)
    return replace(measure, levels=levels)


def _row(row: PolicyRow, currency: str) -> dict[str, Any]:
    return {
        "measure": str(row.measure),
        "flow": str(row.flow),
        "period": row.period,
        "partner": "all others" if row.partner == RESIDUAL else row.partner,
        "total": amount(row.total, unit_of(str(row.measure), currency)),
        "rho": list(_ranges(row)),
    }


def _ranges(row: PolicyRow) -> Iterator[str]:
    for low, high in zip(row.spread, row.one_chapter, strict=True):
        one, other = (_loss(loss, row.ceiling) for loss in sorted((low, high)))
        yield one if one == other else f"{one} to {other}"


def _loss(rho: float, ceiling: float) -> str:
    """Return a modelled loss, rounded up; in whole numbers where it is large."""
    if rho >= ceiling:
        return f"{exact(str(math.ceil(ceiling)))} (ceiling)"
    return exact(str(math.ceil(rho))) if rho >= 100 else exact(decimals_up(rho))  # noqa: PLR2004
