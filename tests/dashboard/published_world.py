"""Published bundles with chosen figures, made without records: what the dashboard's tests look at.

Plans, charges, reconciliation and bundles are the program's own; only the noisy integers come from here, drawn from a
seeded generator around chosen flows. `LARGE` adds a large-trader tier without any excess, so that exposure is finite.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from release.accounting import epsilon
from release.bundle.content import bundle_content
from release.bundle.folder import bundle_place, publish, replace_file, statement_place
from release.charging import charge_requests
from release.config import load_release
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.measurement import Measurement, digest_of, to_bytes
from release.plan import PlannedMeasure, ReleasePlan, canonical_json, make_plan
from release.postprocess import observations
from release.tables import cells_of_leaves

AREAS = {"GBR": "GB", "ITA": "IT", "NLD": "NL", "USA": "US"}
DATE = "2025-02-01"
RATIOS = {("NLD", "ITA"): 1.6, ("USA", "GBR"): 0.6}
"""Two flows that truly differ."""

OFFICE = """
code = "{code}"
name = "{name} {code}"
area = "{area}"
[unit]
kind = "trader-year"
formed_by = "the trader's number"
[account]
limit = "4"
delta = "1e-8"
reserve = "1/2"
large_traders = "1000"
[policy]
large_traders = "on"
[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"
[metadata]
trade_system = "general"
re_exports = "included in exports"
thresholds = "none"
currency = "USD"
usd_per_unit = "1"
rate_source = "US dollars"
confidentiality = "none"
hs_edition = "HS 2022"
territory = "as the office defines it"
date_basis = "clearance"
vintage = "first"
[metadata.valuation]
M = "CIF"
X = "FOB"
[metadata.partner]
M = "consignment"
X = "last known destination"
"""

RELEASE = """
release = "{release}"
title = "Trade of {release}"
year = {year}
periods = {periods}
flows = ["M", "X"]
[source]
name = "declarations"
path = "declarations.csv"
layout = "csv"
[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
[keys]
partners = {partners}
chapters = {chapters}
[[measures]]
name = "value"
rho = "{rho}"
levels = {levels}
"""

LARGE = """[measures.large_traders]
ceiling = "100"
beyond = "assumed none"
levels = {levels}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is published: offices, periods, key sets, noise, and ratios M / X of single flows; 1 for the others.

    Attributes:
        bounded: whether there is a large-trader tier, and with it a finite exposure.
        noise: standard deviation of a partner's noise; other levels follow.
        size: a whole flow's exports in a period.
    """

    offices: tuple[str, ...] = tuple(AREAS)
    periods: tuple[str, ...] = ("2024",)
    partners: tuple[str, ...] = ("DE", "GB", "IT", "NL", "US")
    chapters: tuple[str, ...] = ("01", "27", "84", "85")
    release: str = "2024"
    year: int = 2024
    rho: str = "1"
    bounded: bool = True
    noise: float = 1e8
    size: float = 1e10
    ratios: Mapping[tuple[str, str], float] | None = None
    seed: int = 1
    name: str = "Office"


Change = Callable[[ReleasePlan], ReleasePlan]


def write_world(world: World, folder: Path, *, change: Change = lambda plan: plan) -> Path:
    """Publish every office's release below `folder / "published"` and return that."""
    for code in world.offices:
        write_release(world, code, folder, change=change)
    return folder / "published"


def write_release(
    world: World, code: str, folder: Path, *, book: Book | None = None, change: Change = lambda plan: plan
) -> Path:
    """Publish one office's release and its ledger statement; return the bundle's place. `change` edits the plan."""
    plan = change(_plan(world, code, folder / "configs" / code))
    ledger = book or Book(MemoryStore())
    charges = ledger.charge_all(charge_requests(plan, ()), date=DATE)
    content = to_bytes(_measurement(world, plan, charges[0].entry_hash))
    for charge in charges:
        ledger.measured(plan.release.release, charge.request.account.tier, digest_of(content))
    table = observations(plan, _measurement(world, plan, charges[0].entry_hash))
    statement = ledger.statement(last=max(charge.sequence for charge in charges))
    spent = epsilon(plan.rho, plan.office.account.delta)
    bundle = bundle_content(plan, charges, content, table, epsilon=spent, statement=statement)
    published = folder / "published"
    place = publish(bundle, bundle_place(published, code, world.release))
    for charge in charges:
        ledger.published(plan.release.release, charge.request.account.tier, bundle.digest)
    replace_file(statement_place(published, code), canonical_json(ledger.statement()))
    return place


def _plan(world: World, code: str, configs: Path) -> ReleasePlan:
    configs.mkdir(parents=True, exist_ok=True)
    (configs / "office.toml").write_text(OFFICE.format(code=code, area=AREAS[code], name=world.name), encoding="utf-8")
    scales = {"total": 2.0, "partner": 1.0, "chapter": 1.0, "partner x chapter": 0.5}
    levels = ", ".join(
        f'{{ level = "{level}", noise_sd = "{part * world.noise:.0f}" }}' for level, part in scales.items()
    )
    text = (RELEASE + (LARGE if world.bounded else "")).format(
        release=world.release,
        year=world.year,
        rho=world.rho,
        levels=f"[{levels}]",
        periods=json.dumps(world.periods),
        partners=json.dumps([one for one in world.partners if one != AREAS[code]]),
        chapters=json.dumps(world.chapters),
    )
    (configs / f"{world.release}.toml").write_text(text, encoding="utf-8")
    office, release = load_release(configs / f"{world.release}.toml")
    return make_plan(office, release)


def _measurement(world: World, plan: ReleasePlan, charge_hash: str) -> Measurement:
    measure = plan.measures[0]
    noisy, weights = _noisy(world, plan, measure)
    excess: dict[str, object] = {}
    if measure.excess is not None:
        keys = [(measure.measure, level.level) for level in measure.excess.levels]
        excess = {
            "excess": {
                key: np.zeros(level.cells, dtype=np.int64)
                for key, level in zip(keys, measure.excess.levels, strict=True)
            },
            "excess_weights": {key: level.weights for key, level in zip(keys, measure.excess.levels, strict=True)},
        }
    return Measurement(plan_digest=plan.digest, charge_hash=charge_hash, noisy=noisy, weights=weights, **excess)


def _noisy(world: World, plan: ReleasePlan, measure: PlannedMeasure) -> tuple[dict, dict]:
    chance = np.random.default_rng([world.seed, *plan.office.area.encode()])
    leaves = _leaves(world, plan)
    noisy, weights = {}, {}
    for level in measure.levels:
        sums = np.bincount(cells_of_leaves(plan.layout, level.level), weights=leaves, minlength=level.cells)
        drawn = sums + level.sd * chance.standard_normal(level.cells)
        key = (measure.measure, level.level)
        noisy[key] = np.rint(drawn * measure.minor_units * level.weights).astype(np.int64)
        weights[key] = level.weights
    return noisy, weights


def _leaves(world: World, plan: ReleasePlan) -> np.ndarray:
    """Return the exact value of every leaf, in published order: a flow's size shared by its chapters."""
    ratios, alpha3 = world.ratios or {}, {area: code for code, area in AREAS.items()}
    own, chapters = plan.office.code, len(plan.layout.chapters)
    shares = 1.0 / np.arange(1, chapters + 1)
    shares[-1] = 0.0
    shares /= shares.sum()
    found = []
    for flow in plan.layout.flows:
        for _ in plan.layout.periods:
            for partner in plan.layout.partners:
                other = alpha3.get(partner, partner)
                ratio = ratios.get((other, own), 1.0) if str(flow) == "M" else 1.0
                found.append(world.size * ratio * shares)
    return np.concatenate(found)
