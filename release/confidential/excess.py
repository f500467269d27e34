"""The excess: what the bound cuts off large traders, measured by a draw of its own under a published policy.

It is the unclipped whitened integer less the clipped one, from the same code, so exactly 0 for a trader that fits.
It is brought to this tier's own scale and clipped to the ceiling. Per-record zCDP (arXiv:2310.12827): a trader with
whitened excess b has the loss rho + |b|^2 / (2 * 4^F), at most the ceiling K, which it can compute itself.

    e = a(v) - u(v)                   whitened integers of the uniform tier, a's leaves up to this tier's caps; e >= 0
    b = trunc(double(e) * (w2 / w1))  on this tier's scale
    clipped as ever to D2 = isqrt(floor(2 (K - rho) 4^F))

Who asked for protection has no excess: the office's list of them is applied before this module sees an amount.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.confidential.clip import bounded, capped, clip, over_bound, stacked, summed, whitened
from release.plan import PlannedMeasure


def pre_noise_excess(amounts: pl.DataFrame, measure: PlannedMeasure, excess: PlannedMeasure) -> NDArray[np.int64]:
    """Return the sum over traders of their clipped whitened excess, levels stacked in order; shape (cells,).

    Args:
        amounts: a row for each (trader, leaf): `trader` (UInt32), `leaf` (UInt32), `amount` (Int128, minor units).
        measure: the uniform tier.
        excess: the large-trader tier of the same measure.
    """
    return summed(clip(whitened_excess(amounts, measure, excess), excess.bound), excess.cells)


def whitened_excess(amounts: pl.DataFrame, measure: PlannedMeasure, excess: PlannedMeasure) -> pl.DataFrame:
    """Return `trader`, `cell` and the whitened excess `a` (Int64, > 0) before its clip; only traders that don't fit."""
    fitted = whitened(capped(amounts, measure), measure)
    large = _not_fitting(amounts, measure, fitted)
    kept = clip(fitted.join(large, on="trader", how="semi"), measure.bound)
    whole = whitened(capped(amounts.join(large, on="trader", how="semi"), excess), measure)
    both = whole.join(kept, on=["trader", "cell"], how="left").with_columns(pl.col("u").fill_null(0))
    ratios = pl.Series(np.concatenate([_ratios(measure, excess, place) for place in range(len(measure.levels))]))
    scale = pl.lit(ratios).gather(pl.col("cell"))
    steps = ((pl.col("a") - pl.col("u")).cast(pl.Float64) * scale).cast(pl.Int64)  # the cast truncates
    return both.select("trader", "cell", steps.alias("a")).filter(pl.col("a") > 0)


def excess_square(amounts: pl.DataFrame, measure: PlannedMeasure, excess: PlannedMeasure) -> int:
    """Return |b|^2 of one trader's amounts, exact and before the ceiling: all that its policy function needs."""
    return sum(step * step for step in whitened_excess(amounts, measure, excess)["a"].to_list())


def added_integers(
    amounts: pl.DataFrame, measure: PlannedMeasure, protected: Sequence[int] = ()
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what the amounts add to a measure's integers before noise, one vector a tier; shapes (cells,).

    The second is of zeros where the measure has no large-trader tier; the traders in `protected` add nothing to it.
    """
    stack = stacked(capped(amounts, measure), measure)
    uniform = bounded(stack, measure)
    if measure.excess is None:
        return uniform, np.zeros_like(uniform)
    near = pl.concat([_cut(amounts, measure), stack.traders.filter(stack.large(measure.bound)).to_frame("trader")])
    open_to_it = near.unique().filter(~pl.col("trader").is_in(list(protected)))
    return uniform, pre_noise_excess(amounts.join(open_to_it, on="trader", how="semi"), measure, measure.excess)


def _not_fitting(amounts: pl.DataFrame, measure: PlannedMeasure, fitted: pl.DataFrame) -> pl.DataFrame:
    """Return the traders, `trader`, that the uniform tier's cap or bound touches."""
    return pl.concat([_cut(amounts, measure), over_bound(fitted, measure.bound).select("trader")]).unique()


def _cut(amounts: pl.DataFrame, measure: PlannedMeasure) -> pl.DataFrame:
    """Return the traders, `trader`, that a cap touches; some stand there more than once."""
    cap = pl.lit(pl.Series(measure.caps)).gather(pl.col("leaf"))
    return amounts.filter(pl.col("amount") > cap).select("trader")


def _ratios(measure: PlannedMeasure, excess: PlannedMeasure, place: int) -> NDArray[np.float64]:
    return excess.levels[place].weights / measure.levels[place].weights
