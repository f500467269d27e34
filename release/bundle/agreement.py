"""Whether the files of a bundle that were made of the others say the same as they: SDMX, ledger, page, units.

What is published of a release stands in several files for several readers. One that said something else than the table,
the plan or the charge would mislead those who read only it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from release.bundle.bounds import LARGEST_LEDGER, document
from release.bundle.findings import Stop
from release.bundle.observations import unit_code
from release.bundle.page import PAGE_HEAD
from release.bundle.sdmx.checking import Finding, sdmx_findings
from release.errors import DamagedLedgerError
from release.ledger.statement import read_statement, statement_charges, verify_statement
from release.privacy import amount_text


def disagreements(
    contents: Mapping[str, bytes], plan: Mapping[str, Any], charge: Mapping[str, Any], table: pl.DataFrame
) -> Iterator[Finding]:
    """Yield what the derived files of a bundle say that its table, plan or charge doesn't, each with its code."""
    units = {one["measure"]: unit_code(one["measure"], plan["metadata"]["currency"]) for one in plan["measures"]}
    told = table.select(pl.col("measure").replace_strict(units, default=None, return_dtype=pl.String)).to_series()
    if not told.equals(table["unit"]):
        yield "unit", "a row names another unit than its measure has"
    yield from sdmx_findings(contents, plan, charge["plan_digest"], charge["date"], table)
    yield from _ledger_findings(contents["ledger.json"], plan, charge)
    if not contents["README.html"].startswith(PAGE_HEAD.encode()):
        yield "page", "README.html doesn't begin with what keeps a browser from running or fetching anything"


def _ledger_findings(content: bytes, plan: Mapping[str, Any], charge: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        statement = read_statement(document(content, "ledger.json", most=LARGEST_LEDGER))
    except (DamagedLedgerError, Stop):
        yield "ledger", "ledger.json isn't a ledger's statement"
        return
    large = charge["large_traders"]
    paid = [charge] if large is None else [charge, large]
    for finding in verify_statement(statement):
        yield "ledger", f"ledger.json: {finding.message}"
    if statement.head.sequence != paid[-1]["sequence"] or statement.head.hash != paid[-1]["head"]["hash"]:
        yield "ledger", "ledger.json doesn't end with the charge of this release"
    known = {
        (one.sequence, one.entry_hash, asked.release, asked.plan_digest, amount_text(asked.terms.limit))
        for one in statement_charges(statement)
        for asked in (one.request,)
    }
    told = {(one["sequence"], one["head"]["hash"], plan["release"], one["plan_digest"], one["limit"]) for one in paid}
    if not told <= known:
        yield "ledger", "ledger.json doesn't hold the charge of this release"
