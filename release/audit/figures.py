"""Published figures against the noisy measurements beside them: least squares is done again, and figures are compared.

Whether the noise is there is tested in `scatter`.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import polars as pl

from release.audit.evidence import AuditedBundle, Evidence
from release.audit.findings import AuditFinding, found
from release.audit.plans import plans
from release.policy import PublishedPolicy, published_policy
from release.postprocess import Reporter, table_of

_CODES = {
    "estimate-differs": ("estimate", "sd"),
    "interval-differs": ("low", "high"),
    "exposure-differs": ("exposure",),
}
_NEAR = 1.1e-5
"""How far figures may lie from those computed here, in the noise's standard deviations: a step of the last published
digit, which other machines may round the other way."""


def figures_follow_from_measurements(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield each kind of published figure that isn't what the noisy result gives by least squares."""
    for bundle in computable(evidence):
        told, again = told_in(bundle), computed_again(bundle)[1]
        for code, columns in _CODES.items():
            cells = sum(_differing(told, again, column) for column in columns)
            if cells:
                said = f"{cells:,} figures in the columns {' and '.join(columns)} aren't those computed again."
                yield found(code, bundle.place, said)
        finer = _finer_than_noise(told, again)
        if finer:
            yield found("display-differs", bundle.place, f"{finer:,} figures aren't their estimates in whole digits.")


@lru_cache(maxsize=8)
def computed_again(bundle: AuditedBundle) -> tuple[PublishedPolicy, pl.DataFrame]:
    """Return what a bundle's plan and noisy result give: its measures with their weights, and the table."""
    if bundle.documents is None:
        raise ValueError(bundle.place)
    policy = published_policy(bundle.documents.plan, bundle.documents.measurement)
    office = Reporter(code=policy.office, currency=policy.currency)
    return policy, table_of(office, policy.layout, policy.measures, bundle.documents.measurement)


def told_in(bundle: AuditedBundle) -> pl.DataFrame:
    """Return the published table of a bundle that can be read."""
    if bundle.documents is None:
        raise ValueError(bundle.place)
    return bundle.documents.table


def computable(evidence: Evidence) -> Iterator[AuditedBundle]:
    """Yield the bundles whose table and weights can be computed again."""
    for bundle, _ in plans(evidence):
        if not any(one.code in _UNFIT for one in bundle.findings):
            yield bundle


_UNFIT = frozenset({"columns", "cells", "numbers", "scales", "structure"})
"""Faults of a bundle whose table or weights can't be computed again."""


def _differing(table: pl.DataFrame, again: pl.DataFrame, column: str) -> int:
    told, due, noise = (one.to_numpy() for one in (table[column], again[column], again["measured_sd"]))
    with np.errstate(invalid="ignore"):
        same = (told == due) | (np.abs(told - due) <= _NEAR * noise)
    return int((~same).sum())


def _finer_than_noise(table: pl.DataFrame, again: pl.DataFrame) -> int:
    """Return how many shown figures aren't the estimate, at least 0, in whole units of the noise's first digit."""
    estimate, sd, shown = (one.to_numpy() for one in (again["estimate"], again["sd"], table["display"]))
    place = 10.0 ** np.floor(np.log10(sd))
    whole = np.abs(shown / place - np.rint(shown / place)) <= 1e-6 * np.maximum(1.0, np.abs(shown / place))
    near = np.abs(shown - np.maximum(estimate, 0.0)) <= 0.501 * place
    return int((~(whole & near)).sum())
