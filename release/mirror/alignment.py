"""Which published cells are mirrors of each other, and how far they can be compared.

X is what A reports as exported to B, M what B reports as imported from A, in US dollars. X is compared with M by
consignment, X less RX with M by origin; where an importer publishes both, consignment is taken, being the less noisy. A
CIF/FOB factor applies only from an FOB-type to a CIF figure. What can't be aligned is named in a note.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from release.bundle.verification import Bundle
from release.errors import BundleRefusedError
from release.inference import Mirrors, mirrors
from release.mirror.figures import CELL, LEVELS, Rates, figures_of, less, measured_exposure, parts_of, with_periods
from release.privacy import parse_rho, volume_interval_percent
from release.wording import volume_bound

__all__ = ["LEVELS", "Pair", "Scope", "aligned", "as_mirrors", "from_fob_to_cif", "offices_of"]

_FOB_TYPES = ("FOB", "FAS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is compared; an empty tuple leaves nothing out.

    Attributes:
        pairs: ordered pairs of offices' codes, exporter first.
        levels: levels by partner.
        periods: periods, which may be sums of published ones.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    levels: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """One direction of trade between two offices: its aligned cells, in US dollars.

    Attributes:
        exporter: ISO alpha-3.
        importer: ISO alpha-3.
        cells: a row for each cell that both publish: `period`, `level`, `product`; `x`, `x_sd`, `bound_x`, `over_x` and
            `m`, `m_sd`, `bound_m` of the estimates, the same with `_measured` of the raw measurements (`over_x` bounds
            how far clipped re-exports put x too high); `valuation_x`, `valuation_m`, `condition_x`, `condition_m`,
            `basis`.
        notes: what differs between the two sheets, in words.
    """

    exporter: str
    importer: str
    cells: pl.DataFrame
    notes: tuple[str, ...] = field(default=())


def offices_of(bundles: Iterable[Bundle]) -> dict[str, list[Bundle]]:
    """Return each office's bundles in order of the releases' names, by the office's code; a copy counts once.

    Raises:
        BundleRefusedError: two bundles have one name and hold different figures.
    """
    offices: dict[str, list[Bundle]] = {}
    named: dict[tuple[str, str], Bundle] = {}
    for bundle in sorted(bundles, key=lambda one: (one.plan["office"]["code"], one.plan["release"])):
        name = (bundle.plan["office"]["code"], bundle.plan["release"])
        known = named.setdefault(name, bundle)
        if known.digest != bundle.digest:
            problem = f"{known.place} is another bundle under the same name, release {name[1]} of {name[0]}"
            raise BundleRefusedError(bundle.place, [problem])
        if known is bundle:
            offices.setdefault(name[0], []).append(bundle)
    return offices


def aligned(bundles: Iterable[Bundle], scope: Scope | None = None, rates: Rates | None = None) -> Iterator[Pair]:
    """Yield every ordered pair of the bundles' offices with the cells that both publish, exporters in order."""
    offices, within = offices_of(bundles), scope or Scope()
    for exporter, export_bundles in offices.items():
        for importer, import_bundles in offices.items():
            wanted = not within.pairs or (exporter, importer) in within.pairs
            if exporter != importer and wanted:
                yield _pair(export_bundles, import_bundles, within, rates or {})


def as_mirrors(cells: pl.DataFrame, of: str = "") -> Mirrors:
    """Return the cells as the mirror tests take them: figures that lie below the truth by at most their bounds.

    Where re-exports were taken off, x may also lie `over_x` above the truth. It is moved down by that much and its
    bound grows alike, so that the same interval is allowed for; where `over_x` has no bound nothing is sure of the
    ratio, which two open bounds say.

    Args:
        cells: as in `Pair`.
        of: empty for the estimates, `_measured` for the raw measurements.
    """
    figures = {name: cells[f"{name}{of}"].to_numpy() for name in ("x", "x_sd", "m", "m_sd", "bound_x", "bound_m")}
    over = cells[f"over_x{of}"].to_numpy()
    open_over = np.isinf(over)
    shift = np.where(open_over, 0.0, over)
    figures["x"] = figures["x"] - shift
    figures["bound_x"] = np.where(open_over, np.inf, figures["bound_x"] + shift)
    figures["bound_m"] = np.where(open_over, np.inf, figures["bound_m"])
    return mirrors(**figures)


def from_fob_to_cif(valuation_x: str, valuation_m: str) -> bool:
    """Decide whether a CIF/FOB factor applies."""
    return valuation_x in _FOB_TYPES and valuation_m == "CIF"


def _pair(exports: Sequence[Bundle], imports: Sequence[Bundle], scope: Scope, rates: Rates) -> Pair:
    (exporter, area_x), (importer, area_m) = (
        (one[-1].plan["office"]["code"], one[-1].plan["office"]["area"]) for one in (exports, imports)
    )
    gross, again = figures_of(exports, "X", area_m, rates), figures_of(exports, "RX", area_m, rates)
    m = figures_of(imports, "M", area_x, rates)
    wanted = {*gross["period"], *m["period"], *scope.periods}
    found = pl.concat(
        [
            _joined(with_periods(gross, wanted), with_periods(again, wanted), part, str(part["attribution"][0]))
            for part in _by_attribution(with_periods(m, wanted))
        ]
        or [_joined(gross, again, m, "unknown")]
    ).unique(CELL, keep="first", maintain_order=True)
    cells = _within(found, scope)
    notes = (
        *_basis_notes(cells),
        *_period_notes(cells, ((exporter, gross), (importer, m))),
        *_valuation_notes(cells),
        *_sheet_notes(exports[-1].metadata, imports[-1].metadata, rates),
        *_unit_notes(exports),
        *_unit_notes(imports),
        *(["the two offices publish no common cell of this flow"] if found.is_empty() else []),
    )
    return Pair(exporter=exporter, importer=importer, cells=cells, notes=notes)


