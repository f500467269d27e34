"""What is found wrong with a bundle, and what is only remarked about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFinding:
    """One way in which a bundle isn't what it says, or a remark on it: a stable code and a message for people."""

    code: str
    message: str


class Stop(Exception):  # noqa: N818
    """Reading on would trust what was just found wrong. Never leaves this package."""

    def __init__(self, code: str, message: str) -> None:
        self.finding = BundleFinding(code=code, message=message)
        super().__init__(message)
