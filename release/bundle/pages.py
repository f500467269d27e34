"""The pages of a Parquet file, by their headers alone: how large each would be once it is decompressed.

A reader trusts a page's header and makes room for what it says, so a small file may ask for gigabytes. This reads the
headers (Thrift's compact protocol, parquet-format 2.11, `PageHeader`) and decompresses nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_HEADER_OF = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}
_ENCODING_IN = {_DATA: 2, _DICTIONARY: 2, _DATA_V2: 4}
_LARGEST_HEADER = 65_536
_DEEPEST = 8
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page's header says: sizes in bytes, how many values it holds, and how they are encoded."""

    dictionary: bool
    size: int
    compressed: int
    values: int
    encoding: int


def pages(content: bytes, start: int, end: int) -> Iterator[Page]:
    """Yield the pages between two places of a file.

    Raises:
        ValueError: what is there aren't pages that fill the room between.
    """
    at = start
    while at < end:
        page, at = _page(content, at)
        at += page.compressed
        yield page
    if at != end:
        raise ValueError("pages don't fill their column")


def _page(content: bytes, start: int) -> tuple[Page, int]:
    reader = _Reader(content, start)
    fields = reader.struct(0)
    kind, size, compressed = (fields.get(number) for number in (1, 2, 3))
    inner = fields.get(_HEADER_OF.get(kind, -1)) if isinstance(kind, int) else None
    if not isinstance(inner, dict) or not isinstance(kind, int):
        raise ValueError("a page of an unknown kind")  # noqa: TRY004 - what a file says, not what a caller passed
    page = Page(
        dictionary=kind == _DICTIONARY,
        size=_count(size),
        compressed=_count(compressed),
        values=_count(inner.get(1)),
        encoding=_count(inner.get(_ENCODING_IN[kind])),
    )
    return page, reader.at


def _count(value: "Value") -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a page without its sizes")
    return value


Value = int | bytes | dict[int, "Value"] | None


class _Reader:
    """Reads Thrift's compact protocol from a place in bytes; stops at a header's largest size."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self.at, self._end = content, start, min(len(content), start + _LARGEST_HEADER)

    def struct(self, depth: int) -> dict[int, "Value"]:
        """Return a structure's fields by number."""
        fields: dict[int, Value] = {}
        number = 0
        if depth > _DEEPEST:
            raise ValueError("a header nested beyond reason")
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> "Value":
        if kind in (_TRUE, _FALSE):
            return None
        if kind == _BYTE:
            return self._byte()
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise ValueError("a header with a field of a kind that no page has")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        if not 0 <= count <= self._end - self.at:
            raise ValueError("a header that doesn't end")
        self.at += count
        return self._content[self.at - count : self.at]

    def _varint(self) -> int:
        number = shift = 0
        while shift < 70:  # noqa: PLR2004 - ten groups of seven bits hold 64
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the last group's mark
                return number
            shift += 7
        raise ValueError("a number that doesn't end")

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
