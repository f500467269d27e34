"""One line for each promise: its number, kept or broken, and the figures seen.

A test of a promise lives in `test_rNN_*.py` and calls the fixture `figure("RNN", "what was seen")`, as often
as it has figures. The lines are printed at the end of `pytest tests/promises`, also under pytest-xdist: figures
travel in the reports. A promise is broken when one of its tests failed, and not run when none of them ran.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from disk import compiled  # noqa: E402
from ledger_world import postgres  # noqa: E402

_PROMISE = re.compile(r"promises/test_(r\d\d)")
_FIGURE = "promise-figure"


@dataclass(slots=True)
class Line:
    """What is known of one promise: its figures, its failures and the reasons for what was skipped."""

    figures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    passed: int = 0
    skipped: list[str] = field(default_factory=list)

    def verdict(self) -> str:
        """Return `broken`, `kept` or `not run`."""
        if self.broken:
            return "broken"
        return "kept" if self.passed else "not run"

    def text(self) -> str:
        """Return the figures, after the failures and before the reasons of what was skipped."""
        failures = [f"{name} failed" for name in self.broken]
        return "; ".join([*failures, *self.figures, *(f"skipped: {why}" for why in self.skipped)])


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Return a function that records one figure of a promise for the closing lines."""

    def record(promise: str, text: str) -> None:
        record_property(_FIGURE, f"{promise}\n{text}")

    return record


def _note(lines: dict[str, Line], report: pytest.TestReport) -> None:
    found = _PROMISE.search(report.nodeid)
    if found is None:
        return
    line = lines.setdefault(found.group(1).upper(), Line())
    if report.failed:
        line.broken.append(report.nodeid.rpartition("::")[2])
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        line.skipped.append(reason.removeprefix("Skipped: "))
    elif report.when == "call":
        line.passed += 1
    if report.when == "call":
        for name, value in report.user_properties:
            if name == _FIGURE:
                promise, _, text = str(value).partition("\n")
                lines.setdefault(promise, Line()).figures.append(text)


def promise_lines(reports: Iterable[object]) -> list[str]:
    """Return one line for each promise that the reports speak of, by number."""
    lines: dict[str, Line] = {}
    for report in reports:
        if isinstance(report, pytest.TestReport):
            _note(lines, report)
    return [f"{number}  {line.verdict():<7}  {line.text()}" for number, line in sorted(lines.items())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the promises' lines after the tests."""
    seen = [terminalreporter.stats.get(kind, []) for kind in ("passed", "failed", "error", "skipped")]
    lines = promise_lines(report for reports in seen for report in reports)
    if lines:
        terminalreporter.section("promises")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that lies under a process as a disk that records, fails or kills."""
    return compiled(tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty PostgreSQL database and returns its URL."""
    with postgres() as database:
        yield database
