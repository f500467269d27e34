"""A bundle on a web server, read over HTTPS and never written.

A server can't be asked what it holds, so the format's names are asked for, and whatever else lies there is never
looked at. No redirect is followed, no proxy used, no cookie kept, nothing decoded, and each answer has a deadline
that bytes trickling in don't move. It is Python's own client: it does less than the libraries around it, and here
that is what is wanted.
"""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from release.bundle.content import FILE_NAMES, MANIFEST
from release.bundle.findings import Stop
from release.bundle.reading import hold_to_name
from release.signing.envelope import LARGEST_SIGNATURE, SIGNATURE

MOST_BYTES = 4_000_000_000
"""What all files of a bundle may have together; a larger one is copied by other means and named as a folder."""

DEADLINE = 60.0
SLOWEST = 100_000
"""Bytes a second that a file must come with, besides the deadline's seconds."""

_QUIET = 30.0
_PART = 262_144
_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class WebFiles:
    """A bundle's files at an HTTPS address; its text is the address."""

    def __init__(self, url: str, *, deadline: float = DEADLINE) -> None:
        self._url, self._deadline, self._left = url, deadline, MOST_BYTES
        self._signature: bytes | None = None

    def __str__(self) -> str:
        return self._url

    def names(self) -> frozenset[str]:
        """Return the format's names, the signature's if there is one.

        Raises:
            Stop: the server can't be reached.
        """
        self._signature = self._had(SIGNATURE, LARGEST_SIGNATURE)
        return FILE_NAMES | (frozenset() if self._signature is None else {SIGNATURE})

    def read(self, name: str, most: int) -> bytes:
        """Return a file's bytes.

        Raises:
            Stop: it is missing, larger than `most` bytes, elsewhere, or doesn't come.
        """
        hold_to_name(name)
        if name == SIGNATURE and self._signature is not None:
            return self._signature
        content = self._had(name, most)
        if content is None:
            missing = f"there is no bundle at {self._url}" if name == MANIFEST else f"{name!r} is missing"
            raise Stop("missing" if name == MANIFEST else "missing file", missing)
        return content

    def _had(self, name: str, most: int) -> bytes | None:
        try:
            with _answer(f"{self._url}/{name}", self._deadline + most / SLOWEST) as answer:
                content = None if answer.status in _ABSENT else _content(answer, name, min(most, self._left))
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = type(error).__name__
            raise Stop("unreachable", f"{name!r} can't be had from {self._url} ({reason}); try again later") from None
        self._left -= 0 if content is None else len(content)
        return content


def _content(answer: http.client.HTTPResponse, name: str, most: int) -> bytes:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        raise Stop("redirect", f"{name!r} is said to be elsewhere; redirects aren't followed: name the other address")
    if answer.status != HTTPStatus.OK:
        raise Stop("unreachable", f"{name!r} can't be had: the server answered {answer.status:d}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Stop("encoding", f"{name!r} comes encoded, which wasn't asked for")
    content = bytearray()
    while part := answer.read(min(_PART, most + 1 - len(content))):
        content += part
    if len(content) > most:
        raise Stop("size", f"{name!r} is larger than it may be ({most:,} bytes)")
    if answer.length:
        raise Stop("unreachable", f"{name!r} broke off while it was read")
    return bytes(content)


@contextmanager
def _answer(url: str, seconds: float) -> Iterator[http.client.HTTPResponse]:
    """Ask for a file; after so many seconds the line is cut, whatever comes over it."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_QUIET)
    cut = threading.Event()
    try:
        connection.connect()
        timer = threading.Timer(seconds, _cut, [connection.sock, cut])
        timer.daemon = True
        timer.start()
        try:
            connection.request("GET", parts.path, headers={"Accept-Encoding": "identity", "Connection": "close"})
            yield connection.getresponse()
        finally:
            timer.cancel()
        if cut.is_set():  # a line that was cut looks like one that came to its end
            raise TimeoutError
    finally:
        connection.close()


def _cut(line: socket.socket, cut: threading.Event) -> None:
    cut.set()
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
