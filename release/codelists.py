"""The public codelists that the program ships: areas, HS chapters and sections, flows, currencies.

They are data, each with its source and date in `data/codelists/README.md`. Which codes a release uses is said by its
config; a list's digest stands in the plan, so that a key set can be traced to the list it came from.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from release.tables import normalised_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Codelist:
    """A public list of codes.

    Attributes:
        name: the file's name without its ending.
        rows: one mapping of column to text for each code, in the file's order.
        digest: SHA-256 of the file's bytes.
    """

    name: str
    rows: tuple[dict[str, str], ...]
    digest: str

    def column(self, name: str) -> tuple[str, ...]:
        """Return one column, in order."""
        return tuple(row[name] for row in self.rows)


def shipped_folder() -> Path:
    """Return the folder of shipped public data: inside the installed package, or the checkout's `data`."""
    installed = Path(str(files("release"))) / "_shipped"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[1] / "data"


@cache
def codelist(name: str) -> Codelist:
    """Return a shipped codelist: `areas`, `chapters`, `sections`, `flows` or `currencies`."""
    content = (shipped_folder() / "codelists" / f"{name}.csv").read_bytes()
    rows = tuple(csv.DictReader(content.decode("utf-8").splitlines()))
    return Codelist(name=name, rows=rows, digest=hashlib.sha256(content).hexdigest())


@cache
def area_codes() -> tuple[str, ...]:
    """Return the ISO alpha-2 codes of all areas."""
    return normalised_keys(codelist("areas").column("alpha2"))


@cache
def chapter_codes() -> tuple[str, ...]:
    """Return the two-digit HS chapters."""
    return normalised_keys(codelist("chapters").column("code"))


@cache
def section_of_chapter() -> dict[str, str]:
    """Return the section code of each HS chapter."""
    return {row["code"]: row["section"] for row in codelist("chapters").rows}
