"""A release's data as SDMX-CSV 2.0 and as structure-specific SDMX-ML 2.1, from rows in SDMX's codes."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import Any

import polars as pl

from release.bundle.cells import inert
from release.bundle.sdmx.coding import of_the_release
from release.bundle.sdmx.model import AGENCY, COMPONENTS, STRUCTURE_ID, STRUCTURE_NAME, VERSION, Place, at

_SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
_ROWS_AT_ONCE = 16_384
_SERIES_AT_ONCE = 1024
"""What text is made of at a time; a whole release's would take more room than its files."""

_CLOSING = ("</mes:DataSet>", "</mes:StructureSpecificData>")
_URN = f"urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure={STRUCTURE_NAME}:ObsLevelDim:TIME_PERIOD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What heads a release's messages: their id, the date of the charge, and the office that sends them."""

    id: str
    date: str
    sender: str


def header_of(plan: Mapping[str, Any], plan_digest: str, date: str) -> Header:
    """Return the header of a release's messages; the plan's digest tells releases of one name apart."""
    office = plan["office"]["code"]
    return Header(id=f"{office}-{plan['release']}-{plan_digest[:16]}".replace(".", "_"), date=date, sender=office)


def header_lines(header: Header) -> Iterator[str]:
    """Yield the beginning of a message's header, the same in 2.1 and 3.0."""
    yield f"<mes:ID>{escape(header.id)}</mes:ID>"
    yield "<mes:Test>false</mes:Test>"
    yield f"<mes:Prepared>{escape(header.date)}</mes:Prepared>"
    yield f'<mes:Sender id="{escape(header.sender)}"/>'


def data_csv(rows: pl.DataFrame) -> bytes:
    """Return rows as SDMX-CSV 2.0: one line an observation, all attributes on every line."""
    leading = {"STRUCTURE": "datastructure", "STRUCTURE_ID": STRUCTURE_NAME, "ACTION": "I"}
    columns = [pl.lit(value).alias(name) for name, value in leading.items()]
    numbers = [component.id for component in COMPONENTS if component.text == "Double"]
    sheet, parts = io.BytesIO(), rows.iter_slices(_ROWS_AT_ONCE) if rows.height else [rows]
    for number, part in enumerate(parts):
        lines = inert(part.select(*columns, pl.all()), besides=numbers)
        lines.write_csv(sheet, include_header=number == 0, quote_style="necessary")
    return sheet.getvalue()


def data_xml(rows: pl.DataFrame, plan: Mapping[str, Any], header: Header) -> bytes:
    """Return rows as structure-specific SDMX-ML 2.1: one line a series, its observations by period."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in of_the_release(plan).items())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<mes:StructureSpecificData xmlns:mes="{_SCHEMAS}/message" xmlns:com="{_SCHEMAS}/common"'
        f' xmlns:ss="{_SCHEMAS}/data/structurespecific" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xmlns:dsd="{_URN}">',
        "<mes:Header>",
        *header_lines(header),
        f'<mes:Structure structureID="{STRUCTURE_ID}" namespace="{_URN}" dimensionAtObservation="TIME_PERIOD">',
        f'<com:Structure><Ref agencyID="{AGENCY}" id="{STRUCTURE_ID}" version="{VERSION}" class="DataStructure"/>'
        "</com:Structure>",
        "</mes:Structure>",
        "</mes:Header>",
        f'<mes:DataSet xsi:type="dsd:DataSetType" ss:dataScope="DataStructure" ss:structureRef="{STRUCTURE_ID}"'
        f' ss:action="Replace"{attributes}>',
    ]
    message = io.BytesIO()
    message.writelines(f"{line}\n".encode() for line in chain(lines, _series(rows), _CLOSING))
    return message.getvalue()


def _series(rows: pl.DataFrame) -> Iterator[str]:
    """Yield one element a series, in the order of first appearance; the text of a thousand series is held at once."""
    keys = rows.select(key=pl.concat_str([component.id for component in at(Place.KEY)], separator=" "))
    begins = keys.with_row_index().select(pl.col("index").min().over("key")).to_series()
    order = begins.arg_sort()
    parts = begins.gather(order).rle_id() // _SERIES_AT_ONCE
    for part in parts.unique():
        yield from _elements(rows[order.filter(parts == part).sort()])


def _elements(rows: pl.DataFrame) -> list[str]:
    opened = _element("Series", at(Place.KEY, Place.SERIES), ">")
    observed = _element("Obs", at(Place.TIME, Place.MEASURE, Place.OBSERVATION), "/>")
    series = rows.select(series=opened, obs=observed).group_by("series", maintain_order=True)
    joined = series.agg(pl.col("obs").str.join(""))
    return joined.select(pl.format("{}{}</Series>", "series", "obs")).to_series().to_list()


def _element(name: str, components: tuple[Any, ...], closing: str) -> pl.Expr:
    pairs = "".join(f' {component.id}="{{}}"' for component in components)
    return pl.format(f"<{name}{pairs}{closing}", *(_escaped(component.id) for component in components))


def _escaped(column: str) -> pl.Expr:
    told = pl.col(column)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        told = told.str.replace_all(character, entity, literal=True)
    return told
