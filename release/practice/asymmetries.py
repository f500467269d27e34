"""How one shipment becomes two records: each cause of asymmetry is a small step on one side's lines.

The order is that of life: goods travel and cost freight and insurance, partners are named by origin or consignment,
commodities are classified, small traders don't report, and mistakes are made. With all sizes at 0 both records are the
shipment itself.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from release.practice.classification import classified
from release.practice.parameters import median_deviation, pair_deviations
from release.practice.passage import Passage
from release.practice.planting import planted
from release.practice.records import NOWHERE, RM, RX, M, Records, X, chosen
from release.practice.setting import EXPORTS, IMPORTS, Outside, draws
from release.practice.shipments import Shipments, month_start

TRANSIT_SHAPE = 6.0
LONGEST_TRANSIT = 28
"""Days; so an arrival is at most one month after its departure."""
MARGIN_SD = 0.25
UNIT_ERRORS = (10.0, 1000.0, 0.1, 0.001)
EDITING_LIMIT = 0.005
"""An error of unit that leaves more than this part of the pair's month would be noticed and corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """Both records of a month's shipments, and for each planted discrepancy the values it changed (US cents)."""

    exporter: Records
    importer: Records
    planted: tuple[Counter[str], ...]


def mirrored(passage: Passage) -> Mirrored:
    """Return what both offices record of a month's shipments; the passage's causes are counted on the way."""
    causes, pair = passage.causes, passage.pair
    causes.update(lines=len(passage.shipments.cents), fob=int(passage.shipments.cents.sum()))
    exporter, importer = classified(passage, _exporter_record(passage), _importer_record(passage))
    exporter, importer = _partners_named(passage, exporter, importer)
    exporter, importer = _units_mistaken(passage, exporter), _units_mistaken(passage, importer)
    year, month = passage.when
    causes["later"] = int(np.count_nonzero(importer.day >= month_start(year, month + 1)))
    exporter, importer, tallies = planted(passage, exporter, importer)
    return Mirrored(
        exporter=_reported(passage, pair.exporter, EXPORTS, exporter),
        importer=_reported(passage, pair.importer, IMPORTS, importer),
        planted=tallies,
    )


def unmirrored(part: Outside, shipments: Shipments) -> Records:
    """Return what an office records of trade outside the world's offices."""
    relations, lines = part.relations, shipments.relation
    partner = relations.partner[lines]
    nowhere, own = np.full_like(partner, NOWHERE), np.full_like(partner, part.office)
    exports = part.flow == EXPORTS
    margin = 0.0 if exports else shipments.margin
    return Records(
        flow=np.full(len(lines), X if exports else M, np.int8),
        day=shipments.day,
        origin=own if exports else partner,
        consignment=nowhere if exports else partner,
        destination=partner if exports else nowhere,
        firm=(relations.exporter if exports else relations.importer)[lines],
        commodity=shipments.commodity,
        cents=np.rint(shipments.cents * (1.0 + margin)).astype(np.int64),
        grams=shipments.grams,
        mode=shipments.mode,
        declaration=shipments.declaration,
    )


def _exporter_record(passage: Passage) -> Records:
    pair, shipments = passage.pair, passage.shipments
    lines = shipments.relation
    origin = pair.relations.origin[lines]
    foreign = origin >= 0
    passage.causes["re-exported"] = int(shipments.cents[foreign].sum())
    return Records(
        flow=np.where(foreign, RX, X).astype(np.int8),
        day=shipments.day,
        origin=np.where(foreign, origin, pair.exporter).astype(np.int16),
        consignment=np.full(len(lines), NOWHERE, np.int16),
        destination=np.full(len(lines), pair.importer, np.int16),
        firm=pair.relations.exporter[lines],
        commodity=shipments.commodity,
        cents=shipments.cents,
        grams=shipments.grams,
        mode=shipments.mode,
        declaration=shipments.declaration,
    )


def _importer_record(passage: Passage) -> Records:
    pair, shipments = passage.pair, passage.shipments
    lines = shipments.relation
    origin = pair.relations.origin[lines]
    return Records(
        flow=np.where(origin == pair.importer, RM, M).astype(np.int8),
        day=shipments.day + _transit(passage),
        origin=np.where(origin >= 0, origin, pair.exporter).astype(np.int16),
        consignment=np.full(len(lines), pair.exporter, np.int16),
        destination=np.full(len(lines), NOWHERE, np.int16),
        firm=pair.relations.importer[lines],
        commodity=shipments.commodity,
        cents=_landed(passage),
        grams=shipments.grams,
        mode=shipments.mode,
        declaration=shipments.declaration,
    )


