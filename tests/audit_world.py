"""An office on whose ledger, bundles and config faults can be planted, and an audit run on them, all in memory.

    world = real_world(tmp_path)               # three releases by the real commands, read back as values
    world.made["2024-Q2"].plan["rho"] = "1"    # a fault that its maker carried through ledger and bundle alike
    evidence = issued(world)                   # chain, bundles and config made anew, each consistent with the others
    evidence = with_entries(evidence, ...)     # a fault made afterwards

What is planted before `issued` is what a dishonest office could do; what is planted after it, what happens to it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from small_office import OFFICE, RELEASE, rows, write_declarations

from release.audit.evidence import AuditedBundle, Evidence, StoredResult, audited, statement_of
from release.bundle.content import MANIFEST, manifest_bytes
from release.bundle.contents import findings_within, parsed
from release.bundle.findings import BundleFinding, Stop
from release.bundle.observations import csv_bytes, parquet_bytes
from release.bundle.sdmx import sdmx_files
from release.bundle.verification import Examined
from release.cli import audits, ledgers, runs
from release.ledger.entries import EMPTY, Entry, Head, Kind, canonical, follow, head_of
from release.ledger.guard import KnownHead
from release.ledger.replay import replay
from release.ledger.standing import Standing, after_charge, after_limit, after_plan
from release.ledger.statement import write_statement
from release.ledger.values import Terms
from release.ledger.wire import standing_json
from release.measurement import Measurement, to_bytes
from release.plan import canonical_json
from release.policy import published_policy
from release.postprocess import Reporter, table_of
from release.privacy import amount_text

Body = dict[str, Any]
Edit = Callable[[Body], None]

_TIERED = """
large_traders = { ceiling = "50", levels = [
    { level = "total", noise_sd = "2e5" }, { level = "partner", noise_sd = "1e5" },
    { level = "chapter", noise_sd = "1e5" }, { level = "partner x chapter", noise_sd = "5e4" } ] }
"""
_PRIOR = """
[prior]
bundle = "NLD/2023"
publisher = "the office's release of 2023"
period = "2023"
published = "2024-01-31"
growth = "0.25"
"""


def office_text() -> str:
    """Return the office's config: a tier for large traders allowed, a calendar, a part kept for revisions."""
    text = OFFICE.replace('delta = "1e-8"', 'delta = "1e-8"\nlarge_traders = "100"\nreserve = "1/4"\n#calendar')
    shares = ", ".join(f'{{ release = "2024-{one}", year = 2024, rho = "1" }}' for one in ("Q1", "Q2", "Q3"))
    return (
        text.replace("#calendar", f"calendar = [{shares}]")
        .replace("[ledger]", '[policy]\nlarge_traders = "on"\nrho_cap = "2"\n[ledger]')
        .replace('limit = "3"', 'limit = "9/2"')
    )


def release_text(name: str) -> str:
    """Return a release's config: 2023 as a whole, or a quarter of 2024; the first quarter has both tiers."""
    text = RELEASE.replace("2024", name[:4]).replace(f'release = "{name[:4]}"', f'release = "{name}"')
    text = text.replace(f'periods = ["{name[:4]}"]', f'periods = ["{name}"]').replace('rho = "1"', 'rho = "1/2"')
    if name == "2024-Q1":
        text = text.replace('rho = "1/2"\n', f'rho = "1/2"\n{_TIERED}', 1)
    return text.replace("[[measures]]", f"{_PRIOR}\n[[measures]]", 1) if name == "2024-Q2" else text


@dataclass(slots=True)
class Made:
    """A release as its bundle has it; `frozen` holds digests that its ledger entries keep whatever the bundle says."""

    plan: Body
    measurement: Measurement
    table: pl.DataFrame
    files: Mapping[str, bytes]
    epsilon: float
    csv: bytes | None = None
    metadata: Body | None = None
    charge: Edit = lambda _: None
    frozen: dict[str, str] = field(default_factory=dict)
    frozen_measurement: dict[str, str] = field(default_factory=dict)
    place: str = ""
    of_plan: bool = True


