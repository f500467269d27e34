"""The envelope around a statement: DSSE with one Ed25519 signature, in one form down to the byte.

A flipped bit anywhere in the file is noticed: in the statement by the signature, elsewhere since there is no other way
to write the same envelope.
"""

import json
from dataclasses import dataclass

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, VerificationError

from release.plan import canonical_json
from release.signing.keys import PrivateKey
from release.signing.statement import Statement, read_statement, statement_bytes

SIGNATURE = "signature.json"
"""The envelope's name at a bundle's root: the one file that the manifest doesn't list."""

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LARGEST_SIGNATURE = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement whose signature is right for the key that it names; whose key that is, a registry tells."""

    statement: Statement

    @property
    def keyid(self) -> str:
        """The id of the key that signed."""
        return self.statement.key.keyid


def sealed(statement: Statement, key: PrivateKey) -> bytes:
    """Return the file of a statement signed by the key that it names; equal statements give equal bytes."""
    envelope = Envelope(statement_bytes(statement), PAYLOAD_TYPE, {})
    envelope.sign(key.signer)
    return _written(envelope)


def opened(content: bytes) -> Signed | None:
    """Return what an envelope's bytes say; None when they aren't one, or the signature is wrong."""
    envelope = _read(content)
    statement = None if envelope is None else read_statement(envelope.payload)
    if envelope is None or statement is None or envelope.payload_type != PAYLOAD_TYPE:
        return None
    try:
        envelope.verify([statement.key.sslib], threshold=1)
    except (VerificationError, ValueError):
        return None
    return Signed(statement=statement)


def _read(content: bytes) -> Envelope | None:
    """Return the envelope with exactly one signature that bytes are the one form of."""
    if len(content) > LARGEST_SIGNATURE:
        return None
    try:
        envelope = Envelope.from_dict(json.loads(content))
        return envelope if len(envelope.signatures) == 1 and _written(envelope) == content else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError):
        return None


def _written(envelope: Envelope) -> bytes:
    return canonical_json(envelope.to_dict())
