"""Whether a release's SDMX data is what the structure beside it allows, and what the published table says.

Readers of SDMX take a message as it comes; this is where data and structure are held against each other: every
dimension coded, every key unique, every mandatory attribute given, every figure that of the table.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from release.bundle.observations import KEY
from release.bundle.sdmx.coding import coded, words
from release.bundle.sdmx.data import data_csv, data_xml, header_of
from release.bundle.sdmx.model import COLUMNS, STRUCTURE_NAME
from release.bundle.sdmx.parsing import parse
from release.bundle.sdmx.structure import flow_of

_LONGEST = 128
"""A code that stands in every row may not make a small bundle a large one."""

Finding = tuple[str, str]
"""A stable code, and a message for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a structure message says.

    Attributes:
        named: the data structure, as `AGENCY:ID(VERSION)`.
        flows: ids of its data flows.
        lists: each codelist's codes.
        dimensions: each dimension's codelist, in order; None where it isn't coded.
        attributes: each mandatory attribute's or measure's codelist; None where it isn't coded.
    """

    named: str = ""
    flows: tuple[str, ...] = ()
    lists: dict[str, set[str]] = field(default_factory=dict)
    dimensions: dict[str, str | None] = field(default_factory=dict)
    attributes: dict[str, str | None] = field(default_factory=dict)


def sdmx_findings(
    contents: Mapping[str, bytes], plan: Mapping[str, Any], plan_digest: str, date: str, table: pl.DataFrame
) -> Iterator[Finding]:
    """Yield everything that is wrong with a bundle's SDMX messages.

    Args:
        contents: the bundle's files by name.
        plan: the published plan.
        plan_digest: its SHA-256.
        date: the charge's.
        table: the published table.
    """
    if any(len(word) > _LONGEST for word in words(plan)):
        yield "sdmx data", "plan.json has a code or name that is longer than any code is"
        return
    rows = pl.read_csv(io.BytesIO(contents["sdmx-data.csv"]), infer_schema=False, missing_utf8_is_empty_string=True)
    for name in ("sdmx-structure.xml", "sdmx-structure-3.0.xml"):
        try:
            structure = read_structure(contents[name])
        except (KeyError, ValueError):
            yield "sdmx structure", f"{name} isn't a structure message of this format"
            continue
        if structure.named != STRUCTURE_NAME or structure.flows != (flow_of(plan).id,):
            yield "sdmx structure", f"{name} isn't the structure of this release"
        yield from rule_findings(rows, structure, name)
        if table.select(KEY).is_unique().all():
            yield from key_findings(rows, structure)
    expected = coded(plan, table)
    if rows.columns[3:] != list(COLUMNS) or data_csv(expected) != contents["sdmx-data.csv"]:
        yield "sdmx data", "sdmx-data.csv doesn't hold the figures of observations.parquet"
    if data_xml(expected, plan, header_of(plan, plan_digest, date)) != contents["sdmx-data.xml"]:
        yield "sdmx data", "sdmx-data.xml doesn't hold the figures of observations.parquet"


def rule_findings(rows: pl.DataFrame, structure: Structure, name: str) -> Iterator[Finding]:
    """Yield which rules of a structure rows of SDMX-CSV break."""
    needed = {**structure.dimensions, **structure.attributes}
    lacking = [column for column in needed if column not in rows.columns]
    if lacking or set(rows.columns[3:]) != set(needed):
        yield "sdmx data", f"sdmx-data.csv hasn't the columns that {name} names"
        return
    for column, codes in needed.items():
        values = rows[column].unique().to_list()
        if "" in values:
            yield "sdmx data", f"{column} is mandatory by {name}, and is empty in sdmx-data.csv"
        elif codes is not None and not set(values) <= structure.lists.get(codes, set()):
            yield "sdmx data", f"{column} has codes that aren't in {codes} of {name}"


def key_findings(rows: pl.DataFrame, structure: Structure) -> Iterator[Finding]:
    """Yield whether rows of SDMX-CSV have one key; of a table that has a cell twice, that is told of the table."""
    keys = list(structure.dimensions)
    if set(keys) <= set(rows.columns) and rows.select(keys).is_duplicated().any():
        yield "sdmx data", "two observations of sdmx-data.csv have one key"


def read_structure(content: bytes) -> Structure:
    """Return what a structure message says, 2.1 or 3.0; nothing that a message could make a parser load is allowed.

    Raises:
        ValueError: it isn't XML, or declares a document type.
    """
    reading = _Reading()
    parse(content, reading)
    return reading.structure()


class _Reading:
    """The parts of a structure message that were read so far."""

    def __init__(self) -> None:
        self._named = ""
        self._flows: list[str] = []
        self._lists: dict[str, set[str]] = {}
        self._components: dict[str, tuple[str, str | None]] = {}
        self._list = ""
        self._component: str | None = None
        self._enumeration: list[str] | None = None

    def structure(self) -> Structure:
        """Return what was read."""
        kinds: dict[str, dict[str, str | None]] = {"dimension": {}, "attribute": {}}
        for id_, (kind, codes) in self._components.items():
            kinds[kind][id_] = codes
        return Structure(
            named=self._named,
            flows=tuple(self._flows),
            lists=self._lists,
            dimensions=kinds["dimension"],
            attributes=kinds["attribute"],
        )

    def opened(self, element: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning."""
        name = element.rpartition(" ")[2]
        id_ = attributes.get("id", "")
        if name == "DataStructure":
            self._named = f"{attributes.get('agencyID')}:{id_}({attributes.get('version')})"
        elif name == "Dataflow" and id_:
            self._flows.append(id_)
        elif name == "Codelist" and id_:
            self._list = id_
            self._lists[id_] = set()
        elif name == "Code":
            self._lists[self._list].add(id_)
        elif name in ("Dimension", "TimeDimension", "Attribute", "PrimaryMeasure", "Measure") and id_:
            self._component = id_
            self._components[id_] = ("dimension" if name.endswith("Dimension") else "attribute", None)
        elif name == "Enumeration" and self._component is not None:
            self._enumeration = []
        elif name == "Ref" and self._enumeration is not None:
            self._enumeration.append(id_)

    def told(self, text: str) -> None:
        """Take note of text, which is how 3.0 names a codelist."""
        if self._enumeration is not None:
            self._enumeration.append(text)

    def closed(self, element: str) -> None:
        """Take note of an element's end."""
        name = element.rpartition(" ")[2]
        if name == "Enumeration" and self._enumeration is not None and self._component is not None:
            codes = "".join(self._enumeration).strip().rpartition(":")[2].partition("(")[0]
            self._components[self._component] = (self._components[self._component][0], codes)
            self._enumeration = None
        elif name in ("Dimension", "TimeDimension", "Attribute", "PrimaryMeasure", "Measure"):
            self._component = None if self._enumeration is None else self._component
