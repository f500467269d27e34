"""The commands of signing keys and of the registry of offices: names, arguments and help, as in `app`."""

from pathlib import Path
from typing import Annotated

import typer

from release.cli.options import AsJson, AsOf, OfficeFile, RootFile

keys = typer.Typer(help="The office's signing key.", no_args_is_help=True)
registry = typer.Typer(help="The registry of offices: who may sign for which reporter.", no_args_is_help=True)
RegistryFolder = Annotated[Path, typer.Argument(metavar="REGISTRY", help="The registry's folder.")]
Reporter = Annotated[str, typer.Argument(metavar="REPORTER", help="ISO alpha-3 of the office.")]
PublicFile = Annotated[Path, typer.Option("--public", metavar="FILE", help="The office's public key, *.pub.json.")]
SignWith = Annotated[
    list[Path], typer.Option("--key", metavar="FILE", help="A keeper's key that signs; as many as it takes.")
]
Phrases = Annotated[
    list[Path] | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Of all keys, or one for each; else asked for."),
]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="DATE", help="Renew it by then; a year from now by default.")
]
KeeperFiles = Annotated[
    list[Path] | None, typer.Option("--keeper", metavar="FILE", help="A keeper's public key; the --key ones if none.")
]
KeptBundles = Annotated[
    list[Path] | None,
    typer.Option("--bundles", metavar="LOCATION", help="What the old key goes on vouching for: these bundles only."),
]


@keys.command("new")
def keys_new(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Make the office's first key.

    Where [signing] in its config says; refused where one exists.
    """
    from release.cli import keys as signing_keys

    signing_keys.new(file, as_json=as_json)


@keys.command("show")
def keys_show(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show the office's public key; asks for no passphrase."""
    from release.cli import keys as signing_keys

    signing_keys.show(file, as_json=as_json)


@keys.command("rotate")
def keys_rotate(file: OfficeFile, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Make a new key in the old one's place.

    The registry's keepers must hear of it before the next run.
    """
    from release.cli import keys as signing_keys

    signing_keys.rotate(file, as_json=as_json)


@registry.command("keeper")
def registry_keeper(file: Annotated[Path, typer.Argument(metavar="KEY.pem")], passphrases: Phrases = None) -> None:
    """Make a keeper's key. A registry is kept by several people, each with one."""
    from release.cli import registries

    registries.keeper(file, tuple(passphrases or ()))


@registry.command("init")
def registry_init(  # noqa: PLR0917 - options, all named
    place: RegistryFolder,
    key: SignWith,
    threshold: Annotated[int, typer.Option(min=1, help="How many keepers it takes.")],
    keepers: KeeperFiles = None,
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Begin a registry without offices; refused where one is."""
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.init(place, keepers or [], threshold, signing, as_json=as_json)


@registry.command("add-office")
def registry_add_office(  # noqa: PLR0917 - options, all named
    place: RegistryFolder,
    reporter: Reporter,
    public: PublicFile,
    key: SignWith,
    name: Annotated[str | None, typer.Option(help="The office's name.")] = None,
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Enter an office with the key that may sign for it."""
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.add_office(place, reporter, name, public, signing, as_json=as_json)


@registry.command("rotate")
def registry_rotate(  # noqa: PLR0917 - options, all named
    place: RegistryFolder,
    reporter: Reporter,
    public: PublicFile,
    key: SignWith,
    bundles: KeptBundles = None,
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Replace an office's key. Name all that the office has published: the old key vouches for that and no more."""
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.rotate(place, reporter, public, bundles or [], signing, as_json=as_json)


@registry.command("revoke")
def registry_revoke(  # noqa: PLR0917 - options, all named
    place: RegistryFolder,
    reporter: Reporter,
    key: SignWith,
    keyid: Annotated[str, typer.Option(help="The key's id, or how it begins.")],
    reason: Annotated[str, typer.Option(help="Why; shown for ever.")],
    bundles: KeptBundles = None,
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Revoke an office's key. It goes on vouching for the bundles that are named, and for no more."""
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.revoke(place, reporter, keyid, signing, reason=reason, bundles=bundles or [], as_json=as_json)


@registry.command("keepers")
def registry_keepers(  # noqa: PLR0917 - options, all named
    place: RegistryFolder,
    key: SignWith,
    keepers: Annotated[list[Path], typer.Option("--keeper", metavar="FILE", help="A keeper's public key.")],
    threshold: Annotated[int, typer.Option(min=1, help="How many keepers it takes.")],
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Hand the registry to other keepers.

    As many of the old and of the new ones sign as it takes.
    """
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.change_keepers(place, keepers, threshold, signing, as_json=as_json)


@registry.command("renew")
def registry_renew(
    place: RegistryFolder,
    key: SignWith,
    passphrases: Phrases = None,
    expires: Expires = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Sign the registry anew as it is, so that it doesn't expire."""
    from release.cli import registries

    signing = registries.Signing(keys=tuple(key), passphrase_files=tuple(passphrases or ()), expires=expires)
    registries.renew(place, signing, as_json=as_json)


@registry.command("verify")
def registry_verify(
    place: RegistryFolder,
    root: RootFile = None,
    as_of: AsOf = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check all versions of the registry; show who may sign.

    It exits 6 on a finding.
    """
    from release.cli import registries

    registries.verify(place, root, as_of, as_json=as_json)
