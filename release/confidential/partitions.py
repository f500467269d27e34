"""Declaration lines in compact form, apart by trader, in memory while they are few and in an unnamed file beyond.

A line is a key (trader's code and leaf), and two or three integers. All lines of a trader are in one part, so that
sums over them, and the clip, need one part at a time: memory is bounded by a part's trader-cells and not by rows. The
file lies in the office's private state folder, has no name (mode 0600) and is gone with the process, however that ends.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.int64]
"""Lines; shape (columns, lines). The first column is the key."""

_PARTS = 64
_HELD = 320_000_000
"""Bytes of lines that are held in memory before they are written."""

_TOGETHER = 1 << 18
"""Parts of fewer lines are worked on together."""


class Partitions:
    """Lines apart by trader; a key's bits above `leaf_bits` are the trader's code. Closing drops everything."""

    def __init__(self, *, columns: int, leaf_bits: int, folder: Path | None, held: int = _HELD) -> None:
        self._columns = columns
        self._leaf_bits = leaf_bits
        self._folder = folder
        self._limit = held
        self._memory: list[list[Block]] = [[] for _ in range(_PARTS)]
        self._written: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]
        self._lines = [0] * _PARTS
        self._bytes = 0
        self._file: BinaryIO | None = None
        self._open = ExitStack()

    def add(self, lines: Block) -> None:
        """Take lines; shape (columns, lines)."""
        part = ((lines[0] >> self._leaf_bits) % _PARTS).astype(np.uint8)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=_PARTS))
        apart = lines[:, order]
        for number, (first, last) in enumerate(zip((0, *ends[:-1]), ends, strict=True)):
            if last > first:
                self._memory[number].append(apart[:, first:last])
                self._lines[number] += int(last - first)
        self._bytes += apart.nbytes
        if self._bytes > self._limit:
            self._write()

    def blocks(self) -> Iterator[Block]:
        """Yield all lines, those of a trader in one block; a block is dropped from here when it was yielded."""
        for group in _groups(self._lines):
            yield np.concatenate([block for number in group for block in self._taken(number)], axis=1)

    def close(self) -> None:
        """Drop the file and what is held."""
        self._memory = [[] for _ in range(_PARTS)]
        self._open.close()

    def _taken(self, number: int) -> Iterator[Block]:
        held, self._memory[number] = self._memory[number], []
        yield np.empty((self._columns, 0), np.int64)
        yield from held
        for place, lines in self._written[number]:
            yield self._again(place, lines)

    def _write(self) -> None:
        """Write what is held to the end of the file, one block a part."""
        if self._file is None:
            self._file = self._open.enter_context(unnamed(self._folder))
        for number, blocks in enumerate(self._memory):
            if blocks:
                block = np.ascontiguousarray(np.concatenate(blocks, axis=1))
                self._written[number].append((self._file.tell(), block.shape[1]))
                self._file.write(block.data)
        self._file.flush()
        self._memory = [[] for _ in range(_PARTS)]
        self._bytes = 0

    def _again(self, place: int, lines: int) -> Block:
        if self._file is None:
            raise LookupError
        block = np.empty((self._columns, lines), np.int64)
        view = memoryview(block.data).cast("B")
        done = 0
        while done < len(view):
            got = os.preadv(self._file.fileno(), [view[done:]], place + done)
            if not got:
                raise EOFError
            done += got
        return block


def unnamed(folder: Path | None) -> BinaryIO:
    """Open a file that has no name, or loses it at once where the file system needs one; mode 0600."""
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder, prefix=".lines.")


def _groups(lines: list[int]) -> Iterator[list[int]]:
    """Yield the numbers of parts that are worked on together; all parts, once."""
    group: list[int] = []
    together = 0
    for number, count in enumerate(lines):
        group.append(number)
        together += count
        if together >= _TOGETHER or number == _PARTS - 1:
            yield group
            group, together = [], 0
