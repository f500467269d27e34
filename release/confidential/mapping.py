"""The office's fixed lists of traders: inputs of their own, digested like the records, and made without them.

The table of ids has two columns of CSV, `alias,trader`: whoever stands as `alias` in the records is the unit `trader`.
It is applied after both are normalised, once; an id that isn't an alias stays as it is. The list of who asked for
protection has one, `trader`; its ids are normalised, and aliases among them replaced, in the same way. No row of the
records can change either.
"""

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from release.confidential.rules import normalised_id
from release.errors import SchemaError

HEADER = ["alias", "trader"]
REQUESTS_HEADER = ["trader"]
_LARGEST = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderIds:
    """The table as it was read, normalised; `content_digest` is its SHA-256 and never leaves this package."""

    aliases: tuple[str, ...]
    traders: tuple[str, ...]
    content_digest: bytes


def read_trader_ids(place: Path) -> TraderIds:
    """Return the table at `place`, normalised.

    Raises:
        SchemaError: it can't be read, or a line isn't a pair, or an alias stands twice or is a trader's own id. Lines
            are named by number, ids never.
    """
    content = _bytes(place, _TABLE)
    (aliases, traders) = _columns(content, HEADER, _TABLE)
    _check(aliases, traders)
    return TraderIds(aliases=aliases, traders=traders, content_digest=hashlib.sha256(content).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedTraders:
    """Who asked for protection, normalised and without aliases; `content_digest` never leaves this package."""

    traders: tuple[str, ...]
    content_digest: bytes


def read_protected_traders(place: Path, ids: tuple[tuple[str, ...], tuple[str, ...]]) -> ProtectedTraders:
    """Return the list at `place`, whose aliases stand for the traders that the table of ids says.

    Raises:
        SchemaError: it can't be read, or a line isn't one id. Lines are named by number, ids never.
    """
    content = _bytes(place, _LIST)
    (listed,) = _columns(content, REQUESTS_HEADER, _LIST)
    if "" in listed:
        raise _refusal(f"line {listed.index('') + 2} has an empty id", _LIST)
    known = dict(zip(*ids, strict=True))
    traders = tuple(dict.fromkeys(known.get(trader, trader) for trader in listed))
    return ProtectedTraders(traders=traders, content_digest=hashlib.sha256(content).digest())


_TABLE = "the table of trader ids"
_LIST = "the list of traders who asked for protection"


def _columns(content: bytes, header: list[str], of: str) -> tuple[tuple[str, ...], ...]:
    """Return the columns of a list's bytes, normalised."""
    try:
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise _refusal("it isn't CSV in UTF-8", of) from None
    if not rows or rows[0] != header:
        raise _refusal(f"its first line isn't {','.join(header)}", of)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise _refusal(f"line {number} doesn't hold {'two fields' if len(header) > 1 else 'one field'}", of)
    return tuple(_normalised([row[column] for row in rows[1:]]) for column in range(len(header)))


def _bytes(place: Path, of: str) -> bytes:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        raise _refusal("it can't be read", of) from None
    if len(content) > _LARGEST:
        raise _refusal("it is larger than 1 GB", of)
    return content


def _normalised(ids: list[str]) -> tuple[str, ...]:
    frame = pl.DataFrame({"id": ids}, schema={"id": pl.String})
    return tuple(frame.select(normalised_id(pl.col("id")))["id"])


def _check(aliases: tuple[str, ...], traders: tuple[str, ...]) -> None:
    seen: set[str] = set()
    final = dict(zip(aliases, traders, strict=True))
    for number, (alias, trader) in enumerate(zip(aliases, traders, strict=True), start=2):
        if not alias or not trader:
            raise _refusal(f"line {number} has an empty id")
        if alias in seen:
            raise _refusal(f"the alias in line {number} stands twice")
        if final.get(trader, trader) != trader:
            raise _refusal(f"the trader in line {number} is an alias of another one")
        seen.add(alias)


def _refusal(problem: str, of: str = _TABLE) -> SchemaError:
    return SchemaError([f"{of}: {problem}"])
