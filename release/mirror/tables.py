"""Public tables beside bundles: exchange rates and a pair's history, from CSV."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from release.config.fields import PERIOD
from release.errors import ConfigError, Fault
from release.mirror.agreement import Past
from release.mirror.figures import Rates

Row = TypeVar("Row")

_RATE_COLUMNS = ("currency", "period", "usd_per_unit")
_HISTORY_COLUMNS = ("exporter", "importer", "period", "exports", "imports")
_MOST_FAULTS = 20


def read_rates(path: Path) -> Rates:
    """Return the rates of a CSV `currency,period,usd_per_unit`.

    Raises:
        ConfigError: with the table's faults, each with its line.
    """
    rows = _rows(path, _RATE_COLUMNS, _rate)
    found = dict(rows)
    if len(found) != len(rows):
        raise ConfigError([Fault(file=str(path), line=None, key="", problem="a currency has two rates in one period")])
    return found


def read_history(path: Path) -> tuple[Past, ...]:
    """Return the history of a CSV `exporter,importer,period,exports,imports`.

    Raises:
        ConfigError: with the table's faults, each with its line.
    """
    rows = tuple(_rows(path, _HISTORY_COLUMNS, _past))
    if len({(one.exporter, one.importer, one.period) for one in rows}) != len(rows):
        raise ConfigError([Fault(file=str(path), line=None, key="", problem="a pair stands twice in one period")])
    return rows


def _rate(row: dict[str, str]) -> tuple[tuple[str, str], float]:
    return (row["currency"].strip(), _period(row["period"])), _amount(row["usd_per_unit"], least=1e-12)


def _past(row: dict[str, str]) -> Past:
    return Past(
        exporter=row["exporter"].strip(),
        importer=row["importer"].strip(),
        period=_period(row["period"]),
        exports=_amount(row["exports"], least=0.0),
        imports=_amount(row["imports"], least=0.0),
    )


def _period(text: str) -> str:
    if PERIOD.fullmatch(text.strip()) is None:
        raise ValueError('a period is written as "2024", "2024-Q1" or "2024-03"')
    return text.strip()


def _amount(text: str, *, least: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("an amount is a number such as 1250.5") from None
    if not (math.isfinite(value) and value >= least):
        raise ValueError("an amount is finite and not negative, a rate positive")
    return value


def _rows(path: Path, columns: tuple[str, ...], read: Callable[[dict[str, str]], Row]) -> list[Row]:
    faults: list[Fault] = []
    rows = list(_read(path, columns, read, faults))
    if faults:
        raise ConfigError(faults[:_MOST_FAULTS])
    return rows


def _read(
    path: Path, columns: tuple[str, ...], read: Callable[[dict[str, str]], Row], faults: list[Fault]
) -> Iterator[Row]:
    def fault(line: int | None, problem: str) -> None:
        faults.append(Fault(file=str(path), line=line, key="", problem=problem))

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        fault(None, "there is no readable CSV in UTF-8 here")
        return
    reader = csv.DictReader(text.splitlines())
    if not set(columns) <= set(reader.fieldnames or ()):
        fault(1, f"needs the columns {', '.join(columns)}")
        return
    for row in reader:
        try:
            yield read({name: row[name] or "" for name in columns})
        except ValueError as error:
            fault(reader.line_num, str(error))
