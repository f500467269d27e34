"""Where a passphrase comes from: a file, a variable of the environment, or a prompt. It is never printed or kept."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from release.errors import PassphraseError
from release.plainfile import NotPlainError, plain_file

Passphrase = Callable[[], str]
"""Returns the passphrase when it is needed; asking may take a person."""

SHORTEST = 12
_LONGEST = 1024


def from_file(place: Path) -> str:
    """Return the first and only line of a file that nobody but its owner may read.

    Raises:
        PassphraseError: there is no such file, others may read it, or it holds something else.
    """
    source = f"the file {place}"
    try:
        file = plain_file(place, _LONGEST)
    except NotPlainError as error:
        raise PassphraseError(source, error.reason) from None
    if file.mode & 0o077:
        raise PassphraseError(source, "others than its owner may read it; set its mode to 0600")
    return _checked(source, file.content)


def write_passphrase(place: Path, text: str) -> str:
    """Write a passphrase to a new file of mode 0600 and return it; for practice, where a key protects nothing."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return text


def from_environment(name: str, variables: Mapping[str, str]) -> str:
    """Return what a variable of the environment says.

    Raises:
        PassphraseError: it isn't set, or too short.
    """
    source = f"the variable {name}"
    if name not in variables:
        raise PassphraseError(source, "it isn't set")
    return _checked(source, variables[name].encode("utf-8", "surrogateescape"))


def from_prompt(answer: str) -> str:
    """Return what somebody typed.

    Raises:
        PassphraseError: it is too short.
    """
    return _checked("the prompt", answer.encode("utf-8", "surrogateescape"))


def _checked(source: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if len(text) < SHORTEST or len(content) > _LONGEST or not text.isprintable():
        raise PassphraseError(source, f"it isn't one line of {SHORTEST} to {_LONGEST} printable characters")
    return text
