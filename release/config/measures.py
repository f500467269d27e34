"""What a release's TOML says of its measures: their loss, the noise of each level, tier and bound."""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from release.config.fields import STRICT, Part, PolicyRho, Rho, Scale, Text
from release.tables import CHAPTER_DIGITS, Level, Measure


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LevelScale:
    """The noise of a level: one standard deviation, or a part of each cell's prior with a floor.

    Attributes:
        noise_sd: standard deviation of every cell's noise, in the measure's unit (currency units, lines, traders, kg).
        relative_noise: r, the standard deviation as a part of the prior.
        floor: the least prior that a cell is taken to have, in the measure's unit.
        target: the relative error, root mean square of noise and the predicted clipped part, that the level's median
            cell should reach, for `plan --target`.
    """

    level: Level
    noise_sd: Scale | None = None
    relative_noise: Part | None = None
    floor: Scale | None = None
    target: Part | None = None

    def __post_init__(self) -> None:
        shaped = self.relative_noise is not None and self.floor is not None
        half = (self.relative_noise is None) != (self.floor is None)
        if half or shaped == (self.noise_sd is not None):
            raise ValueError("give either noise_sd, or relative_noise together with floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapedScale:
    """The noise proposed for a level: a part of each cell's prior, which is taken to be at least the floor.

    `floor` is in the measure's unit. What an office takes up of it, it writes as a `LevelScale`.
    """

    level: Level
    relative_noise: Fraction
    floor: Fraction


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LargeTraders:
    """The large-trader tier of a measure: a draw of its own on what the bound cuts off, with its own noise.

    Attributes:
        ceiling: K, the largest loss in rho that any trader's policy can reach, the uniform tier's included.
        levels: the noise of the excess, for the same levels as the measure's.
        beyond: what is assumed of traders above the ceiling.
    """

    ceiling: PolicyRho
    levels: Annotated[tuple[LevelScale, ...], Field(min_length=1, max_length=12)]
    beyond: Literal["assumed none", "not bounded"] = "not bounded"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DeclaredBound:
    """A public bound on what one unit holds of a measure, declared beforehand and never read off the records.

    Nothing of a unit within it is clipped: `plan` refuses noise for which that isn't so. Exposure is then the grid's
    alone, on condition that the bound holds.

    Attributes:
        source: who declared it, and where.
        amount: of a unit's whole total in the release, in the measure's unit; or
        times_prior: of a single record, as a multiple of its cell's prior at `level`; only where the unit is a record.
        level: one of the measure's levels.
        floor: the least prior that a cell is taken to have here, in the measure's unit.
        units: how many units a cell holds at most; what truncation to the grid takes from it is bounded by that.
    """

    source: Text
    units: Annotated[int, Field(ge=1, le=10**10)] = 167_772
    amount: Scale | None = None
    times_prior: Part | None = None
    level: Level | None = None
    floor: Scale | None = None

    def __post_init__(self) -> None:
        by_prior = self.times_prior is not None and self.level is not None
        if by_prior == (self.amount is not None) or (self.times_prior is None) != (self.level is None):
            raise ValueError("give either amount, or times_prior together with level")
        if self.level is not None and self.level.digits > CHAPTER_DIGITS:
            raise ValueError("headings and subheadings don't tell every record's cell: name a coarser level")
        if self.amount is not None and self.floor is not None:
            raise ValueError("floor goes with times_prior")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MeasurePlan:
    """A measure, the loss it is given, its levels, and the tier for large traders where there is one."""

    name: Measure
    rho: Rho
    levels: Annotated[tuple[LevelScale, ...], Field(min_length=1, max_length=12)]
    large_traders: LargeTraders | None = None
    declared_bound: DeclaredBound | None = None

    def __post_init__(self) -> None:
        names = [scale.level for scale in self.levels]
        if len(set(names)) != len(names):
            raise ValueError("a level stands twice in this measure")
        if len({level.by_partner for level in names if level.digits > CHAPTER_DIGITS}) > 1:
            raise ValueError("headings and subheadings are measured either by partner or over all partners")
        if self.declared_bound is not None and self.declared_bound.level not in (None, *names):
            raise ValueError("declared_bound names a level that the measure hasn't")
        if self.large_traders is None:
            return
        if self.large_traders.ceiling <= self.rho:
            raise ValueError("the ceiling of the large-trader tier must be above the measure's rho")
        if [scale.level for scale in self.large_traders.levels] != names:
            raise ValueError("the large-trader tier needs a scale for the same levels, in the same order")
