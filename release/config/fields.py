"""The kinds of value that a config may hold: exact amounts, codes, names and paths that stay inside their folder.

Each kind refuses what it isn't with a message that says what would be right.
"""

import re
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from release.errors import InvalidAmountError
from release.privacy import POLICY_RHO_CAP, parse_amount, parse_delta, parse_rho

STRICT = ConfigDict(extra="forbid", strict=True, str_max_length=4000, hide_input_in_errors=True)
"""Unknown keys are faults, and no value is bent into another type."""

LARGEST_SCALE = Fraction(10**16)
"""No noise and no floor is larger, in the measure's unit: about a year's trade in the smallest of currencies."""


def _rho(text: object) -> Fraction:
    return _told(text, parse_rho)


def _policy_rho(text: object) -> Fraction:
    return _told(text, lambda given: parse_rho(given, high=POLICY_RHO_CAP))


def _rho_or_nothing(text: object) -> Fraction:
    return Fraction(0) if text == "0" else _rho(text)


def _delta(text: object) -> Fraction:
    return _told(text, parse_delta)


def _scale(text: object) -> Fraction:
    return _told(text, lambda given: parse_amount(given, low=Fraction(1, 10**6), high=LARGEST_SCALE))


def _part(text: object) -> Fraction:
    return _told(text, lambda given: parse_amount(given, low=Fraction(1, 10**4), high=Fraction(100)))


def _factor(text: object) -> Fraction:
    return _told(text, lambda given: parse_amount(given, low=Fraction(1, 10**9), high=Fraction(10**9)))


def _told(text: object, parse: object) -> Fraction:
    if isinstance(text, Fraction):
        return text
    try:
        return parse(text)  # type: ignore[operator, no-any-return]
    except InvalidAmountError as error:
        raise ValueError(f"{error.reason}") from None


def inner_path(text: str) -> str:
    """Return a path that stays inside its folder by its text alone, or raise `ValueError`."""
    path = PurePosixPath(text)
    odd = "\\" in text or "\0" in text or text.startswith("~") or not text.isprintable()
    if odd or path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(
            "a path in a config is relative and stays inside the config's folder;"
            " name other places on the command line (--source, --out)"
        )
    return text


_AMOUNT_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$|^[0-9]+/[0-9]+$",
        "examples": ["0.5", "1/2"],
    }
)

Rho = Annotated[Fraction, BeforeValidator(_rho), _AMOUNT_SCHEMA]
PolicyRho = Annotated[Fraction, BeforeValidator(_policy_rho), _AMOUNT_SCHEMA]
"""A ceiling or limit of the large-trader tier, up to 10^7."""

RhoOrNothing = Annotated[Fraction, BeforeValidator(_rho_or_nothing), _AMOUNT_SCHEMA]
Delta = Annotated[Fraction, BeforeValidator(_delta), _AMOUNT_SCHEMA]
Scale = Annotated[Fraction, BeforeValidator(_scale), _AMOUNT_SCHEMA]
"""A noise or floor in a measure's unit, from 10^-6 to 10^16."""

Part = Annotated[Fraction, BeforeValidator(_part), _AMOUNT_SCHEMA]
"""A part of a prior, from 10^-4 to 100."""

Factor = Annotated[Fraction, BeforeValidator(_factor), _AMOUNT_SCHEMA]
"""A growth or an exchange rate, from 10^-9 to 10^9."""

InnerPath = Annotated[str, StringConstraints(max_length=200), AfterValidator(inner_path)]
Alpha3 = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Alpha2 = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*$", max_length=64)]
Relation = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$", max_length=127)
]
"""A table or view of a database, with its schema before it or without."""

Service = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
"""An entry of libpq's pg_service.conf."""

Year = Annotated[int, Field(ge=1900, le=2200)]
Date = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]

PERIOD = re.compile(r"([0-9]{4})(?:-Q([1-4])|-(0[1-9]|1[0-2]))?", re.ASCII)


def _period(text: str) -> str:
    if PERIOD.fullmatch(text) is None:
        raise ValueError('a period is written as "2024", "2024-Q1" or "2024-03"')
    return text


Period = Annotated[str, AfterValidator(_period)]

_DIRECTIVES = re.compile(r"%[YymdbBHMST%]", re.ASCII)


def _date_format(text: str) -> str:
    known = set(_DIRECTIVES.findall(text))
    month = known & {"%m", "%b", "%B"}
    if "%" in _DIRECTIVES.sub("", text) or not known & {"%Y", "%y"} or ("%d" in known and not month):
        raise ValueError(
            'a date format is written with %Y or %y, %m, %b or %B, %d, and %H %M %S %T, such as "%Y-%m-%d" or "%Y%m"'
        )
    return text


DateFormat = Annotated[str, StringConstraints(max_length=40), AfterValidator(_date_format)]


def months_of(period: str) -> frozenset[int]:
    """Return the months, 1 to 12, that a period covers within its year."""
    match = PERIOD.fullmatch(period)
    if match is None:
        raise ValueError(period)
    if match[2]:
        last = 3 * int(match[2])
        return frozenset(range(last - 2, last + 1))
    return frozenset({int(match[3])}) if match[3] else frozenset(range(1, 13))


def year_of(period: str) -> int:
    """Return the calendar year of a period."""
    return int(period[:4])
