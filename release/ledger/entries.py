"""What the ledger writes down, in canonical JSON, chained by SHA-256.

Promised for ever, for whoever reads an entry in later years:

- An entry has a sequence (1, 2, 3 ... without gaps), its predecessor's hash (64 zeros for the first), a kind,
  a body and a hash. The hash is SHA-256 over the canonical JSON of `[FORMAT, sequence, previous, kind,
  body]`; the body enters as the very text that is stored.
- Canonical JSON is ASCII with sorted keys, no blanks, and no numbers but integers. Losses, delta and limits
  are text: `"1/2"`, `"3"`, in lowest terms, and exact.
- `opened` fixes an account (office, source, year, tier) and its terms: unit, delta, limit, reserve for
  revisions. `limit` raises the limit and says why; `planned` declares a calendar of shares. Each replaces
  what it follows.
- `charged` holds all that is needed to recompute the loss with OpenDP alone: release, account, terms, and for
  each measure its mechanism, sensitivity D, grid, digest of the scales and rho; besides, the policy, the
  plan's digest, the digests of every public input, the *keyed* digests of the confidential ones, the versions
  of the program and of OpenDP, and the date. It is never undone.
- `measured` and `published` follow a charge at most once each, and name the digest of noisy or published
  bytes.
- Every entry of an account carries the account's standing after it, which whoever has the chain can
  recompute.
- No entry holds a time of day, a host, a path, a count of records, or a digest of records that isn't keyed.
  An entry may be published as it is, and so may its hash.

A reader refuses kinds and fields that it doesn't know; a later format gets another `FORMAT` and keeps reading
this.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from release.ledger.values import (
    Account,
    AccountState,
    Charge,
    ChargeRequest,
    MeasureLoss,
    PlannedShare,
    RaisedLimit,
    State,
    Terms,
)

__all__ = [
    "FORMAT",
    "GENESIS",
    "Account",
    "AccountState",
    "Charge",
    "ChargeRequest",
    "Entry",
    "Head",
    "Kind",
    "MeasureLoss",
    "PlannedShare",
    "RaisedLimit",
    "State",
    "Terms",
    "canonical",
    "entry_hash",
    "follow",
    "own_fault",
]

FORMAT = "noisy-mirrors ledger entry 1"
GENESIS = "0" * 64


class Kind(StrEnum):
    """What an entry does."""

    OPENED = "opened"
    LIMIT = "limit"
    PLANNED = "planned"
    CHARGED = "charged"
    MEASURED = "measured"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain as it is stored; `body` is canonical JSON text."""

    sequence: int
    previous: str
    kind: str
    body: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The chain's length and the hash of its last entry; of an empty chain 0 and 64 zeros."""

    sequence: int
    hash: str


EMPTY = Head(sequence=0, hash=GENESIS)


def canonical(value: object) -> str:
    """Return the one JSON text of a value: ASCII, keys sorted, no blanks, no floats."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def entry_hash(sequence: int, previous: str, kind: str, body: str) -> str:
    """Return the SHA-256, in hexadecimal, over everything else that an entry holds."""
    text = canonical([FORMAT, sequence, previous, kind, body])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def head_of(entry: Entry | None) -> Head:
    """Return the head of a chain that ends with `entry`."""
    return EMPTY if entry is None else Head(sequence=entry.sequence, hash=entry.hash)


def follow(head: Head, kind: Kind, body: str) -> Entry:
    """Return the entry that follows `head`."""
    sequence = head.sequence + 1
    digest = entry_hash(sequence, head.hash, kind, body)
    return Entry(sequence=sequence, previous=head.hash, kind=kind, body=body, hash=digest)


def own_fault(entry: Entry) -> str | None:
    """Return what is wrong with an entry by itself: its hash isn't that of what it holds. None when it is."""
    if entry.hash != entry_hash(entry.sequence, entry.previous, entry.kind, entry.body):
        return "its hash isn't that of what it holds"
    return None


def link_fault(before: Head, entry: Entry) -> str | None:
    """Return what is wrong between an entry and the head that it should follow. None when it follows."""
    if entry.sequence != before.sequence + 1:
        return f"it stands where entry {before.sequence + 1} belongs"
    if entry.previous != before.hash:
        return f"it doesn't follow entry {before.sequence}"
    return own_fault(entry)
