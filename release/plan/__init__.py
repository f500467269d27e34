"""What a release will do, decided before any record is read: cells, noise, loss.

A `ReleasePlan` follows from public inputs alone: the office's and the release's config, the shipped codelists and a
public prior. Its document is canonical JSON whose SHA-256 is the plan's digest: the ledger's charge names it, and the
measurement refuses a charge that names another. What can be expected of a release is the planner's to say.
"""

from release.plan.document import FORMAT, canonical_json
from release.plan.layout import layout_of, make_layout
from release.plan.making import COUNT_UNITS, caps_of, excess_caps, make_plan, minor_units
from release.plan.values import Figures, PlannedLevel, PlannedMeasure, PriorFigures, ReleasePlan

__all__ = [
    "COUNT_UNITS",
    "FORMAT",
    "Figures",
    "PlannedLevel",
    "PlannedMeasure",
    "PriorFigures",
    "ReleasePlan",
    "canonical_json",
    "caps_of",
    "excess_caps",
    "layout_of",
    "make_layout",
    "make_plan",
    "minor_units",
]
