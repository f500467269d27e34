"""A release in SDMX: its structure (SDMX-ML 2.1 and 3.0) and its data (SDMX-ML 2.1 and SDMX-CSV 2.0).

`model` is the data structure, derived from UNSD:IMTS(1.2); `coding` turns the published table into SDMX's codes; `data`
and `structure` write messages; `checking` holds data against the structure that lies beside it. The bytes follow from
the plan, the charge's date and the table: the messages' stamps are the release's, not those of a clock. They are
written here and not by a library, so that a format's bytes are the format's and not those of a library's version, and
so that the process that may touch records loads no client of a network; libraries read them in the tests.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from release.bundle.sdmx.coding import coded
from release.bundle.sdmx.data import data_csv, data_xml, header_of
from release.bundle.sdmx.structure import flow_of, structure_21, structure_30

SDMX_FILES = {
    "sdmx-structure.xml": "application/vnd.sdmx.structure+xml;version=2.1",
    "sdmx-structure-3.0.xml": "application/vnd.sdmx.structure+xml;version=3.0.0",
    "sdmx-data.xml": "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
    "sdmx-data.csv": "application/vnd.sdmx.data+csv;version=2.0.0",
}
"""The files of a bundle that are SDMX messages, with their media types."""


def sdmx_files(plan: Mapping[str, Any], plan_digest: str, date: str, table: pl.DataFrame) -> dict[str, bytes]:
    """Return a release's SDMX messages by file name.

    Args:
        plan: the published plan.
        plan_digest: its SHA-256.
        date: the charge's, which the messages are stamped with.
        table: the published table.
    """
    header, flow, rows = header_of(plan, plan_digest, date), flow_of(plan), coded(plan, table)
    return {
        "sdmx-structure.xml": structure_21(header, flow),
        "sdmx-structure-3.0.xml": structure_30(header, flow),
        "sdmx-data.xml": data_xml(rows, plan, header),
        "sdmx-data.csv": data_csv(rows),
    }
