"""Ed25519 keys as values: a public key and its id, and a private key that signs.

A key's id is securesystemslib's, so that ours are those of any TUF or in-toto tool. Where keys are kept is `keyfile`'s.
"""

import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, SSlibKey

SCHEME = "ed25519"
_PUBLIC = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key: its 32 bytes as 64 hexadecimal digits.

    Raises:
        ValueError: `public` isn't written so.
    """

    public: str

    def __post_init__(self) -> None:
        if not isinstance(self.public, str) or _PUBLIC.fullmatch(self.public) is None:
            raise ValueError("an Ed25519 public key is 64 hexadecimal digits")

    @property
    def keyid(self) -> str:
        """The key's id: SHA-256 of its canonical form, as TUF and in-toto tools compute it."""
        return self.sslib.keyid

    @property
    def sslib(self) -> SSlibKey:
        """The key as securesystemslib knows it."""
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public)))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PrivateKey:
    """An Ed25519 private key in memory; it is never printed."""

    secret: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The public key that belongs to it."""
        return PublicKey(public=self.secret.public_key().public_bytes_raw().hex())

    @property
    def signer(self) -> CryptoSigner:
        """The key as what signs envelopes and TUF metadata."""
        return CryptoSigner(self.secret)


def new_private_key() -> PrivateKey:
    """Return a fresh key, from the system's randomness."""
    return PrivateKey(secret=Ed25519PrivateKey.generate())
