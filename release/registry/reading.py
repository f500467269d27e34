"""Reading the registry of offices from a folder, with a pinned root, on a day, held to what was seen before."""

import datetime
from pathlib import Path

from release.errors import RegistryRefusedError
from release.plainfile import NotPlainError, plain_file
from release.registry.folder import FolderFiles
from release.registry.metadata import FIRST_ROOT, LARGEST_METADATA, Believed, Distrust, Seen, believed

_REMEDIES = {
    "expired": "Get it anew; or, for an archive, name the day that you know it to have been in force with --as-of.",
    "rolled back": "Get it anew; somebody may be hiding a change from you.",
    "missing": "Name the folder that `mirrors registry init` made.",
}


def is_registry(place: Path) -> bool:
    """Return whether a place that someone named is a registry's folder rather than a bundle or a folder of them."""
    return (place / FIRST_ROOT).is_file()


def today() -> datetime.date:
    """Return the day by this machine's clock, in UTC."""
    return datetime.datetime.now(tz=datetime.UTC).date()


def read_registry(
    place: Path, *, day: datetime.date | None, root: Path | None = None, seen: Seen | None = None
) -> Believed:
    """Return what the registry at a place says.

    Args:
        place: its folder.
        day: the day that nothing may have expired on; None asks for no date.
        root: a root's file that was had by another way.
        seen: what was seen of it before.

    Raises:
        RegistryRefusedError: it can't be believed.
    """
    try:
        pin = None if root is None else plain_file(root, LARGEST_METADATA).content
        return believed(FolderFiles(place), today=day, pin=pin, seen=seen)
    except NotPlainError as error:
        raise RegistryRefusedError(str(root), error.reason) from None
    except Distrust as distrust:
        raise RegistryRefusedError(str(place), distrust.reason, _REMEDIES.get(distrust.code, "")) from None
