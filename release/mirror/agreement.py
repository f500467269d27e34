"""What is agreed before figures are seen, and the public tables that a comparison may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from release.config import Comparison as Config
from release.inference import Adjustment, Band
from release.mirror.alignment import Scope
from release.mirror.figures import Rates

DEFAULT_TOLERANCE = 0.25
DEFAULT_CIF_FOB = 1.06
"""The factor that the International Monetary Fund's trade statistics use where nothing better is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFactor:
    """A CIF/FOB factor for one direction of trade, and where it comes from."""

    exporter: str
    importer: str
    factor: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What is agreed before figures are seen.

    Attributes:
        tolerance: t of the band.
        cif_fob: the CIF/FOB factor where no pair's own is given.
        cif_fob_source: where it comes from.
        alpha: error rate of every family.
        by_pair: factors of single directions.
        pairs_adjusted: how families of whole flows are adjusted.
        products_adjusted: how families of products are.
        scope: what is compared.
        hubs: offices known as places that goods pass through, from a public source.
        hubs_source: that source.
    """

    tolerance: float = DEFAULT_TOLERANCE
    cif_fob: float = DEFAULT_CIF_FOB
    cif_fob_source: str = "IMF, Direction of Trade Statistics"
    alpha: float = 0.05
    by_pair: tuple[PairFactor, ...] = ()
    pairs_adjusted: Adjustment = Adjustment.HOLM
    products_adjusted: Adjustment = Adjustment.BENJAMINI_YEKUTIELI
    scope: Scope = field(default_factory=Scope)
    hubs: tuple[str, ...] = ()
    hubs_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A pair's public figures of one period, both in US dollars."""

    exporter: str
    importer: str
    period: str
    exports: float
    imports: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTables:
    """Public tables beside the bundles: exchange rates, and the history of pairs with its source."""

    rates: Rates = field(default_factory=dict)
    history: tuple[Past, ...] = ()
    history_source: str | None = None


def agreement_of(config: Config) -> Agreement:
    """Return what a comparison's config agrees on."""
    return Agreement(
        tolerance=float(config.tolerance),
        cif_fob=float(config.cif_fob.factor),
        cif_fob_source=config.cif_fob.source,
        alpha=float(config.error_rate),
        by_pair=tuple(
            PairFactor(exporter=one.pair[:3], importer=one.pair[-3:], factor=float(one.factor), source=one.source)
            for one in config.cif_fob.pairs
        ),
        pairs_adjusted=config.families.pairs,
        products_adjusted=config.families.products,
        scope=Scope(
            pairs=tuple((pair[:3], pair[-3:]) for pair in config.pairs), levels=config.levels, periods=config.periods
        ),
        hubs=() if config.hubs is None else config.hubs.offices,
        hubs_source=None if config.hubs is None else config.hubs.source,
    )


def factor_of(agreement: Agreement, exporter: str, importer: str) -> tuple[float, str]:
    """Return the CIF/FOB factor agreed for a direction of trade, and its source."""
    for one in agreement.by_pair:
        if (one.exporter, one.importer) == (exporter, importer):
            return one.factor, one.source
    return agreement.cif_fob, agreement.cif_fob_source


def band_of(agreement: Agreement, factor: float | None) -> Band:
    """Return the band around a factor, or around 1 where none applies."""
    return Band(tolerance=agreement.tolerance, cif_fob=1.0 if factor is None else factor)


def adjustments(agreement: Agreement) -> Mapping[bool, Adjustment]:
    """Return how families are adjusted: of whole flows (True), and of products (False)."""
    return {True: agreement.pairs_adjusted, False: agreement.products_adjusted}
