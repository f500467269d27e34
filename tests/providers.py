"""Small made files in the formats of providers, and offices that read them: no figure in them is real."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from small_office import OFFICE

LEGACY_HEADER = (
    "Classification,Year,Period,Period Desc.,Aggregate Level,Is Leaf Code,Trade Flow Code,Trade Flow,Reporter Code,"
    "Reporter,Reporter ISO,Partner Code,Partner,Partner ISO,Commodity Code,Commodity,Qty Unit Code,Qty Unit,Qty,"
    "Netweight (kg),Trade Value (US$),Flag"
)
CURRENT_HEADER = (
    "typeCode,freqCode,refPeriodId,refYear,refMonth,period,reporterCode,reporterISO,reporterDesc,flowCode,flowDesc,"
    "partnerCode,partnerISO,partnerDesc,partner2Code,partner2ISO,partner2Desc,classificationCode,"
    "classificationSearchCode,isOriginalClassification,cmdCode,cmdDesc,aggrLevel,isLeaf,customsCode,customsDesc,mosCode,"
    "motCode,motDesc,qtyUnitCode,qtyUnitAbbr,qty,isQtyEstimated,altQtyUnitCode,altQtyUnitAbbr,altQty,isAltQtyEstimated,"
    "netWgt,isNetWgtEstimated,grossWgt,isGrossWgtEstimated,cifvalue,fobvalue,primaryValue,legacyEstimationFlag,"
    "isReported,isAggregate"
)
LEGACY = LEGACY_HEADER.split(",")
CURRENT = CURRENT_HEADER.split(",")

Row = dict[str, str]

RECORD_OFFICE = OFFICE.replace('kind = "trader-year"', 'kind = "record"').replace("the trader id", "a row of the file")

RELEASE = """
release = "2022-03"
title = "March 2022"
year = 2022
periods = ["2022-03"]
flows = ["M", "X"]
[source]
name = "rows"
kind = "{kind}"
{choices}
[keys]
partners = ["US", "GB", "IT", "DE", "FR"]
chapters = ["01", "84", "99"]
[[measures]]
name = "value"
rho = "1/2"
levels = [{{ level = "partner x chapter", noise_sd = "1e3" }}]
"""


def legacy(**changes: str) -> Row:
    """Return a row of the Netherlands in the legacy format: 1,000 US$ of imports from Italy in March 2022."""
    row = dict.fromkeys(LEGACY, "") | {
        "Classification": "HS",
        "Year": "2022",
        "Period": "202203",
        "Aggregate Level": "0",
        "Trade Flow Code": "1",
        "Reporter Code": "528",
        "Partner Code": "381",
        "Partner": "Italy",
        "Commodity Code": "TOTAL",
        "Netweight (kg)": "0.0",
        "Trade Value (US$)": "1000",
        "Flag": "0",
    }
    return row | changes


def current(**changes: str) -> Row:
    """Return the same in the current format."""
    row = dict.fromkeys(CURRENT, "") | {
        "freqCode": "M",
        "refPeriodId": "20220301",
        "reporterCode": "528",
        "flowCode": "M",
        "partnerCode": "380",
        "partnerDesc": "Italy",
        "partner2Code": "0",
        "cmdCode": "TOTAL",
        "aggrLevel": "0",
        "customsCode": "C00",
        "motCode": "0",
        "netWgt": "0",
        "primaryValue": "1000.0",
        "isReported": "False",
    }
    return row | changes


def text_of(rows: Sequence[Row], *, end: str = "") -> str:
    """Return rows as CSV; `end` is put behind every line but the first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    first, *others = text.getvalue().splitlines()
    return "\n".join([first, *(line + end for line in others)]) + "\n"


def write_release(folder: Path, kind: str, choices: str, *, office: str = RECORD_OFFICE) -> Path:
    """Write an office and its release for a kind of source into a folder; return the release's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "office.toml").write_text(office, encoding="utf-8")
    release = folder / "2022-03.toml"
    release.write_text(RELEASE.format(kind=kind, choices=choices), encoding="utf-8")
    return release
