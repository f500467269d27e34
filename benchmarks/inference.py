"""The simulation behind `docs/methods.md`: are the mirror tests right at every noise level?

Prints one table, a line a claim and a column a noise level, and ends with 1 when a claim is broken. Every figure
comes from the package's own functions on simulated noise; mutants stand beside it that must fail. With `--docs DIR`
it also writes the plots and puts the table between the markers of `DIR/methods.md`.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from inference_families import discoveries
from inference_figures import Figure, table

from release.inference import (
    Band,
    Mirrors,
    beside_history,
    chance_corresponds,
    critical_values,
    detectable_ratios,
    expected,
    information_fractions,
    mirrors,
    year_to_date,
)
from release.inference.bands import Array, critical_value
from release.inference.intervals import fieller_accepts, ratio_interval
from release.inference.verdicts import edges, position

NOISES = (0.01, 0.02, 0.05, 0.10, 0.20, 0.50, 1.00)
BANDS = (Band(tolerance=0.10), Band(tolerance=0.25), Band(tolerance=0.25, cif_fob=1.06))
CLIPPED = (0.05, 0.3)
NOTHING = "nothing clipped"
Z = critical_value(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """True flows x and m of one cell, their noise, what was clipped of each, and the bounds that are stated."""

    x: float
    m: float
    x_sd: float
    m_sd: float
    clipped_x: float = 0.0
    clipped_m: float = 0.0
    bound_x: float = 0.0
    bound_m: float = 0.0

    def draw(self, rng: np.random.Generator, draws: int) -> Mirrors:
        """Noisy mirrors of this world, one a draw."""
        return mirrors(
            x=self.x - self.clipped_x + self.x_sd * rng.standard_normal(draws),
            x_sd=self.x_sd,
            m=self.m - self.clipped_m + self.m_sd * rng.standard_normal(draws),
            m_sd=self.m_sd,
            bound_x=self.bound_x,
            bound_m=self.bound_m,
        )


def shares(cells: Mirrors, band: Band) -> dict[str, float]:
    """The share of each verdict among the cells, by the position of the printed interval."""
    where = position(ratio_interval(cells, Z), *edges(band, len(cells)))
    below, above = float((where == -1).mean()), float((where == 1).mean())
    return {"corresponds": float((where == 0).mean()), "below": below, "above": above, "differs": below + above}


def coverage(rng: np.random.Generator, draws: int) -> Iterator[Figure]:
    """Fieller's set covers the true ratio at its nominal rate; the printed interval covers no less."""
    for noise in NOISES:
        sets, printed = [], []
        for ratio in (0.5, 1.0, 2.0):
            cells = World(x=1.0, m=ratio, x_sd=noise, m_sd=ratio * noise).draw(rng, draws)
            sets.append(float(fieller_accepts(cells, np.full(draws, ratio), Z).mean()))
            limits = ratio_interval(cells, Z)
            printed.append(float(((limits.low <= ratio) & (ratio <= limits.high)).mean()))
        farthest = max(sets, key=lambda share: abs(share - 0.95))
        claim = "Fieller coverage, farthest of R = 1/2, 1, 2"
        yield Figure(claim=claim, noise=noise, seen=farthest, least=0.945, most=0.955)
        claim = "coverage of the printed interval, least of the three"
        yield Figure(claim=claim, noise=noise, seen=min(printed), least=0.945, most=1.0)


def boundary_worlds(noise: float, ratio: float, flows: tuple[str, str]) -> Iterator[tuple[str, World]]:
    """Worlds of the true ratio `ratio` with their names: nothing clipped, then clipped up to the stated bounds.

    Taken in the order x, m on one edge of the band and m, x on the other, worlds of one name are each other's mirrors,
    so that their error rates are one.
    """
    plain = World(x=1.0, m=ratio, x_sd=noise, m_sd=ratio * noise)
    yield NOTHING, plain
    size = {"x": 1.0, "m": ratio}
    for share in CLIPPED:
        for clipped, bounded in (
            (flows[:1], flows),
            (flows[1:], flows),
            (flows, flows),
            (flows[:1],) * 2,
            (flows[1:],) * 2,
        ):
            fields = {f"bound_{flow}": share * size[flow] for flow in bounded}
            fields |= {f"clipped_{flow}": share * size[flow] for flow in clipped}
            name = f"{share:.0%} of {[flows.index(f) for f in clipped]}, bounds on {[flows.index(f) for f in bounded]}"
            yield name, replace(plain, **fields)


