"""Where a passphrase comes from: a file, a variable of the environment, or a prompt. It is never printed or kept."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from release.errors import PassphraseError

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
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PassphraseError(source, f"it can't be opened ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise PassphraseError(source, "others than its owner may read it; set its mode to 0600")
        content = file.read(_LONGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    return _checked(source, content)


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
