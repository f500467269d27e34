"""What a release will do, decided before any record is read: cells, noise, loss, and what can be expected of it.

A `ReleasePlan` follows from public inputs alone: the office's and the release's config, the shipped codelists and a
public prior. Its document is canonical JSON whose SHA-256 is the plan's digest: the ledger's charge names it, and the
measurement refuses a charge that names another.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from release.codelists import area_codes, chapter_codes, codelist, section_of_chapter
from release.config import Office, Release
from release.config.release import DeclaredBound, LargeTraders, LevelScale
from release.config.release import MeasurePlan as MeasureConfig
from release.errors import ConfigError, Fault
from release.privacy import GRID_BITS, amount_text, sensitivity, total
from release.tables import (
    NOWHERE,
    RESIDUAL,
    Flow,
    Layout,
    Level,
    Measure,
    Tier,
    added,
    at_leaves,
    cell_count,
    groupings,
)

FORMAT = "noisy-mirrors/plan/1"
COUNT_UNITS = 2**16
"""Declarations are counted in parts of 2^16, since a trader's cap may be below one line."""

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
        return _metadata(self.office)

    @property
    def document(self) -> bytes:
        """The plan as canonical JSON, as it is published."""
        return canonical_json(_document(self))

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return hashlib.sha256(self.document).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys and no space, ending with a line feed; no nan or infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def make_plan(office: Office, release: Release, prior: PriorFigures | None = None) -> ReleasePlan:
    """Return the plan of a release; reads no microdata.

    Raises:
        ConfigError: the prior isn't public or earlier, a scale is out of range, an intermediate of the integer clip
            might not fit its type, or the office's area or currency has no code to publish it under.
    """
    _check_prior(release, prior)
    _check_codes(office, release)
    layout = make_layout(release)
    measures = tuple(_measure(release, layout, measure, prior) for measure in release.measures)
    return ReleasePlan(office=office, release=release, layout=layout, measures=measures, prior=prior)


def make_layout(release: Release) -> Layout:
    """Return the public cells of a release; the residual categories are added here.

    Raises:
        ConfigError: a code isn't on the codelist, or a planned heading or subheading has no listed code above it.
    """
    keys = release.keys
    partners = area_codes() if keys.partners == "all" else keys.partners
    chapters = chapter_codes() if keys.chapters == "all" else keys.chapters
    known = section_of_chapter()
    for key, codes, universe in (
        ("partners", partners, set(area_codes())),
        ("chapters", chapters, set(known)),
    ):
        _refuse_others(release, f"keys.{key}", [code for code in codes if code not in universe], "not on the codelist")
    for key, finer, above in (("headings", keys.headings, chapters), ("subheadings", keys.subheadings, keys.headings)):
        orphans = [code for code in finer if code[:-2] not in above]
        _refuse_others(release, f"keys.{key}", orphans, "what they are part of isn't listed")
    return Layout(
        flows=release.flows,
        periods=release.periods,
        partners=(*partners, RESIDUAL),
        chapters=(*chapters, RESIDUAL),
        sections=(*(known[chapter] for chapter in chapters), RESIDUAL),
        headings=keys.headings,
        subheadings=keys.subheadings,
    )


def layout_of(document: Mapping[str, Any]) -> Layout:
    """Return the public cells that a published plan tells.

    Raises:
        ValueError: a list holds a code twice or of another length than its kind has, so that it is no plan's.
        KeyError: there is no such list.
    """
    for name, length in (("chapters", 2), ("headings", 4), ("subheadings", 6)):
        codes = document[name]
        if len(set(codes)) != len(codes) or any(len(code) != length for code in codes):
            raise ValueError(f"{name} aren't distinct codes of {length} characters")
    return Layout(
        flows=tuple(Flow(code) for code in document["flows"]),
        periods=tuple(document["periods"]),
        partners=tuple(document["partners"]),
        chapters=tuple(document["chapters"]),
        sections=tuple(document["sections"]),
        headings=tuple(document["headings"]),
        subheadings=tuple(document["subheadings"]),
    )


def _refuse_others(release: Release, key: str, codes: list[str], problem: str) -> None:
    if codes:
        raise _refusal(release, key, f"{problem}: {', '.join(codes[:8])}")


def minor_units(measure: Measure, value_decimals: int) -> int:
    """Return how many integer units the clip counts for one published unit of a measure."""
    scales: dict[Measure, int] = {
        Measure.VALUE: 10**value_decimals,
        Measure.RETURNS: 10**value_decimals,
        Measure.DECLARATIONS: COUNT_UNITS,
        Measure.TRADERS: 1,
        Measure.NET_MASS: 1000,
    }
    return scales[measure]


