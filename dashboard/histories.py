"""What is known of each bundle beside its figures: its ledger, what changed from the last, what took its place."""

from dataclasses import dataclass
from enum import StrEnum

from dashboard.sources import Published, Stated, office_of, release_of
from release.bundle.verification import Bundle
from release.wording import count


class Recorded(StrEnum):
    """What an office's ledger says of a bundle."""

    YES = "recorded in the ledger"
    ANOTHER = "the ledger records another bundle under this name"
    MISSING = "not in the ledger"
    UNKNOWN = "no statement to check against"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A bundle among its office's: what the ledger says, changes from the one before, what superseded it or None."""

    bundle: Bundle
    recorded: Recorded
    changes: tuple[str, ...]
    superseded_by: str | None


def histories(found: Published) -> tuple[History, ...]:
    """Return the history of every bundle, in order of office and release."""
    return tuple(
        History(
            bundle=bundle,
            recorded=recorded(bundle, found.stated(office)),
            changes=changes(own[number - 1], bundle) if number else ("the first release that was found",),
            superseded_by=_superseding(bundle, own[number + 1 :]),
        )
        for office in found.offices
        for own in (found.of(office),)
        for number, bundle in enumerate(own)
    )


def recorded(bundle: Bundle, stated: Stated | None) -> Recorded:
    """Return whether an office's statement records this very bundle as published."""
    if stated is None:
        return Recorded.UNKNOWN
    own = [charge for charge in stated.charges if charge.request.release == release_of(bundle)]
    if not own:
        return Recorded.MISSING
    same = all(charge.bundle_digest == bundle.digest and charge.state == "published" for charge in own)
    return Recorded.YES if same else Recorded.ANOTHER


def changes(before: Bundle, after: Bundle) -> tuple[str, ...]:
    """Return what differs between two releases' plans and sheets, in words."""
    told = []
    for key, word in (("periods", "periods"), ("flows", "flows"), ("partners", "partners"), ("chapters", "chapters")):
        old, new = list(before.plan[key]), list(after.plan[key])
        if old != new:
            told.append(f"{word}: {_few(old)} before, {_few(new)} now")
    if before.plan["rho"] != after.plan["rho"]:
        told.append(f"loss rho: {before.plan['rho']} before, {after.plan['rho']} now")
    if _levels(before) != _levels(after):
        told.append("other levels or measures")
    if before.metadata != after.metadata:
        keys = sorted(key for key in after.metadata if before.metadata.get(key) != after.metadata[key])
        told.append(f"metadata: {', '.join(keys)}")
    if after.plan.get("revision") is True:
        told.append("it is a correction")
    return tuple(told) or ("same plan",)


def _few(codes: list[str]) -> str:
    return ", ".join(codes) if len(codes) <= 3 else f"{count(len(codes))} ({codes[0]} to {codes[-1]})"  # noqa: PLR2004


def _levels(bundle: Bundle) -> list[tuple[object, ...]]:
    return [(one["measure"], *(level["level"] for level in one["levels"])) for one in bundle.plan["measures"]]


def _superseding(bundle: Bundle, later: tuple[Bundle, ...]) -> str | None:
    """Return the first later release that publishes every cell of this one again."""
    for other in later:
        covers = all(set(bundle.plan[key]) <= set(other.plan[key]) for key in ("periods", "flows", "partners"))
        if covers and office_of(other) == office_of(bundle):
            return release_of(other)
    return None
