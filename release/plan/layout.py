"""The public cells of a release: made from its configuration, or read from a published plan."""

from collections.abc import Mapping
from typing import Any

from release.codelists import area_codes, chapter_codes, section_of_chapter
from release.config import Release
from release.plan.checks import refusal
from release.tables import RESIDUAL, Flow, Layout


def make_layout(release: Release) -> Layout:
    """Return the public cells of a release; the residual categories are added here.

    Raises:
        ConfigError: a code isn't on the codelist, or a planned heading or subheading has no listed code above it.
    """
    keys = release.keys
    partners = area_codes() if keys.partners == "all" else keys.partners
    chapters = chapter_codes() if keys.chapters == "all" else keys.chapters
    known = section_of_chapter()
    for key, codes, universe in (
        ("partners", partners, set(area_codes())),
        ("chapters", chapters, set(known)),
    ):
        _refuse_others(release, f"keys.{key}", [code for code in codes if code not in universe], "not on the codelist")
    for key, finer, above in (("headings", keys.headings, chapters), ("subheadings", keys.subheadings, keys.headings)):
        orphans = [code for code in finer if code[:-2] not in above]
        _refuse_others(release, f"keys.{key}", orphans, "what they are part of isn't listed")
    return Layout(
        flows=release.flows,
        periods=release.periods,
        partners=(*partners, RESIDUAL),
        chapters=(*chapters, RESIDUAL),
        sections=(*(known[chapter] for chapter in chapters), RESIDUAL),
        headings=keys.headings,
        subheadings=keys.subheadings,
    )


def layout_of(document: Mapping[str, Any]) -> Layout:
    """Return the public cells that a published plan tells.

    Raises:
        ValueError: a list holds a code twice or of another length than its kind has, so that it is no plan's.
        KeyError: there is no such list.
    """
    for name, length in (("chapters", 2), ("headings", 4), ("subheadings", 6)):
        codes = document[name]
        if len(set(codes)) != len(codes) or any(len(code) != length for code in codes):
            raise ValueError(f"{name} aren't distinct codes of {length} characters")
    return Layout(
        flows=tuple(Flow(code) for code in document["flows"]),
        periods=tuple(document["periods"]),
        partners=tuple(document["partners"]),
        chapters=tuple(document["chapters"]),
        sections=tuple(document["sections"]),
        headings=tuple(document["headings"]),
        subheadings=tuple(document["subheadings"]),
    )


def _refuse_others(release: Release, key: str, codes: list[str], problem: str) -> None:
    if codes:
        raise refusal(release, key, f"{problem}: {', '.join(codes[:8])}")