def _check_prior(release: Release, prior: PriorFigures | None) -> None:
    if prior is None:
        return
    if prior.period[:4] == str(release.year) and not prior.same_account:
        raise _refusal(
            release,
            "prior.period",
            "meets the accounting year and isn't a bundle charged to the same account",
        )
    if int(prior.period[:4]) > release.year:
        raise _refusal(release, "prior.period", "lies after the accounting year")


def _check_codes(office: Office, release: Release) -> None:
    """Refuse what the published structure has no code for, before anything is charged."""
    for key, code, known in (
        ("area", office.area, area_codes()),
        ("metadata.currency", office.metadata.currency, codelist("currencies").column("code")),
    ):
        if code not in known:
            raise _refusal(release, f"office: {key}", f"{code} isn't on the public codelist")


def _measure(release: Release, layout: Layout, config: MeasureConfig, prior: PriorFigures | None) -> PlannedMeasure:
    units = minor_units(config.name, release.source.value_decimals)
    bound = sensitivity(config.rho)
    levels = tuple(_level(layout, config, scale, prior, units) for scale in config.levels)
    planned = PlannedMeasure(
        measure=config.name,
        rho=config.rho,
        bound=bound,
        minor_units=units,
        levels=levels,
        caps=caps_of(levels, bound),
        declared=config.declared_bound,
    )
    _check_ranges(release, planned)
    _check_whole_trader(release, planned)
    _check_declared(release, planned)
    if config.large_traders is None:
        return planned
    excess = _excess(layout, config, config.large_traders, prior, planned)
    _check_ranges(release, excess)
    _check_ratios(release, planned, excess)
    _check_ranges(release, replace(planned, caps=excess.caps))
    return replace(planned, excess=excess, beyond=config.large_traders.beyond)


def _excess(
    layout: Layout, config: MeasureConfig, tier: LargeTraders, prior: PriorFigures | None, uniform: PlannedMeasure
) -> PlannedMeasure:
    """Return the large-trader tier of a measure: what K leaves above rho, on scales of its own."""
    rho = tier.ceiling - config.rho
    bound = sensitivity(rho)
    levels = tuple(_level(layout, config, scale, prior, uniform.minor_units) for scale in tier.levels)
    return PlannedMeasure(
        measure=config.name,
        rho=rho,
        bound=bound,
        minor_units=uniform.minor_units,
        levels=levels,
        caps=excess_caps(uniform.caps, levels, bound),
    )


def _level(
    layout: Layout, config: MeasureConfig, scale: LevelScale, prior: PriorFigures | None, units: int
) -> PlannedLevel:
    count = cell_count(layout, scale.level)
    figures = None if prior is None else prior.figures.get((config.name, scale.level))
    if scale.noise_sd is not None:
        sigma = np.full(count, float(scale.noise_sd))
    else:
        known = np.zeros(count) if figures is None else figures
        sigma = float(scale.relative_noise or 0) * np.maximum(known, float(scale.floor or 0))
    weights = 2.0**GRID_BITS / (sigma * units)
    return PlannedLevel(
        level=scale.level,
        weights=weights,
        sd=2.0**GRID_BITS / weights / units,
        prior=figures,
        groupings=groupings(layout, scale.level),
    )


def caps_of(levels: tuple[PlannedLevel, ...], bound: int) -> NDArray[np.int64]:
    """Return floor(D kappa), with kappa = (sum over its cells of w^2)^(-1/2): what one leaf alone may hold.

    A leaf that no level measures may hold nothing.
    """
    squares = sum(at_leaves(level.weights**2, grouping) for level in levels for grouping in level.groupings)
    caps = np.divide(bound, np.sqrt(squares), out=np.zeros_like(squares), where=np.asarray(squares) > 0)
    return np.asarray(np.minimum(np.floor(caps), 2.0**62), dtype=np.int64)