def boundary(rng: np.random.Generator, draws: int) -> Iterator[Figure]:
    """Error rates where they are worst: the true ratio on an edge of the band, clipped masses at their bounds.

    Over the edge at which the truth stands, *differs* is false with half the error rate. Where noise is wide beside the
    band, it is sometimes false beyond the other edge too, and the two together rise towards the whole rate.
    """
    for noise in NOISES:
        rates: dict[tuple[str, str], list[float]] = defaultdict(list)
        for band in BANDS:
            for ratio, near, flows in ((band.low, "below", ("x", "m")), (band.high, "above", ("m", "x"))):
                for name, world in boundary_worlds(noise, ratio, flows):
                    seen = shares(world.draw(rng, draws), band)
                    rates[name, f"corresponds, t = {band.tolerance:.2f}"].append(seen["corresponds"])
                    rates[name, f"differs over that edge, t = {band.tolerance:.2f}"].append(seen[near])
                    rates[name, f"differs either way, t = {band.tolerance:.2f}"].append(seen["differs"])
        worst: dict[str, float] = defaultdict(float)
        for (name, verdict), pooled in rates.items():
            claim = f"false {verdict}, {NOTHING if name == NOTHING else '5 or 30 % clipped'}"
            worst[claim] = max(worst[claim], float(np.mean(pooled)))
        for claim, share in sorted(worst.items()):
            most = 0.05 if "either way, t = 0.10" in claim else 0.03
            yield Figure(claim=claim, noise=noise, seen=share, most=most)


def mutants(rng: np.random.Generator, draws: int) -> Iterator[Figure]:
    """Broken tests on equal flows of which one was clipped: what the boundary simulation must notice."""
    band, noise = Band(tolerance=0.25), 0.02
    for name, mutate in (("bounds exchanged", _exchanged), ("bounds left out", _unbounded)):
        for side in ("x", "m"):
            world = World(x=1.0, m=1.0, x_sd=noise, m_sd=noise, **{f"bound_{side}": 0.3, f"clipped_{side}": 0.3})
            wrong = shares(mutate(world.draw(rng, draws)), band)["differs"]
            claim = f"mutant, {name}: equal flows called different, {side.upper()} clipped"
            yield Figure(claim=claim, noise=noise, seen=wrong, least=0.5, most=1.0)


def _exchanged(cells: Mirrors) -> Mirrors:
    return replace(cells, bound_x=cells.bound_m, bound_m=cells.bound_x)


def _unbounded(cells: Mirrors) -> Mirrors:
    return replace(cells, bound_x=0.0 * cells.bound_x, bound_m=0.0 * cells.bound_m)


def power(rng: np.random.Generator, draws: int) -> Iterator[Figure]:
    """The printed smallest detectable ratios are detected with 80 %, and P(corresponds) is as planned."""
    band = Band(tolerance=0.25, cif_fob=1.06)
    c = band.cif_fob
    for noise in NOISES:
        for bound in (0.0, 0.1):
            also = f"; bounds {bound:.0%}" if bound else ""
            base = World(x=1.0, m=c, x_sd=noise, m_sd=noise * c, bound_x=bound, bound_m=bound)
            flows = expected(x=1.0, x_sd=noise, m_sd=noise * c, ratio=c, bound_x=bound, bound_m=bound)
            for side, ratios in zip(("low", "high"), detectable_ratios(flows, band), strict=True):
                if ratios[0] > 0.0:
                    seen = shares(replace(base, m=float(ratios[0])).draw(rng, draws), band)["differs"]
                    claim = f"power at the smallest detectable ratio, {side}{also}"
                    yield Figure(claim=claim, noise=noise, seen=seen, least=0.77, most=0.83)
            planned = float(chance_corresponds(flows, band)[0])
            yield Figure(claim=f"planned P(corresponds) at the centre{also}", noise=noise, seen=planned, most=1.0)
            seen = shares(base.draw(rng, draws), band)["corresponds"]
            claim = f"P(corresponds) at the centre, less the plan's{also}"
            yield Figure(claim=claim, noise=noise, seen=seen - planned, least=-0.03, most=0.03)


