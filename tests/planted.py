"""Canaries: words and figures planted in every column of the records, and a search for them in everything else.

They are looked for as they are and in the encodings in which a value may be passed on: UTF-16, hexadecimal, base64 at
each alignment, percent and JSON escapes, backwards; in files as they lie and, where they are packed, unpacked.
"""

import base64
import gzip
import io
import json
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

TEXTS = {
    "trader": "QZXTRADERKWV",
    "partner": "QZXPARTNERKWV",
    "commodity": "QZXCOMMODITYKWV",
    "flow": "QZXFLOWKWV",
    "date": "QZXDATEKWV",
    "value": "QZXVALUEKWV",
    "mass": "QZXMASSKWV",
    "currency": "QZXCURRENCYKWV",
    "declaration": "QZXDECLARATIONÉ",
    "note": "QZXNOTEKWV",
}
FIGURES = {"value": "918273645.37", "mass": "736451982.125", "commodity": "8475913246", "date": "2024-02-19"}
CANARIES = (*TEXTS.values(), *(one for name, one in FIGURES.items() if name != "date"), "918273645", "736451982")


def forms(canary: str) -> Iterator[bytes]:
    """Yield a canary in every encoding that is searched for."""
    plain = canary.encode()
    yield from (plain, plain.lower(), plain[::-1], plain.hex().encode(), plain.hex().upper().encode())
    yield from (canary.encode("utf-16-le"), canary.encode("utf-16-be"), canary.encode("utf-32-le"))
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + plain)
        yield inner[4 if shift else 0 : -4]
    yield urllib.parse.quote(canary).encode()
    yield json.dumps(canary)[1:-1].encode()


FORMS = tuple({form for canary in CANARIES for form in forms(canary)})


def canaries_in(content: bytes) -> list[bytes]:
    """Return the canaries, in any form, that stand in some bytes or in what they unpack to."""
    return [form for form in FORMS for text in unpacked(content) if form in text]


def unpacked(content: bytes) -> Iterator[bytes]:
    """Yield bytes as they are, unzipped, and with a Parquet file's cells as text."""
    yield content
    if content[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(content)
        except (OSError, EOFError):
            yield gzip.GzipFile(fileobj=io.BytesIO(content)).read(1)
    if content[:4] == b"PAR1":
        yield pl.read_parquet(content).write_csv().encode()


def leaks_below(folders: Iterable[Path], known: Iterable[Path]) -> list[str]:
    """Return each file below some folders that holds a canary or is named by one, but for files known to hold them."""
    allowed = {path.resolve() for path in known}
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.resolve() in allowed:
                continue
            if canaries_in(path.read_bytes()) or canaries_in(path.name.encode()):
                found.append(str(path))
    return found
