"""A policy as a bundle publishes it: its plan and the weights of its measurement are all that P(v) needs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from release.config.measures import DeclaredBound
from release.measurement import Key, Measurement
from release.plan import PlannedLevel, PlannedMeasure, caps_of, excess_caps, layout_of
from release.privacy import GRID_BITS, POLICY_RHO_CAP, RHO_CAP, parse_rho
from release.tables import Layout, Level, Measure, groupings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublishedPolicy:
    """What a release's bundle says of its tiers.

    Attributes:
        office: ISO alpha-3.
        release: its name.
        source: the account's source.
        year: the accounting year.
        currency: of values.
        value_decimals: how many decimals of the currency are kept.
        layout: the public cells.
        measures: with weights, caps and bounds of both tiers; priors aren't published in the plan.
        on_request: whether the office keeps a list of traders that stay in the uniform tier.
    """

    office: str
    release: str
    source: str
    year: int
    currency: str
    value_decimals: int
    layout: Layout
    measures: tuple[PlannedMeasure, ...]
    on_request: bool


def published_policy(plan: Mapping[str, Any], measurement: Measurement) -> PublishedPolicy:
    """Return the policy of a verified bundle's `plan.json` and `measurement.parquet`."""
    layout = layout_of(plan)
    return PublishedPolicy(
        office=plan["office"]["code"],
        release=plan["release"],
        source=plan["account"]["source"],
        year=plan["account"]["year"],
        currency=plan["metadata"]["currency"],
        value_decimals=plan["preparation"]["value_decimals"],
        layout=layout,
        measures=tuple(_measure(one, measurement, layout) for one in plan["measures"]),
        on_request=plan["preparation"]["protected_on_request"],
    )


def ceiling_of(measure: PlannedMeasure) -> Fraction | None:
    """Return K, or None where the measure has no large-trader tier."""
    return None if measure.excess is None else measure.rho + measure.excess.rho


def _measure(document: Mapping[str, Any], measurement: Measurement, layout: Layout) -> PlannedMeasure:
    name, units = Measure(document["measure"]), document["minor_units"]
    levels = _levels(name, measurement.weights, units, layout)
    bound = document["sensitivity"]
    uniform = PlannedMeasure(
        measure=name,
        rho=parse_rho(document["rho"], high=RHO_CAP),
        bound=bound,
        minor_units=units,
        levels=levels,
        caps=caps_of(levels, bound),
        declared=_declared(document.get("declared_bound")),
    )
    tier = document["large_traders"]
    if tier is None:
        return uniform
    own = _levels(name, measurement.excess_weights, units, layout)
    excess = replace(
        uniform,
        rho=parse_rho(tier["rho"], high=POLICY_RHO_CAP),
        bound=tier["sensitivity"],
        levels=own,
        caps=excess_caps(uniform.caps, own, tier["sensitivity"]),
    )
    return replace(uniform, excess=excess, beyond=tier["beyond"])


def _declared(document: Mapping[str, Any] | None) -> DeclaredBound | None:
    if document is None:
        return None
    amount, times_prior, floor = (
        None if document[name] is None else Fraction(document[name]) for name in ("amount", "times_prior", "floor")
    )
    return DeclaredBound(
        source=document["source"],
        units=document.get("units", 167_772),
        amount=amount,
        times_prior=times_prior,
        level=None if document["level"] is None else Level(document["level"]),
        floor=floor,
    )


def _levels(
    measure: Measure, weights: Mapping[Key, NDArray[np.float64]], units: int, layout: Layout
) -> tuple[PlannedLevel, ...]:
    return tuple(
        PlannedLevel(
            level=level,
            weights=own,
            sd=2.0**GRID_BITS / own / units,
            prior=None,
            groupings=groupings(layout, Level(level)),
        )
        for (name, level), own in weights.items()
        if name == measure
    )
