"""What carries a pair's gap: chapters with intervals, the part of CIF/FOB, and a bridge of what was measured.

The bridge leads from exports as reported to imports as reported. A step has an amount only where a published cell, or
the agreed factor, supports it; the others are *not measured*, and what is left holds them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from release.bundle.verification import Bundle
from release.errors import UsageError
from release.inference import Amount
from release.inference.bands import critical_value
from release.mirror.agreement import Agreement, PublicTables, factor_of
from release.mirror.alignment import BY_CONSIGNMENT, BY_ORIGIN, Pair, Scope, aligned, from_fob_to_cif, offices_of
from release.mirror.covariances import Blocks
from release.mirror.figures import figures_of, with_periods

NOT_MEASURED = "not measured"
LEADING = 5
"""So many of the chapters with the largest contributions are summed up."""

HUB_SHARE = 0.2
"""Published re-exports above this part of exports mark an exporter as a hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one product adds to the gap beyond CIF/FOB: M - c X, in US dollars."""

    product: str
    x: float
    m: float
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the bridge; `amount` is None where nothing published supports one."""

    name: str
    amount: Amount | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairExplanation:
    """A pair's gap and what carries it, in US dollars; every amount with its own exact interval.

    Attributes:
        basis: which exports stand against which imports.
        cif_fob: the factor that was applied, 1 where none was.
        gap: M - X.
        freight: the part of CIF/FOB, (c - 1) X.
        rest: M - c X; `freight` and `rest` add up to the gap.
        parts: the products' parts of the rest, the largest first; they add up to it.
        leading: the sum of the first `LEADING` parts, chosen after seeing them, which its interval doesn't allow for;
            None where no products are published.
        bridge: from exports to imports as reported.
        hub: why goods may pass through one of the two on their way, in words; None where nothing says so.
    """

    exporter: str
    importer: str
    period: str
    basis: str
    cif_fob: float
    cif_fob_source: str | None
    confidence: float
    gap: Amount
    freight: Amount
    rest: Amount
    parts: tuple[Contribution, ...]
    leading: Amount | None
    bridge: tuple[Step, ...]
    hub: str | None
    notes: tuple[str, ...]


def explain(
    bundles: Sequence[Bundle],
    ways: Sequence[tuple[str, str]],
    agreement: Agreement,
    public: PublicTables | None = None,
) -> Iterator[PairExplanation]:
    """Yield explanations of directions of trade (exporter, importer), one for each period that both publish.

    Raises:
        UsageError: there is no common cell of a direction.
    """
    rates = (public or PublicTables()).rates
    blocks = Blocks(tuple(bundles), rates)
    offices = offices_of(bundles)
    for way in ways:
        scope = Scope(pairs=(way,), periods=agreement.scope.periods)
        pair = next(aligned(bundles, scope, rates), None)
        if pair is None or pair.cells.filter(pl.col("level") == "partner").is_empty():
            raise UsageError(f"Nothing published lets {way[0]}>{way[1]} be explained; nothing was written.")
        areas = tuple(offices[code][-1].plan["office"]["area"] for code in way)
        for whole in pair.cells.filter(pl.col("level") == "partner").iter_rows(named=True):
            gross = _gross(offices[way[0]], areas[1], whole["period"], rates)
            yield _of_period(_Seen(pair, whole, (areas[0], areas[1]), blocks, agreement), gross)


class _Seen:
    """One pair and period with all that linear combinations of its cells need."""

    def __init__(
        self,
        pair: Pair,
        whole: dict[str, Any],
        areas: tuple[str, str],
        blocks: Blocks,
        agreement: Agreement,
    ) -> None:
        self.pair, self.whole, self.areas, self.blocks, self.agreement = pair, whole, areas, blocks, agreement
        applies = from_fob_to_cif(whole["valuation_x"], whole["valuation_m"])
        agreed = factor_of(agreement, pair.exporter, pair.importer)
        self.factor: float = agreed[0] if applies else 1.0
        self.source: str | None = agreed[1] if applies else None

    @property
    def products(self) -> list[dict[str, Any]]:
        """The aligned cells of the finest level with products."""
        cells = self.pair.cells.filter(
            (pl.col("period") == self.whole["period"]) & (pl.col("basis") == self.whole["basis"])
        )
        finest = next((one for one in ("partner x chapter", "partner x section") if (cells["level"] == one).any()), "")
        return list(cells.filter(pl.col("level") == finest).iter_rows(named=True))

    def amount(self, rows: Sequence[Mapping[str, Any]], of_x: float, of_m: float) -> Amount:
        """Return `of_x` times the rows' exports plus `of_m` times their imports, with noise and bounds."""
        sides = [(of_x, "x", "bound_x"), (of_m, "m", "bound_m")]
        value = sum(weight * row[name] for weight, name, _ in sides for row in rows)
        moves = [weight * row[bound] for weight, _, bound in sides if weight for row in rows]
        moves += [-of_x * row["over_x"] for row in rows if of_x]
        reach = float(critical_value(self.agreement.alpha)) * (sd := self._sd(rows, of_x, of_m))
        return Amount(
            value=float(value),
            sd=sd,
            low=float(value - reach + sum(move for move in moves if move < 0)),
            high=float(value + reach + sum(move for move in moves if move > 0)),
        )

    def _sd(self, rows: Sequence[Mapping[str, Any]], of_x: float, of_m: float) -> float:
        if len(rows) == 1:
            return float(np.hypot(of_x * rows[0]["x_sd"], of_m * rows[0]["m_sd"]))
        period, basis = self.whole["period"], self.whole["basis"]
        attribution = {BY_CONSIGNMENT: "consignment", BY_ORIGIN: "origin"}.get(basis)
        x = {(self.areas[1], row["product"]): of_x for row in rows}
        m = {(self.areas[0], row["product"]): of_m for row in rows}
        flows = ("X", "RX") if basis == BY_ORIGIN else ("X",)
        variance = sum(self.blocks.variance(self.pair.exporter, flow, period, x) for flow in flows if of_x)
        if of_m:
            variance += self.blocks.variance(self.pair.importer, "M", period, m, attribution)
        return float(np.sqrt(variance))