def _transit(passage: Passage) -> NDArray[np.int64]:
    """Return the days from departure to arrival; the lines of a declaration arrive together."""
    shipments = passage.shipments
    speed = passage.rng.gamma(TRANSIT_SHAPE, 1.0 / TRANSIT_SHAPE, int(shipments.declaration[-1]) + 1)
    first = np.searchsorted(shipments.declaration, np.arange(len(speed)), side="left")
    days = np.minimum(np.rint(passage.sizes.lag * shipments.days[first] * speed), LONGEST_TRANSIT)
    return np.asarray(days[shipments.declaration], dtype=np.int64)


def _settlement_score(passage: Passage) -> float:
    """Return the month's place among the pair's twelve of the year, which have mean 0 and standard deviation 1."""
    year, month = passage.when
    scores = draws(passage.setting.world, 7, passage.pair.number, year).standard_normal(12)
    return float((scores - scores.mean())[month - 1] / scores.std(ddof=1))


def _landed(passage: Passage) -> NDArray[np.int64]:
    """Return the importer's CIF values: FOB and the mode's margin, times differences of valuation and settlement."""
    sizes, shipments, pair = passage.sizes, passage.shipments, passage.pair
    spread = np.exp(passage.rng.normal(-(MARGIN_SD**2) / 2, MARGIN_SD, len(shipments.cents)))
    cif = shipments.cents * (1.0 + sizes.cif * shipments.margin * spread)
    passage.causes["cif"] = int(cif.sum())
    spread_of_months = sizes.settlement * float(np.sqrt(pair_deviations()[pair.names] * median_deviation()))
    settlement = np.exp(spread_of_months * _settlement_score(passage))
    valuation = np.exp(pair.relations.valuation - sizes.valuation**2 / 2)[shipments.relation]
    if not (sizes.cif or sizes.settlement or sizes.valuation):
        return shipments.cents
    return np.asarray(np.maximum(1, np.rint(cif * settlement * valuation)), dtype=np.int64)


def _partners_named(passage: Passage, exporter: Records, importer: Records) -> tuple[Records, Records]:
    """Return both records with some lines under a wrong partner."""
    pair, areas, rng = passage.pair, len(passage.setting.areas), passage.rng
    astray = rng.random((2, len(exporter))) < passage.sizes.wrong_partner / 2
    step = rng.integers(1, max(2, areas - 1), (2, len(exporter)))
    passage.causes["wrong partner"] = int(astray.sum())
    destination = _another(exporter.destination, step[0], pair.exporter, areas)
    consignment = _another(importer.consignment, step[1], pair.importer, areas)
    return (
        replace(exporter, destination=np.where(astray[0], destination, exporter.destination).astype(np.int16)),
        replace(
            importer,
            consignment=np.where(astray[1], consignment, importer.consignment).astype(np.int16),
            origin=np.where(astray[1], consignment, importer.origin).astype(np.int16),
        ),
    )


def _another(area: NDArray[np.int16], step: NDArray[np.int64], own: int, areas: int) -> NDArray[np.int64]:
    """Return another area than the given one; with two areas there is none but the office itself, so none changes."""
    other = (area + step) % areas
    following = (other + 1) % areas
    return np.where(other != own, other, np.where(following != area, following, area))


def _units_mistaken(passage: Passage, records: Records) -> Records:
    """Return records with some values wrong by a power of ten that the office's editing didn't notice."""
    limit = EDITING_LIMIT * float(passage.shipments.cents.sum())
    struck = passage.rng.random(len(records)) < passage.sizes.wrong_unit / 2
    wrong = np.maximum(1.0, np.rint(records.cents * passage.rng.choice(UNIT_ERRORS, len(records))))
    survives = struck & (np.maximum(wrong, records.cents) <= limit)
    passage.causes["wrong unit"] += int(np.count_nonzero(survives))
    return replace(records, cents=np.where(survives, wrong, records.cents).astype(np.int64))


def _reported(passage: Passage, office: int, flow: int, records: Records) -> Records:
    """Return the lines of traders above the threshold."""
    below = passage.setting.exempt[office][flow][records.firm]
    cause = "below threshold" if flow == EXPORTS else "below threshold, imports"
    passage.causes[cause] = int(records.cents[below].sum())
    return chosen(records, ~below)
