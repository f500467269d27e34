"""Where bundles lie and which are gone: what shows only among the bundles of a place, and breaks none of them.

A bundle that is right by itself may lie where another belongs: then what belongs there is hidden.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from release.bundle.findings import BundleFinding
from release.bundle.memory import Memory
from release.bundle.verification import Verification


def with_places(results: Sequence[Verification], named: Iterable[str]) -> tuple[Verification, ...]:
    """Return the results with notes on bundles that lie in another's folder, or twice.

    `named` are the places of bundles that were named themselves, of which nobody said what their folders are.
    """
    alone = frozenset(named)
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in results:
        if one.identity is not None:
            places[one.identity.reporter, one.identity.release].append(one.bundle)
    return tuple(replace(one, notes=(*one.notes, *_notes(one, places, alone))) for one in results)


def _notes(
    one: Verification, places: dict[tuple[str, str], list[str]], alone: frozenset[str]
) -> Iterator[BundleFinding]:
    if one.identity is None:
        return
    own = (one.identity.reporter, one.identity.release)
    if one.bundle not in alone and tuple(one.bundle.rstrip("/").split("/")[-2:]) != own:
        said = f"it is release {own[1]} of {own[0]}, and doesn't lie in {own[0]}/{own[1]}: what belongs here is hidden"
        yield BundleFinding(code="misplaced", message=said)
    others = [place for place in places[own] if place != one.bundle]
    if others:
        said = f"release {own[1]} of {own[0]} lies at {' and at '.join(others)} too"
        yield BundleFinding(code="twice", message=said)


def gone(memory: Memory, results: Iterable[Verification]) -> tuple[str, ...]:
    """Return the releases, as OFFICE/RELEASE, that were seen before and aren't here now.

    A place of several offices should hold all that were seen, a place of one office that office's.
    """
    here = {(one.identity.reporter, one.identity.release) for one in results if one.identity is not None}
    offices = {reporter for reporter, _ in here}
    offices = {*memory.offices} if len(offices) > 1 else offices
    return tuple(
        f"{reporter}/{release}"
        for reporter, releases in sorted(memory.offices.items())
        for release in sorted(releases)
        if reporter in offices and (reporter, release) not in here
    )
