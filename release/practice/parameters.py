"""The published figures that a practice world starts from, read from `data/practice`.

Sources and dates of every file are in `data/practice/README.md`. No office is named in code: which offices exist,
which is a hub and how goods travel is in the files.
"""

import csv
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from release.codelists import chapter_codes, codelist, shipped_folder

MAX_OTHER_PARTNERS = 40
SUBHEADINGS = ("10", "20", "30", "90")
CENTS_IN_A_MILLION = 100_000_000


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a file of `data/practice`, each a mapping of column to text."""
    text = (shipped_folder() / "practice" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def known_offices() -> tuple[str, ...]:
    """Return the offices for which pair totals are known, ISO alpha-3."""
    return tuple(row["office"] for row in rows("offices"))


def hub_offices() -> frozenset[str]:
    """Return the offices whose ports and warehouses pass goods of third countries on."""
    return frozenset(row["office"] for row in rows("offices") if row["hub"] == "yes")


@cache
def alpha2_of() -> dict[str, str]:
    """Return the ISO alpha-2 code of each alpha-3 code."""
    return {row["alpha3"]: row["alpha2"] for row in codelist("areas").rows}


@cache
def totals_years() -> tuple[int, ...]:
    """Return the years for which pair totals are known, ascending."""
    return tuple(sorted({int(row["year"]) for row in rows("pair_totals")}))


@cache
def pair_totals() -> dict[tuple[str, str, int, int], int]:
    """Return exports in US cents by (exporter, importer, year, month), as the exporter reported them."""
    return {
        (row["exporter"], row["importer"], int(row["year"]), int(row["month"])): round(
            float(row["exports_musd"]) * CENTS_IN_A_MILLION
        )
        for row in rows("pair_totals")
    }


@cache
def pair_deviations() -> dict[tuple[str, str], float]:
    """Return the standard deviation of monthly ln(M/X) of each pair, as published by both sides."""
    return {(row["exporter"], row["importer"]): float(row["sd_log_ratio"]) for row in rows("pair_statistics")}


@cache
def median_deviation() -> float:
    """Return the median over pairs of the published standard deviation of monthly ln(M/X)."""
    return float(np.median(list(pair_deviations().values())))


@cache
def concordance() -> NDArray[np.float64]:
    """Return the part of each SITC section that falls on each HS chapter; shape (10, chapters), rows sum to 1."""
    position = {chapter: index for index, chapter in enumerate(chapter_codes())}
    weights = np.zeros((10, len(position)))
    for row in rows("concordance"):
        weights[int(row["sitc_section"]), position[row["chapter"]]] += float(row["weight"])
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


@cache
def chapter_shares() -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return each pair's value shares by HS chapter; shape (chapters,), summing to 1."""
    sections = {pair: np.zeros(10) for pair in permutations(known_offices(), 2)}
    for row in rows("section_values"):
        sections[row["exporter"], row["importer"]][int(row["sitc_section"])] = float(row["value_kusd"])
    shares = {pair: values @ concordance() for pair, values in sections.items()}
    return {pair: np.asarray(share / share.sum(), dtype=np.float64) for pair, share in shares.items()}


@cache
def other_partners() -> tuple[str, ...]:
    """Return the partners besides the offices, ISO alpha-2, largest first."""
    return tuple(dict.fromkeys(row["partner"] for row in rows("other_partners")))


@cache
def other_totals() -> dict[tuple[str, str, str], int]:
    """Return monthly trade in US cents by (office, partner, flow); flow `X` or `M` as seen by the office."""
    return {
        (row["office"], row["partner"], row["flow"]): round(float(row["value_musd"]) * CENTS_IN_A_MILLION)
        for row in rows("other_partners")
    }


@cache
def route_of() -> dict[frozenset[str], str]:
    """Return the route between each two offices."""
    return {frozenset((row["office"], row["partner"])): row["route"] for row in rows("routes")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How goods of one kind travel on one route; all arrays have one element a mode.

    Attributes:
        cumulative: cumulative shares of the lines, ending in 1.
        mode: index into `modes()`.
        days: mean days from departure to arrival.
        margin: CIF value over FOB value, less 1.
    """

    cumulative: NDArray[np.float64]
    mode: NDArray[np.int8]
    days: NDArray[np.float64]
    margin: NDArray[np.float64]


@cache
def modes() -> tuple[str, ...]:
    """Return the codes of transport modes in use, as Comtrade numbers them."""
    return tuple(sorted({row["mode"] for row in rows("transport")}))


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of goods that travel differently."""
    return tuple(sorted({row["goods"] for row in rows("goods")}))


@cache
def transport(route: str, goods: str) -> Transport:
    """Return how goods of a kind travel on a route."""
    found = [row for row in rows("transport") if (row["route"], row["goods"]) == (route, goods)]
    share = np.asarray([float(row["share"]) for row in found])
    return Transport(
        cumulative=np.cumsum(share / share.sum()),
        mode=np.asarray([modes().index(row["mode"]) for row in found], dtype=np.int8),
        days=np.asarray([float(row["days"]) for row in found]),
        margin=np.asarray([float(row["cif_fob"]) - 1.0 for row in found]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Commodities:
    """Six-digit codes that look like HS codes: real chapters, numbered headings and subheadings.

    Attributes:
        codes: all codes, chapter by chapter.
        chapter: index of each code's chapter; shape (codes,).
        first: index of each chapter's first code; shape (chapters,).
        size: number of each chapter's codes; shape (chapters,).
        kind: index into `kinds()` of each chapter's goods; shape (chapters,).
        usd_per_kg: typical price of each chapter's goods; shape (chapters,).
    """

    codes: tuple[str, ...]
    chapter: NDArray[np.int16]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    kind: NDArray[np.int8]
    usd_per_kg: NDArray[np.float64]


@cache
def commodities() -> Commodities:
    """Return the commodity codes of all chapters, in the codelist's order of chapters."""
    goods = {row["chapter"]: row for row in rows("goods")}
    size = np.asarray([int(goods[chapter]["headings"]) * len(SUBHEADINGS) for chapter in chapter_codes()])
    codes = tuple(
        f"{chapter}{heading:02d}{subheading}"
        for chapter in chapter_codes()
        for heading in range(1, int(goods[chapter]["headings"]) + 1)
        for subheading in SUBHEADINGS
    )
    return Commodities(
        codes=codes,
        chapter=np.repeat(np.arange(len(size), dtype=np.int16), size),
        first=np.cumsum(size) - size,
        size=size,
        kind=np.asarray([kinds().index(goods[chapter]["goods"]) for chapter in chapter_codes()], dtype=np.int8),
        usd_per_kg=np.asarray([float(goods[chapter]["usd_per_kg"]) for chapter in chapter_codes()]),
    )
