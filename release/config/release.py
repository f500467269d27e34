"""What a release's TOML says as a whole: periods, flows and key sets; its parts have modules of their own."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from release.config.fields import STRICT, InnerPath, Name, Period, Text, Year
from release.config.measures import MeasurePlan
from release.config.priors import Assumption, Prior
from release.config.source import Source
from release.tables import Flow, normalised_keys


def _keys(codes: tuple[str, ...]) -> tuple[str, ...]:
    if len(codes) > 20_000:  # noqa: PLR2004
        raise ValueError("a key list holds at most 20,000 codes")
    return normalised_keys(codes)


Keys = Annotated[tuple[str, ...], AfterValidator(_keys)]


def _codes(digits: int, name: str) -> AfterValidator:
    def checked(codes: tuple[str, ...]) -> tuple[str, ...]:
        keys = _keys(codes) if codes else ()
        odd = [key for key in keys if len(key) != digits or not key.isdigit()]
        if odd:
            raise ValueError(f"{', '.join(odd[:8])}: a {name} has {digits} digits")
        return keys

    return AfterValidator(checked)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class KeySets:
    """The public key sets; a list of codes, or `"all"` of the shipped codelist. The residual is added by itself.

    Attributes:
        partners: ISO alpha-2 codes.
        chapters: two-digit HS chapters.
        headings: four-digit headings that chapters are split into, all of listed chapters; what isn't listed of a split
            chapter is its rest, as `84_X`.
        subheadings: six-digit subheadings that headings are split into, all of listed headings.
    """

    partners: Literal["all"] | Keys = "all"
    chapters: Literal["all"] | Keys = "all"
    headings: Annotated[tuple[str, ...], _codes(4, "heading")] = ()
    subheadings: Annotated[tuple[str, ...], _codes(6, "subheading")] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Release:
    """A release's whole configuration.

    Attributes:
        revision: whether it is charged to the part of the limit that is kept for revisions.
        supersedes: the office's earlier release that a revision takes the place of; readers are told.
    """

    release: Name
    title: Text
    year: Year
    periods: Annotated[tuple[Period, ...], Field(min_length=1, max_length=12)]
    flows: Annotated[tuple[Flow, ...], Field(min_length=1, max_length=4)]
    source: Source
    measures: Annotated[tuple[MeasurePlan, ...], Field(min_length=1, max_length=8)]
    office: InnerPath = "office.toml"
    keys: KeySets = KeySets()
    prior: Prior | None = None
    assumption: Assumption = Assumption()
    revision: bool = False
    supersedes: Name | None = None
    scales_from: Text | None = None
