"""`mirrors audit --noise`: an attack on the real program under an office's own plan, with invented traders only.

The office's source is never opened and no charge is made: what is drawn is noise on invented figures. Where there is a
tier for large traders the canaries fit the bound, so that what everyone is promised is held against what is given away.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from release.audit import canaries as invented
from release.audit.findings import AuditFinding, found
from release.audit.noise import (
    Draw,
    Integers,
    Worlds,
    changes,
    draws_for,
    largest_correlation,
    measured_mu,
    repeated_runs,
    scale_is_right,
)
from release.cli import wiring
from release.cli.printing import print_json, say
from release.confidential.engine import exact_vectors
from release.confidential.noise import noisy
from release.confidential.sources import hold
from release.config import load_office, load_release
from release.config.loading import is_release
from release.plan import ReleasePlan
from release.privacy import GRID_BITS
from release.tables import Tier
from release.wording import count

MOST_DRAWN = 20_000_000
"""How many numbers are drawn for a release at most: about three minutes."""

_SAMPLES = 6_300
"""So many samples, over rho, give the bound enough power to come near the claim."""

_LOOKED_AT = 200
_SHAPES = ((1.0, 1), (2.0, 1), (1e6, 1), (0.6, 3), (1e6, 7))
"""Canaries whose effect is measured exactly: times what counts, and in how many leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the attack on one release came to; mu is sqrt(2 rho).

    Attributes:
        claimed: mu of the whole release, for a trader that fits the bound.
        reachable: mu that these canaries could show at best, by how far they move the figures.
        shown: the lower bound that was measured.
        samples: in each world.
        canaries: how many samples one draw gave.
        largest_norm: the farthest that an invented trader moved the figures before noise, as a part of what is charged.
        correlation: the largest between two cells' noise, in units of what chance allows.
        large_traders: whether there is such a tier; the attack is on the uniform one.
    """

    release: str
    claimed: float
    reachable: float
    shown: float
    samples: int
    canaries: int
    largest_norm: float
    correlation: float
    large_traders: bool


def run(file: Path, out: Path | None, *, as_json: bool) -> None:
    """Attack the plans of a release's config, or of all releases beside an office's; exits 1 on a finding."""
    plans = tuple(_plans(file))
    office = plans[0].office.code if plans else load_office(file).code
    results = [_attacked(plan) for plan in plans]
    findings = [finding for plan, one in zip(plans, results, strict=True) for finding in _findings(plan, *one)]
    document: dict[str, Any] = {
        "office": office,
        "ok": not findings,
        "findings": [asdict(one) for one in findings],
        "accounts": [],
        "noise": [
            {**asdict(measured), "widths": [asdict(one) for one in _widths(plan, noise)]}
            for plan, (measured, noise) in zip(plans, results, strict=True)
        ],
    }
    if as_json:
        print_json(document)
    else:
        for plan, (measured, noise) in zip(plans, results, strict=True):
            typer.echo(_told(measured))
            typer.echo(f"  Width of the noise, drawn over planned: {'; '.join(_width_in_words(plan, noise))}.")
        for one in findings:
            typer.echo(f"{one.severity}: {one.where}: {one.message} ({one.code})\n  {one.why}\n  {one.remedy}")
    if out is not None:
        from release.audit.rendering import write_noise

        say(f"wrote {write_noise(document, out)}")
    if findings:
        raise typer.Exit(1)


def _plans(file: Path) -> list[ReleasePlan]:
    if is_release(file):
        office, release = load_release(file)
        return [wiring.planned(office, release, file.parent, None)]
    office = load_office(file)
    releases = wiring.releases_beside(file)
    return [wiring.planned(office, release, file.parent, None) for release in releases]


def _attacked(plan: ReleasePlan) -> tuple[Measured, NDArray[np.int64]]:
    """Return what the attack came to, and some draws of pure noise."""
    name = plan.release.release
    say(f"release {name}: {count(plan.cells)} cells; no source is opened, all traders are invented")
    placed = invented.diagonal(plan, 2.0 if plan.tiers == (Tier.UNIFORM,) else 1.0)
    without, inside = (
        _vector(plan, [*invented.background(plan), *lines]) for lines in ([], [*invented.records(plan, placed)])
    )
    tried = Worlds(without=without, inside=inside, watched=invented.watched_cells(plan, placed))
    rho = float(plan.rho)
    allowed = MOST_DRAWN // max(1, len(without)) * tried.canaries // 2
    samples = max(tried.canaries, min(int(_SAMPLES / min(rho, 1.0)), allowed))
    draws, learned = draws_for(samples, tried.canaries)
    moved = changes(tried).any()
    draw = _telling(lambda vector: _drawn(plan, vector), 2 * draws + learned)
    shown = measured_mu(tried, samples, draw) if moved else 0.0
    noise = np.stack([_drawn(plan, np.zeros_like(without)) for _ in range(_LOOKED_AT // 4)])
    norms = np.sqrt((changes(tried) ** 2).sum(axis=1)) / 2.0**GRID_BITS
    return (
        Measured(
            release=name,
            claimed=(2 * rho) ** 0.5,
            reachable=float(norms.max()),
            shown=shown,
            samples=draws * tried.canaries,
            canaries=tried.canaries,
            largest_norm=_largest_norm(plan, without),
            correlation=largest_correlation(_some(noise).astype(np.float64)),
            large_traders=plan.tiers != (Tier.UNIFORM,),
        ),
        noise,
    )


def _findings(plan: ReleasePlan, measured: Measured, noise: NDArray[np.int64]) -> list[AuditFinding]:
    where = f"release {plan.release.release}"
    findings = []
    if measured.shown > measured.claimed:
        said = f"It gives away mu {measured.shown:.3f} or more; {measured.claimed:.3f} is claimed."
        findings.append(found("noise-loss", where, said))
    if not measured.reachable:
        findings.append(found("noise-idle", where, "None of the invented traders moved a figure."))
    if measured.largest_norm > 1:
        said = f"An invented trader moves the figures {measured.largest_norm:.6f} times as far as was charged."
        findings.append(found("noise-sensitivity", where, said))
    if measured.correlation > 1 or repeated_runs(noise):
        findings.append(found("noise-scale", where, "The noise of different cells or draws isn't independent."))
    for one in _widths(plan, noise):
        if not one.right:
            said = f"{one.measure}, {one.tier} tier, {one.level}: the noise hasn't the planned standard deviation."
            findings.append(found("noise-scale", where, said))
    return findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """How wide a level's noise was drawn, over what is planned, in how many numbers, and whether chance allows it."""

    measure: str
    tier: str
    level: str
    drawn: float
    numbers: int
    right: bool


