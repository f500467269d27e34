"""Experimental: one reconciled estimate of a flow from its two mirrors, weighted by how far each can be trusted.

A side's weight is one over its variance: that of the noise, and that of its office's own asymmetry. The latter is
estimated from all pairs at once: with ln(M / (c X)) of a pair having variance `t_exporter^2 + t_importer^2` besides
its noise, the offices' t^2 are fitted to the squares by non-negative least squares, drawn towards their common value,
so that no office is taken for exact on the word of a few flows. This needs three offices or more, treats asymmetries as
independent and centred at c, and knows nothing of clipping: flows without stated bounds are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from release.inference.bands import critical_value
from release.mirror.cells import MirrorCell

LEAST_OFFICES = 3
COMMON_WEIGHT = 2.0
"""The offices' common asymmetry counts as much as so many flows of each: few flows tell little of one office."""

LEAST_SIGNAL = 3.0
"""A flow enters the fit when both its figures are at least so many standard deviations above 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Middle:
    """A reconciled estimate of one flow in US dollars, valued as its exports (FOB where a factor applies).

    Attributes:
        weight_x: weight of the exporter's figure, in [0, 1]; the importer's has the rest.
        low: lower limit, for noise and the offices' usual asymmetry, not for clipping.
        asymmetry_x: the exporter's own asymmetry t, as a part of a flow.
        asymmetry_m: the importer's.
    """

    exporter: str
    importer: str
    period: str
    value: float
    sd: float
    low: float
    high: float
    weight_x: float
    asymmetry_x: float
    asymmetry_m: float


def middles_of(cells: Sequence[MirrorCell], *, alpha: float = 0.05) -> tuple[Middle, ...]:
    """Return the reconciled estimates of the whole flows, period by period; empty where too few offices are known."""
    whole = [cell for cell in cells if cell.level == "partner" and _usable(cell)]
    found: list[Middle] = []
    for period in dict.fromkeys(cell.period for cell in whole):
        flows = [cell for cell in whole if cell.period == period]
        own = own_asymmetries(flows)
        found += [_middle(cell, own, float(critical_value(alpha))) for cell in flows if own]
    return tuple(found)


def own_asymmetries(flows: Sequence[MirrorCell]) -> dict[str, float]:
    """Return each office's own asymmetry t, a standard deviation of ln; empty where it can't be told apart."""
    offices = sorted({office for cell in flows for office in (cell.exporter, cell.importer)})
    design = np.array([[float(one in (cell.exporter, cell.importer)) for one in offices] for cell in flows])
    if len(offices) < LEAST_OFFICES or np.linalg.matrix_rank(design) < len(offices):
        return {}
    squares = np.array([np.log(cell.m / (cell.cif_fob * cell.x)) ** 2 - _noise(cell) for cell in flows])
    towards = np.full(len(offices), max(0.0, float(squares.mean())) / 2.0)
    weight = np.sqrt(COMMON_WEIGHT)
    whole = np.vstack([design, weight * np.eye(len(offices))])
    fitted: NDArray[np.float64] = nnls(whole, np.concatenate([squares, weight * towards]))[0]
    return dict(zip(offices, np.sqrt(fitted).tolist(), strict=True))


def _usable(cell: MirrorCell) -> bool:
    bounded = None not in (cell.bound_x, cell.bound_m, cell.bound_over_x)
    return bounded and cell.x > LEAST_SIGNAL * cell.x_sd and cell.m > LEAST_SIGNAL * cell.m_sd


def _noise(cell: MirrorCell) -> float:
    """Return the variance of ln(M / X) by noise, to first order."""
    return (cell.x_sd / cell.x) ** 2 + (cell.m_sd / cell.m) ** 2


def _middle(cell: MirrorCell, own: dict[str, float], z: float) -> Middle:
    x, m = cell.x, cell.m / cell.cif_fob
    size = (x + m) / 2
    variance_x = cell.x_sd**2 + (own[cell.exporter] * size) ** 2
    variance_m = (cell.m_sd / cell.cif_fob) ** 2 + (own[cell.importer] * size) ** 2
    weight = variance_m / (variance_x + variance_m)
    value, sd = weight * x + (1 - weight) * m, float(np.sqrt(variance_x * variance_m / (variance_x + variance_m)))
    return Middle(
        exporter=cell.exporter,
        importer=cell.importer,
        period=cell.period,
        value=value,
        sd=sd,
        low=value - z * sd,
        high=value + z * sd,
        weight_x=weight,
        asymmetry_x=own[cell.exporter],
        asymmetry_m=own[cell.importer],
    )