def _of_period(seen: _Seen, gross: tuple[Amount | None, Amount | None]) -> PairExplanation:
    c, whole = seen.factor, [seen.whole]
    products = seen.products
    parts = [
        Contribution(product=row["product"], x=row["x"], m=row["m"], amount=seen.amount([row], -c, 1.0))
        for row in products
    ]
    order = sorted(range(len(parts)), key=lambda index: -abs(parts[index].amount.value))
    freight, rest = seen.amount(whole, c - 1.0, 0.0), seen.amount(whole, -c, 1.0)
    return PairExplanation(
        exporter=seen.pair.exporter,
        importer=seen.pair.importer,
        period=seen.whole["period"],
        basis=seen.whole["basis"],
        cif_fob=c,
        cif_fob_source=seen.source,
        confidence=1.0 - seen.agreement.alpha,
        gap=seen.amount(whole, -1.0, 1.0),
        freight=freight,
        rest=rest,
        parts=tuple(parts[index] for index in order),
        leading=seen.amount([products[index] for index in order[:LEADING]], -c, 1.0) if parts else None,
        bridge=tuple(_bridge(seen, gross, freight, rest)),
        hub=_hub(seen, gross),
        notes=seen.pair.notes,
    )


def _gross(
    bundles: Sequence[Bundle], partner: str, period: str, rates: Mapping[tuple[str, str], float]
) -> tuple[Amount | None, Amount | None]:
    """Return the published exports and re-exports to a partner, each None where it isn't published."""
    found: list[Amount | None] = []
    for flow in ("X", "RX"):
        figures = with_periods(figures_of(bundles, flow, partner, rates), (period,))
        row = figures.filter((pl.col("level") == "partner") & (pl.col("period") == period))
        found.append(None if row.is_empty() else _published(row.row(0, named=True)))
    return found[0], found[1]


def _published(row: Mapping[str, Any]) -> Amount:
    reach = float(critical_value(0.05)) * row["sd"]
    value = row["estimate"]
    return Amount(value=value, sd=row["sd"], low=value - reach, high=value + reach + row["exposure"])


def _bridge(seen: _Seen, gross: tuple[Amount | None, Amount | None], freight: Amount, rest: Amount) -> Iterator[Step]:
    exports, again = gross
    yield Step(name="exports as reported", amount=exports, said="published")
    if seen.whole["basis"] == BY_ORIGIN and again is not None:
        taken = Amount(value=-again.value, sd=again.sd, low=-again.high, high=-again.low)
        yield Step(name="less re-exports", amount=taken, said="published")
    elif seen.whole["basis"] != BY_CONSIGNMENT:
        yield Step(name="less re-exports", amount=None, said=NOT_MEASURED)
    if seen.source is None:
        yield Step(name="freight and insurance", amount=None, said=f"{NOT_MEASURED}: no factor applies")
    else:
        told = f"assumed: factor {seen.factor:g} ({seen.source})"
        yield Step(name="freight and insurance", amount=freight, said=told)
    for name in _UNMEASURED:
        yield Step(name=name, amount=None, said=NOT_MEASURED)
    yield Step(name="what is left, with all that wasn't measured", amount=rest, said="imports less all of the above")
    yield Step(name="imports as reported", amount=seen.amount([seen.whole], 0.0, 1.0), said="published")


_UNMEASURED = (
    "goods under way when the period ends",
    "trade that one side doesn't see (thresholds, confidentiality, trade system)",
    "goods attributed to another partner (origin, consignment, transit)",
    "invoicing, exchange rates and plain error",
)


def _hub(seen: _Seen, gross: tuple[Amount | None, Amount | None]) -> str | None:
    said = [
        f"{office} is known as a hub ({seen.agreement.hubs_source})"
        for office in (seen.pair.exporter, seen.pair.importer)
        if office in seen.agreement.hubs
    ]
    exports, again = gross
    if exports is not None and again is not None and again.low > HUB_SHARE * max(exports.high, 0.0):
        said.append(f"re-exports are more than {HUB_SHARE:.0%} of what {seen.pair.exporter} exports to it")
    return "; ".join(said) or None
