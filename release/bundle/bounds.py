"""How much a stranger's file may ask for, decided before it is parsed.

JSON has a size, a depth, and each key once. A table has as many rows as the plan's cells, and a size that fits them:
not more than cells can take, and not less than their noise must take, since noise doesn't compress. That leaves a
decompression bomb no room.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from release.bundle.findings import Stop
from release.bundle.pages import PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY, Page, pages

LARGEST_DOCUMENT = 2_000_000
LARGEST_LEDGER = 64_000_000
"""A ledger's statement grows with every charge, by about three thousand bytes."""

MOST_CELLS = 2**24
"""No release has more cells: `plan` refuses one of more than 2^21 leaves."""

LARGEST_STRUCTURE = 8_000_000
"""A structure with a code for each subheading of the HS has about two million bytes."""

_DEEPEST = 32
_LONGEST_LINE = 2_000
_LONGEST_TEXT = 128
_LARGEST_FOOTER = 262_144
_LARGEST_DICTIONARY = 65_536
_MOST_COLUMNS = 64
NOISE_BYTES = 2
"""A figure is stated to six digits of its noise, a raw one to 2^24 of a standard deviation: 19 bits or more that no
compression takes away."""

_ROOM = 65_536
_MOST_BYTES = {"csv": 600, "parquet": 200}
_OTHER_BYTES = 4_000
_ENCODINGS = frozenset({PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY})
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def most_bytes(name: str, cells: int | None) -> int:
    """Return how large a file may be; `cells` are those that the plan promises, None before the plan is read."""
    ending = name.rpartition(".")[2]
    if name == "ledger.json":
        return LARGEST_LEDGER
    if name.startswith("sdmx-structure"):
        return LARGEST_STRUCTURE
    if cells is None or ending in ("json", "md", "html", "yaml"):
        return LARGEST_DOCUMENT
    return LARGEST_DOCUMENT + _MOST_BYTES.get(ending, _OTHER_BYTES) * cells


def document(content: bytes, name: str, code: str = "unreadable", most: int = LARGEST_DOCUMENT) -> dict[str, Any]:
    """Return the JSON object that bytes are, of which there may be `most`.

    Raises:
        Stop: they are too many, nested too deep, no JSON object, or name something twice; with `code`.
    """
    if len(content) > most or _depth(content) > _DEEPEST:
        raise Stop(code, f"{name} is larger, or nested deeper, than it may be")
    try:
        found = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Stop(code, f"{name} isn't JSON, or names something twice") from None
    if not isinstance(found, dict):
        raise Stop(code, f"{name} isn't a JSON object")
    return found


def _depth(content: bytes) -> int:
    deepest = depth = 0
    for bracket in _TEXT.sub(b"", content).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text[:20])
    return number


def csv_fits(content: bytes, name: str, cells: int) -> None:
    """Refuse a CSV file that hasn't a line for each cell and one for the header, or has one of an absurd length.

    Raises:
        Stop: it hasn't.
    """
    if b"\0" in content or content.count(b"\n") != cells + 1 or not content.endswith(b"\n"):
        raise Stop("rows", f"{name} hasn't a line for each of the plan's {cells:,} cells")
    if not _lines_fit(content):
        raise Stop("line", f"{name} has a line longer than {_LONGEST_LINE:,} bytes")


def _lines_fit(content: bytes) -> bool:
    """Return whether every line is short, by leaps: from a line's start, the last line's end within the length."""
    start = 0
    while start < len(content):
        end = content.rfind(b"\n", start, start + _LONGEST_LINE)
        if end < 0:
            return False
        start = end + 1
    return True


