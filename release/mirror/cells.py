"""One mirror as it is printed: figures, intervals, foresight and verdict of one cell."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from release.inference import Band, Judgement, Unusual, detectable_ratios, expected
from release.inference.planning import chance_corresponds


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorCell:
    """One cell's mirror, as it is printed; amounts in US dollars, None where there is no finite value.

    `ratio`, `srd` and `gap` are taken from the figures as they are; their limits `_low` and `_high` allow for noise and
    for the stated bounds, those with `noise` for noise alone.

    Attributes:
        basis: which exports stand against which imports.
        cif_fob_source: where the factor comes from; None where none is applied.
        bound_over_x: how far clipped re-exports may put x above what the exporter holds; 0 where none were taken off.
        conditional: what the finite bounds rest on, in words; None where nothing is assumed.
        confidence: level of the intervals that the verdict is read from.
        p_corresponds: P(corresponds) for such a flow at the centre of the band, before its figures are seen.
        unusual: whether this is unusual for the pair, in words; None without a public history.
        is_unusual: the same as yes or no.
        unusual_p: its p-value.
    """

    exporter: str
    importer: str
    period: str
    product: str
    level: str
    basis: str
    x: float
    x_sd: float
    m: float
    m_sd: float
    valuation_x: str
    valuation_m: str
    cif_fob: float
    cif_fob_source: str | None
    band_low: float
    band_high: float
    bound_x: float | None
    bound_over_x: float | None
    bound_m: float | None
    conditional: str | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    srd: float | None
    srd_low: float | None
    srd_high: float | None
    gap: float
    gap_low: float | None
    gap_high: float | None
    ratio_noise_low: float | None
    ratio_noise_high: float | None
    srd_noise_low: float | None
    srd_noise_high: float | None
    gap_noise_low: float | None
    gap_noise_high: float | None
    detectable_low: float | None
    detectable_high: float | None
    p_corresponds: float | None
    p_differs: float
    p_adjusted: float | None
    confidence: float
    verdict: str
    higher: str | None
    because: str
    unusual: str | None
    is_unusual: bool | None
    unusual_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What could be seen of a flow: smallest detectable ratios, and P(corresponds) at the band's centre."""

    low: float | None
    high: float | None
    p_corresponds: float | None


def foreseen(row: dict[str, Any], band: Band, *, size: float | None, alpha: float, each: float) -> Foreseen:
    """Return what could be seen of a flow of the size of `size` (exports), or else of about the size that was seen.

    *Differs* must hold within its family, so its detectable ratios are those at the error rate `each` that a single
    finding would leave; *corresponds* is pointwise at `alpha`.
    """
    exports = size or max(row["x"], row["m"] / band.cif_fob)
    if exports <= 0:
        return Foreseen(low=None, high=None, p_corresponds=None)
    bounds = {"bound_x": row["bound_x"] + row["over_x"], "bound_m": row["bound_m"]}
    flow = expected(x=exports, ratio=band.cif_fob, x_sd=row["x_sd"], m_sd=row["m_sd"], **bounds)
    low, high = detectable_ratios(flow, band, alpha=each)
    chance = chance_corresponds(flow, band, alpha=alpha)[0]
    return Foreseen(low=finite(low[0]) or None, high=finite(high[0]), p_corresponds=finite(chance))


def printed(
    *,
    row: dict[str, Any],
    band: Band,
    source: str | None,
    seen: Foreseen,
    judged: tuple[Judgement, Judgement],
    unusual: Unusual | None,
) -> MirrorCell:
    """Return a cell as it is printed.

    Args:
        row: its aligned figures, as in `Pair.cells`, with `exporter` and `importer`.
        band: what it was judged against.
        source: of the band's factor.
        seen: what could be seen.
        judged: the judgement with bounds, and the one by noise alone.
        unusual: the cell beside the pair's history, where there is one.
    """
    judgement, by_noise = judged
    condition = conditions(row)
    return MirrorCell(
        exporter=row["exporter"],
        importer=row["importer"],
        **{name: row[name] for name in ("period", "product", "level", "basis", "x", "x_sd", "m", "m_sd")},
        valuation_x=row["valuation_x"],
        valuation_m=row["valuation_m"],
        cif_fob=band.cif_fob,
        cif_fob_source=source,
        band_low=band.low,
        band_high=band.high,
        bound_x=finite(row["bound_x"]),
        bound_over_x=finite(row["over_x"]),
        bound_m=finite(row["bound_m"]),
        conditional=condition,
        ratio=by_noise.ratio,
        srd=by_noise.srd,
        gap=by_noise.gap,
        **{name: getattr(judgement, name) for name in _LIMITS},
        **{name.replace("_", "_noise_"): getattr(by_noise, name) for name in _LIMITS},
        detectable_low=seen.low,
        detectable_high=seen.high,
        p_corresponds=seen.p_corresponds,
        p_differs=judgement.p_differs,
        p_adjusted=judgement.p_adjusted,
        confidence=judgement.confidence,
        verdict=str(judgement.verdict),
        higher=judgement.higher,
        because=_because(judgement.because, row, condition),
        unusual=None if unusual is None else unusual.because,
        is_unusual=None if unusual is None else unusual.unusual,
        unusual_p=None if unusual is None else unusual.p,
    )


_LIMITS = ("ratio_low", "ratio_high", "srd_low", "srd_high", "gap_low", "gap_high")


def conditions(row: dict[str, Any]) -> str | None:
    """Return what the finite bounds of a cell rest on, in words; None where nothing is assumed."""
    said = [
        row[f"condition_{side}"] for side in ("x", "m") if np.isfinite(row[f"bound_{side}"]) and row[f"bound_{side}"]
    ]
    told = [words for words in dict.fromkeys(said) if words]
    return " and ".join(told) or None


def _because(words: str, row: dict[str, Any], condition: str | None) -> str:
    again = " What was clipped from re-exports has no bound, so nothing is sure." if np.isinf(row["over_x"]) else ""
    assumed = "" if condition is None else f" Conditional on this, which nobody checked: {condition}."
    return f"{words}{again}{assumed}"


def finite(value: float) -> float | None:
    """Return the value, or None for what isn't finite."""
    return float(value) if np.isfinite(value) else None
