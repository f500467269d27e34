"""The families of refusals; the family decides the exit code."""

from typing import ClassVar


class MirrorsError(Exception):
    """The base of all refusals; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(MirrorsError):
    """The command was called in a way, or in an environment, that it refuses."""

    exit_code = 2


class DataError(MirrorsError):
    """A source can't be read or hasn't the schema that the config names."""

    exit_code = 4


class BudgetError(MirrorsError):
    """The ledger refuses: the limit, the account's terms, or the ledger's own state don't allow it."""

    exit_code = 5


class BundleError(MirrorsError):
    """A bundle can't be believed: it is missing, damaged, incomplete or not what it says."""

    exit_code = 6


class SigningError(MirrorsError):
    """A key, its passphrase or a signature is refused; exits like a refused bundle."""

    exit_code = 6
