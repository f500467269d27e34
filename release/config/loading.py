"""From TOML files to checked values; every fault of a file is told at once, with its line."""

import json
import tomllib
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from release.config.comparison import Comparison, comparison_faults
from release.config.faults import Faults, faults_between, office_faults, release_faults
from release.config.kinds import choice_faults, spelled_out
from release.config.office import Office
from release.config.positions import line_of
from release.config.release import Release
from release.config.source import rows_of_reporter
from release.errors import ConfigError, Fault

Config = TypeVar("Config", Office, Release, Comparison)

_LARGEST_FILE = 1_000_000
_LONGEST_LINE = 200_000
_ALIKE = 0.75
_MARKS: dict[type[Any], tuple[str, str]] = {
    Release: ("release", "a release"),
    Comparison: ("bundles", "a comparison"),
    Office: ("code", "an office"),
}
"""A key that every file of a kind has and no other kind knows."""

Found = list[tuple[tuple[str | int, ...], str, str]]
"""Where each fault stands, its kind, and what the checker says."""

_MOST_FAULTS = 50
"""So many faults are told at once; a file with more is another kind of file."""
_WORDS = {
    "int_type": "must be a whole number without quotation marks, such as 2024",
    "string_type": 'must be text in quotation marks, such as "2024"',
    "bool_type": "must be true or false, without quotation marks",
    "tuple_type": 'must be a list, such as ["M"]',
    "dataclass_type": "must be a table, with keys of its own",
    "too_short": "must hold at least one entry",
    "missing": "is missing",
    "extra_forbidden": "is not a known key here",
    "unexpected_keyword_argument": "is not a known key here",
    "missing_keyword_only_argument": "is missing",
}


def load_office(path: Path) -> Office:
    """Return the office that `path` describes.

    Raises:
        ConfigError: with all the file's faults.
    """
    text, content = _parsed(path)
    office = _checked(Office, path, text, content)
    faults = office_faults(office)
    _refuse(path, text, faults)
    return office


def load_release(path: Path) -> tuple[Office, Release]:
    """Return a release and the office it belongs to, checked against each other.

    Raises:
        ConfigError: with all the faults of the release's file, or else of the office's.
    """
    text, content = _parsed(path)
    if isinstance(content.get("source"), dict):
        _refuse(path, text, [(("source", key), problem) for key, problem in choice_faults(content["source"])])
        content["source"] = spelled_out(content["source"])
    release = _checked(Release, path, text, content)
    _refuse(path, text, release_faults(release))
    place = inside(path.parent, release.office)
    if not place.exists():
        _refuse(path, text, [(("office",), f"there is no office's config at {place}")])
    office = load_office(place)
    _refuse(path, text, faults_between(office, release))
    return office, replace(release, source=rows_of_reporter(release.source, office.area))


def located(refused: ConfigError, path: Path) -> ConfigError:
    """Return a refusal of a release's values with the file that says them, and each fault's line there."""
    text = _text(path)
    return ConfigError(
        [
            replace(fault, file=str(path), line=line_of(text, tuple(fault.key.split("."))))
            if fault.line is None
            else fault
            for fault in refused.faults
        ]
    )


def is_release(path: Path) -> bool:
    """Decide whether a file describes a release, by the measures that it names; an office's names none.

    Raises:
        ConfigError: it can't be read.
    """
    return "measures" in _parsed(path)[1]


def load_comparison(path: Path) -> Comparison:
    """Return the comparison that `path` describes.

    Raises:
        ConfigError: with all the file's faults.
    """
    text, content = _parsed(path)
    comparison = _checked(Comparison, path, text, content)
    _refuse(path, text, comparison_faults(comparison))
    return comparison


def inside(folder: Path, inner: str) -> Path:
    """Return `folder / inner`, refusing a link that leads out of the folder.

    Raises:
        ConfigError: the path leaves the folder.
    """
    path = folder / inner
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        raise _fault(folder, None, inner, "leads in a circle, or can't be followed") from None
    if not stays:
        raise _fault(folder, None, inner, "leads out of the config's folder")
    return path