def excess_caps(caps: NDArray[np.int64], levels: tuple[PlannedLevel, ...], bound: int) -> NDArray[np.int64]:
    """Return how far the large-trader tier looks at a leaf: the uniform cap and what the ceiling alone could hold.

    A thousandth and two units more, so that a leaf with that much is above the ceiling whatever was rounded, and the
    policy is the same whether the rest is looked at or not.
    """
    alone = caps_of(levels, bound)
    return np.asarray(np.minimum(caps + alone + alone // 1024 + 2, 2**62), dtype=np.int64)


def _check_ratios(release: Release, measure: PlannedMeasure, excess: PlannedMeasure) -> None:
    """Refuse two tiers whose scales are so far apart that a large trader's excess might not be a number."""
    for uniform, own in zip(measure.levels, excess.levels, strict=True):
        with np.errstate(over="ignore"):
            ratios = own.weights / uniform.weights
        if not (ratios < 2.0**100).all():
            raise _refusal(
                release, f"measures.{measure.measure}.large_traders", "its noise is too fine beside the uniform tier's"
            )


def _check_ranges(release: Release, measure: PlannedMeasure) -> None:
    """Refuse scales for which a trader's largest possible intermediate doesn't fit: 2^62 for sums, 2^126 for squares.

    With every leaf at its cap, a level's cell holds at most the sum of its leaves' caps.
    """
    squares = 0.0
    largest = 0.0
    for level in measure.levels:
        finite = np.isfinite(level.weights).all() and (level.weights > 0).all()
        sums = level.sums(measure.caps.astype(np.float64))
        if not finite or sums.max(initial=0.0) >= 2.0**62:
            raise _refusal(release, f"measures.{measure.measure}", f"the noise of level {level.level} is out of range")
        steps = level.weights * (1.0 if measure.measure is Measure.TRADERS else sums)
        largest = max(largest, float(steps.max(initial=0.0)))
        squares += float((steps**2).sum())
    if largest >= 2.0**62 or squares >= 2.0**126 or largest * measure.bound >= 2.0**126 or measure.bound < 1:
        raise _refusal(
            release,
            f"measures.{measure.measure}",
            "its scales are so far apart that exact sums might not fit",
        )


def _check_whole_trader(release: Release, measure: PlannedMeasure) -> None:
    """Refuse a number of traders whose noise is finer than one trader, who would then be clipped for being counted.

    One line more could then cost twice the loss of a line: docs/privacy.md, corollary 2.
    """
    measured = sum((level.groupings[0] != NOWHERE).astype(np.int64) for level in measure.levels)
    if measure.measure is Measure.TRADERS and (measure.caps[np.asarray(measured) > 0] < 1).any():
        problem = "its noise is finer than one trader: take wider noise, or a larger rho"
        raise _refusal(release, f"measures.{measure.measure}", problem)


def _check_declared(release: Release, measure: PlannedMeasure) -> None:
    """Refuse noise for which a unit within the declared bound could be clipped.

    A unit's norm is convex in how its total is spread over leaves, so it is largest with all in one leaf: a total of at
    most the smallest cap fits. A record stands in one leaf, so there each leaf is held to its own bound.
    """
    declared = measure.declared
    if declared is None:
        return
    largest = np.full(len(measure.caps), float(declared.amount or 0))
    for level in measure.levels:
        if level.level is declared.level:
            known = np.zeros(level.cells) if level.prior is None else level.prior
            cells = float(declared.times_prior or 0) * np.maximum(known, float(declared.floor or 0))
            largest = cells[level.own_cells]
    allowed = measure.caps * (1 - 1e-9) / measure.minor_units
    over = float(np.max(largest / np.maximum(allowed, 1e-300), initial=0.0))
    if over > 1:
        raise _refusal(
            release,
            f"measures.{measure.measure}.declared_bound",
            f"a unit within it could be clipped: the noise must be {over:.7g} times as wide, or the bound smaller",
        )


def _refusal(release: Release, key: str, problem: str) -> ConfigError:
    return ConfigError([Fault(file=release.release, line=None, key=key, problem=problem)])


def _document(plan: ReleasePlan) -> dict[str, Any]:
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
        "metadata": _metadata(office),
    }


def _measure_document(measure: PlannedMeasure) -> dict[str, Any]:
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


def _excess_document(measure: PlannedMeasure, excess: PlannedMeasure) -> dict[str, Any]:
    return {
        "ceiling": amount_text(measure.rho + excess.rho),
        "rho": amount_text(excess.rho),
        "sensitivity": excess.bound,
        "scales_digest": excess.scales_digest,
        "beyond": measure.beyond,
        "policy": "P(v) = rho + |b(v)|^2 / (2 * 4^grid_bits), at most the ceiling; b(v) is the whitened excess of v",
    }


def _prior_document(prior: PriorFigures) -> dict[str, Any]:
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


def _metadata(office: Office) -> dict[str, Any]:
    sheet: dict[str, Any] = asdict(office.metadata)
    return {**sheet, "usd_per_unit": amount_text(office.metadata.usd_per_unit)}
