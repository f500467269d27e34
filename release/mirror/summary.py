"""A comparison in a sentence: how many flows correspond, differ, or can't be told, and the largest gap that is sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from release.inference.bands import critical_value
from release.mirror.agreement import Agreement
from release.mirror.cells import MirrorCell
from release.wording import amount, count, percent

IN_WORDS = {"x": "exports", "m": "imports"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SureGap:
    """A gap whose size is at least `least` US dollars, `higher` (`x` or `m`) being the higher side."""

    exporter: str
    importer: str
    least: float
    higher: str


def largest_sure_gap(flows: Sequence[MirrorCell], *, alpha: float = 0.05) -> SureGap | None:
    """Return the largest sure gap of whole flows; None where no gap's sign is sure.

    Every gap's interval allows for all the flows among which the largest is chosen (Bonferroni), so that what is said
    of it is false with at most `alpha`.
    """
    z = float(critical_value(alpha / max(1, len(flows))))
    sure = [one for cell in flows for one in _sure(cell, z) if one.least > 0]
    return max(sure, key=lambda one: one.least, default=None)


def _sure(cell: MirrorCell, z: float) -> tuple[SureGap, SureGap]:
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
    told = f"{counted(flows)} at ±{percent(agreement.tolerance)} around {around or 1}"
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
