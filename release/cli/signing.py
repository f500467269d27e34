"""How an office's key comes into a run: from its config, with the passphrase from where the config says."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from release.config import Office
from release.config.loading import inside
from release.config.office import Signing
from release.errors import KeyNotAllowedError, PassphraseError, UsageError
from release.registry.offices import may_sign
from release.registry.reading import read_registry
from release.signing.keys import PublicKey
from release.signing.passphrases import Passphrase, from_environment, from_file, from_prompt
from release.signing.signer import KeySigner, Unsigned


def signer_of(office: Office, folder: Path, registry: Path | None = None) -> KeySigner | Unsigned:
    """Return what signs an office's releases; the key is opened when a run asks for it.

    Args:
        office: whose releases they are.
        folder: of its config.
        registry: the registry of offices, in place of the config's.

    Raises:
        UsageError: a registry is named that isn't there, or the office signs nothing.
    """
    signing = office.signing
    if signing is None:
        if registry is not None:
            raise UsageError("--registry goes with a table [signing] in office.toml; nothing was charged.")
        return Unsigned()
    if registry is not None and not registry.exists():
        raise UsageError(f"There is no registry at {registry}; nothing was charged.")
    place = registry or (None if signing.registry is None else inside(folder, signing.registry))
    return KeySigner(inside(folder, signing.key), passphrase_of(signing, folder), _admission(office.code, place))


def _admission(reporter: str, registry: Path | None) -> Callable[[PublicKey], int | None]:
    """Return what admits a key: the newest registry that can be read, whatever day it is; no clock decides a run."""

    def admit(key: PublicKey) -> int | None:
        if registry is None:
            return None
        known = read_registry(registry, day=None).registry
        refused = may_sign(known, reporter, key)
        if refused is not None:
            raise KeyNotAllowedError(reporter=reporter, keyid=key.keyid, reason=refused)
        return known.version

    return admit


def passphrase_of(signing: Signing, folder: Path, *, fresh: bool = False) -> Passphrase:
    """Return what gets the passphrase: from a file, a variable or a prompt; a fresh one is asked for twice."""
    if signing.passphrase_file is not None:
        place = inside(folder, signing.passphrase_file)
        return lambda: from_file(place)
    if signing.passphrase_variable is not None:
        name = signing.passphrase_variable
        return lambda: from_environment(name, os.environ)
    return lambda: asked(f"Passphrase of the key {signing.key}", fresh=fresh)


def asked(question: str, *, fresh: bool = False) -> str:
    """Return a passphrase typed at the terminal, unseen.

    Raises:
        PassphraseError: there is no terminal, or what was typed is too short.
    """
    if not sys.stdin.isatty():
        raise PassphraseError("the prompt", "there is no terminal to ask at; name a file or a variable instead")
    answer: str = typer.prompt(question, hide_input=True, confirmation_prompt=fresh, err=True)
    return from_prompt(answer)
