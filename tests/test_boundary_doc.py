"""Every field of every published file stands in docs/boundary.md, with the reason why it may be published."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from edited_program import ROOT
from offices import OFFICE, RELEASE, new_book, some_lines, write_office

from release.confidential.records import Records
from release.config import load_release
from release.plan import make_plan
from release.priors import load_prior
from release.run import run

DOCUMENT = (ROOT / "docs" / "boundary.md").read_text(encoding="utf-8")
PRIOR = """
[prior]
table = "prior.csv"
publisher = "Statistical office of Aland"
period = "2023"
published = "2024-03-01"
"""


OFFICE_WITH_TIER = OFFICE.replace("[account]", '[policy]\nlarge_traders = "on"\n\n[account]\nlarge_traders = "1000"', 1)
MEASURE_WITH_TIER = """
[[measures]]
name = "returns"
rho = "1/4"
levels = [{ level = "total", noise_sd = "1e5" }]
[measures.large_traders]
ceiling = "100"
levels = [{ level = "total", noise_sd = "1e5" }]
"""


def listed() -> dict[str, set[str]]:
    """Return the fields that the document lists, by the file of each table."""
    found: dict[str, set[str]] = {}
    for section in re.split(r"^### ", DOCUMENT, flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        rows = [line.split("|")[1] for line in body.split("\n## ")[0].splitlines() if line.startswith("| `")]
        found[name.strip()] = {field for row in rows for field in re.findall(r"`([^`]+)`", row)}
    return found


def fields(value: Any, above: str = "") -> Iterator[str]:
    """Yield the paths of all plain values in a JSON document; `[]` stands for any element of a list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from fields(inner, f"{above}.{name}" if above else name)
    elif isinstance(value, list):
        plain = [inner for inner in value if not isinstance(inner, Mapping)]
        if plain or not value:
            yield f"{above}[]"
        for inner in value:
            if isinstance(inner, Mapping):
                yield from fields(inner, f"{above}[]")
    else:
        yield above


def published(folder: Path) -> dict[str, set[str]]:
    """Return the fields of every file that a release with a prior publishes, and of the ledger's statement."""
    shaped = RELEASE.replace("[[measures]]", PRIOR + "\n[[measures]]", 1)
    place = write_office(folder, lines=some_lines(20), office=OFFICE_WITH_TIER, release=shaped + MEASURE_WITH_TIER)
    table = "flow,period,partner,product,level,measure,value\nM,2023,DE,TOTAL,partner,value,1000\n"
    (folder / "prior.csv").write_text(table)
    office, release = load_release(place.release)
    plan = make_plan(office, release, load_prior(office, release, folder=folder, published=place.published))
    records = Records(place=place.source, source=release.source, state=place.state)
    book = new_book()
    outcome = run(plan, records=records, book=book, state=place.state, published=place.published, date="2025-01-31")
    tables = (".json", ".csv", ".parquet", ".yaml")
    found = {path.name: of_file(path) for path in outcome.bundle.iterdir() if path.suffix in tables}
    statement = book.statement()
    bodies = {one for entry in statement["entries"] for one in fields({"body": json.loads(entry["body"])})}
    return found | {"statement": set(fields(statement)) | bodies}


def of_file(path: Path) -> set[str]:
    """Return the fields of one published file."""
    if path.suffix == ".json":
        return set(fields(json.loads(path.read_bytes())))
    if path.suffix == ".csv":
        return set(path.read_text().partition("\n")[0].split(","))
    if path.suffix == ".yaml":
        return set(re.findall(r"(?m)^ *([a-z_]+):", path.read_text()))
    named = [key.decode() for key in pq.read_metadata(path).metadata or {}]
    return {*pq.read_schema(path).names, *(f"metadata.{name}" for name in named if name != "ARROW:schema")}


def unlisted(found: Mapping[str, set[str]], known: Mapping[str, set[str]]) -> list[str]:
    """Return every published field that no table lists."""
    tables = {"observations.parquet": "observations", "observations.csv": "observations", "ledger.json": "statement"}
    return sorted(
        f"{file}: {field}"
        for file, names in found.items()
        for field in {_within_tier(file, name) for name in names} - known.get(tables.get(file, file), set())
        if not (field.endswith("[]") and any(other.startswith(field) for other in known.get(file, ())))
    )


def _within_tier(file: str, field: str) -> str:
    """Return a field of a charge's large-trader tier by the name that it has in the uniform one."""
    return field.removeprefix("large_traders.") if file == "charge.json" else field


def test_every_published_field_stands_in_the_boundarys_tables(tmp_path: Path) -> None:
    assert unlisted(published(tmp_path), listed()) == []


@pytest.mark.parametrize(
    ("file", "field"),
    [("charge.json", "epsilon"), ("observations", "display"), ("measurement.parquet", "metadata.charge_hash")],
)
def test_a_field_without_a_row_is_found(file: str, field: str, tmp_path: Path) -> None:
    known = listed()
    known[file].remove(field)
    assert any(one.endswith(f": {field}") for one in unlisted(published(tmp_path), known))


def test_every_row_of_the_tables_gives_a_reason() -> None:
    rows = [line.split("|") for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert all(re.search(r"config|public|noisy|digest|keyed|kind", row[2]) for row in rows)
