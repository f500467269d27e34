"""A comparison in a sentence: how many flows correspond, differ, or can't be told, and the largest gap that is sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from release.inference.bands import critical_value
from release.mirror.agreement import Agreement
from release.mirror.cells import MirrorCell
from release.wording import amount, count, within

IN_WORDS = {"x": "exports", "m": "imports"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SureGap:
    """A gap whose size is at least `least` US dollars, `higher` (`x` or `m`) being the higher side."""

    exporter: str
    importer: str
    least: float
    higher: str


def level_each(cells: int, *, alpha: float = 0.05) -> float:
    """Return the level of each gap's interval, so that all of so many together hold with 1 - `alpha` (Bonferroni)."""
    return 1.0 - alpha / max(1, cells)


def sure_gaps(cells: Sequence[MirrorCell], *, alpha: float = 0.05) -> tuple[SureGap | None, ...]:
    """Return the sure gap of each of the cells that are looked at together; None where its sign isn't sure.

    Every gap's interval allows for noise, for the stated bounds on clipping, and for all the cells (Bonferroni), so
    that anything wrong is said of them with at most `alpha`, whichever of them are picked out.
    """
    z = float(critical_value(alpha / max(1, len(cells))))
    return tuple(next((one for one in _sure(cell, z) if one.least > 0), None) for cell in cells)


def largest_sure_gap(cells: Sequence[MirrorCell], *, alpha: float = 0.05) -> SureGap | None:
    """Return the largest of `sure_gaps`; None where no gap's sign is sure."""
    sure = [one for one in sure_gaps(cells, alpha=alpha) if one is not None]
    return max(sure, key=lambda one: one.least, default=None)


def _sure(cell: MirrorCell, z: float) -> tuple[SureGap, SureGap]:
    """Return the least that each side is higher by; at most one is above 0."""
    reach = z * float(np.hypot(cell.x_sd, cell.m_sd))
    under_x, over_x, under_m = (
        np.inf if one is None else one for one in (cell.bound_x, cell.bound_over_x, cell.bound_m)
    )
    imports = cell.gap - reach - under_x
    exports = -cell.gap - reach - under_m - over_x
    return (
        SureGap(exporter=cell.exporter, importer=cell.importer, least=float(imports), higher="m"),
        SureGap(exporter=cell.exporter, importer=cell.importer, least=float(exports), higher="x"),
    )


def sentence(flows: Sequence[MirrorCell], agreement: Agreement) -> str:
    """Return the comparison of whole flows in one sentence."""
    factors = sorted({cell.cif_fob for cell in flows})
    around = " and ".join(f"{factor:g}" for factor in factors[:3]) if len(factors) <= 3 else "each pair's own factor"  # noqa: PLR2004
    told = f"{counted(flows)} {within(agreement.tolerance)} of {around or 1}"
    gap = largest_sure_gap(flows, alpha=agreement.alpha)
    if gap is None:
        return f"{told}; no gap is sure."
    return (
        f"{told}; the largest sure gap is {gap.exporter} to {gap.importer}, at least {amount(gap.least, 'USD')},"
        f" {IN_WORDS[gap.higher]} higher."
    )


def counted(flows: Sequence[MirrorCell]) -> str:
    """Return how many flows have each verdict: `Of 12 flows, 1 corresponds, 4 differ and 7 cannot be told`."""
    matching, differing = (sum(cell.verdict == verdict for cell in flows) for verdict in ("corresponds", "differs"))
    told = f"{_of(matching, 'corresponds', 'correspond')}, {_of(differing, 'differs', 'differ')}"
    number = f"{count(len(flows))} {'flow' if len(flows) == 1 else 'flows'}"
    return f"Of {number}, {told} and {count(len(flows) - matching - differing)} cannot be told"


def _of(number: int, one: str, many: str) -> str:
    return f"{'none' if number == 0 else count(number)} {one if number == 1 else many}"