def parquet_fits(content: bytes, name: str, rows: Callable[[int], bool], noisy: int) -> None:
    """Refuse a Parquet file that would take more room than its rows need, whatever it says of itself.

    Args:
        content: the file.
        name: of the file.
        rows: whether the plan promises so many rows.
        noisy: how many of its columns hold noise.

    Raises:
        Stop: it would, or isn't one.
    """
    footer = int.from_bytes(content[-8:-4], "little")
    if content[:4] != b"PAR1" or content[-4:] != b"PAR1" or footer > len(content) - 12:
        raise Stop("unreadable", f"{name} isn't a Parquet file")
    if footer > _LARGEST_FOOTER:
        raise Stop("footer", f"{name} describes itself in more bytes than a table of this kind needs")
    try:
        _parquet_fits(content, name, rows, noisy)
    except (ValueError, OSError, KeyError):
        raise Stop("unreadable", f"{name} isn't a Parquet file that can be read") from None


def _parquet_fits(content: bytes, name: str, rows: Callable[[int], bool], noisy: int) -> None:
    limits = {"thrift_string_size_limit": _LARGEST_FOOTER, "thrift_container_size_limit": 100_000}
    metadata = pq.ParquetFile(pa.BufferReader(content), **limits).metadata
    if metadata.num_columns > _MOST_COLUMNS:
        raise Stop("columns", f"{name} has {metadata.num_columns:,} columns")
    if not rows(metadata.num_rows):
        raise Stop("rows", f"{name} has {metadata.num_rows:,} rows, which aren't the plan's cells")
    if metadata.num_rows * noisy * NOISE_BYTES > len(content):
        raise Stop("ratio", f"{name} is too small to hold the noise of its rows")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if sum(group.num_rows for group in groups) != metadata.num_rows or any(group.num_rows < 1 for group in groups):
        raise Stop("rows", f"{name} contradicts itself on how many rows it has")
    texts = []
    for group in groups:
        for number in range(metadata.num_columns):
            column = group.column(number)
            if "." in column.path_in_schema:
                raise Stop("columns", f"{name} has columns within columns")
            _pages_fit(list(_pages_of(content, column)), name, group.num_rows)
            texts += [column.path_in_schema] if column.physical_type == "BYTE_ARRAY" else []
    _texts_fit(content, name, list(dict.fromkeys(texts)))


def _pages_of(content: bytes, column: Any) -> Any:
    places = (column.dictionary_page_offset if column.has_dictionary_page else None, column.data_page_offset)
    start = min(place for place in places if place is not None)
    end = start + column.total_compressed_size
    if not 4 <= start <= end <= len(content):  # noqa: PLR2004 - after the mark PAR1
        raise ValueError("a column outside its file")
    return pages(content, start, end)


def _pages_fit(found: list[Page], name: str, rows: int) -> None:
    data = [page for page in found if not page.dictionary]
    dictionaries = [page for page in found if page.dictionary]
    if any(page.encoding not in _ENCODINGS for page in found):
        raise Stop("encoding", f"{name} is encoded in a way that this format doesn't use")
    if sum(page.values for page in data) != rows or len(dictionaries) > 1:
        raise Stop("rows", f"{name} contradicts itself on how many rows it has")
    if sum(page.size for page in data) > _ROOM + _LONGEST_TEXT * rows:
        raise Stop("ratio", f"{name} would take more room than its rows need")
    if any(page.size > _LARGEST_DICTIONARY + 8 * rows for page in dictionaries):
        raise Stop("ratio", f"{name} would take more room than its rows need")


def _texts_fit(content: bytes, name: str, columns: list[str]) -> None:
    """Hold each text to a length by looking at the dictionaries alone: a long one can stand for every row."""
    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=columns, pre_buffer=False)
    table = file.read(columns=columns, use_threads=False)
    for column in table.columns:
        for chunk in column.chunks:
            if not isinstance(chunk, pa.DictionaryArray):
                raise Stop("encoding", f"{name} holds bytes where text is promised")
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py()
            if longest is not None and longest > _LONGEST_TEXT:
                raise Stop("text", f"{name} has a text longer than {_LONGEST_TEXT} bytes")
