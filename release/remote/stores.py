"""A prefix in an object store (S3, Google Cloud Storage, Azure): its bundles read, and files put there one by one.

The store's own keys come from its usual environment variables and never from a config or a location. An object is
there whole or not at all; that a bundle is, `sending` sees to.
"""

import datetime
import os
from collections.abc import Iterator
from itertools import chain
from typing import Any

from obstore import exceptions, store

from release.bundle.content import MANIFEST
from release.bundle.findings import Stop
from release.bundle.reading import MOST_FILES, hold_to_name
from release.errors import LocationError, UnreadableLocationError, UnwritableLocationError

MOST_BYTES = 4_000_000_000
"""What all files of a bundle may have together; a larger one is copied by other means and named as a folder."""

MOST_LISTED = 100_000
_PART = 262_144
_FAILED = (exceptions.BaseError, OSError, ValueError, NotImplementedError)


def store_at(url: str) -> "Store":
    """Return the store that a URL names; nothing is asked of it yet.

    Raises:
        LocationError: what the store needs isn't in the environment.
    """
    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    client: Any = {"connect_timeout": "10s", "timeout": "600s", "allow_http": plain}
    retries: Any = {"max_retries": 2, "retry_timeout": datetime.timedelta(seconds=60)}
    try:
        return Store(store.from_url(url, client_options=client, retry_config=retries), url)
    except _FAILED as error:
        raise UnreadableLocationError(url, _reason(error)) from None


class Store:
    """Objects below a prefix, by key; its text is the URL."""

    def __init__(self, objects: Any, url: str) -> None:
        self._objects, self._url = objects, url

    def __str__(self) -> str:
        return self._url

    def keys(self, below: str = "") -> tuple[str, ...]:
        """Return the keys below a folder, or all.

        Raises:
            LocationError: there are too many, or the store can't be asked.
        """
        try:
            pages = self._objects.list(below or None)
            found = [str(one["path"]) for one, _ in zip(_flat(pages), range(MOST_LISTED + 1), strict=False)]
        except _FAILED as error:
            raise UnreadableLocationError(self._url, _reason(error)) from None
        if len(found) > MOST_LISTED:
            raise UnreadableLocationError(self._url, f"more than {MOST_LISTED:,} files lie there; name a part of it")
        return tuple(sorted(found))

    def read(self, key: str, most: int) -> bytes | None:
        """Return an object's bytes, None where there is none.

        Raises:
            LocationError: it has more than `most` bytes, or the store can't be asked.
        """
        try:
            return self._read(key, most)
        except FileNotFoundError:
            return None
        except _FAILED as error:
            raise UnreadableLocationError(self._url, _reason(error)) from None

    def _read(self, key: str, most: int) -> bytes:
        answer, content = self._objects.get(key), bytearray()
        if answer.meta["size"] <= most:
            for part in answer.stream(min_chunk_size=_PART):
                content += bytes(part)
                if len(content) > most:
                    break
            else:
                return bytes(content)
        raise UnreadableLocationError(self._url, f"{key} is larger than it may be ({most:,} bytes)")

    def create(self, key: str, content: bytes) -> bool:
        """Put an object where none is, whole or not at all; return False, and change nothing, where one is.

        Raises:
            LocationError: the store refuses, or can't tell whether one is there.
        """
        try:
            self._objects.put(key, content, mode="create", use_multipart=False)
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            return False
        except _FAILED as error:
            raise UnwritableLocationError(self._url, _reason(error)) from None
        return True

    def replace(self, key: str, content: bytes) -> None:
        """Put an object, whole, in place of what is there.

        Raises:
            LocationError: the store refuses.
        """
        try:
            self._objects.put(key, content, use_multipart=False)
        except _FAILED as error:
            raise UnwritableLocationError(self._url, _reason(error)) from None


class StoredFiles:
    """A bundle's files in a store, below a folder of keys; its text is their URL."""

    def __init__(self, held: Store, folder: str) -> None:
        self._store, self._folder, self._left = held, folder, MOST_BYTES

    def __str__(self) -> str:
        return f"{self._store}/{self._folder}" if self._folder else str(self._store)

    def names(self) -> frozenset[str]:
        """Return the names of all files; without a manifest there is no bundle, however much of it is there already.

        Raises:
            Stop: there is none, or what is there can't be one.
        """
        try:
            keys = self._store.keys(self._folder)
        except LocationError as error:
            raise Stop("unreachable", error.reason) from None
        names = frozenset(key.removeprefix(f"{self._folder}/") if self._folder else key for key in keys)
        if MANIFEST not in names:
            raise Stop("missing", f"there is no bundle at {self}")
        if len(names) > MOST_FILES:
            raise Stop("too many files", f"it has more than the {MOST_FILES} files that a bundle may have")
        for name in names:
            hold_to_name(name)
        return names

    def read(self, name: str, most: int) -> bytes:
        """Return a file's bytes.

        Raises:
            Stop: it is missing, larger than `most` bytes, or doesn't come.
        """
        hold_to_name(name)
        try:
            content = self._store.read(f"{self._folder}/{name}" if self._folder else name, min(most, self._left))
        except LocationError as error:
            raise Stop("unreachable", error.reason) from None
        if content is None:
            raise Stop("missing file", f"{name!r} is missing")
        self._left -= len(content)
        return content


def bundles_in(held: Store) -> tuple[StoredFiles, ...]:
    """Return the bundles of a store, at any depth; where none is, what stands for the place itself.

    Raises:
        LocationError: the store can't be asked.
    """
    keys = held.keys()
    folders = [key.rpartition("/")[0] for key in keys if key.rpartition("/")[2] == MANIFEST]
    shown = [folder for folder in folders if not any(part.startswith(".") for part in folder.split("/"))]
    return tuple(StoredFiles(held, folder) for folder in ([""] if "" in shown else shown or [""]))


def _flat(pages: Any) -> Iterator[Any]:
    return chain.from_iterable(pages)


def _reason(error: Exception) -> str:
    """Return the first line of what a store's client says; the rest is for its makers."""
    return str(error).partition("\n")[0][:300] or type(error).__name__
