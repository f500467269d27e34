"""What a comparison's TOML says: bundles, pairs, levels, periods, band, CIF/FOB factors, error rate and families.

All of it is agreed before figures are seen. Public tables (exchange rates, history) are named here and read elsewhere.
"""

from dataclasses import field
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic.dataclasses import dataclass

from release.config.fields import STRICT, Alpha3, InnerPath, Period, Text
from release.errors import InvalidAmountError
from release.inference import Adjustment
from release.privacy import parse_amount

PairName = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}>[A-Z]{3}$")]
"""One direction of trade, exporter first: `NLD>ITA`."""

ComparedLevel = Literal[
    "partner", "partner x section", "partner x chapter", "partner x heading", "partner x subheading"
]


def _within(text: object, low: str, high: str) -> Fraction:
    if isinstance(text, Fraction):
        return text
    try:
        return parse_amount(text, low=Fraction(low), high=Fraction(high))
    except InvalidAmountError as error:
        raise ValueError(f"{error.reason}") from None


_AMOUNT = WithJsonSchema({"type": "string", "examples": ["0.25", "1/4"]})

Tolerance = Annotated[Fraction, BeforeValidator(lambda text: _within(text, "0.001", "100")), _AMOUNT]
CifFobFactor = Annotated[Fraction, BeforeValidator(lambda text: _within(text, "0.01", "100")), _AMOUNT]
ErrorRate = Annotated[Fraction, BeforeValidator(lambda text: _within(text, "1e-9", "0.5")), _AMOUNT]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PairFactor:
    """A CIF/FOB factor for one direction of trade, with where it comes from."""

    pair: PairName
    factor: CifFobFactor
    source: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CifFob:
    """The ratio of a CIF to an FOB figure; applied only from FOB or FAS exports to CIF imports.

    Attributes:
        factor: where no pair's own is given.
        source: where it comes from.
        pairs: factors of single directions.
    """

    factor: CifFobFactor = Fraction("1.06")
    source: Text = "IMF, Direction of Trade Statistics"
    pairs: Annotated[tuple[PairFactor, ...], Field(max_length=1000)] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Families:
    """How p-values are adjusted within a family: all cells of one level and period over the compared pairs."""

    pairs: Adjustment = Adjustment.HOLM
    products: Adjustment = Adjustment.BENJAMINI_YEKUTIELI


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PublicTable:
    """A public CSV inside the config's folder, and who published it.

    Rates have the columns `currency,period,usd_per_unit`, a history `exporter,importer,period,exports,imports` with
    both figures in US dollars.
    """

    table: InnerPath
    source: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Hubs:
    """Offices through which goods pass on their way elsewhere, and who says so."""

    offices: Annotated[tuple[Alpha3, ...], Field(min_length=1, max_length=300)]
    source: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Comparison:
    """A comparison's whole configuration.

    Attributes:
        bundles: places searched for bundles, inside the config's folder; `--bundles` names another folder for them.
        pairs: the directions that are compared; all between the bundles' offices when none is named.
        levels: the levels that are compared, coarse to fine.
        periods: the periods that are compared; all that both sides publish when none is named.
        tolerance: t of the band, `[c / (1 + t), c (1 + t)]`.
        error_rate: of every family.
        registry: a copy of the registry of offices: bundles of offices that it names have to be signed by their key.
    """

    title: Text
    bundles: Annotated[tuple[InnerPath, ...], Field(min_length=1, max_length=1000)]
    pairs: Annotated[tuple[PairName, ...], Field(max_length=10_000)] = ()
    levels: Annotated[tuple[ComparedLevel, ...], Field(min_length=1, max_length=5)] = (
        "partner",
        "partner x section",
        "partner x chapter",
        "partner x heading",
        "partner x subheading",
    )
    periods: Annotated[tuple[Period, ...], Field(max_length=400)] = ()
    tolerance: Tolerance = Fraction(1, 4)
    error_rate: ErrorRate = Fraction(1, 20)
    cif_fob: CifFob = field(default_factory=CifFob)
    families: Families = field(default_factory=Families)
    rates: PublicTable | None = None
    history: PublicTable | None = None
    hubs: Hubs | None = None
    registry: InnerPath | None = None


def comparison_faults(comparison: Comparison) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what is wrong within a comparison's config, each fault with its path of keys."""
    faults: list[tuple[tuple[str | int, ...], str]] = []
    lists: dict[tuple[str, ...], tuple[str, ...]] = {
        ("pairs",): comparison.pairs,
        ("levels",): comparison.levels,
        ("periods",): comparison.periods,
        ("bundles",): comparison.bundles,
        ("cif_fob", "pairs"): tuple(one.pair for one in comparison.cif_fob.pairs),
    }
    for where, named in lists.items():
        twice = sorted({one for one in named if named.count(one) > 1})
        if twice:
            faults.append((where, f"{', '.join(twice)} stands twice"))
    both = [pair for pair in (*comparison.pairs, *lists["cif_fob", "pairs"]) if pair[:3] == pair[-3:]]
    faults += [(("pairs",), f"{pair}: an office is no mirror of itself") for pair in dict.fromkeys(both)]
    strangers = [pair for pair in lists["cif_fob", "pairs"] if comparison.pairs and pair not in comparison.pairs]
    faults += [(("cif_fob", "pairs"), f"{pair} isn't among the compared pairs") for pair in strangers]
    return faults
