"""Versions with known problems: a dated list that ships with the program, and which releases it concerns."""

import tomllib
from dataclasses import dataclass

from release.codelists import shipped_folder

LIST = "audit/known-problems.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProblem:
    """A problem of a package's versions from `first` on and before `fixed`.

    Attributes:
        package: as charges name it.
        first: the first version that has it, None for all earlier ones.
        fixed: the first version without it, None when there is none yet.
        known_since: ISO date.
        concerns: `releases` when what this program uses is concerned, else `nothing used here`.
        problem: in words.
        source: where it is told.
    """

    package: str
    first: str | None
    fixed: str | None
    known_since: str
    concerns: str
    problem: str
    source: str

    def has(self, version: str) -> bool:
        """Decide whether a version has the problem."""
        own = _ordered(version)
        return (self.first is None or _ordered(self.first) <= own) and (
            self.fixed is None or own < _ordered(self.fixed)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemList:
    """The list, and the day on which it was last looked through."""

    reviewed: str
    problems: tuple[KnownProblem, ...]


def known_problems() -> ProblemList:
    """Return the shipped list."""
    document = tomllib.loads((shipped_folder() / LIST).read_text(encoding="utf-8"))
    problems = tuple(
        KnownProblem(
            package=one["package"],
            first=one.get("first"),
            fixed=one.get("fixed"),
            known_since=one["known_since"],
            concerns=one["concerns"],
            problem=one["problem"],
            source=one["source"],
        )
        for one in document["problems"]
    )
    return ProblemList(reviewed=document["reviewed"], problems=problems)


def _ordered(version: str) -> tuple[int, ...]:
    """Return a version's numbers; what isn't a number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
