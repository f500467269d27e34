"""A registry of offices for practice: three keepers, two of whom sign, and every practice office with its key."""

import datetime
import secrets
from collections.abc import Mapping
from pathlib import Path

from release.registry.editing import Change, Offices, with_office
from release.registry.folder import add_files
from release.registry.reading import read_registry, today
from release.registry.writing import Expiry, Keepers, first_files, next_files
from release.signing.keyfile import create_key, read_public
from release.signing.passphrases import write_passphrase

KEEPERS, THRESHOLD = 3, 2
_DAYS = 3660


def make_practice_registry(place: Path, keepers: Path, offices: Mapping[str, Path]) -> None:
    """Make a registry that names each office's public key.

    Args:
        place: a new folder for the registry.
        keepers: a new folder for the keepers' keys, with their passphrase beside them, since this is practice.
        offices: the public key's file of each office, by reporter.
    """
    phrase = write_passphrase(keepers / "passphrase", secrets.token_hex(16))
    keys = [create_key(keepers / f"keeper-{number + 1}.pem", phrase) for number in range(KEEPERS)]
    expiry = Expiry(version=_days_on(_DAYS), root=_days_on(_DAYS))
    named = Keepers(keys=tuple(key.public for key in keys), threshold=THRESHOLD)
    signers = keys[:THRESHOLD]
    place.mkdir(parents=True)
    add_files(place, first_files(named, signers, expiry))
    change = Change(version=2, date=today().isoformat())
    entered: Offices = {}
    for reporter, public in offices.items():
        name = f"Practice office {reporter}"
        entered = with_office(entered, change, reporter=reporter, name=name, key=read_public(public))
    add_files(place, next_files(read_registry(place, day=None), entered, signers, expiry))


def _days_on(days: int) -> datetime.date:
    return today() + datetime.timedelta(days=days)
