"""A pair's public past: its log ratios up to a period, and the exports that it leads one to expect."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from release.config.fields import months_of, year_of
from release.inference import Mirrors, Unusual, beside_history
from release.mirror.agreement import Past

LEAST_PERIODS = 3
"""Fewer earlier periods tell nothing about what is usual."""


def past_of(history: Sequence[Past], exporter: str, importer: str, period: str) -> tuple[Past, ...]:
    """Return the pair's earlier periods of the same length, in order; years are summed from months where need be.

    Only periods that end before `period` begins count.
    """
    own = [one for one in history if (one.exporter, one.importer) == (exporter, importer)]
    length = len(months_of(period))
    same = [one for one in own if len(months_of(one.period)) == length]
    if not same and length == _MONTHS:
        same = list(_years(own))
    earlier = [one for one in same if _last_month(one.period) < _first_month(period)]
    return tuple(sorted(earlier, key=lambda one: _first_month(one.period)))


def expected_exports(history: Sequence[Past], row: dict[str, Any]) -> float | None:
    """Return the exports that the pair's last public period leads one to expect; None without one.

    That of the same part of the year before is taken where there is one.
    """
    past = past_of(history, row["exporter"], row["importer"], row["period"])
    alike = [one for one in past if one.period[4:] == row["period"][4:]]
    return (alike or past)[-1].exports if past else None


def beside_past(
    history: Sequence[Past], row: dict[str, Any], cells: Mirrors, index: int, *, alpha: float
) -> Unusual | None:
    """Return how a cell stands beside its pair's past; None with fewer than three usable periods."""
    past = past_of(history, row["exporter"], row["importer"], row["period"])
    ratios = [float(np.log(one.imports / one.exports)) for one in past if one.imports > 0 and one.exports > 0]
    if len(ratios) < LEAST_PERIODS:
        return None
    names = ("x", "x_sd", "m", "m_sd", "bound_x", "bound_m")
    cell = Mirrors(**{name: getattr(cells, name)[index : index + 1] for name in names})
    return beside_history(cell, ratios, alpha=alpha)


_MONTHS = 12


def _years(months: Sequence[Past]) -> list[Past]:
    """Return the years of which all twelve months are known."""
    monthly = sorted((one for one in months if len(months_of(one.period)) == 1), key=lambda one: one.period)
    years = [(year, list(group)) for year, group in groupby(monthly, key=lambda one: one.period[:4])]
    return [
        Past(
            exporter=group[0].exporter,
            importer=group[0].importer,
            period=year,
            exports=sum(one.exports for one in group),
            imports=sum(one.imports for one in group),
        )
        for year, group in years
        if len(group) == _MONTHS
    ]


def _first_month(period: str) -> tuple[int, int]:
    return year_of(period), min(months_of(period))


def _last_month(period: str) -> tuple[int, int]:
    return year_of(period), max(months_of(period))
