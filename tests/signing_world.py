"""Keys, signed offices and bundles for tests: one passphrase, kept in a file beside the key."""

from pathlib import Path

from small_office import OFFICE, RELEASE, write_office

PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of keys that are made and thrown away by tests
SIGNING = '[signing]\nkey = "keys/signing.pem"\npassphrase_file = "keys/passphrase"\n'


def write_signing_office(folder: Path, *, code: str = "NLD", signing: str = SIGNING, lines: int = 300) -> Path:
    """Write a small office that signs, with a passphrase but no key yet; return its release's path."""
    release = write_office(folder, office=OFFICE.replace("NLD", code) + signing, release=RELEASE, lines=lines)
    write_passphrase(folder / "keys" / "passphrase")
    return release


def write_passphrase(place: Path, text: str = PASSPHRASE) -> Path:
    """Write a passphrase file of mode 0600."""
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.touch(mode=0o600)
    place.write_text(text + "\n")
    return place
