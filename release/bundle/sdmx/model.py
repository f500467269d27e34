"""The data structure of a release: components, concepts and codelists, as values.

Derived from UNSD:IMTS(1.2), the structure of international merchandise trade statistics: components of the same id
mean the same. Its dimensions that a release doesn't break down by (confidentiality, second commodity, mode of
transport, customs procedure, activity, transformation) are left out; they stand at their totals. Added are what noise
brings with it: its standard deviation, the interval, the exposure, the mechanism, the loss and the release's id.
The structure is the same for every release, but for headings and subheadings, of which a release lists those it has; a
change of it is another version, and another format of the bundle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from release.codelists import codelist
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, RESIDUAL

AGENCY = "NOISY_MIRRORS"
"""The agency of the artefacts: a namespace of the format, not a registered one."""

STRUCTURE_ID = "IMTS_DP"
VERSION = "1.0"
CONCEPTS_ID = "CS_IMTS_DP"
STRUCTURE_NAME = f"{AGENCY}:{STRUCTURE_ID}({VERSION})"
EDITIONS = {"HS 2007": "HS07", "HS 2012": "HS12", "HS 2017": "HS17", "HS 2022": "HS22"}
"""The prefix of commodity codes for each edition of the Harmonized System."""

SECTIONS_REST = f"S{RESIDUAL}"
"""What is in no section; the same goods as the rest of the chapters, and another observation."""


class Place(StrEnum):
    """Where a component's value stands."""

    KEY = "key"
    TIME = "time"
    MEASURE = "measure"
    DATASET = "data set"
    SERIES = "series"
    OBSERVATION = "observation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A dimension, measure or attribute.

    Attributes:
        codes: the codelist's id; None where the value isn't coded.
        text: SDMX's kind of value where it isn't coded.
        follows: the dimensions that an attribute of a series depends on.
    """

    id: str
    place: Place
    name: str
    codes: str | None = None
    text: str | None = None
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code with its name and, where UN Comtrade has one, its numbers, the current first."""

    id: str
    name: str
    comtrade: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A codelist: its id, name and codes; `whole` unless a release has only some of the codes that there are."""

    id: str
    name: str
    codes: tuple[Code, ...]
    whole: bool = True


COMPONENTS = (
    Component(id="FREQ", place=Place.KEY, name="Frequency", codes="CL_FREQ"),
    Component(id="REF_AREA", place=Place.KEY, name="Reporting area", codes="CL_AREA"),
    Component(id="TRADE_FLOW", place=Place.KEY, name="Trade flow", codes="CL_TRADE_FLOW"),
    Component(id="COMMODITY_1", place=Place.KEY, name="Commodity, with the edition of the HS", codes="CL_COMMODITY"),
    Component(id="COUNTERPART_AREA_1", place=Place.KEY, name="Partner area", codes="CL_AREA"),
    Component(id="COUNTERPART_AREA_2", place=Place.KEY, name="Second partner area", codes="CL_AREA"),
    Component(id="MEASURE", place=Place.KEY, name="What is added up", codes="CL_MEASURE"),
    Component(id="TIME_PERIOD", place=Place.TIME, name="Period", text="ObservationalTimePeriod"),
    Component(id="OBS_VALUE", place=Place.MEASURE, name="Estimate made of all noisy measurements", text="Double"),
    Component(id="OBS_STATUS", place=Place.OBSERVATION, name="Status of the observation", codes="CL_OBS_STATUS"),
    Component(id="NOISE_SD", place=Place.OBSERVATION, name="Standard deviation of its noise", text="Double"),
    Component(id="INTERVAL_LOW", place=Place.OBSERVATION, name="Lower end of the noise's 95 % interval", text="Double"),
    Component(id="INTERVAL_HIGH", place=Place.OBSERVATION, name="Upper end of that interval", text="Double"),
    Component(
        id="EXPOSURE",
        place=Place.OBSERVATION,
        name="Bound on what clipping took off; INF where none is stated",
        text="Double",
    ),
    Component(
        id="UNIT_MEASURE", place=Place.SERIES, name="Unit of measure", codes="CL_UNIT_MEASURE", follows=("MEASURE",)
    ),
    Component(id="UNIT_MULT", place=Place.SERIES, name="Unit multiplier", codes="CL_UNIT_MULT", follows=("MEASURE",)),
    Component(
        id="VALUATION", place=Place.SERIES, name="Price basis", codes="CL_VALUATION", follows=("TRADE_FLOW", "MEASURE")
    ),
    Component(
        id="COUNTERPART_AREA_1_TYPE",
        place=Place.SERIES,
        name="Which country the partner is",
        codes="CL_COUNTERPART_AREA_TYPE",
        follows=("TRADE_FLOW",),
    ),
    Component(id="TRADE_SYSTEM", place=Place.DATASET, name="Trade system", codes="CL_TRADE_SYSTEM"),
    Component(id="RELEASE_ID", place=Place.DATASET, name="Release", text="String"),
    Component(id="MECHANISM", place=Place.DATASET, name="Mechanism of the noise", codes="CL_MECHANISM"),
    Component(id="PRIVACY_UNIT", place=Place.DATASET, name="What is protected", codes="CL_PRIVACY_UNIT"),
    Component(id="RHO", place=Place.DATASET, name="Loss of the release in rho (zCDP), exactly", text="String"),
)
"""All components, in the order in which SDMX-CSV has its columns."""

COLUMNS = tuple(component.id for component in COMPONENTS)


def at(*places: Place) -> tuple[Component, ...]:
    """Return the components of some places, in order."""
    return tuple(component for component in COMPONENTS if component.place in places)


def _list(id_: str, name: str, codes: Mapping[str, str]) -> Codes:
    return Codes(id=id_, name=name, codes=tuple(Code(id=code, name=label) for code, label in codes.items()))


_FIXED = (
    _list("CL_FREQ", "Frequency", {"A": "Annual", "Q": "Quarterly", "M": "Monthly"}),
    _list(
        "CL_MEASURE",
        "What is added up",
        {
            "VALUE": "Statistical value",
            "RETURNS": "Value of returns and corrections",
            "DECLARATIONS": "Number of declaration lines",
            "TRADERS": "Number of traders",
            "NET_MASS": "Net mass",
        },
    ),
    _list("CL_OBS_STATUS", "Status of an observation", {"E": "Estimated value: noise was added"}),
    _list("CL_UNIT_MULT", "Unit multiplier", {"0": "Units"}),
    _list("CL_VALUATION", "Price basis", {"FOB": "FOB", "FAS": "FAS", "CIF": "CIF", "_X": "Unknown", "_Z": "None"}),
    _list(
        "CL_COUNTERPART_AREA_TYPE",
        "Which country the partner is",
        {
            "ORIGIN": "Country of origin",
            "CONSIGNMENT": "Country of consignment",
            "LAST_KNOWN_DESTINATION": "Country of last known destination",
            "SALE_OR_PURCHASE": "Country of sale or purchase",
            "UNKNOWN": "Unknown",
        },
    ),
    _list("CL_TRADE_SYSTEM", "Trade system", {"GENERAL": "General", "SPECIAL": "Special", "UNKNOWN": "Unknown"}),
    _list(
        "CL_MECHANISM",
        "Mechanism of the noise",
        {"DISCRETE_GAUSSIAN": "Discrete Gaussian on whitened integers, each unit's vector clipped in one norm"},
    ),
    _list(
        "CL_PRIVACY_UNIT",
        "What is protected",
        {"TRADER_YEAR": "All records of one trader in the calendar year", "RECORD": "A single record, and no firm"},
    ),
)


@cache
def codelists(planned: tuple[str, ...] = ()) -> tuple[Codes, ...]:
    """Return all codelists: the fixed ones, and areas, commodities, flows and units from the shipped lists.

    Args:
        planned: codes of commodities that a release has besides chapters and sections, with their edition's prefix.
    """
    flows = {row["code"]: row["label"].capitalize() for row in codelist("flows").rows}
    units = {"PN": "Pure number", "KG": "Kilograms"} | {
        row["code"]: row["label"] for row in codelist("currencies").rows
    }
    return (
        *_FIXED,
        _areas(),
        _commodities(planned),
        _list("CL_TRADE_FLOW", "Trade flow", flows),
        _list("CL_UNIT_MEASURE", "Unit of measure", units),
    )


def _areas() -> Codes:
    whole = (
        Code(id=ALL_PARTNERS, name="All areas", comtrade="0"),
        Code(id=RESIDUAL, name="Areas that aren't on the release's list"),
    )
    areas = (Code(id=row["alpha2"], name=row["name"], comtrade=row["comtrade"]) for row in codelist("areas").rows)
    return Codes(id="CL_AREA", name="Areas: ISO 3166 alpha-2, with UN Comtrade's numbers", codes=(*whole, *areas))


def _commodities(planned: tuple[str, ...]) -> Codes:
    products = {ALL_PRODUCTS: "All commodities"}
    products |= {f"S{row['code']}": f"Section {row['roman']}: {row['label']}" for row in codelist("sections").rows}
    products |= {row["code"]: row["label"] for row in codelist("chapters").rows}
    editions = (
        Code(
            id=f"{prefix}_{product}",
            name=f"{label} ({edition})",
            comtrade="" if product.startswith("S") else product,
        )
        for edition, prefix in EDITIONS.items()
        for product, label in products.items()
    )
    rests = (
        Code(id=SECTIONS_REST, name="Commodities in no section of the release's list"),
        Code(id=RESIDUAL, name="Commodities that aren't on the release's list"),
    )
    known = {code.id: code for code in editions}
    deeper = (Code(id=code, name=_deeper(code)) for code in planned if code not in known)
    return Codes(
        id="CL_COMMODITY",
        name="Commodities: HS edition and section, chapter, or a heading or subheading of the release",
        codes=(*known.values(), *deeper, *rests),
        whole=False,
    )


def _deeper(code: str) -> str:
    """Return the name of a heading, a subheading, or of what isn't listed of a chapter or heading."""
    edition, _, digits = code.partition("_")
    if digits.endswith(RESIDUAL):
        return f"What isn't listed of {digits.removesuffix(RESIDUAL)} ({edition})"
    return f"HS {digits[:4]}.{digits[4:]} ({edition})" if len(digits) > 4 else f"HS {digits} ({edition})"  # noqa: PLR2004
