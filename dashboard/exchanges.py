"""Products of one flow whose goods may stand under each other's code: two sure gaps, opposite, near and of one size."""

from dashboard.mirrored import Gaps
from release.codelists import codelist
from release.mirror.comparison import MirrorCell

_ABOUT_ONE = 1.5
"""Up to this ratio two gaps are taken to be of about one size."""


def exchange(gaps: Gaps) -> tuple[MirrorCell, MirrorCell] | None:
    """Return the largest two gaps that could be one amount, imports higher first; None where there are none.

    Both are sure beside all others that are shown, and both products stand in one section of the HS: of the many pairs
    of products, chance and unlike goods would make some of about one size.
    """
    sure = sorted((one for one in gaps.sure if gaps.least(one) > 0), key=gaps.least, reverse=True)
    for one in sure:
        for other in sure:
            if one.gap > 0 > other.gap and _section(one) == _section(other) and _could_be_one(one, other):
                return one, other
    return None


def _section(cell: MirrorCell) -> str:
    sections = {row["code"]: row["section"] for row in codelist("chapters").rows}
    return sections.get(cell.product[:2], cell.product)


def _could_be_one(more: MirrorCell, less: MirrorCell) -> bool:
    """Return whether the gap of one product and the opposite one of another are of about one size, and one by noise."""
    small, large = sorted((abs(more.gap), abs(less.gap)))
    if large > _ABOUT_ONE * small:
        return False
    low, high = -(less.gap_noise_high or 0.0), -(less.gap_noise_low or 0.0)
    return (more.gap_noise_low or 0.0) <= high and low <= (more.gap_noise_high or 0.0)


def question(gaps: Gaps) -> list[str]:
    """Return what to ask about the two, if there are two."""
    found = exchange(gaps)
    if found is None:
        return []
    more, less = found
    return [
        f"Are goods that the exporter books under {less.product} booked by the importer under {more.product}? Both gaps"
        f" are sure, opposite and of about one size, in one section of the classification."
    ]
