"""Releases that publish the same cells: what they reveal together, within an account and across accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from release.amounts import written
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found
from release.audit.plans import plans
from release.config.fields import months_of

_SHARED = ("flows", "partners", "chapters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two releases of one year that have figures in common.

    Attributes:
        releases: their names.
        measures: which both publish.
        months: how many months of the year both cover, for their common flows, partners and products.
        rho: what the measures in common cost in both together.
        same_account: whether one account pays for both.
    """

    releases: tuple[str, str]
    measures: tuple[str, ...]
    months: int
    rho: Fraction
    same_account: bool


def overlaps(evidence: Evidence) -> tuple[Overlap, ...]:
    """Return each pair of releases that have figures in common."""
    readable = {plan["release"]: plan for _, plan in plans(evidence)}
    pairs = combinations(sorted(readable.values(), key=lambda plan: str(plan["release"])), 2)
    return tuple(both for one, other in pairs if (both := _overlap(one, other)) is not None)


def sources_are_apart(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield releases of two accounts of one year that publish the same cells."""
    for one in overlaps(evidence):
        if not one.same_account:
            said = (
                f"Both publish {', '.join(one.measures)} of the same cells from different accounts; if a record stands"
                f" in both sources, the two cost rho {written(one.rho)} together."
            )
            yield found("account-split", f"releases {one.releases[0]} and {one.releases[1]}", said)


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> Overlap | None:
    if one["account"]["year"] != other["account"]["year"]:
        return None
    apart = any(not _listed(set(one[key]) & set(other[key])) for key in _SHARED)
    months = _months(one) & _months(other)
    rhos = [{measure["measure"]: _rho(measure) for measure in plan["measures"]} for plan in (one, other)]
    measures = tuple(name for name in rhos[0] if name in rhos[1])
    if apart or not months or not measures:
        return None
    return Overlap(
        releases=(one["release"], other["release"]),
        measures=measures,
        months=len(months),
        rho=sum((rho[name] for rho in rhos for name in measures), Fraction(0)),
        same_account=one["account"]["source"] == other["account"]["source"],
    )


def _listed(codes: set[str]) -> set[str]:
    """Return what isn't the residual, which stands for different codes in different releases."""
    return codes - {"_X"}


def _months(plan: dict[str, Any]) -> set[tuple[str, int]]:
    return {(period[:4], month) for period in plan["periods"] for month in months_of(period)}


def _rho(measure: dict[str, Any]) -> Fraction:
    return Fraction(measure["rho"])