@dataclass(slots=True)
class World:
    """The ledger's bodies in order, the releases by name, and an audit of the real thing for all the rest."""

    bodies: list[tuple[Kind, Body]]
    made: dict[str, Made]
    seen: Evidence

    def charged(self, release: str, tier: str = "uniform") -> Body:
        """Return the body of a release's charge."""
        return next(
            body
            for kind, body in self.bodies
            if kind is Kind.CHARGED and body["release"] == release and body["account"][3] == tier
        )


def real_world(folder: Path) -> World:
    """Return an office with three releases, a raised limit, a charge that was never measured, and its audit."""
    office = folder / "office.toml"
    folder.mkdir(parents=True, exist_ok=True)
    lower = office_text().replace('limit = "9/2"', 'limit = "4"')
    office.write_text(lower)
    for seed, name in enumerate(("2023", "2024-Q1", "2024-Q2")):
        (folder / f"{name}.toml").write_text(release_text(name))
        lines = [{**line, "date": line["date"].replace("2024", name[:4])} for line in rows(600, seed=seed)]
        write_declarations(folder / "declarations.csv", lines)
        runs.run(folder / f"{name}.toml", None, None, None, as_json=True)
        if name == "2024-Q1":
            raised = {"source": "declarations", "year": 2024, "tier": "uniform", "limit": "9/2"}
            ledgers.raise_limit(office, **raised, reason="Quarters were added.", decided_by="The board")
            office.write_text(office_text())
    seen = audits.own_evidence(office, audits.Asked(office=office))
    bodies = [(Kind(entry.kind), json.loads(entry.body)) for entry in seen.statement.entries]
    bodies.append((Kind.CHARGED, _never_measured(bodies)))
    return World(bodies=bodies, made={one.release: _made(one) for one in seen.bundles}, seen=seen)


def _never_measured(bodies: list[tuple[Kind, Body]]) -> Body:
    """Return the charge of the third quarter, whose run died before it measured."""
    other = next(body for kind, body in bodies if kind is Kind.CHARGED and body["release"] == "2024-Q2")
    return {**deepcopy(other), "release": "2024-Q3", "plan_digest": "0" * 64}


def _made(bundle: AuditedBundle) -> Made:
    documents = bundle.documents
    assert documents is not None
    return Made(
        plan=documents.plan,
        measurement=documents.measurement,
        table=documents.table,
        files=bundle.contents,
        epsilon=documents.charge["epsilon"],
        place=f"published/NLD/{bundle.release}",
    )


def copied(world: World) -> World:
    """Return a world on which faults can be planted without touching this one."""
    made = {
        name: replace(
            one, plan=deepcopy(one.plan), frozen=dict(one.frozen), frozen_measurement=dict(one.frozen_measurement)
        )
        for name, one in world.made.items()
    }
    return World(bodies=deepcopy(world.bodies), made=made, seen=world.seen)


def issued(world: World) -> Evidence:
    """Return the evidence that a world gives: entries chained, bundles made for them, the office's parts to match."""
    entries: list[Entry] = []
    standings: dict[str, Standing] = {}
    shares: dict[str, dict[str, Fraction]] = {}
    charged: dict[tuple[str, str], tuple[Entry, Body]] = {}
    bundles: dict[str, dict[str, bytes]] = {}
    for kind, body in world.bodies:
        told = dict(body)
        says = told.pop("standing_says", {})
        if kind in (Kind.MEASURED, Kind.PUBLISHED):
            told["state"] = str(kind)
            _follow_result(world, told, entries, charged, bundles)
        else:
            if kind is Kind.CHARGED and told["release"] in world.made:
                made = world.made[told["release"]]
                told["plan_digest"] = made.frozen.get("plan", plan_digest(made))
            told["standing"] = {**_stands(kind, told, len(entries) + 1, standings, shares), **says}
        entries.append(follow(head_of(entries[-1]) if entries else EMPTY, kind, canonical(told)))
        if kind is Kind.CHARGED:
            charged.setdefault((told["release"], told["account"][3]), (entries[-1], told))
    for name in world.made:
        if name not in bundles and (name, "uniform") in charged:
            bundles[name] = bundle_files(world.made[name], charged_of(name, charged), entries)
    return _evidence(world, tuple(entries), bundles)


