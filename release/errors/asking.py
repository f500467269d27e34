"""How the program is called, where it runs, and what its configuration says: exit codes 2 and 3."""

from collections.abc import Sequence
from dataclasses import dataclass

from release.errors.families import MirrorsError, UsageError


class InvalidAmountError(MirrorsError):
    """A number given as text isn't an exact amount within its caps."""

    exit_code = 3

    def __init__(self, text: object, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"{str(text)[:60]!r} is refused: {reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a config: where it stands, what is wrong, what would be right."""

    file: str
    line: int | None
    key: str
    problem: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"


class ConfigError(MirrorsError):
    """A config was refused; all its faults are told at once."""

    exit_code = 3

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        listing = "\n".join(f"  {fault}" for fault in self.faults)
        number = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"The configuration is refused ({number}); nothing was read, charged or written.\n{listing}")


class InvalidComparisonError(MirrorsError):
    """Figures, a band or an error rate that no mirror test can be computed from."""

    exit_code = 3

    def __init__(self, what: str, value: object, reason: str) -> None:
        self.what = what
        self.value = value
        self.reason = reason
        super().__init__(
            f"{what} = {str(value)[:60]} is refused: {reason}. Nothing was compared; correct it and compare again."
        )


class EnvironmentRefusedError(UsageError):
    """The process runs in an environment in which noise or memory could be tampered with."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        listing = "\n".join(f"  {finding}" for finding in self.findings)
        super().__init__(
            "This environment could weaken the noise or show records; nothing was charged.\n"
            f"{listing}\nUnset what is named and run again."
        )


class PracticeWorldError(UsageError):
    """A practice world is asked for that can't be made, or in a folder that holds another."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The practice world is refused: {problem}. Nothing was written.")


class PlacesOverlapError(UsageError):
    """The place of publication and the office's private folder don't lie apart."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"{place} isn't taken as a place of publication: the office's private state folder would be published, or"
            " hold what is published. Nothing was charged or written; publish elsewhere with --out."
        )