def _widths(plan: ReleasePlan, noise: NDArray[np.int64]) -> Iterator[Width]:
    """Yield the width of every level's noise, tier by tier; draws have shape (draws, cells of everything drawn)."""
    start = 0
    for measure in invented.everything_drawn(plan):
        tier = Tier.UNIFORM if measure in plan.measures else Tier.LARGE_TRADER
        for level in measure.levels:
            own = noise[:, start : start + level.cells].astype(np.float64)
            start += level.cells
            yield Width(
                measure=str(measure.measure),
                tier=str(tier),
                level=str(level.level),
                drawn=float(np.sqrt((own**2).mean())) / 2.0**GRID_BITS,
                numbers=own.size,
                right=scale_is_right(own, 2.0**GRID_BITS),
            )


def _width_in_words(plan: ReleasePlan, noise: NDArray[np.int64]) -> Iterator[str]:
    for one in _widths(plan, noise):
        yield f"{one.measure}, {one.tier}, {one.level} {one.drawn:.3f} ({count(one.numbers)} numbers)"


def _vector(plan: ReleasePlan, lines: Sequence[invented.Record]) -> Integers:
    """Return the integers before noise of invented records, by the real way from a file's rows."""
    source = plan.release.source
    with tempfile.TemporaryDirectory(prefix="mirrors-noise-") as folder:
        file = Path(folder) / f"invented.{source.layout}"
        file.write_bytes(invented.file_bytes(source, lines))
        files = hold(file, source.layout)
        try:
            vectors = exact_vectors(files, plan)
        finally:
            for held in files:
                os.close(held.descriptor)
    tiers = ((measure, tier) for measure in plan.measures for tier in Tier)
    return np.concatenate([vectors[tier, one.measure] for one, tier in tiers if (tier, one.measure) in vectors])


def _drawn(plan: ReleasePlan, vector: Integers) -> Integers:
    """Return the stacked integers of all measures and tiers with the program's own noise."""
    measures = invented.everything_drawn(plan)
    ends = np.cumsum([measure.cells for measure in measures])[:-1]
    parts = zip(np.split(vector, ends), measures, strict=True)
    drawn = [noisy(part, measure, release="invented traders", charged=measure.rho) for part, measure in parts]
    return np.concatenate(drawn, dtype=np.int64)


def _telling(draw: Draw, expected: int) -> Draw:
    """Return the draw, telling how far it is at every tenth."""
    done = 0

    def told(vector: Integers) -> Integers:
        nonlocal done
        done += 1
        if done * 10 // expected > (done - 1) * 10 // expected:
            say(f"  {min(100, done * 100 // expected)} % of {count(expected)} draws")
        return draw(vector)

    return told


def _largest_norm(plan: ReleasePlan, without: Integers) -> float:
    """Return how far single invented traders move the figures at most, as a part of the charged sensitivity."""
    largest = 0.0
    leaves = plan.layout.leaves
    for number, (times, several) in enumerate(_SHAPES):
        held = tuple(dict.fromkeys((number * 7919 + step * 104_729) % leaves for step in range(several)))
        canary = invented.Canary(name=f"S{number}", leaves=held, times=times)
        inside = _vector(plan, [*invented.background(plan), *invented.records(plan, [canary])])
        start = 0
        for measure in invented.everything_drawn(plan):
            moved = (inside - without)[start : start + measure.cells]
            start += measure.cells
            square = sum(int(step) ** 2 for step in moved[moved != 0])
            largest = max(largest, (square / measure.bound**2) ** 0.5)
    return largest


def _some(noise: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cells at even distances, so that all levels are among them."""
    chosen = np.unique(np.linspace(0, noise.shape[1] - 1, _LOOKED_AT).astype(int))
    return noise[:, chosen]


def _told(one: Measured) -> str:
    tier = (
        " The attack is on the uniform tier, which everyone has; of the large-trader tier widths and sensitivities are"
        " tested alone."
        if one.large_traders
        else ""
    )
    return (
        f"Release {one.release}: the attack shows mu of at least {one.shown:.3f}; {one.claimed:.3f} is claimed, and"
        f" these {count(one.canaries)} invented traders could show {one.reachable:.3f} at most ({count(one.samples)}"
        f" samples in each world, error one in a million).\n  The farthest that a single one moved the figures before"
        f" noise is {100 * one.largest_norm:.4f} % of what is charged.{tier}"
    )
