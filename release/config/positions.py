"""Where a key stands in a TOML text; the standard parser doesn't tell. Time grows with the text's length alone."""

import re
from collections.abc import Iterator
from functools import lru_cache

_KEY = re.compile(r"([A-Za-z0-9_\-.\"']+)\s*=")
_DEEPEST = 12

Path = tuple[str | int, ...]


def line_of(text: str, path: Path) -> int | None:
    """Return the line, from 1, of the deepest key on `path` that stands in `text`, or None."""
    places = _all_places(text)
    for length in range(min(len(path), _DEEPEST), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None


@lru_cache(maxsize=2)
def _all_places(text: str) -> dict[Path, int]:
    return dict(_places(text))


def _places(text: str) -> Iterator[tuple[Path, int]]:
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        written = line.strip()
        header = _header(written)
        if header is not None:
            table = _resolved(_parts(header), counts)
            if written.startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, number
            continue
        key = _KEY.match(written)
        if key:
            yield (*table, *_parts(key[1])), number


def _header(line: str) -> str | None:
    """Return the name in a table's header, None when the line isn't one (an array's inner line, say)."""
    inner, closing, rest = line.lstrip("[").partition("]")
    rest = rest.lstrip("] \t")
    if not line.startswith("[") or not closing or not inner.strip() or "[" in inner or (rest and rest[0] != "#"):
        return None
    return inner


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split(".", _DEEPEST)[:_DEEPEST])


def _resolved(parts: tuple[str, ...], counts: dict[Path, int]) -> Path:
    """Return the path of a header's table; a parent that is an array of tables means its latest element."""
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    return (*path, parts[-1])
