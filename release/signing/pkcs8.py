"""An Ed25519 private key as an encrypted PKCS #8 file, and back.

It is written with PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256 of 600,000 rounds and AES-256-CBC, which any OpenSSL
reads. cryptography's own writer takes 2,048 rounds, too few for a file that may be copied and guessed at for years.
"""

import base64
import hashlib
import secrets
import textwrap

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

ROUNDS = 600_000
_BEGIN, _END = b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"-----END ENCRYPTED PRIVATE KEY-----"
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256 = bytes.fromhex("300c06082a864886f70d02090500")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_SEQUENCE, _OCTETS, _INTEGER = 0x30, 0x04, 0x02
_SHORT = 0x80


def encrypted_pem(key: Ed25519PrivateKey, passphrase: str) -> bytes:
    """Return the key as PEM, encrypted under a passphrase."""
    salt, start = secrets.token_bytes(16), secrets.token_bytes(16)
    derived = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS, dklen=32)
    padder = padding.PKCS7(128).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(algorithms.AES256(derived), modes.CBC(start)).encryptor()
    hidden = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    rounds = _element(_INTEGER, ROUNDS.to_bytes(3, "big"))
    derivation = _element(_SEQUENCE, _PBKDF2, _element(_SEQUENCE, _element(_OCTETS, salt), rounds, _HMAC_SHA256))
    cipher = _element(_SEQUENCE, _AES_256_CBC, _element(_OCTETS, start))
    scheme = _element(_SEQUENCE, _PBES2, _element(_SEQUENCE, derivation, cipher))
    content = base64.b64encode(_element(_SEQUENCE, scheme, _element(_OCTETS, hidden))).decode()
    return b"\n".join([_BEGIN, *textwrap.fill(content, 64).encode().splitlines(), _END, b""])


def _element(kind: int, *parts: bytes) -> bytes:
    """Return a DER element; lengths up to 255 are all that occur."""
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < _SHORT else bytes([_SHORT + 1, len(content)])
    return bytes([kind]) + length + content


def decrypted_pem(pem: bytes, passphrase: str) -> Ed25519PrivateKey | None:
    """Return the key that an encrypted PEM holds; None when it isn't one, or the passphrase isn't its own."""
    if _BEGIN not in pem:
        return None
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None