def _parsed(path: Path) -> tuple[str, dict[str, Any]]:
    text = _text(path)
    if any(len(line) > _LONGEST_LINE for line in text.split("\n")):
        raise _fault(path, None, "", f"has a line longer than {_LONGEST_LINE:,} characters")
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _fault(path, None, "", f"is not TOML: {error}"[:300]) from None
    except (RecursionError, ValueError):
        raise _fault(path, None, "", "is not TOML that can be read") from None


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise _fault(path, None, "", "is not a file")
        if path.stat().st_size > _LARGEST_FILE:
            raise _fault(path, None, "", "is larger than a config may be (1 MB)")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise _fault(path, None, "", "is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else "can't be read"
        raise _fault(path, None, "", reason) from None


def _checked(kind: type[Config], path: Path, text: str, content: dict[str, Any]) -> Config:
    content.pop("$schema", None)
    _refuse_other_kind(kind, path, content)
    try:
        return TypeAdapter(kind).validate_json(_json(path, content))
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        found = [(_plain(fault["loc"]), fault["type"], fault["msg"]) for fault in told]
        faults = tuple(
            Fault(
                file=str(path),
                line=line_of(text, where),
                key=_dotted(where),
                problem=_problem(kind, type_, message, where),
            )
            for where, type_, message in _own_faults(found)[:_MOST_FAULTS]
        )
        raise ConfigError(_without_repeats(faults)) from None


def _own_faults(found: Found) -> Found:
    """Return the faults that don't only follow from others: of a list's entry, or of another way to say the same."""
    places = {where for where, _, _ in found}
    above = {where[:length] for where in places for length in range(len(where))}
    other = {where for where, type_, _ in found if type_ != "literal_error"}
    return [
        (where, type_, message)
        for where, type_, message in found
        if where not in above and not (type_ == "literal_error" and where in other)
    ]


def _refuse_other_kind(kind: type[Config], path: Path, content: dict[str, Any]) -> None:
    """Refuse the file of another kind in one sentence, in place of a fault for each of its keys."""
    mark, wanted = _MARKS[kind]
    others = [told for one, told in _MARKS.values() if one in content]
    if mark not in content and others:
        raise _fault(path, None, "", f"is the file of {others[0]}, and {wanted}'s is needed here")


def _problem(kind: type[Config], type_: str, message: str, where: tuple[str | int, ...]) -> str:
    """Return a fault in words; of an unknown key, the known one that it was probably meant for."""
    said = _WORDS.get(type_, message.removeprefix("Value error, ").replace("Input should be", "must be"))
    if not said.startswith("is not a known key") or not where:
        return said
    own: Any = kind  # a dataclass' instances may not be hashed, the class may
    alike = get_close_matches(str(where[-1]), _known_keys(own), n=1, cutoff=_ALIKE)
    return f"{said}; did you mean {alike[0]}?" if alike and alike[0] != where[-1] else said


@cache
def _known_keys(kind: type[Any]) -> tuple[str, ...]:
    schema: dict[str, Any] = TypeAdapter(kind).json_schema()
    tables = [schema, *schema.get("$defs", {}).values()]
    return tuple(dict.fromkeys(key for table in tables for key in table.get("properties", ())))


def _json(path: Path, content: dict[str, Any]) -> str:
    """Return TOML's content as JSON, whose strict rules take a list for a tuple and text for a code."""
    try:
        return json.dumps(content, default=str)
    except (ValueError, RecursionError):
        raise _fault(path, None, "", "holds a number or a nesting that is too large") from None


def _plain(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop the names of union members that pydantic adds to a location."""
    return tuple(part for part in loc if isinstance(part, int) or part.replace("_", "").isalnum())


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _without_repeats(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(faults))


def _fault(path: Path, line: int | None, key: str, problem: str) -> ConfigError:
    return ConfigError([Fault(file=str(path), line=line, key=key, problem=problem)])


def _refuse(path: Path, text: str, faults: Faults) -> None:
    if faults:
        raise ConfigError(
            [
                Fault(file=str(path), line=line_of(text, where), key=_dotted(where), problem=problem)
                for where, problem in faults
            ]
        )
