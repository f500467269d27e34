"""A world resolved: its areas, registers of firms, and all lasting relations, ready to ship month by month."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from release.practice.firms import Firms, firms_of
from release.practice.parameters import (
    alpha2_of,
    chapter_shares,
    hub_offices,
    other_partners,
    other_totals,
    pair_totals,
    totals_years,
)
from release.practice.relations import Relations, relations_between, relations_outside
from release.practice.world import World, source_year

EXPORTS, IMPORTS = 0, 1
SIZE_POWER = 0.3
"""A pair's share of an office's lines grows with its value to this power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Trade from one office to another.

    Attributes:
        number: the pair's place among all pairs.
        exporter: index of the exporting office; also its index among the areas.
        importer: index of the importing office.
        names: ISO alpha-3 codes of both.
        relations: who trades what with whom.
    """

    number: int
    exporter: int
    importer: int
    names: tuple[str, str]
    relations: Relations


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """An office's trade with the rest of the world, in one flow (`EXPORTS` or `IMPORTS`)."""

    number: int
    office: int
    flow: int
    relations: Relations
    totals: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A world with everything that lasts.

    Attributes:
        world: the world.
        areas: ISO alpha-2 codes: the offices in their order, then the other partners.
        pairs: all ordered pairs of offices.
        outside: trade with other partners.
        exempt: firms below the threshold of trade with the other offices; shape (2, firms), exports first.
    """

    world: World
    areas: tuple[str, ...]
    pairs: tuple[Pair, ...]
    outside: tuple[Outside, ...]
    exempt: tuple[NDArray[np.bool_], ...]


def draws(world: World, *keys: int) -> np.random.Generator:
    """Return the generator for one part of a world; each part has a stream of its own."""
    return np.random.default_rng((world.seed, *keys))


def setting_of(world: World) -> Setting:
    """Return the world with its firms and relations drawn."""
    registers = tuple(firms_of(world, office, draws(world, 1, number)) for number, office in enumerate(world.offices))
    pairs = _pairs(world, registers)
    outside = _outside(world, registers)
    return Setting(
        world=world,
        areas=areas_of(world),
        pairs=pairs,
        outside=outside,
        exempt=tuple(_exempt(world, number, pairs) for number in range(len(world.offices))),
    )


def areas_of(world: World) -> tuple[str, ...]:
    """Return the ISO alpha-2 codes of the world's areas: its offices, then its other partners."""
    offices = tuple(alpha2_of()[office] for office in world.offices)
    return offices + tuple(area for area in other_partners() if area not in offices)[: world.other_partners]


def month_total(pair: Pair, world: World, year: int, month: int) -> int:
    """Return the published exports of a pair in a month, in US cents."""
    return pair_totals()[(*pair.names, source_year(world, year), month)]


def _pairs(world: World, registers: tuple[Firms, ...]) -> tuple[Pair, ...]:
    names = list(permutations(range(len(world.offices)), 2))
    annual = np.asarray([_annual((world.offices[a], world.offices[b])) for a, b in names])
    part = world.mirrored if world.other_partners else 1.0
    lines = annual**SIZE_POWER / np.sum(annual**SIZE_POWER) * world.lines / 12 * part * len(world.offices) / 2
    return tuple(
        Pair(
            number=number,
            exporter=exporter,
            importer=importer,
            names=(world.offices[exporter], world.offices[importer]),
            relations=relations_between(
                world=world,
                pair=(world.offices[exporter], world.offices[importer]),
                firms=(registers[exporter], registers[importer]),
                lines=float(lines[number]),
                origins=(_passed_on(world, exporter, importer), importer),
                rng=draws(world, 2, number),
            ),
        )
        for number, (exporter, importer) in enumerate(names)
    )


def _annual(names: tuple[str, str]) -> float:
    return float(sum(pair_totals()[(*names, totals_years()[-1], month)] for month in range(1, 13)))


def _passed_on(world: World, exporter: int, importer: int) -> NDArray[np.float64]:
    """Return the share of each area among a hub's exports to an importer; all 0 where the exporter is no hub."""
    shares = np.zeros(len(areas_of(world)))
    office = world.offices[exporter]
    if office not in hub_offices():
        return shares
    for number, area in enumerate(areas_of(world)):
        if number < len(world.offices):
            known = number not in (exporter, importer)
            shares[number] = _annual((world.offices[number], office)) / 12 if known else 0.0
        else:
            shares[number] = other_totals()[office, area, "M"]
    return np.asarray(shares / max(shares.sum(), 1.0) * world.asymmetries.hub, dtype=np.float64)


def _outside(world: World, registers: tuple[Firms, ...]) -> tuple[Outside, ...]:
    if not world.other_partners:
        return ()
    lines = world.lines / 12 * (1.0 - world.mirrored) / 2
    sides = [(number, flow) for number in range(len(world.offices)) for flow in (EXPORTS, IMPORTS)]
    return tuple(
        _one_outside(world, number, side, registers[side[0]], lines) for number, side in enumerate(sides) if lines > 0
    )


def _one_outside(world: World, number: int, side: tuple[int, int], firms: Firms, lines: float) -> Outside:
    office, flow = side
    totals = np.zeros(len(areas_of(world)))
    for place, area in enumerate(areas_of(world)):
        if place >= len(world.offices):
            totals[place] = other_totals()[world.offices[office], area, "XM"[flow]]
    name = world.offices[office]
    shares = np.mean([chapter_shares()[name, other] for other in world.offices if other != name], axis=0)
    relations = relations_outside(
        world=world,
        shares=shares,
        firms=firms,
        role=flow,
        partners=totals,
        lines=lines,
        rng=draws(world, 3, number),
    )
    return Outside(number=number, office=office, flow=flow, relations=relations, totals=totals)


def annual_value(relations: Relations, group: NDArray[np.int16], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each relation's expected value: its group's total, shared out by weight."""
    sums = np.bincount(group, weights=relations.weight, minlength=len(totals))
    return np.asarray(totals[group] * relations.weight / sums[group], dtype=np.float64)


def _exempt(world: World, office: int, pairs: tuple[Pair, ...]) -> NDArray[np.bool_]:
    """Return the firms below the threshold: the smallest ones that together hold the given share of a flow."""
    held = np.zeros((2, world.traders))
    for pair in pairs:
        shares = chapter_shares()[pair.names] * _annual(pair.names)
        value = annual_value(pair.relations, pair.relations.chapter, shares)
        if pair.exporter == office:
            np.add.at(held[EXPORTS], pair.relations.exporter, value)
        if pair.importer == office:
            np.add.at(held[IMPORTS], pair.relations.importer, value)
    return np.stack([_smallest(held[flow], world.asymmetries.threshold) for flow in (EXPORTS, IMPORTS)])


def _smallest(held: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    order = np.argsort(held, kind="stable")
    below = np.cumsum(held[order]) < share * held.sum()
    exempt = np.zeros(len(held), np.bool_)
    exempt[order[below]] = True
    return exempt
