"""Bundles, places of publication, keys, signatures and the registry of offices: exit code 6."""

from collections.abc import Sequence

from release.errors.families import BundleError, SigningError


class BundleRefusedError(BundleError):
    """A bundle can't be believed; every finding is told."""

    def __init__(self, bundle: str, problems: Sequence[str]) -> None:
        self.bundle = bundle
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The bundle {bundle} is refused; nothing of it was used.\n{listing}")


class PublicationTakenError(BundleError):
    """Something else stands where a bundle should be published."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"{place} holds something else than this release's bundle; it was left as it is."
            " Move it away, or publish elsewhere with --out; the release stays charged and is published then."
        )


class LocationError(BundleError):
    """A place that is reached over a network can't be read or written."""

    def __init__(self, location: str, reason: str, remedy: str) -> None:
        self.location, self.reason = location, reason
        super().__init__(f"{location} refused: {reason}. {remedy}")


class UnreadableLocationError(LocationError):
    """A place that is reached over a network can't be read."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            location,
            reason,
            "Reading changes nothing there. Check the name, the network and the store's keys in the environment.",
        )


class UnwritableLocationError(LocationError):
    """A place that is reached over a network can't be written."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            location,
            reason,
            "No half bundle is visible there; run the same command again and it goes on where it stopped.",
        )


class PublishedOtherwiseError(BundleError):
    """Where a file should be published over a network, another one is."""

    def __init__(self, location: str, reason: str) -> None:
        self.location, self.reason = location, reason
        super().__init__(
            f"{location} was left as it is: {reason}. What is published is never replaced; publish elsewhere, or find"
            " out who wrote there."
        )


class KeyRefusedError(SigningError):
    """A key can't be opened or isn't kept as a key must be; nothing of the key or its passphrase is told."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        self.place, self.reason, self.remedy = place, reason, remedy
        super().__init__(f"The key at {place} is refused: {reason}. Nothing was charged, signed or written. {remedy}")


class PassphraseError(SigningError):
    """A passphrase can't be had, or is too weak; it isn't told."""

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"No passphrase from {source}: {reason}. Nothing was charged, signed or written.")


class KeyNotAllowedError(SigningError):
    """The registry of offices doesn't let this key sign for this reporter now."""

    def __init__(self, *, reporter: str, keyid: str, reason: str) -> None:
        self.reporter, self.keyid, self.reason = reporter, keyid, reason
        super().__init__(
            f"The key {keyid[:16]}… may not sign for {reporter}: {reason}. Nothing was charged or signed. Use the key"
            " that the registry names, or ask its keepers to enter this one."
        )


class RegistryRefusedError(SigningError):
    """A registry of offices can't be believed, or a change of it isn't one that may be made."""

    def __init__(self, place: str, reason: str, remedy: str = "") -> None:
        self.place, self.reason = place, reason
        super().__init__(f"The registry at {place} is refused: {reason}. {remedy}".rstrip())


class RegistryChangeRefusedError(SigningError):
    """A change of the registry isn't one that may be made."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        super().__init__(f"This change of the registry is refused: {reason}. Nothing was changed. {remedy}".rstrip())
