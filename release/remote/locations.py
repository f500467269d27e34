"""What a location's text names: a folder, a bundle on the web, or a prefix in an object store. No input, no output."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from release.errors import UsageError

STORES = frozenset({"s3", "gs", "az", "abfs", "abfss", "adl"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KNOWN = "a folder, https://…, s3://…, gs://… or az://…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that is read or written over a network.

    Attributes:
        url: as it was written, without a closing slash.
        web: whether it is read over HTTPS; else it is in an object store.
    """

    url: str
    web: bool

    def __str__(self) -> str:
        return self.url


def is_url(text: str) -> bool:
    """Return whether a text names a place by scheme rather than a path."""
    return "://" in text


def location_of(text: str) -> Location:
    """Return the location that a URL names.

    Raises:
        UsageError: it is of another kind, isn't encrypted, or holds what belongs in the environment.
    """
    url = text.rstrip("/")
    parts = _split(url)
    web = parts.scheme in {"http", "https"}
    if not web and parts.scheme not in STORES:
        raise UsageError(f"{text!r} is no place for bundles: name {_KNOWN}. Nothing was read or written.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError("A location holds no password, no `?` and no `#`: keys stand in the environment.")
    if not parts.hostname or any(part in {".", ".."} for part in parts.path.split("/")):
        raise UsageError(f"{text!r} names no place of its own. Nothing was read or written.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError(f"{text!r} isn't encrypted; use https://. Nothing was read or written.")
    return Location(url=url, web=web)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError(f"{url[:200]!r} isn't an address. Nothing was read or written.") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{url[:200]!r} isn't an address: it holds what addresses spell with %. Nothing was read.")
    return parts
