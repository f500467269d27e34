"""Every aligned cell judged: ratio, relative difference and gap with intervals, and a verdict where there can be one.

The intervals of the verdict are widened by the stated bounds on clipping, and open where there is none; beside them
stand the ones by noise alone, which say nothing about clipping.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from release.bundle.verification import Bundle
from release.errors import UsageError
from release.inference import (
    Adjustment,
    Band,
    Judgement,
    detectable_ratios,
    expected,
    judge_cells,
    judge_family,
    mirrors,
)
from release.inference.planning import chance_corresponds
from release.mirror.alignment import Pair, aligned

DEFAULT_TOLERANCE = 0.25
DEFAULT_CIF_FOB = 1.06
"""The factor that the International Monetary Fund's trade statistics use where nothing better is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What is agreed before figures are seen: tolerance t of the band, CIF/FOB factor with source, error rate."""

    tolerance: float = DEFAULT_TOLERANCE
    cif_fob: float = DEFAULT_CIF_FOB
    cif_fob_source: str = "IMF, Direction of Trade Statistics"
    alpha: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorCell:
    """One cell's mirror, as it is printed; amounts in US dollars, None where there is no finite value."""

    exporter: str
    importer: str
    period: str
    product: str
    level: str
    x: float
    x_sd: float
    m: float
    m_sd: float
    valuation_x: str
    valuation_m: str
    cif_fob: float
    band_low: float
    band_high: float
    bound_x: float | None
    bound_m: float | None
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
    verdict: str
    higher: str | None
    because: str
    unusual: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All mirrors of a set of bundles.

    Attributes:
        cells: pair by pair, coarse to fine.
        notes: for each ordered pair of offices, what can't be aligned or had to be.
        agreement: what was agreed beforehand.
    """

    cells: tuple[MirrorCell, ...]
    notes: tuple[tuple[str, str, tuple[str, ...]], ...]
    agreement: Agreement


def compare(bundles: Iterable[Bundle], agreement: Agreement | None = None) -> Comparison:
    """Return the mirrors of all ordered pairs among the bundles' offices.

    Raises:
        UsageError: the bundles are of fewer than two offices.
    """
    agreed = agreement or Agreement()
    held = tuple(bundles)
    if len({bundle.plan["office"]["code"] for bundle in held}) < 2:  # noqa: PLR2004
        raise UsageError("A comparison needs bundles of two offices or more; nothing was written.")
    pairs = tuple(aligned(held))
    return Comparison(
        cells=tuple(_judged(pairs, agreed)),
        notes=tuple((pair.exporter, pair.importer, pair.notes) for pair in pairs if pair.notes),
        agreement=agreed,
    )


def _judged(pairs: Sequence[Pair], agreement: Agreement) -> Iterator[MirrorCell]:
    """Yield cells judged in families: all cells of one level and period over all pairs are one family."""
    judged: dict[tuple[int, int], MirrorCell] = {}
    for level, period in _families(pairs):
        members = [
            (number, int(row))
            for number, pair in enumerate(pairs)
            for row in np.flatnonzero(((pair.cells["level"] == level) & (pair.cells["period"] == period)).to_numpy())
        ]
        judged |= dict(zip(members, _family(pairs, members, level, agreement), strict=True))
    for key in sorted(judged):
        yield judged[key]


def _families(pairs: Sequence[Pair]) -> tuple[tuple[str, str], ...]:
    keys = (key for pair in pairs for key in pair.cells.select("level", "period").unique().rows())
    return tuple(sorted(set(keys)))


def _family(
    pairs: Sequence[Pair], members: Sequence[tuple[int, int]], level: str, agreement: Agreement
) -> Iterator[MirrorCell]:
    def column(name: str) -> list[float]:
        return [float(getattr(pairs[number], name)[row]) for number, row in members]

    names = ("x", "x_sd", "m", "m_sd", "bound_x", "bound_m")
    family = mirrors(**{name: column(name) for name in names})
    bands = [_band(pairs[number], agreement) for number, _ in members]
    how = Adjustment.HOLM if level == "partner" else Adjustment.BENJAMINI_YEKUTIELI
    judgements = judge_family(family, bands, how, alpha=agreement.alpha)
    by_noise = judge_cells(replace(family, bound_x=0 * family.x, bound_m=0 * family.m), bands, alpha=agreement.alpha)
    for index, ((number, row), band) in enumerate(zip(members, bands, strict=True)):
        figures = {name: float(getattr(family, name)[index]) for name in names}
        yield _cell(pairs[number], row, band, judgements[index], by_noise[index], figures)


def _band(pair: Pair, agreement: Agreement) -> Band:
    return Band(tolerance=agreement.tolerance, cif_fob=agreement.cif_fob if pair.from_fob_to_cif else 1.0)


def _cell(  # noqa: PLR0917 - private, and called once
    pair: Pair, row: int, band: Band, judgement: Judgement, by_noise: Judgement, figures: dict[str, float]
) -> MirrorCell:
    period, level, product = pair.cells.row(row)
    low, high, chance = _foresight(figures, band)
    return MirrorCell(
        exporter=pair.exporter,
        importer=pair.importer,
        period=period,
        product=product,
        level=level,
        x=figures["x"],
        x_sd=figures["x_sd"],
        m=figures["m"],
        m_sd=figures["m_sd"],
        valuation_x=pair.valuation_x,
        valuation_m=pair.valuation_m,
        cif_fob=band.cif_fob,
        band_low=band.low,
        band_high=band.high,
        bound_x=_finite(figures["bound_x"]),
        bound_m=_finite(figures["bound_m"]),
        ratio=judgement.ratio,
        ratio_low=judgement.ratio_low,
        ratio_high=judgement.ratio_high,
        srd=judgement.srd,
        srd_low=judgement.srd_low,
        srd_high=judgement.srd_high,
        gap=judgement.gap,
        gap_low=judgement.gap_low,
        gap_high=judgement.gap_high,
        ratio_noise_low=by_noise.ratio_low,
        ratio_noise_high=by_noise.ratio_high,
        srd_noise_low=by_noise.srd_low,
        srd_noise_high=by_noise.srd_high,
        gap_noise_low=by_noise.gap_low,
        gap_noise_high=by_noise.gap_high,
        detectable_low=low,
        detectable_high=high,
        p_corresponds=chance,
        p_differs=judgement.p_differs,
        p_adjusted=judgement.p_adjusted,
        verdict=str(judgement.verdict),
        higher=judgement.higher,
        because=judgement.because,
        unusual=None,
    )


def _foresight(figures: dict[str, float], band: Band) -> tuple[float | None, float | None, float | None]:
    """Return the smallest detectable ratios and P(corresponds) for a flow of about the size that was seen."""
    size = max(figures["x"], figures["m"] / band.cif_fob)
    if size <= 0:
        return None, None, None
    sizes = {name: figures[name] for name in ("x_sd", "m_sd", "bound_x", "bound_m")}
    flow = expected(x=size, ratio=band.cif_fob, **sizes)
    low, high = detectable_ratios(flow, band)
    return _finite(low[0]), _finite(high[0]), _finite(chance_corresponds(flow, band)[0])


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
