"""The source's files: found, opened once and held, digested under the office's secret, and checked for their columns.

Each file is opened once and everything is read through that descriptor, so that a file swapped by its name between two
steps is never read; one rewritten in place is noticed. Digesting takes bytes as bytes. Of records, only a CSV's header
line or a Parquet file's footer is looked at here.
"""

import csv
import glob
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

import polars as pl

from release.config.kinds import columns_stated, kinds
from release.config.source import Column, Source
from release.errors import SchemaError, SourceMissingError

_ENDINGS = {"csv": (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz"), "parquet": (".parquet", ".pq")}
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER_LIMIT = 1_000_000
_BLOCK = 1 << 22
_ALIKE = 0.75
_SEPARATORS = (",", ";", "\t", "|")
_TOML = {"\t": "\\t"}
_HIVE = re.compile(r"([A-Za-z0-9_]+)=([^/=]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """An open file of the source.

    Attributes:
        descriptor: open for reading until the process ends.
        name: relative to the source, with `/`; it is digested, and never shown: a folder's name may state a trader.
        told: how a message may name the file.
        partition: columns that the folders' names state, as in `year=2024/month=03`.
        state: size and times when it was opened; any writing changes them.
        text: what rows are read from: the file itself, or its text in UTF-8, held in memory.
    """

    descriptor: int
    name: str
    told: str
    partition: tuple[tuple[str, str], ...]
    state: tuple[int, int, int]
    text: int

    @property
    def path(self) -> str:
        """The path under which rows of the very file that was opened are read."""
        return f"/proc/self/fd/{self.text}"


def hold(place: Path, layout: str, encoding: str = "utf-8") -> tuple[HeldFile, ...]:
    """Return the files at `place`, a file, folder or glob, opened, in order of their names.

    Raises:
        SourceMissingError: there is none.
        SchemaError: one can't be read.
    """
    root, paths = _found(place, layout)
    if not paths:
        raise SourceMissingError(str(place.absolute()))
    return tuple(
        _held(path, path.relative_to(root).as_posix(), f"file {number} of {len(paths)}, by name,", encoding)
        for number, path in enumerate(paths, start=1)
    )


def is_there(place: Path, layout: str) -> bool:
    """Decide whether any file is at `place`, by names alone."""
    return bool(_found(place, layout)[1])


def _found(place: Path, layout: str) -> tuple[Path, list[Path]]:
    if place.is_file():
        return place.parent, [place]
    if place.is_dir():
        found = (path for path in place.rglob("*") if path.name.endswith(_ENDINGS[layout]))
        return place, sorted(path for path in found if path.is_file())
    return place.parent, sorted(Path(match) for match in glob.glob(str(place)) if Path(match).is_file())  # noqa: PTH207


def _held(path: Path, name: str, told: str, encoding: str) -> HeldFile:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise SchemaError([f"{told} can't be read"]) from None
    partition = tuple(_HIVE.findall(name))
    state = _state(descriptor)
    text = descriptor if encoding == "utf-8" else _in_utf8(descriptor, encoding, told)
    return HeldFile(descriptor=descriptor, name=name, told=told, partition=partition, state=state, text=text)


def held_file(descriptor: int, name: str, told: str) -> HeldFile:
    """Return an open file of this process' own as one of a source, in UTF-8."""
    return HeldFile(
        descriptor=descriptor, name=name, told=told, partition=(), state=_state(descriptor), text=descriptor
    )


def _in_utf8(descriptor: int, encoding: str, told: str) -> int:
    """Return a file in memory that holds a file's text of a one-byte encoding in UTF-8, uncompressed."""
    copy = os.memfd_create("records", os.MFD_CLOEXEC)
    try:
        with open(f"/proc/self/fd/{descriptor}", "rb") as raw, os.fdopen(os.dup(copy), "wb") as written:  # noqa: PTH123
            content = gzip.GzipFile(fileobj=raw) if os.pread(descriptor, 2, 0) == _GZIP else raw
            while block := content.read(_BLOCK):
                written.write(block.decode(encoding, "replace").encode())
    except (OSError, EOFError, zlib.error):
        raise SchemaError([f"{told} is compressed, and cut or damaged"]) from None
    return copy


def _state(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def unchanged(files: Iterable[HeldFile]) -> bool:
    """Return whether no file was written to since it was opened."""
    return all(_state(file.descriptor) == file.state for file in files)


def file_digests(files: Iterable[HeldFile]) -> tuple[bytes, ...]:
    """Return the SHA-256 of each file's bytes; confidential, since anyone could test a guess with it.

    Raises:
        SchemaError: a compressed file is cut or damaged.
    """
    digests = []
    for file in files:
        content = hashlib.sha256()
        for block in _blocks(file):
            content.update(block)
        if _compressed(file):
            _check_compression(file)
        digests.append(content.digest())
    return tuple(digests)


def content_digest(files: Iterable[HeldFile], digests: Iterable[bytes]) -> bytes:
    """Return the SHA-256 over all the files' names and digests; confidential like these."""
    whole = hashlib.sha256()
    for file, digest in zip(files, digests, strict=True):
        name = os.fsencode(file.name)
        whole.update(len(name).to_bytes(8, "big") + name + digest)
    return whole.digest()


def _blocks(file: HeldFile) -> Iterator[bytes]:
    place = 0
    while block := os.pread(file.descriptor, _BLOCK, place):
        yield block
        place += len(block)


def _opened(file: HeldFile) -> BinaryIO:
    """Open the held file anew, from its beginning."""
    return open(file.path, "rb")  # noqa: PTH123 - callers close it


def _compressed(file: HeldFile) -> bool:
    return os.pread(file.text, 2, 0) == _GZIP


def _check_compression(file: HeldFile) -> None:
    try:
        with _opened(file) as raw, gzip.GzipFile(fileobj=raw) as text:
            while text.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error):
        raise SchemaError([f"{file.told} is compressed, and cut or damaged"]) from None


def columns_of(source: Source) -> tuple[str, ...]:
    """Return the names of all columns of the files that the config reads, without repeats."""
    made = {name for view in source.views for name in view}
    seen = [names_in(field) for view in source.views for field in view.values()]
    read = [*mapped_columns(source), *source.only, *source.leave_out]
    return tuple(dict.fromkeys([*(name for name in read if name not in made), *(n for names in seen for n in names)]))


def mapped_columns(source: Source) -> tuple[str, ...]:
    """Return the names of all columns that a declaration's fields come from, without repeats."""
    mapped = (
        getattr(source.columns, name)
        for name in (
            "trader",
            "date",
            "flow",
            "partner",
            "commodity",
            "value",
            "net_mass",
            "currency",
            "declaration",
        )
    )
    return tuple(dict.fromkeys(name for field in mapped if field is not None for name in names_in(field)))


def names_in(field: str | Column) -> tuple[str, ...]:
    """Return the source columns that one mapped field reads."""
    if isinstance(field, str):
        return (field,)
    if field.column is not None:
        return (field.column,)
    return tuple(field.first_of or ()) + tuple((field.by_flow or {}).values()) + tuple(field.joined or ())


def header(file: HeldFile, source: Source) -> tuple[str, ...]:
    """Return the names of a file's columns, those of its folders included; its own come first and go before."""
    own = own_header(file, source)
    return own + tuple(name for name, _ in file.partition if name not in own)


def own_header(file: HeldFile, source: Source) -> tuple[str, ...]:
    """Return the names of the columns that stand in a file itself, in order.

    Raises:
        SchemaError: there is no header, or the file isn't of the layout that the config names.
    """
    return _parquet_names(file) if source.layout == "parquet" else _csv_names(file, source)


def _parquet_names(file: HeldFile) -> tuple[str, ...]:
    try:
        return tuple(pl.read_parquet_schema(file.path))
    except (pl.exceptions.PolarsError, OSError):
        raise SchemaError([f"{file.told} isn't a Parquet file"]) from None


def _csv_names(file: HeldFile, source: Source) -> tuple[str, ...]:
    with _opened(file) as raw:
        try:
            line = (gzip.GzipFile(fileobj=raw) if _compressed(file) else raw).readline(_HEADER_LIMIT)
        except (OSError, EOFError, zlib.error):
            raise SchemaError([f"{file.told} is compressed, and cut or damaged"]) from None
    text = line.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    if line.startswith(_UTF16):
        raise SchemaError([f"{file.told} is in UTF-16, as a spreadsheet writes it; save it as CSV in UTF-8"])
    if not text or "\0" in text:
        raise SchemaError([f"{file.told} has no header line of text"])
    if source.quotes == "none":
        return tuple(text.split(source.separator))
    return tuple(next(csv.reader([text], delimiter=source.separator)))


def check_schema(files: Sequence[HeldFile], source: Source) -> None:
    """Refuse files that lack a mapped column or have it twice.

    Raises:
        SchemaError: with every problem of every file.
    """
    wanted = columns_of(source)
    problems: dict[str, list[str]] = {}
    for file in files:
        for problem in _column_problems(header(file, source), wanted, source):
            problems.setdefault(problem, []).append(file.told)
    if problems:
        raise SchemaError(_other_kind(files, source) + _folded(problems, len(files)))


def _column_problems(names: tuple[str, ...], wanted: Sequence[str], source: Source) -> Iterator[str]:
    """Yield what is wrong with a header. It may hold a record where a file has none, so none of its text is told."""
    lacking = [name for name in wanted if name not in names]
    if lacking:
        told = ", ".join(f"{name!r}{_alike(name, names)}" for name in lacking)
        yield f"no column {told}{_other_separator(names, source)}"
    yield from (f"the column {name!r} twice" for name in wanted if names.count(name) > 1)


def _alike(name: str, names: tuple[str, ...]) -> str:
    alike = get_close_matches(name, names, n=1, cutoff=_ALIKE)
    return f" (column {names.index(alike[0]) + 1} is called nearly so)" if alike else ""


def _other_separator(names: tuple[str, ...], source: Source) -> str:
    """Return which separator a CSV's only field seems to hold."""
    if source.layout != "csv" or len(names) != 1:
        return ""
    found = max(_SEPARATORS, key=names[0].count)
    told = f': the header is one field; is it separated by {found!r}? Say separator = "{_TOML.get(found, found)}"'
    return told if found in names[0] else ""


def _folded(problems: dict[str, list[str]], files: int) -> list[str]:
    """Return each problem in one line: which files have it, or that all have."""
    every = f"each of the {files} files has"
    return [
        f"{every if files > 1 and len(told) == files else f'{_first(told)} has'} {problem}"
        for problem, told in problems.items()
    ]


def _first(told: list[str]) -> str:
    return told[0] if len(told) == 1 else f"{told[0].rstrip(',')}, and {len(told) - 1} more,"


def _other_kind(files: Sequence[HeldFile], source: Source) -> list[str]:
    """Return which known layout all the files have, where it is another one than the config's."""
    fitting = [kind for kind in kinds() if kind != source.kind and all(_fits(header(f, source), kind) for f in files)]
    return [f'the columns are those of kind = "{kind}"; set it in [source]' for kind in fitting[:1]]


def _fits(names: Sequence[str], kind: str) -> bool:
    return set(columns_stated(kind)) <= set(names)
