"""The files of a bundle as its signature or, unsigned, its manifest lists them: each read once, and held to that."""

import hashlib

from release.bundle.bounds import LARGEST_DOCUMENT, document, most_bytes
from release.bundle.content import FILE_NAMES, FORMAT, MANIFEST
from release.bundle.contents import promised_cells
from release.bundle.findings import Stop
from release.bundle.reading import Files, exactly
from release.bundle.signature import Vouched
from release.signing.envelope import SIGNATURE

_PLAN = "plan.json"


def listed_contents(folder: Files, present: frozenset[str], voucher: Vouched) -> dict[str, bytes]:
    """Return every listed file's bytes but the signature's, by name.

    Args:
        folder: where the bundle is.
        present: the names of all files there.
        voucher: who vouches for the list.

    Raises:
        Stop: the list isn't this format's, a file isn't listed, or isn't what was listed.
    """
    listed = _listed(folder, voucher)
    _hold_to_list(present, listed)
    return _contents(folder, listed)


def _listed(folder: Files, voucher: Vouched) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of every file but the signature, by name: from the signature, or else the manifest."""
    statement = voucher.statement
    if statement is None:
        manifest = folder.read(MANIFEST, LARGEST_DOCUMENT)
        own = (len(manifest), hashlib.sha256(manifest).hexdigest())
        return {MANIFEST: own, **_resources(manifest)}
    if statement.released.form != FORMAT:
        raise Stop("format", f"{SIGNATURE} names a format that this version doesn't know")
    return {one.name: (one.size, one.digest) for one in statement.released.files}


def _hold_to_list(present: frozenset[str], listed: dict[str, tuple[int, str]]) -> None:
    if set(listed) != FILE_NAMES:
        raise Stop("manifest", "the files that are listed aren't those of this format")
    for name in sorted(present - set(listed) - {SIGNATURE}):
        raise Stop("unlisted", f"{name[:100]!r} isn't listed")


def _contents(folder: Files, listed: dict[str, tuple[int, str]]) -> dict[str, bytes]:
    """Return every file's bytes; the plan comes first, since it says how large the others may be."""
    contents: dict[str, bytes] = {}
    cells = None
    for name in (_PLAN, *sorted(set(listed) - {_PLAN})):
        size, digest = listed[name]
        if size > most_bytes(name, cells):
            raise Stop("size", f"{name} is larger than it may be")
        contents[name] = exactly(folder, name, size, digest)
        if name == _PLAN:
            cells = promised_cells(document(contents[name], name))
    return contents


def _resources(manifest: bytes) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of each listed file, from a manifest of the known format."""
    try:
        listing = document(manifest, MANIFEST, "manifest")
        if listing["format"] != FORMAT:
            raise Stop("format", f"{MANIFEST} names a format that this version doesn't know")
        listed = {
            str(entry["path"]): (int(entry["bytes"]), str(entry["hash"]).removeprefix("sha256:"))
            for entry in listing["resources"]
        }
        whole = len(listed) == len(listing["resources"])
    except (ValueError, KeyError, TypeError):
        raise Stop("manifest", f"{MANIFEST} can't be read") from None
    if not whole or any(size < 0 for size, _ in listed.values()):
        raise Stop("manifest", f"{MANIFEST} lists a file twice, or a size below 0")
    return listed
