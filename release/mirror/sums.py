"""Sums of mirrors over offices, with intervals from the full covariance of each office's estimates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from release.bundle.verification import Bundle
from release.inference import Amount
from release.inference.bands import critical_value
from release.mirror.agreement import PublicTables
from release.mirror.alignment import BY_CONSIGNMENT, BY_ORIGIN, offices_of
from release.mirror.cells import MirrorCell
from release.mirror.covariances import Blocks

ATTRIBUTIONS = {BY_CONSIGNMENT: "consignment", BY_ORIGIN: "origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Exports, imports and gap summed over several pairs in one period, in US dollars.

    `of` is `exports of NLD`, `imports of NLD` or `all pairs`; `pairs` the number of flows in it.
    """

    of: str
    period: str
    pairs: int
    x: Amount
    m: Amount
    gap: Amount


def sums_of(
    cells: Iterable[MirrorCell], bundles: Sequence[Bundle], public: PublicTables | None = None, *, alpha: float = 0.05
) -> Iterator[Total]:
    """Yield sums over whole flows: of each exporter, of each importer, and of all pairs, period by period."""
    blocks = Blocks(tuple(bundles), (public or PublicTables()).rates)
    areas = {code: held[-1].plan["office"]["area"] for code, held in offices_of(bundles).items()}
    whole = sorted((cell for cell in cells if cell.level == "partner"), key=lambda cell: cell.period)
    for period, group in groupby(whole, key=lambda cell: cell.period):
        flows = list(group)
        for of, chosen in _groups(flows):
            x_sd, m_sd = _noise(chosen, blocks, areas)
            yield _total(of, period, chosen, (x_sd, m_sd), float(critical_value(alpha)))


def _groups(flows: Sequence[MirrorCell]) -> Iterator[tuple[str, list[MirrorCell]]]:
    for exporter in sorted({cell.exporter for cell in flows}):
        yield f"exports of {exporter}", [cell for cell in flows if cell.exporter == exporter]
    for importer in sorted({cell.importer for cell in flows}):
        yield f"imports of {importer}", [cell for cell in flows if cell.importer == importer]
    yield "all pairs", list(flows)


def _noise(flows: Sequence[MirrorCell], blocks: Blocks, areas: dict[str, str]) -> tuple[float, float]:
    """Return the standard deviations of the summed exports and imports; offices' noise is independent."""
    x = m = 0.0
    for exporter in {cell.exporter for cell in flows}:
        own = [cell for cell in flows if cell.exporter == exporter]
        x += blocks.variance(exporter, "X", own[0].period, {(areas[one.importer], "TOTAL"): 1.0 for one in own})
        again = {(areas[one.importer], "TOTAL"): 1.0 for one in own if one.basis == BY_ORIGIN}
        x += blocks.variance(exporter, "RX", own[0].period, again) if again else 0.0
    for importer in {cell.importer for cell in flows}:
        for attribution in dict.fromkeys(ATTRIBUTIONS.values()) | {None: None}:
            own = [c for c in flows if c.importer == importer and ATTRIBUTIONS.get(c.basis) == attribution]
            weights = {(areas[one.exporter], "TOTAL"): 1.0 for one in own}
            m += blocks.variance(importer, "M", own[0].period, weights, attribution) if own else 0.0
    return float(np.sqrt(x)), float(np.sqrt(m))


def _total(of: str, period: str, flows: Sequence[MirrorCell], sd: tuple[float, float], z: float) -> Total:
    def bound(name: str) -> float:
        return float(sum(np.inf if (one := getattr(cell, name)) is None else one for cell in flows))

    (x_sd, m_sd), under_x, over_x, under_m = sd, bound("bound_x"), bound("bound_over_x"), bound("bound_m")
    x, m = sum(cell.x for cell in flows), sum(cell.m for cell in flows)
    both = float(np.hypot(x_sd, m_sd))
    return Total(
        of=of,
        period=period,
        pairs=len(flows),
        x=Amount(value=x, sd=x_sd, low=x - over_x - z * x_sd, high=x + under_x + z * x_sd),
        m=Amount(value=m, sd=m_sd, low=m - z * m_sd, high=m + under_m + z * m_sd),
        gap=Amount(value=m - x, sd=both, low=m - x - under_x - z * both, high=m - x + under_m + over_x + z * both),
    )
