"""`mirrors keys new|show|rotate`: the office's signing key."""

from pathlib import Path

import typer

from release.cli.printing import command, print_json
from release.cli.signing import passphrase_of
from release.config import load_office
from release.config.loading import inside
from release.config.office import Office, Signing
from release.errors import UsageError
from release.signing.keyfile import create_key, public_place, read_public, replace_key
from release.signing.keys import PublicKey


def new(file: Path, *, as_json: bool) -> None:
    """Make the office's first key, where its config says; refused where one exists."""
    office = load_office(file)
    signing = _signing(file, office)
    place = inside(file.parent, signing.key)
    key = create_key(place, passphrase_of(signing, file.parent, fresh=True)()).public
    if as_json:
        print_json(_document(place, key))
        return
    typer.echo(f"made the key {key.keyid}\n  private, encrypted: {place}\n  public: {public_place(place)}")
    typer.echo(f"Next: back up {place}, and give {public_place(place)} to the keepers of the registry, who enter it by")
    typer.echo(
        f"  {command()} registry add-office REGISTRY {office.code} --public {public_place(place).name} --key ..."
    )


def show(file: Path, *, as_json: bool) -> None:
    """Show the office's public key; asks for no passphrase."""
    office = load_office(file)
    place = inside(file.parent, _signing(file, office).key)
    key = read_public(public_place(place))
    if as_json:
        print_json(_document(place, key))
        return
    typer.echo(f"{office.code} signs with the key {key.keyid}\n  ed25519 {key.public}\n  {public_place(place)}")


def rotate(file: Path, *, as_json: bool) -> None:
    """Put a new key in the old one's place; the old one is kept beside it, under its id."""
    office = load_office(file)
    signing = _signing(file, office)
    place = inside(file.parent, signing.key)
    old = read_public(public_place(place))
    kept = replace_key(place, old, passphrase_of(signing, file.parent, fresh=True))
    key = read_public(public_place(place))
    if as_json:
        print_json({**_document(place, key), "replaced": {"keyid": old.keyid, "place": str(kept)}})
        return
    typer.echo(f"made the key {key.keyid}\n  private, encrypted: {place}\n  public: {public_place(place)}")
    typer.echo(f"The old key {old.keyid[:16]}… is kept at {kept}.")
    typer.echo(
        "Next: give the public key to the keepers of the registry before the next run; they retire the old one by"
    )
    typer.echo(
        f"  {command()} registry rotate REGISTRY {office.code} --public {public_place(place).name} --bundles PUBLISHED"
        " --key ..."
    )


def _signing(file: Path, office: Office) -> Signing:
    if office.signing is None:
        raise UsageError(
            f"{file} has no table [signing], so its releases are unsigned; nothing was made. Add these two lines:\n"
            '  [signing]\n  key = "keys/signing.pem"'
        )
    return office.signing


def _document(place: Path, key: PublicKey) -> dict[str, str]:
    return {"keyid": key.keyid, "scheme": "ed25519", "public": key.public, "place": str(place)}
