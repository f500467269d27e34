"""An office's entry in the registry as a file: the target that TUF's metadata names by its SHA-256. One form only.

Promised: `format`, `reporter`, `name`, and `keys`, oldest first, each with `public`, `scheme`, `since`, `since_date`,
`until`, `until_date`, `state`, `reason` and `kept` (`release`, `sequence`, and `digest` of the signed statement).
"""

import json
import re
from typing import Any

from release.plan import canonical_json
from release.registry.offices import KeptRelease, KeyState, Office, OfficeKey
from release.signing.keys import SCHEME, PublicKey

OFFICE_FORMAT = "noisy-mirrors/registry-office/1"
_REPORTER = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def office_bytes(office: Office) -> bytes:
    """Return the one form of an office's entry."""
    return canonical_json(
        {
            "format": OFFICE_FORMAT,
            "reporter": office.reporter,
            "name": office.name,
            "keys": [
                {
                    "scheme": SCHEME,
                    "public": one.key.public,
                    "since": one.since,
                    "since_date": one.since_date,
                    "until": one.until,
                    "until_date": one.until_date,
                    "state": one.state,
                    "reason": one.reason,
                    "kept": [
                        {"release": kept.release, "sequence": kept.sequence, "digest": kept.digest} for kept in one.kept
                    ],
                }
                for one in office.keys
            ],
        }
    )


def read_office(content: bytes) -> Office | None:
    """Return the office that an entry's bytes describe; None when they don't, or aren't in the one form."""
    try:
        office = _office(json.loads(content))
        return office if office_bytes(office) == content else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _office(document: Any) -> Office:
    keys = tuple(_key(one) for one in document["keys"])
    if not keys or len({one.key for one in keys}) < len(keys):
        raise ValueError
    if sum(one.state is KeyState.ACTIVE for one in keys) > 1:
        raise ValueError
    return Office(reporter=_matched(_REPORTER, document["reporter"]), name=_text(document["name"]), keys=keys)


def _key(document: Any) -> OfficeKey:
    key = OfficeKey(
        key=PublicKey(public=document["public"]),
        since=_version(document["since"]),
        since_date=_matched(_DATE, document["since_date"]),
        until=None if document["until"] is None else _version(document["until"]),
        until_date=None if document["until_date"] is None else _matched(_DATE, document["until_date"]),
        state=KeyState(document["state"]),
        reason=None if document["reason"] is None else _text(document["reason"]),
        kept=tuple(
            KeptRelease(
                release=_text(one["release"]),
                sequence=_version(one["sequence"]),
                digest=_matched(_DIGEST, one["digest"]),
            )
            for one in document["kept"]
        ),
    )
    if (key.state is KeyState.ACTIVE) != (key.until is None) or (key.until is None and key.kept):
        raise ValueError
    return key


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or not value.isprintable():  # noqa: PLR2004
        raise TypeError
    return value


def _matched(pattern: re.Pattern[str], value: object) -> str:
    text = _text(value)
    if pattern.fullmatch(text) is None:
        raise ValueError
    return text


def _version(value: object) -> int:
    if type(value) is not int or value < 1:
        raise TypeError
    return value