def looks(rng: np.random.Generator, draws: int) -> Iterator[Figure]:
    """False alarms over all looks of a year, the ratio on the edge of the band all year long."""
    for profile, shape in (("equal", np.ones(12)), ("unequal", np.linspace(0.4, 1.6, 12))):
        fractions = information_fractions(shape, shape, 1.0)
        planned, naive = np.array(critical_values(fractions)), np.full(12, Z)
        for noise in (0.05, 0.20, 1.00):
            alarms, careless = (
                max(
                    alarm_rate(rng, draws, ratio=ratio, noise=noise * shape, band=band, z=z)
                    for band in BANDS
                    for ratio in (band.low, band.high)
                )
                for z in (planned, naive)
            )
            claim = f"false alarm over twelve looks, {profile} steps (noise a month)"
            yield Figure(claim=claim, noise=noise, seen=alarms, least=0.015, most=0.055)
            yield Figure(claim=f"mutant, 1.96 at each look: {claim}", noise=noise, seen=careless, least=0.06, most=1.0)


def alarm_rate(rng: np.random.Generator, draws: int, *, ratio: float, noise: Array, band: Band, z: Array) -> float:
    """Share of the years in which any look said *differs*."""
    x = np.cumsum(1.0 + noise * rng.standard_normal((draws, 12)), axis=1)
    m = np.cumsum(ratio + noise * rng.standard_normal((draws, 12)), axis=1)
    ones = np.ones(12)
    sd = year_to_date(mirrors(x=ones, x_sd=noise, m=ones, m_sd=noise)).x_sd
    alarmed = np.zeros(draws, dtype=np.bool_)
    for k in range(12):
        cells = mirrors(x=x[:, k], x_sd=sd[k], m=m[:, k], m_sd=sd[k])
        alarmed |= np.abs(position(ratio_interval(cells, z[k]), *edges(band, draws))) == 1
    return float(alarmed.mean())


def surprises(rng: np.random.Generator, repeats: int) -> Iterator[Figure]:
    """How often an ordinary period is called unusual, its history as long as the public one."""
    for noise in (0.01, 0.05, 0.20):
        called = 0
        for _ in range(repeats):
            past = 0.08 + 0.1 * rng.standard_normal(24)
            ratio = float(np.exp(0.08 + 0.1 * rng.standard_normal()))
            cell = World(x=1.0, m=ratio, x_sd=noise, m_sd=noise).draw(rng, 1)
            called += beside_history(cell, past.tolist()).unusual is True
        claim = "ordinary period called unusual, 24 periods of history"
        yield Figure(claim=claim, noise=noise, seen=called / repeats, least=0.035, most=0.06)


def simulate(draws: int, repeats: int, seed: int) -> tuple[Figure, ...]:
    """All figures of the table."""
    rng = np.random.default_rng(seed)
    sized: tuple[tuple[Callable[[np.random.Generator, int], Iterator[Figure]], int], ...] = (
        (coverage, draws),
        (boundary, draws),
        (mutants, draws),
        (power, draws),
        (discoveries, repeats),
        (looks, draws),
        (surprises, 10 * repeats),
    )
    return tuple(figure for part, size in sized for figure in part(rng, size))


def main() -> int:
    """0 when every claim is kept, else 1."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--draws", type=int, default=60_000, help="simulated pairs a figure")
    options.add_argument("--repeats", type=int, default=500, help="simulated families a figure")
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--docs", type=Path, help="folder of methods.md, whose table and plots are written anew")
    chosen = options.parse_args()
    figures = simulate(chosen.draws, chosen.repeats, chosen.seed)
    printed = table(figures, NOISES)
    print(printed)
    if chosen.docs is not None:
        from inference_plots import write_plots

        page = chosen.docs / "methods.md"
        before, _, rest = page.read_text(encoding="utf-8").partition("<!-- simulation -->\n")
        after = rest.partition("<!-- end of simulation -->")[2]
        whole = f"{before}<!-- simulation -->\n{printed}\n<!-- end of simulation -->{after}"
        page.write_text(whole, encoding="utf-8")
        write_plots(chosen.docs)
    broken = sum(not figure.kept for figure in figures)
    print(f"\n{len(figures)} figures, {broken} outside what was asked")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
