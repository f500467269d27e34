"""What a plan must keep: public terms, scales within which exact sums fit, and bounds that were promised."""

import numpy as np

from release.codelists import area_codes, codelist
from release.config import Office, Release
from release.errors import ConfigError, Fault
from release.plan.values import PlannedMeasure, PriorFigures
from release.tables import NOWHERE, Measure


def refusal(release: Release, key: str, problem: str) -> ConfigError:
    """Return the fault of a key as an error."""
    return ConfigError([Fault(file=release.release, line=None, key=key, problem=problem)])


def check_prior(release: Release, prior: PriorFigures | None) -> None:
    """Refuse a prior of the accounting year that isn't a bundle of the same account, and one that lies after it."""
    if prior is None:
        return
    if prior.period[:4] == str(release.year) and not prior.same_account:
        raise refusal(
            release,
            "prior.period",
            "meets the accounting year and isn't a bundle charged to the same account",
        )
    if int(prior.period[:4]) > release.year:
        raise refusal(release, "prior.period", "lies after the accounting year")


def check_codes(office: Office, release: Release) -> None:
    """Refuse what the published structure has no code for, before anything is charged."""
    for key, code, known in (
        ("area", office.area, area_codes()),
        ("metadata.currency", office.metadata.currency, codelist("currencies").column("code")),
    ):
        if code not in known:
            raise refusal(release, f"office: {key}", f"{code} isn't on the public codelist")


def check_ratios(release: Release, measure: PlannedMeasure, excess: PlannedMeasure) -> None:
    """Refuse two tiers whose scales are so far apart that a large trader's excess might not be a number."""
    for uniform, own in zip(measure.levels, excess.levels, strict=True):
        with np.errstate(over="ignore"):
            ratios = own.weights / uniform.weights
        if not (ratios < 2.0**100).all():
            raise refusal(
                release, f"measures.{measure.measure}.large_traders", "its noise is too fine beside the uniform tier's"
            )


def check_ranges(release: Release, measure: PlannedMeasure) -> None:
    """Refuse scales for which a trader's largest possible intermediate doesn't fit: 2^62 for sums, 2^126 for squares.

    With every leaf at its cap, a level's cell holds at most the sum of its leaves' caps.
    """
    squares = 0.0
    largest = 0.0
    for level in measure.levels:
        finite = np.isfinite(level.weights).all() and (level.weights > 0).all()
        sums = level.sums(measure.caps.astype(np.float64))
        if not finite or sums.max(initial=0.0) >= 2.0**62:
            raise refusal(release, f"measures.{measure.measure}", f"the noise of level {level.level} is out of range")
        steps = level.weights * (1.0 if measure.measure is Measure.TRADERS else sums)
        largest = max(largest, float(steps.max(initial=0.0)))
        squares += float((steps**2).sum())
    if largest >= 2.0**62 or squares >= 2.0**126 or measure.bound < 1:
        raise refusal(
            release,
            f"measures.{measure.measure}",
            "its scales are so far apart that exact sums might not fit",
        )


def check_whole_trader(release: Release, measure: PlannedMeasure) -> None:
    """Refuse a number of traders whose noise is finer than one trader, who would then be clipped for being counted.

    One line more could then cost twice the loss of a line: docs/privacy.md, corollary 2.
    """
    measured = sum((level.groupings[0] != NOWHERE).astype(np.int64) for level in measure.levels)
    if measure.measure is Measure.TRADERS and (measure.caps[np.asarray(measured) > 0] < 1).any():
        problem = "its noise is finer than one trader: take wider noise, or a larger rho"
        raise refusal(release, f"measures.{measure.measure}", problem)


def check_declared(release: Release, measure: PlannedMeasure) -> None:
    """Refuse noise for which a unit within the declared bound could be clipped.

    A unit's norm is convex in how its total is spread over leaves, so it is largest with all in one leaf: a total of at
    most the smallest cap fits. A record stands in one leaf, so there each leaf is held to its own bound.
    """
    declared = measure.declared
    if declared is None:
        return
    largest = np.full(len(measure.caps), float(declared.amount or 0))
    for level in measure.levels:
        if level.level is declared.level:
            known = np.zeros(level.cells) if level.prior is None else level.prior
            cells = float(declared.times_prior or 0) * np.maximum(known, float(declared.floor or 0))
            largest = cells[level.own_cells]
    allowed = measure.caps * (1 - 1e-9) / measure.minor_units
    over = float(np.max(largest / np.maximum(allowed, 1e-300), initial=0.0))
    if over > 1:
        raise refusal(
            release,
            f"measures.{measure.measure}.declared_bound",
            f"a unit within it could be clipped: the noise must be {over:.7g} times as wide, or the bound smaller",
        )