def _follow_result(
    world: World,
    body: Body,
    entries: list[Entry],
    charged: Mapping[tuple[str, str], tuple[Entry, Body]],
    bundles: dict[str, dict[str, bytes]],
) -> None:
    """Give a result's entry the sequence of its charge and the digest of what was made, unless that is frozen."""
    release, state = body["release"], body.pop("state")
    made = world.made.get(release)
    body["charge"] = charged[release, body["tier"]][0].sequence
    if made is None:
        return
    if release not in bundles:
        bundles[release] = bundle_files(made, charged_of(release, charged), entries)
    name = "measurement.parquet" if state == "measured" else MANIFEST
    digest = hashlib.sha256(bundles[release][name]).hexdigest()
    body["digest"] = body.pop("digest_says", made.frozen.get(state, digest))


def charged_of(release: str, charged: Mapping[tuple[str, str], tuple[Entry, Body]]) -> list[tuple[Entry, Body]]:
    """Return a release's charges, the uniform tier's first."""
    return [charged[release, tier] for tier in ("uniform", "large-trader") if (release, tier) in charged]


def _stands(
    kind: Kind, body: Body, sequence: int, standings: dict[str, Standing], shares: dict[str, dict[str, Fraction]]
) -> Body:
    """Return where an account stands after an entry."""
    account = canonical(body["account"])
    if kind is Kind.OPENED:
        standings[account] = Standing(terms=_terms(body["standing"]))
    elif kind is Kind.LIMIT:
        standings[account] = after_limit(standings[account], Fraction(body["standing"]["limit"]))
    elif kind is Kind.PLANNED:
        shares[account] = {name: Fraction(rho) for name, rho in body["shares"]}
        total = sum(shares[account].values(), Fraction(0))
        standings[account] = after_plan(standings[account], total, sequence)
    else:
        share = shares.get(account, {}).pop(body["release"], Fraction(0))
        rho = Fraction(body["rho"])
        standings[account] = after_charge(standings[account], rho, share, revision=body["revision"])
    return standing_json(standings[account])


def _terms(told: Mapping[str, str]) -> Terms:
    amounts = {name: Fraction(told[name]) for name in ("delta", "limit", "reserve")}
    return Terms(unit=told["unit"], **amounts)


def plan_digest(made: Made) -> str:
    """Return the digest of a release's plan as its bundle has it."""
    return hashlib.sha256(canonical_json(made.plan)).hexdigest()


def bundle_files(made: Made, charges: list[tuple[Entry, Body]], entries: list[Entry]) -> dict[str, bytes]:
    """Return a bundle's files for its charges; all of them agree, but for what was planted."""
    charge = {**_charge_told(*charges[0]), "epsilon": made.epsilon, "large_traders": None}
    charge["plan_digest"] = plan_digest(made)
    if len(charges) > 1:
        charge["large_traders"] = {**_charge_told(*charges[1]), "plan_digest": charge["plan_digest"]}
    made.charge(charge)
    last = charges[-1][0].sequence
    return with_charge(made, charge, canonical_json(write_statement(tuple(entries[:last]))))


def with_charge(made: Made, charge: Body, ledger: bytes) -> dict[str, bytes]:
    """Return a bundle's files that name a charge."""
    named = {"plan_digest": charge["plan_digest"], "charge_hash": charge["head"]["hash"], **made.frozen_measurement}
    files = {
        **made.files,
        "observations.parquet": parquet_bytes(made.table),
        "observations.csv": csv_bytes(made.table) if made.csv is None else made.csv,
        "measurement.parquet": to_bytes(replace(made.measurement, **named)),
        "plan.json": canonical_json(made.plan),
        "charge.json": canonical_json(charge),
        "metadata.json": canonical_json(made.plan["metadata"] if made.metadata is None else made.metadata),
        "ledger.json": ledger,
        **sdmx_files(made.plan, charge["plan_digest"], charge["date"], made.table),
    }
    return relisted(files)


