"""What a run is handed to sign with: the office's key, opened and tried when it is asked for, or nothing at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from release.errors import KeyRefusedError
from release.signing.envelope import opened, sealed
from release.signing.keyfile import check_key, open_key
from release.signing.keys import PrivateKey, PublicKey
from release.signing.passphrases import Passphrase
from release.signing.statement import Released, Statement

_TRIAL = Released(
    form="a trial of the key",
    reporter="none",
    release="none",
    revision=False,
    supersedes=None,
    sequence=0,
    length=0,
    head="0" * 64,
    files=(),
)


class Unsigned:
    """Signs nothing: the office's config names no key."""

    def prepare(self) -> None:
        """Do nothing."""

    def sign(self, released: Released) -> bytes | None:  # noqa: ARG002 - as every signer
        """Return None: there is no signature."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An opened key and the registry's version that it was admitted under."""

    key: PrivateKey
    registry: int | None


class KeySigner:
    """Signs with the key at a place.

    Args:
        place: of the key's file.
        passphrase: asked once, when the key is opened.
        admit: refuses a key that may not sign for the office now, and returns the registry's version, or None where no
            registry is known.
    """

    def __init__(self, place: Path, passphrase: Passphrase, admit: Callable[[PublicKey], int | None]) -> None:
        self._place, self._passphrase, self._admit = place, passphrase, admit
        self._opened: Opened | None = None

    def prepare(self) -> None:
        """Open the key, try it, and have it admitted, so that none of this can fail after a charge.

        Raises:
            SigningError: the key, its passphrase or the registry is refused.
        """
        self._ready()

    def _ready(self) -> Opened:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> Opened:
        check_key(self._place)
        key = open_key(self._place, self._passphrase())
        trial = sealed(Statement(released=_TRIAL, key=key.public, registry=None), key)
        if opened(trial) is None:
            raise KeyRefusedError(str(self._place), "what it signs doesn't verify", "Restore the key from its backup.")
        return Opened(key=key, registry=self._admit(key.public))

    def sign(self, released: Released) -> bytes | None:
        """Return the file `signature.json` over what was released; opens the key where that wasn't done.

        Raises:
            SigningError: as `prepare`.
        """
        ready = self._ready()
        return sealed(Statement(released=released, key=ready.key.public, registry=ready.registry), ready.key)