def _by_attribution(m: pl.DataFrame) -> list[pl.DataFrame]:
    parts = m.partition_by("attribution", maintain_order=True)
    return sorted(parts, key=lambda part: {"consignment": 0, "origin": 1}.get(part["attribution"][0], 2))


BY_CONSIGNMENT = "X against M by consignment"
BY_ORIGIN = "X less RX against M by origin"
BY_ORIGIN_GROSS = "X with re-exports in it against M by origin"


_COUNTED = {"unknown": "an unknown rule"}


def _joined(gross: pl.DataFrame, again: pl.DataFrame, m: pl.DataFrame, attribution: str) -> pl.DataFrame:
    """Return the cells that both sides publish, as in `Pair`, on the basis that the imports' attribution asks for."""
    plain = gross.select(
        *(name for name in gross.columns if name != "attribution"),
        over=pl.lit(0.0),
        over_measured=pl.lit(0.0),
        exposure_measured=measured_exposure(),
    )
    if attribution != "origin":
        basis = (
            BY_CONSIGNMENT
            if attribution == "consignment"
            else f"X against M by {_COUNTED.get(attribution, attribution)}"
        )
        return _side_by_side(plain, m, basis)
    net = less(gross, again)
    rest = plain.join(net, on=CELL, how="anti", maintain_order="left")
    return pl.concat([_side_by_side(net, m, BY_ORIGIN), _side_by_side(rest, m, BY_ORIGIN_GROSS)])


def _side_by_side(x: pl.DataFrame, m: pl.DataFrame, basis: str) -> pl.DataFrame:
    theirs = m.with_columns(exposure_measured=measured_exposure())
    both = x.join(theirs, on=CELL, how="inner", suffix="_m", maintain_order="left")
    return both.select(
        *CELL,
        x="estimate",
        x_sd="sd",
        bound_x="exposure",
        over_x="over",
        m="estimate_m",
        m_sd="sd_m",
        bound_m="exposure_m",
        x_measured="measured",
        x_sd_measured="measured_sd",
        bound_x_measured="exposure_measured",
        over_x_measured="over_measured",
        m_measured="measured_m",
        m_sd_measured="measured_sd_m",
        bound_m_measured="exposure_measured_m",
        valuation_x="valuation",
        valuation_m="valuation_m",
        condition_x="condition",
        condition_m="condition_m",
        basis=pl.lit(basis),
    )


def _within(cells: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    chosen = cells
    if scope.levels:
        chosen = chosen.filter(pl.col("level").is_in(scope.levels))
    return chosen.filter(pl.col("period").is_in(scope.periods)) if scope.periods else chosen


def _basis_notes(cells: pl.DataFrame) -> Iterator[str]:
    said = {
        BY_ORIGIN: "imports are by origin: exports are compared less re-exports",
        BY_ORIGIN_GROSS: "imports are by origin and re-exports aren't published: exports are compared with re-exports"
        " in them",
    }
    for basis in cells["basis"].unique(maintain_order=True):
        if basis in said:
            yield said[basis]
        elif basis != BY_CONSIGNMENT:
            yield f"{basis}: exports are compared gross"


def _period_notes(cells: pl.DataFrame, sides: Iterable[tuple[str, pl.DataFrame]]) -> Iterator[str]:
    for office, figures in sides:
        held = sorted(set(figures["period"]))
        for period in sorted(set(cells["period"]) - set(held)):
            yield f"{period} of {office} is the sum of its {len(parts_of(period, held))} published periods"


def _valuation_notes(cells: pl.DataFrame) -> Iterator[str]:
    for x, m in cells.select("valuation_x", "valuation_m").unique(maintain_order=True).iter_rows():
        if "unknown" in (x, m):
            yield f"exports are valued {x} and imports {m}: no CIF/FOB factor is applied"
        elif x == "CIF" and m != "CIF":
            yield f"exports are valued CIF and imports {m}: no factor is known for that, and none is applied"


def _unit_notes(bundles: Sequence[Bundle]) -> Iterator[str]:
    """Yield that an office's releases protect rows and no firm, and how well a row can be known from one of them."""
    rows = [bundle for bundle in bundles if bundle.plan["unit"]["kind"] == "record"]
    if rows:
        known = volume_bound(volume_interval_percent(max(parse_rho(bundle.plan["rho"]) for bundle in rows)))
        office = rows[0].plan["office"]["code"]
        yield f"{office} protects single rows and no firm; a row can be estimated from a release at best {known}"


def _sheet_notes(sheet_x: Mapping[str, Any], sheet_m: Mapping[str, Any], rates: Rates) -> Iterator[str]:
    if sheet_x["hs_edition"] != sheet_m["hs_edition"]:
        yield (
            f"different editions of the Harmonized System: {sheet_x['hs_edition']} and {sheet_m['hs_edition']}; totals"
            " are comparable, chapters and sections as far as goods kept their place"
        )
    for key, word in (("trade_system", "trade systems"), ("date_basis", "dates that count")):
        if sheet_x[key] != sheet_m[key]:
            yield f"different {word}: {sheet_x[key]} and {sheet_m[key]}"
    currencies = dict.fromkeys((sheet_x["currency"], sheet_m["currency"]))
    if len(currencies) > 1:
        by_table = [currency for currency in currencies if any(known == currency for known, _ in rates)]
        told = f"{' and '.join(by_table)} by the public table" if by_table else "by each office's stated rate"
        yield f"different currencies: {' and '.join(currencies)} (converted {told})"