def _charge_told(entry: Entry, body: Body) -> Body:
    """Return what a bundle says of a charge, from the ledger's own words."""
    office, source, year, tier = body["account"]
    return {
        "sequence": entry.sequence,
        "date": body["date"],
        "account": {"office": office, "source": source, "year": year, "tier": tier},
        "unit": body["terms"]["unit"],
        "rho": _text(body["rho"]),
        "delta": _text(body["terms"]["delta"]),
        "limit": _text(body["terms"]["limit"]),
        "measures": [{**loss, "rho": _text(loss["rho"])} for loss in body["measures"]],
        "policy": body["policy"],
        "plan_digest": body["plan_digest"],
        "public_digests": dict(body["public_digests"]),
        "versions": dict(body["versions"]),
        "head": {"sequence": entry.sequence, "hash": entry.hash},
    }


def _text(amount: str) -> str:
    return amount_text(Fraction(amount))


def _evidence(world: World, entries: tuple[Entry, ...], bundles: Mapping[str, dict[str, bytes]]) -> Evidence:
    every = {name: bundle_of(world.made[name].place, files) for name, files in bundles.items()}
    found = tuple(one for one in every.values() if one.place)
    parts = world.seen.parts
    assert parts is not None
    stored = tuple(
        StoredResult(name=one.release, charge_hash=one.documents.measurement.charge_hash, digest=one.measurement_digest)
        for one in every.values()
        if one.documents is not None
    )
    plans = {name: plan for name, plan in parts.plans.items() if name in world.made and world.made[name].of_plan}
    witness = KnownHead(head=head_of(entries[-1]), origin="The witness")
    statement = statement_of(entries)
    return replace(
        world.seen,
        statement=statement,
        chain=replay(entries),
        bundles=found,
        parts=replace(parts, plans=plans, witness=witness, published=statement, stored=stored),
    )


def examined(contents: dict[str, bytes]) -> Examined:
    """Return what is wrong within an unsigned bundle's files, whose sizes and digests are taken to be right."""
    try:
        values = parsed(contents)
    except (Stop, KeyError) as stopped:
        finding = (
            stopped.finding if isinstance(stopped, Stop) else BundleFinding(code="manifest", message="a file lacks")
        )
        return Examined(findings=(finding,), contents=contents, values=None)
    return Examined(findings=tuple(findings_within(contents, values)), contents=contents, values=values)


@lru_cache(maxsize=4096)
def _bundle(place: str, files: tuple[tuple[str, bytes], ...]) -> AuditedBundle:
    return audited(place, examined(dict(files)))


def bundle_of(place: str, files: Mapping[str, bytes]) -> AuditedBundle:
    """Return an audited bundle of some files; equal files are read once."""
    return _bundle(place, tuple(sorted(files.items())))


def with_entries(evidence: Evidence, entries: tuple[Entry, ...]) -> Evidence:
    """Return the evidence with other entries in ledger and published statement, and everything else as it was."""
    statement = statement_of(entries)
    changed = replace(evidence, statement=statement, chain=replay(entries))
    return changed if changed.parts is None else with_parts(changed, published=statement)


def with_parts(evidence: Evidence, **changes: Any) -> Evidence:
    """Return the evidence with changes in what only the office has."""
    assert evidence.parts is not None
    return replace(evidence, parts=replace(evidence.parts, **changes))


def with_bundle(evidence: Evidence, release: str, files: Mapping[str, bytes]) -> Evidence:
    """Return the evidence with other files in a release's bundle."""
    changed = tuple(bundle_of(one.place, files) if one.release == release else one for one in evidence.bundles)
    return replace(evidence, bundles=changed)


def relisted(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a bundle's files under the one manifest that they have: what a forger of an unsigned bundle does."""
    others = {name: content for name, content in files.items() if name != MANIFEST}
    head = json.loads(files["charge.json"])["head"]
    return {**others, MANIFEST: manifest_bytes(json.loads(files["plan.json"]), head, others)}


def refigured(made: Made) -> None:
    """Make a release's table follow from its plan and noisy result again."""
    policy = published_policy(made.plan, made.measurement)
    office = Reporter(code=policy.office, currency=policy.currency)
    made.table = table_of(office, policy.layout, policy.measures, made.measurement)


def head_at(evidence: Evidence, sequence: int) -> Head:
    """Return the head that the ledger had at an entry."""
    return head_of(evidence.statement.entries[sequence - 1])
