"""Verdicts and overviews in sentences, for a reader who has never heard of epsilon."""

from collections.abc import Sequence

import numpy as np

from dashboard import figures, names
from dashboard.figures import amount, percent
from dashboard.mirrored import (
    Gaps,
    clipping_explains,
    gap_beyond_noise,
    gaps_of,
    is_bounded,
    is_one_sided,
    noise_explains,
    understated,
)
from release.mirror.agreement import band_of
from release.mirror.comparison import Agreement, MirrorCell
from release.mirror.summary import counted
from release.wording import count, ratio, ratio_interval, within

UNDERSTATED = (
    "≥: understated by an unknown amount, as the office states no bound on what scaling down large traders took off."
)

COVERS = "This covers the added noise and the stated bounds on clipping, not how the offices record trade."


def lead(cells: Sequence[MirrorCell], agreement: Agreement, word: str) -> str:
    """Return what comes first: how many flows correspond, differ, or can't be told, and the largest gap.

    `word` says how one came by the band: it is agreed, chosen or assumed.
    """
    factor = f"{within(agreement.tolerance)} of the {word} CIF/FOB factor {agreement.cif_fob:.4g}"
    edges = band_of(agreement, agreement.cif_fob)
    band = "" if agreement.by_pair else f" ({ratio(edges.low)} to {ratio(edges.high)})"
    return f"{counted(cells)} {factor}{band}. {_largest(cells, gaps_of(cells, agreement))}"


def _largest(cells: Sequence[MirrorCell], gaps: Gaps) -> str:
    sure = max(cells, key=gaps.least, default=None)
    if sure is not None and gaps.least(sure) > 0:
        least = amount(gaps.least(sure), "USD")
        return f"Largest sure gap: {between(sure)}, at least {least}, {_higher(sure)} higher{_freight(sure)}."
    noisy = max(cells, key=lambda cell: (not _may_be_clipped(cell), gap_beyond_noise(cell)), default=None)
    if noisy is not None and gap_beyond_noise(noisy) > 0:
        least = amount(gap_beyond_noise(noisy), "USD")
        unless = ", unless large traders were scaled down" if _may_be_clipped(noisy) else ""
        return (
            f"No gap is sure. The largest that noise doesn't explain: {between(noisy)}, at least {least},"
            f" {_higher(noisy)} higher{unless}."
        )
    return "No gap is larger than the added noise explains."


def _freight(cell: MirrorCell) -> str:
    """Return that freight and insurance are in a gap, where they make a part of it."""
    return ", freight and insurance included" if cell.cif_fob != 1 and cell.gap > 0 else ""


def beyond_freight(cell: MirrorCell) -> str:
    """Return what is left of a gap without the freight and insurance that the factor stands for: M - c X."""
    return figures.with_error(cell.m - cell.cif_fob * cell.x, float(np.hypot(cell.m_sd, cell.cif_fob * cell.x_sd)))


def limits(cells: Sequence[MirrorCell]) -> str | None:
    """Return what keeps verdicts from being given, or what given ones rest on; None when nothing does."""
    silent = sorted(
        {cell.exporter for cell in cells if cell.bound_x is None}
        | {cell.importer for cell in cells if cell.bound_m is None}
    )
    if not any(is_bounded(cell) for cell in cells):
        return (
            "Every verdict here is “cannot tell”: the offices scale down the figures of very large traders and state no"
            " bound on what that took off, so no true ratio can be ruled out. The intervals show what the added noise"
            " alone leaves open; they say nothing about what was scaled down."
        )
    if silent:
        lower = "".join(_lower_in(office, cells) for office in silent)
        return (
            f"{_listed(silent)} {'states' if len(silent) == 1 else 'state'} no bound on what scaling down very large"
            f" traders took off, so flows with it can seldom be told.{lower}"
            " The other verdicts are conditional on the bounds that the offices state."
        )
    if any(cell.bound_x or cell.bound_m for cell in cells):
        return "Verdicts are conditional on the bounds that the offices state on what scaling down traders took off."
    return None


def _lower_in(office: str, cells: Sequence[MirrorCell]) -> str:
    """Return in how many of its flows a silent office's figure is the lower one, as clipping alone would make it."""
    own = [cell for cell in cells if office in {cell.exporter, cell.importer}]
    lower = sum((cell.exporter if cell.gap > 0 else cell.importer) == office for cell in own)
    if not lower:
        return ""
    if len(own) == 1:
        return f" In its one flow the figure of {office} is the lower one; scaling down alone would do this."
    some = f"all {count(len(own))}" if lower == len(own) else f"{count(lower)} of {count(len(own))}"
    return f" In {some} flows with {office} its figure is the lower one; scaling down alone would do this."


def understatement(cells: Sequence[MirrorCell]) -> str:
    """Return what the sign ≥ beside a figure means, where any of them has one."""
    return f" {UNDERSTATED}" if any(is_one_sided(cell) for cell in cells) else ""


def reports(cell: MirrorCell, flow: str) -> str:
    """Return what a side reports in a sentence, and that it is understated where no bound on that is stated."""
    figure, sd = (cell.x, cell.x_sd) if flow == "x" else (cell.m, cell.m_sd)
    told = figures.with_error(figure, sd)
    return f"{told} (understated by an unknown amount)" if understated(cell, flow) else told


def _may_be_clipped(cell: MirrorCell) -> bool:
    return gap_beyond_noise(cell) > 0 and clipping_explains(cell)


def _listed(codes: Sequence[str]) -> str:
    told = [names.office(code) for code in codes]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"


