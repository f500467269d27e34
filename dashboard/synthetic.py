"""Which bundles say of themselves that their records are invented: practice offices name it in words."""

from collections.abc import Iterable

from dashboard.sources import office_of
from release.bundle.verification import Bundle

_WORDS = ("synthetic records", "practice world")


def is_synthetic(bundle: Bundle) -> bool:
    """Return whether the office's name or the release's title says that the records are invented."""
    said = f"{bundle.plan['office']['name']} {bundle.plan['title']}".lower()
    return any(word in said for word in _WORDS)


def banner(bundles: Iterable[Bundle]) -> str | None:
    """Return what every page says where figures are of invented records; None where no bundle says so."""
    held = tuple(bundles)
    offices = sorted({office_of(bundle) for bundle in held if is_synthetic(bundle)})
    if not offices:
        return None
    if all(is_synthetic(bundle) for bundle in held):
        return "Practice data: the records of all offices here are invented. No figure is of real trade."
    return f"Practice data: the records of {', '.join(offices)} are invented. Their figures are of no real trade."
