"""Many cells judged together: adjusted p-values, and intervals that go with them.

Benjamini-Yekutieli (2001) bounds the false discovery rate under any dependence and is the guarantee:
reconciled siblings are negatively correlated. Benjamini-Hochberg (1995) is shown beside it, Holm (1979)
bounds the chance of any false *differs* in a family of pairs. Families are fixed before release.
*Corresponds* is pointwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from release.errors import InvalidComparisonError
from release.inference.bands import Array, Band, Mirrors
from release.inference.reasons import for_family
from release.inference.verdicts import Judgement, Verdict, edges, judge_cells, p_differs


class Adjustment(StrEnum):
    """How p-values of a family are adjusted."""

    BENJAMINI_YEKUTIELI = "Benjamini-Yekutieli"
    BENJAMINI_HOCHBERG = "Benjamini-Hochberg"
    HOLM = "Holm"


def adjusted(p_values: npt.ArrayLike, how: Adjustment = Adjustment.BENJAMINI_YEKUTIELI) -> Array:
    """The adjusted p-values, shape (n,), in the order given.

    Raises:
        InvalidComparisonError: a p-value outside [0, 1], or nan.
    """
    p = np.asarray(p_values, dtype=np.float64)
    for value in p[~((p >= 0.0) & (p <= 1.0))].ravel():
        raise InvalidComparisonError("p", float(value), "a p-value lies between 0 and 1")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * _factors(len(p), how)
    upward = np.maximum.accumulate(scaled)
    downward = np.minimum.accumulate(scaled[::-1])[::-1]
    running = upward if how is Adjustment.HOLM else downward
    result = np.empty_like(p)
    result[order] = np.minimum(1.0, running)
    return result


def error_rate_each(
    p_values: npt.ArrayLike,
    how: Adjustment = Adjustment.BENJAMINI_YEKUTIELI,
    *,
    alpha: float = 0.05,
) -> float:
    """The pointwise error rate that gives the family's verdicts: adjusted p <= alpha just when p <= this.

    With k cells found to differ among n: `k alpha / (n H_n)` for Benjamini-Yekutieli (the rate at which
    selected intervals keep their coverage, Benjamini and Yekutieli, 2005), `alpha / (n - k + 1)` for Holm; k
    is at least 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return alpha
    found = max(1, int((adjusted(p, how) <= alpha).sum()))
    return float(alpha / _factors(len(p), how)[found - 1])


def judge_family(
    cells: Mirrors,
    band: Band | Sequence[Band],
    how: Adjustment = Adjustment.BENJAMINI_YEKUTIELI,
    *,
    alpha: float = 0.05,
) -> tuple[Judgement, ...]:
    """One judgement a cell of a family; *differs* requires that the adjusted p is at most `alpha`.

    A cell that differs pointwise is judged again, and printed, at the family's `error_rate_each`: its verdict
    stays the position of its printed interval, whose level is its `confidence`. The other cells keep 1 -
    alpha.
    """
    low, high = edges(band, len(cells))
    p = p_differs(cells, low, high)
    p_adjusted = adjusted(p, how)
    pointwise = judge_cells(cells, band, alpha=alpha)
    each = error_rate_each(p, how, alpha=alpha)
    rates = np.where([j.verdict is Verdict.DIFFERS for j in pointwise], each, alpha)
    return tuple(
        replace(judgement, p_adjusted=float(q), because=_told(judgement, len(cells), float(q), alpha))
        for judgement, q in zip(judge_cells(cells, band, alpha=rates), p_adjusted, strict=True)
    )


def _told(judgement: Judgement, comparisons: int, q: float, alpha: float) -> str:
    if judgement.confidence == 1.0 - alpha:
        return judgement.because
    return for_family(judgement.because, comparisons=comparisons, adjusted=q)


def _factors(cells: int, how: Adjustment) -> Array:
    """What the sorted p-values are multiplied by, shape (cells,)."""
    rank = np.arange(1, cells + 1, dtype=np.float64)
    if how is Adjustment.HOLM:
        return cells - rank + 1.0
    hochberg = cells / rank
    return hochberg * (1.0 / rank).sum() if how is Adjustment.BENJAMINI_YEKUTIELI else hochberg