def between(cell: MirrorCell) -> str:
    """Return a flow's direction in words."""
    return f"{names.office(cell.exporter)} to {names.office(cell.importer)}"


def _higher(cell: MirrorCell) -> str:
    return "imports" if cell.gap > 0 else "exports"


def why(cell: MirrorCell, word: str) -> str:
    """Return a cell's verdict and its reason: where the interval lies against the band, and what keeps them apart."""
    interval = ratio_interval(cell.ratio_low, cell.ratio_high)
    span = f"The {figures.confidence(cell.confidence)} interval of imports over exports ({interval})"
    band = f"the {word} band, {ratio(cell.band_low)} to {ratio(cell.band_high)}"
    if cell.verdict == "corresponds":
        said = f"{span} lies inside {band}."
    elif cell.higher == "m":
        said = f"{span} lies above {band}: imports are higher than it allows."
    elif cell.higher == "x":
        said = f"{span} lies below {band}: exports are higher than it allows."
    else:
        said = f"{span} isn't wholly inside or outside {band}{_obstacle(cell)}."
    return f"{said} {_condition(cell)}{COVERS}"


def _obstacle(cell: MirrorCell) -> str:
    open_x, open_m = cell.bound_x is None, cell.bound_m is None
    reasons = (
        (open_x and open_m, ", because neither office states a bound on what scaling down large traders took off"),
        (open_x, ", because the exporter states no bound on what scaling down large traders took off"),
        (open_m, ", because the importer states no bound on what scaling down large traders took off"),
        (cell.ratio_high is None, ", because the exports can't be told from zero"),
        (not cell.ratio_low, ", because the imports can't be told from zero"),
    )
    return next((words for holds, words in reasons if holds), "")


def _condition(cell: MirrorCell) -> str:
    stated = [
        f"{amount(bound, 'USD')} of the {flow}"
        for bound, flow in ((cell.bound_x, "exports"), (cell.bound_m, "imports"))
        if bound
    ]
    most = f"It allows for at most {' and '.join(stated)} having been clipped. " if stated else ""
    rests = f"It rests on an assumption that nobody checked: {cell.conditional}. " if cell.conditional else ""
    return f"{most}{rests}"


def noise_only(cell: MirrorCell) -> str:
    """Return what noise alone says of a cell, clipping left aside."""
    if noise_explains(cell):
        return "The added noise alone could have made this gap."
    least = amount(gap_beyond_noise(cell), "USD")
    told = f"The added noise alone doesn't explain this gap: {_higher(cell)} are higher by at least {least}"
    return (
        f"{told}, unless scaling down large traders took that off the other side."
        if clipping_explains(cell)
        else f"{told}."
    )


_BEYOND = 100.0
"""A ratio above this is no discrepancy that anyone would look for."""


def detectable(cell: MirrorCell) -> str:
    """Return what this comparison could have detected, for a flow of about this size."""
    if cell.p_corresponds is None:
        return "The flow is too small beside its noise to say what could have been detected."
    chance = f"If the two flows truly agreed, the chance to see it was {percent(cell.p_corresponds)}."
    if cell.p_corresponds > 0.995:  # noqa: PLR2004 - shown as 100 %
        chance = "If the two flows truly agreed, it was nearly certain to be seen."
    if cell.p_corresponds < 0.0005:  # noqa: PLR2004 - shown as 0.0 %
        chance = f"Even if the two flows truly agreed, {_hidden(cell)}, so it couldn't have been seen."
    low, high = cell.detectable_low, cell.detectable_high
    below = f"below {ratio(low)}" if low else None
    above = f"above {ratio(high)}" if high is not None and high < _BEYOND else None
    sides = " or ".join(side for side in (below, above) if side)
    if not sides:
        return f"{chance} No discrepancy of any size could have been called sure."
    return f"{chance} A true ratio {sides} would be called different four times out of five."


def _hidden(cell: MirrorCell) -> str:
    """Return why agreement can't be seen."""
    if is_one_sided(cell):
        return "the unknown amount that scaling down took off could hide a difference"
    return "the noise or the bounds on clipping are as wide as the band"


_FEWEST = 3
"""Other periods that it takes to say whether one is odd among them."""


def among(cell: MirrorCell, others: Sequence[MirrorCell]) -> str | None:
    """Return how a period's ratio stands among the pair's other ones that are published here; None without enough."""
    ratios = [one.ratio for one in others if one.ratio is not None and one.period != cell.period]
    if cell.ratio is None or len(ratios) < _FEWEST:
        return None
    low, high = min(ratios), max(ratios)
    least, most = cell.ratio_noise_low or 0.0, cell.ratio_noise_high
    own = f"in {cell.period} it is {ratio(cell.ratio)} ({ratio_interval(least, most)} by noise alone)"
    if least > high:
        stands = "above all of them, beyond its own noise: odd among them"
    elif most is not None and most < low:
        stands = "below all of them, beyond its own noise: odd among them"
    else:
        stands = "not odd among them, as far as noise lets one see"
    span = f"from {ratio(low)} to {ratio(high)}"
    return f"In the {count(len(ratios))} other periods shown here imports over exports go {span}; {own}: {stands}."


def unusual(cell: MirrorCell) -> str:
    """Return whether this is unusual for the pair, or what it would take to say so."""
    return cell.unusual or (
        "What is usual by exact figures isn't known here. That takes ordinary statistics, without added noise, of both"
        " offices for at least three earlier periods of this length. Whoever starts the dashboard can give it such a"
        " table, as history in a comparison's file."
    )
