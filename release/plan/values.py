"""A plan's values: the noise of each level's cells, each measure with its norm and bound, the release as a whole."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from release.config import Office, Release
from release.config.measures import DeclaredBound
from release.plan.document import canonical_json, metadata_document, plan_document
from release.privacy import total
from release.tables import NOWHERE, Layout, Level, Measure, Tier, added

Figures = Mapping[tuple[Measure, Level], NDArray[np.float64]]
"""A prior: for each measure and level, one figure a cell in published order, in the measure's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorFigures:
    """A public prior as values; `digest` is that of the published bytes it was read from."""

    publisher: str
    period: str
    published: str
    digest: str
    growth: Fraction
    same_account: bool
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedLevel:
    """The noise of a level's cells.

    Attributes:
        weights: w, whitened grid steps for one minor unit; shape (cells,).
        sd: the published standard deviation, 2^F / w, in the measure's unit; shape (cells,).
        prior: the public prior of each cell, in the measure's unit, or None; shape (cells,).
        groupings: the cells that leaves add to, as `tables.groupings` has them; a leaf adds to one cell in each.
    """

    level: Level
    weights: NDArray[np.float64]
    sd: NDArray[np.float64]
    prior: NDArray[np.float64] | None
    groupings: tuple[NDArray[np.uint32], ...]

    @property
    def cells(self) -> int:
        """How many cells the level has."""
        return len(self.weights)

    @property
    def own_cells(self) -> NDArray[np.uint32]:
        """The cell of each leaf in its own flow, also where it adds to another flow's besides; shape (leaves,)."""
        return np.where(self.groupings[-1] == NOWHERE, self.groupings[0], self.groupings[-1])

    def sums(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what amounts (leaves,) add up to in each cell; shape (cells,)."""
        return np.asarray(sum(added(amounts, grouping, self.cells) for grouping in self.groupings))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedMeasure:
    """A measure with its own norm, bound and noise.

    Attributes:
        rho: its exact loss.
        bound: D, the integer L2 bound of a trader's stacked vector.
        minor_units: how many minor units make one published unit.
        caps: the largest leaf sum of one trader that counts, in minor units; shape (leaves,).
        excess: the large-trader tier: the same levels with scales of its own, `rho` being what the ceiling leaves above
            the uniform loss, `caps` how far a leaf is looked at; None where there is no such tier.
        beyond: what is assumed of traders above the ceiling, in the config's words.
        declared: the public bound on a unit, within which nothing is clipped; None where none was declared.
    """

    measure: Measure
    rho: Fraction
    bound: int
    minor_units: int
    levels: tuple[PlannedLevel, ...]
    caps: NDArray[np.int64]
    excess: "PlannedMeasure | None" = None
    beyond: str = "not bounded"
    declared: DeclaredBound | None = None

    @property
    def cells(self) -> int:
        """How many cells the measure has over all levels."""
        return sum(level.cells for level in self.levels)

    @property
    def scales_digest(self) -> str:
        """SHA-256 of all weights, as little-endian doubles in published order."""
        stacked = np.concatenate([level.weights for level in self.levels])
        return hashlib.sha256(stacked.astype("<f8").tobytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasePlan:
    """A resolved release. `document` is what is published of it, `digest` the SHA-256 of that."""

    office: Office
    release: Release
    layout: Layout
    measures: tuple[PlannedMeasure, ...]
    prior: PriorFigures | None

    @property
    def rho(self) -> Fraction:
        """The release's whole loss: the sum over its measures."""
        return total(measure.rho for measure in self.measures)

    @property
    def excess_rho(self) -> Fraction:
        """What the ceilings leave to large traders above the uniform loss; 0 where there is no such tier."""
        return total(measure.excess.rho for measure in self.measures if measure.excess is not None)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that are charged."""
        return (Tier.UNIFORM, Tier.LARGE_TRADER) if self.excess_rho else (Tier.UNIFORM,)

    @property
    def cells(self) -> int:
        """How many numbers are published."""
        return sum(measure.cells for measure in self.measures)

    @property
    def metadata(self) -> dict[str, Any]:
        """The sheet that a mirror needs, as it is published."""
        return metadata_document(self.office)

    @property
    def document(self) -> bytes:
        """The plan as canonical JSON, as it is published."""
        return canonical_json(plan_document(self))

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return hashlib.sha256(self.document).hexdigest()
