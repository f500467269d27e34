"""What would turn "cannot tell" into a verdict: a bound on clipping, or less noise, and how much less."""

from dataclasses import dataclass

import numpy as np

from dashboard import figures, names
from dashboard.figures import amount
from dashboard.mirrored import Gaps, understated
from release.inference.bands import critical_value
from release.mirror.comparison import MirrorCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """By what both sides' noise would have to be multiplied, were the figures as they are, and the verdict it gives."""

    times: float
    verdict: str


def needed(cell: MirrorCell, gaps: Gaps) -> Needed | None:
    """Return the largest noise at which a cell with bounds could be told; None where no noise is small enough.

    The rules are those of the verdict (`docs/methods.md`), solved for the noise: T_L = M - L X and T_U = U X - M with
    their standard deviations; *corresponds* by itself, *differs* beside all cells of `gaps` (Bonferroni).
    """
    if cell.bound_x is None or cell.bound_m is None or cell.bound_over_x is None:
        return None
    low, high = cell.band_low, cell.band_high
    above, below = cell.m - low * cell.x, high * cell.x - cell.m
    sd_above, sd_below = np.hypot(cell.m_sd, low * cell.x_sd), np.hypot(cell.m_sd, high * cell.x_sd)
    alone, together = (float(critical_value(1.0 - level)) for level in (gaps.alone, gaps.level))
    inside = min(
        (above - low * cell.bound_x) / (alone * sd_above),
        (below - cell.bound_m - high * cell.bound_over_x) / (alone * sd_below),
    )
    lower = -(above + cell.bound_m + low * cell.bound_over_x) / (together * sd_above)
    higher = -(below + high * cell.bound_x) / (together * sd_below)
    found = max((inside, "corresponds"), (lower, "differs"), (higher, "differs"))
    return Needed(times=float(found[0]), verdict=found[1]) if found[0] > 0 else None


def silent_sides(cell: MirrorCell) -> tuple[str, ...]:
    """Return the offices of a flow that state no bound on what scaling down large traders took off."""
    sides = (("x", cell.exporter), ("m", cell.importer))
    return tuple(office for flow, office in sides if understated(cell, flow))


def told(cell: MirrorCell, gaps: Gaps) -> str | None:
    """Return what would help a flow that can't be told; None for one that can."""
    if cell.verdict != "cannot tell":
        return None
    silent = silent_sides(cell)
    if silent:
        who = " and ".join(names.office(code) for code in silent)
        verb = "turns" if len(silent) == 1 else "turn"
        return (
            f"What would help: {who} {verb} on the tier for large traders, or states a bound on what scaling them down"
            " took off. A larger loss rho alone would give no verdict."
        )
    found = needed(cell, gaps)
    if found is None:
        return (
            "No smaller noise would help, were the figures as they are: either they lie at the band's edge, or what"
            " scaling down may have taken off is too much beside it."
        )
    x, m = (amount(found.times * figures.Z95 * sd) for sd in (cell.x_sd, cell.m_sd))
    return (
        f"What would help: less noise. Were the figures as they are, ± {x} of exports and ± {m} of imports would give a"
        f" verdict, {found.verdict}: {found.times:.2g} times the noise that they have."
    )
