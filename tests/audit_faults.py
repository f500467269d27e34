"""The faults that an audit must find: each with how it is planted, what has to be told of it, and what it leaves.

`before` changes the world from which ledger and bundles are made, which then agree, as a dishonest office would see to;
`after` changes what was made. `needs` names what a fault is seen on and `ruins` what it takes away: two faults of which
one ruins what the other needs can't both be seen, and aren't planted together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import polars as pl
from audit_world import (
    Made,
    World,
    bundle_of,
    head_at,
    plan_digest,
    refigured,
    relisted,
    with_bundle,
    with_charge,
    with_entries,
    with_parts,
)
from numpy.typing import NDArray

from release.audit.evidence import AuditedBundle, Evidence, StoredResult, audited, statement_of
from release.bundle.content import MANIFEST
from release.bundle.findings import BundleFinding
from release.bundle.observations import csv_bytes
from release.bundle.verification import Examined
from release.config.office import PlannedShare
from release.ledger.entries import EMPTY, Entry, Head, Kind, follow, head_of
from release.ledger.findings import error, warning
from release.ledger.guard import KnownHead
from release.measurement import Key, Measurement
from release.plan import canonical_json
from release.tables import Level, Measure

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Before = Callable[[World], None]
After = Callable[[Evidence], Evidence]


def _nothing(world: World) -> None: ...


def _as_it_is(evidence: Evidence) -> Evidence:
    return evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One fault."""

    codes: frozenset[str]
    before: Before = _nothing
    after: After = _as_it_is
    needs: frozenset[str] = frozenset()
    ruins: frozenset[str] = frozenset()


FAULTS: dict[str, Planted] = {}


def _fault(
    *codes: str, needs: str = "", ruins: str = "", after: bool = False
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Put a function into the table of faults under its name."""

    def put(plant: Callable[..., object]) -> Callable[..., object]:
        stage = {"after" if after else "before": plant}
        FAULTS[plant.__name__] = Planted(
            codes=frozenset(codes),
            needs=frozenset(needs.split()),
            ruins=frozenset(ruins.split()),
            **stage,  # type: ignore[arg-type]
        )
        return plant

    return put


# -- the ledger, after it was written ---------------------------------------------------------------------------------


def _entry(evidence: Evidence, kind: Kind) -> Entry:
    return next(entry for entry in evidence.statement.entries if entry.kind == kind)


@_fault("ledger-chain", needs="links", ruins="standings links tail heads", after=True)
def a_reason_was_edited_in_the_database(evidence: Evidence) -> Evidence:
    edited = _entry(evidence, Kind.LIMIT)
    other = replace(edited, body=edited.body.replace("Quarters", "Figures"))
    return with_entries(evidence, tuple(other if one == edited else one for one in evidence.statement.entries))


@_fault("ledger-chain", needs="links", ruins="Q2-exchange Q2-record heads links standings tail", after=True)
def an_entry_was_deleted(evidence: Evidence) -> Evidence:
    gone = _entry(evidence, Kind.LIMIT)
    return with_entries(evidence, tuple(one for one in evidence.statement.entries if one != gone))


@_fault("ledger-chain", needs="links", ruins="Q2-exchange Q2-record heads links standings tail", after=True)
def two_entries_changed_places(evidence: Evidence) -> Evidence:
    entries = list(evidence.statement.entries)
    place = entries.index(_entry(evidence, Kind.LIMIT))
    entries[place], entries[place + 1] = entries[place + 1], entries[place]
    return with_entries(evidence, tuple(entries))


@_fault(
    "rolled-back",
    "result-unpaid",
    needs="links tail",
    ruins="Q2 Q2-exchange Q3 calendar links standings tail",
    after=True,
)
def the_ledger_was_set_back_to_a_backup(evidence: Evidence) -> Evidence:
    entries = evidence.statement.entries
    last = next(one.sequence for one in entries if one.kind == Kind.CHARGED and '"2024-Q2"' in one.body)
    return with_entries(evidence, entries[: last - 1])


@_fault(
    "head-differs", "result-unpaid", needs="heads heads-Q2 links", ruins="standings heads links published", after=True
)
def the_ledgers_past_was_rewritten(evidence: Evidence) -> Evidence:
    edited = _entry(evidence, Kind.LIMIT)
    chain: list[Entry] = []
    for one in evidence.statement.entries:
        body = one.body.replace("Quarters", "Figures") if one == edited else one.body
        chain.append(follow(head_of(chain[-1]) if chain else EMPTY, Kind(one.kind), body))
    witness = KnownHead(head=head_of(chain[-1]), origin="The witness")
    stored = () if evidence.parts is None else evidence.parts.stored
    return with_parts(with_entries(evidence, tuple(chain)), witness=witness, stored=stored)


@_fault("ledger-chain", "loss-not-covered", needs="links 2023 tail-state", ruins="2023 2023-sums standings", after=True)
def a_charge_was_lowered_in_the_database(evidence: Evidence) -> Evidence:
    lowered = _entry(evidence, Kind.CHARGED)
    other = replace(lowered, body=lowered.body.replace('"rho":"1/2"', '"rho":"1/4"'))
    return with_entries(evidence, tuple(other if one == lowered else one for one in evidence.statement.entries))


@_fault("ledger-head", after=True, ruins="published")
def the_statement_names_another_head(evidence: Evidence) -> Evidence:
    return replace(evidence, statement=replace(evidence.statement, head=Head(sequence=1, hash="1" * 64)))


@_fault("ledger-accounts", after=True, needs="shown")
def the_statement_shows_less_spent(evidence: Evidence) -> Evidence:
    shown = tuple({**one, "spent": "0"} for one in evidence.statement.accounts)
    return replace(evidence, statement=replace(evidence.statement, accounts=shown))


@_fault("ledger-charges", after=True, needs="shown")
def the_statement_leaves_a_charge_out(evidence: Evidence) -> Evidence:
    return replace(evidence, statement=replace(evidence.statement, charges=evidence.statement.charges[1:]))


@_fault("witness-behind", after=True, needs="witness tail", ruins="witness")
def the_witness_lags(evidence: Evidence) -> Evidence:
    return with_parts(evidence, witness=KnownHead(head=head_at(evidence, 5), origin="The witness"))


@_fault("rolled-back", after=True, needs="witness", ruins="witness")
def the_witness_saw_a_later_entry(evidence: Evidence) -> Evidence:
    later = Head(sequence=evidence.chain.head.sequence + 3, hash="2" * 64)
    return with_parts(evidence, witness=KnownHead(head=later, origin="The witness"))


@_fault("witness-missing", after=True, needs="witness", ruins="witness")
def the_witness_is_gone(evidence: Evidence) -> Evidence:
    return with_parts(evidence, witness=None)


@_fault("result-unpaid", after=True)
def a_result_was_drawn_that_nobody_paid(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    unpaid = StoredResult(name="2024-Q4-aaaa", charge_hash="a" * 64, digest="b" * 64)
    return with_parts(evidence, stored=(*evidence.parts.stored, unpaid))


@_fault("signature-unpaid", after=True)
def a_release_was_signed_that_nobody_paid(evidence: Evidence) -> Evidence:
    unpaid = StoredResult(name="2024-Q4-aaaa", charge_hash="a" * 64, digest="c" * 64)
    return with_parts(evidence, signatures=(unpaid,))


@_fault("head-differs", after=True)
def an_auditor_kept_another_head(evidence: Evidence) -> Evidence:
    kept = KnownHead(head=Head(sequence=3, hash="3" * 64), origin="A head kept since earlier")
    return replace(evidence, heads=(*evidence.heads, kept))


@_fault("statement-differs", after=True, needs="published", ruins="published")
def the_published_statement_is_another_ledgers(evidence: Evidence) -> Evidence:
    first = evidence.statement.entries[0]
    other = follow(EMPTY, Kind(first.kind), first.body.replace("1/4", "1/5"))
    return with_parts(evidence, published=statement_of((other,)))


@_fault("statement-missing", after=True, needs="published", ruins="published")
def the_published_statement_is_gone(evidence: Evidence) -> Evidence:
    return with_parts(evidence, published=None)


@_fault("statement-behind", after=True, needs="published", ruins="published")
def the_published_statement_is_old(evidence: Evidence) -> Evidence:
    return with_parts(evidence, published=statement_of(evidence.statement.entries[:3]))


@_fault("ledger-store", after=True)
def the_database_has_a_damaged_page(evidence: Evidence) -> Evidence:
    damage = error("store", "ledger.sqlite", "SQLite: row 3 missing from index")
    return with_parts(evidence, store=(*_store(evidence), damage))


@_fault("ledger-rights", after=True)
def runs_connect_as_the_ledgers_owner(evidence: Evidence) -> Evidence:
    return with_parts(evidence, store=(*_store(evidence), warning("rights", "PostgreSQL", "The role may delete.")))


def _store(evidence: Evidence) -> tuple[object, ...]:
    return () if evidence.parts is None else evidence.parts.store


# -- the ledger, as a dishonest program would write it ----------------------------------------------------------------


@_fault("ledger-limit", needs="2023 2023-sums standings", ruins="2023-sums")
def more_is_spent_than_the_limit(world: World) -> None:
    for _, body in world.bodies:
        if body.get("account", ["", "", 0])[2] == 2023:
            body["terms" if "terms" in body else "standing"]["limit"] = "1/2"


@_fault("ledger-limit", needs="standings")
def a_limit_was_lowered(world: World) -> None:
    place = next(place for place, (kind, _) in enumerate(world.bodies) if kind is Kind.LIMIT)
    up = world.bodies[place][1]
    higher, lower = ({**up, "standing": {**up["standing"], "limit": limit}} for limit in ("5", "9/2"))
    world.bodies[place : place + 1] = [(Kind.LIMIT, higher), (Kind.LIMIT, lower)]


@_fault("ledger-standing", needs="2023-sums standings", ruins="2023-sums")
def an_entry_says_that_less_is_spent(world: World) -> None:
    world.charged("2023")["standing_says"] = {"ordinary": "1/2"}


@_fault("ledger-terms", needs="Q3 standings")
def a_charge_has_another_delta_than_its_account(world: World) -> None:
    charge = world.charged("2024-Q3")
    charge["terms"] = {**charge["terms"], "delta": "1/10000000"}


@_fault("ledger-release", needs="Q3 standings", ruins="Q3")
def a_release_was_charged_twice(world: World) -> None:
    world.bodies.append((Kind.CHARGED, dict(world.charged("2024-Q3"))))


@_fault("ledger-state", needs="standings tail-state")
def a_second_result_was_recorded(world: World) -> None:
    again = {"release": "2023", "tier": "uniform", "digest_says": "4" * 64}
    world.bodies.append((Kind.MEASURED, again))


@_fault("loss-not-covered", needs="Q3", ruins="Q3 standings-after-Q3 tail-state")
def a_charge_is_less_than_its_noise_costs(world: World) -> None:
    charge = world.charged("2024-Q3")
    charge["measures"] = [{**loss, "rho": "1/100"} for loss in charge["measures"]]
    charge["rho"] = str(Fraction(len(charge["measures"]), 100))


@_fault(
    "loss-not-covered",
    needs="Q2-charge Q2-exchange links",
    ruins="Q2-charge Q2-exchange Q2-record Q3 heads-Q2 tail-state",
)
def a_bundle_states_less_loss_than_its_noise_costs(world: World) -> None:
    made = world.made["2024-Q2"]
    made.of_plan = False
    for loss in (*made.plan["measures"], *world.charged("2024-Q2")["measures"]):
        if loss["measure"] == "traders":
            loss["sensitivity"] += 2**20


# -- ledger and bundles -----------------------------------------------------------------------------------------------


@_fault("epsilon-understated")
def epsilon_is_understated(world: World) -> None:
    world.made["2023"].epsilon -= 1


@_fault("charge-missing", after=True, needs="2023-table 2023 heads", ruins="copies")
def a_release_was_never_charged(evidence: Evidence) -> Evidence:
    [bundle] = evidence.bundles_of("2023")
    assert bundle.documents is not None
    plan = {**bundle.documents.plan, "release": "2023-more"}
    files = {**bundle.contents, "plan.json": canonical_json(plan)}
    return replace(evidence, bundles=(*evidence.bundles, _fresh(files, "published/NLD/2023-more")))


@_fault("charge-differs", needs="Q1")
def a_bundle_states_another_date(world: World) -> None:
    world.made["2024-Q1"].charge = lambda charge: charge.update(date="2020-01-01")


@_fault("plan-differs", needs="Q2-exchange Q2-plan", ruins="Q2-plan")
def the_plan_was_exchanged_after_the_charge(world: World) -> None:
    made = world.made["2024-Q2"]
    made.frozen["plan"] = plan_digest(made)
    made.plan["title"] = "Another plan"


@_fault("prior-differs", needs="Q2-prior")
def the_charge_names_another_prior(world: World) -> None:
    world.charged("2024-Q2")["public_digests"] = [["prior", "5" * 64]]


@_fault("bundle-missing", after=True, needs="Q1", ruins="Q1")
def a_published_bundle_is_gone(evidence: Evidence) -> Evidence:
    return replace(evidence, bundles=tuple(one for one in evidence.bundles if one.release != "2024-Q1"))


@_fault("bundle-damaged", after=True, needs="Q1", ruins="Q1")
def a_bundle_was_altered(evidence: Evidence) -> Evidence:

    finding = BundleFinding(code="digest", message="plan.json isn't the file that datapackage.json lists")
    damaged = Examined(findings=(finding,), contents={}, values=None)
    return replace(
        evidence,
        bundles=tuple(
            audited(one.place, damaged, one.contents[MANIFEST]) if one.release == "2024-Q1" else one
            for one in evidence.bundles
        ),
    )


@_fault("bundle-differs", "methods-differ", needs="2023 2023-config copies", ruins="copies", after=True)
def a_bundle_was_altered_and_listed_anew(evidence: Evidence) -> Evidence:
    [bundle] = evidence.bundles_of("2023")
    words = bundle.contents["methods.md"].replace(b"can estimate", b"can't estimate")
    return with_bundle(evidence, "2023", relisted({**bundle.contents, "methods.md": words}))


@_fault("bundle-differs", "bundle-ledger", needs="2023-config 2023 copies heads standings", ruins="copies", after=True)
def a_bundles_own_statement_was_forged(evidence: Evidence) -> Evidence:
    [bundle] = evidence.bundles_of("2023")
    forged = bundle.contents["ledger.json"].replace(b"trader-year", b"trader-week", 1)
    return with_bundle(evidence, "2023", relisted({**bundle.contents, "ledger.json": forged}))


@_fault("second-result", after=True, needs="2023", ruins="copies")
def a_second_result_was_published(evidence: Evidence) -> Evidence:
    [bundle, *_] = evidence.bundles_of("2023")
    return replace(evidence, bundles=(*evidence.bundles, _fresh(bundle.contents, "elsewhere/NLD/2023")))


@_fault("measurement-differs", needs="Q1")
def the_ledger_recorded_another_result(world: World) -> None:
    world.made["2024-Q1"].frozen["measured"] = "6" * 64


@_fault("result-reused", needs="Q1 noise", ruins="noise")
def noise_was_used_twice(world: World) -> None:
    one, other = world.made["2024-Q1"], world.made["2024-Q2"]
    other.measurement = replace(other.measurement, noisy=one.measurement.noisy)
    refigured(other)


@_fault("not-recorded", needs="Q2 Q2-record", ruins="Q2-record")
def a_publication_was_not_recorded(world: World) -> None:
    _forget(world, Kind.PUBLISHED)


@_fault("not-published", needs="Q2 Q2-record", ruins="Q2 Q2-charge Q2-plan Q2-prior Q2-record heads-Q2 noise")
def a_result_was_never_published(world: World) -> None:
    _forget(world, Kind.PUBLISHED)
    world.made["2024-Q2"].place = ""


def _forget(world: World, kind: Kind) -> None:
    world.bodies[:] = [one for one in world.bodies if one[0] is not kind or one[1]["release"] != "2024-Q2"]


def _fresh(files: Mapping[str, bytes], place: str) -> AuditedBundle:
    """Return a bundle like another with a noisy result of its own, consistent in itself."""
    documents = bundle_of("", files).documents
    assert documents is not None
    made = Made(
        plan=json.loads(files["plan.json"]),
        measurement=_drawn_again(documents.measurement, seed=len(place)),
        table=documents.table,
        files=files,
        epsilon=documents.charge["epsilon"],
    )
    refigured(made)
    charge = {**documents.charge, "plan_digest": plan_digest(made)}
    return bundle_of(place, with_charge(made, charge, files["ledger.json"]))


def _drawn_again(measurement: Measurement, seed: int) -> Measurement:
    chance = np.random.default_rng(seed)
    noisy = {
        key: integers + np.rint(chance.normal(0, 2.0**18, len(integers))).astype(np.int64)
        for key, integers in measurement.noisy.items()
    }
    return replace(measurement, noisy=noisy)


# -- plans, policy and config -----------------------------------------------------------------------------------------


@_fault("config-differs", needs="Q1-config", after=True)
def the_config_was_changed_since(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    plan = evidence.parts.plans["2024-Q1"]
    other = replace(plan, release=replace(plan.release, title="Trade, as amended"))
    return with_parts(evidence, plans={**evidence.parts.plans, "2024-Q1": other})


@_fault("terms-differ", after=True)
def the_config_states_another_reserve(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    office = evidence.parts.office
    return with_parts(evidence, office=replace(office, account=replace(office.account, reserve=Fraction(1, 8))))


@_fault("calendar-differs", after=True, needs="calendar")
def the_config_has_another_calendar(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    office = evidence.parts.office
    calendar = (*office.account.calendar, PlannedShare(release="2024-Q4", year=2024, rho=Fraction(1, 4)))
    return with_parts(evidence, office=replace(office, account=replace(office.account, calendar=calendar)))


@_fault("over-policy-cap", after=True)
def a_release_costs_more_than_the_policy_allows(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    office = evidence.parts.office
    return with_parts(evidence, office=replace(office, policy=replace(office.policy, rho_cap=Fraction(1, 2))))


@_fault("tier-not-allowed", after=True, needs="Q1")
def the_policy_does_not_allow_the_tier(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    office = evidence.parts.office
    return with_parts(evidence, office=replace(office, policy=replace(office.policy, large_traders="off")))


@_fault("delta-large", after=True)
def delta_is_too_large_for_so_many_traders(evidence: Evidence) -> Evidence:
    assert evidence.parts is not None
    releases = tuple(
        replace(one, assumption=replace(one.assumption, traders=10**8)) if one.release == "2023" else one
        for one in evidence.parts.releases
    )
    return with_parts(evidence, releases=releases)


@_fault("delta-unequal", after=True)
def another_office_has_another_delta(evidence: Evidence) -> Evidence:
    account = {"office": "ITA", "year": 2024, "delta": "1/1000000"}
    other = replace(statement_of(()), accounts=(account,))
    return replace(evidence, others=(*evidence.others, other))


@_fault("year-differs", needs="Q2-plan Q2 Q2-periods", ruins="Q2-periods")
def a_period_lies_in_another_year(world: World) -> None:
    _periods(world, "2024-Q2", "2025-Q2")


@_fault("unit-mixed", ruins="2023-config")
def a_year_protects_single_records(world: World) -> None:
    made = world.made["2023"]
    made.of_plan = False
    made.plan["unit"]["kind"] = "record"
    for _, body in world.bodies:
        if body.get("account", ["", "", 0])[2] == 2023:
            body["terms" if "terms" in body else "standing"]["unit"] = "record"


@_fault("account-split", needs="Q2-plan Q2 Q1 Q2-periods calendar", ruins="Q2-periods calendar")
def the_same_cells_were_paid_from_two_accounts(world: World) -> None:
    _periods(world, "2024-Q2", "2024-Q1")
    charge = world.charged("2024-Q2")
    charge["account"] = ["NLD", "declarations again", 2024, "uniform"]
    world.made["2024-Q2"].plan["account"]["source"] = "declarations again"
    opened = {"account": charge["account"], "date": charge["date"], "standing": dict(charge["terms"])}
    place = next(place for place, one in enumerate(world.bodies) if one[1] is charge)
    shares = next(body for kind, body in world.bodies if kind is Kind.PLANNED)
    planned = {**shares, "account": charge["account"]}
    world.bodies[place:place] = [(Kind.OPENED, opened), (Kind.PLANNED, planned)]


@_fault("keys-invalid", "bundle-cells", needs="2023 2023-table", ruins="2023-config 2023-table")
def a_partner_stands_twice_in_the_key_list(world: World) -> None:
    made = world.made["2023"]
    made.of_plan = False
    made.plan["partners"][1] = made.plan["partners"][0]
    refigured(made)


@_fault("codelist-unknown", needs="Q1", ruins="Q1-config")
def the_key_lists_are_of_another_edition(world: World) -> None:
    world.made["2024-Q1"].of_plan = False
    world.made["2024-Q1"].plan["codelists"]["areas"] = "7" * 64


@_fault("prior-not-public", needs="Q2 Q2-plan Q2-prior", ruins="Q2-prior")
def the_prior_is_of_the_year_that_it_shapes(world: World) -> None:
    world.made["2024-Q2"].of_plan = False
    world.made["2024-Q2"].plan["prior"]["period"] = "2024"
    world.made["2024-Q2"].plan["prior"]["digest"] = "8" * 64
    world.charged("2024-Q2")["public_digests"] = [["prior", "8" * 64]]


@_fault("prior-not-public", needs="Q2 Q2-plan Q2-prior", ruins="Q2-prior")
def the_prior_was_published_after_the_charge(world: World) -> None:
    world.made["2024-Q2"].of_plan = False
    world.made["2024-Q2"].plan["prior"]["published"] = "2999-12-31"


@_fault("ceiling-differs", needs="Q1", ruins="Q1-config")
def the_published_ceiling_is_too_low(world: World) -> None:
    made = world.made["2024-Q1"]
    made.of_plan = False
    made.plan["measures"][0]["large_traders"]["ceiling"] = "20"


def _periods(world: World, release: str, period: str) -> None:
    made = world.made[release]
    made.of_plan = False
    made.plan["periods"] = [period]
    made.table = made.table.with_columns(period=pl.lit(period))


# -- figures ----------------------------------------------------------------------------------------------------------


def _column(world: World, release: str, name: str, figures: pl.Expr) -> None:
    made = world.made[release]
    made.table = made.table.with_columns(figures.alias(name))


@_fault("estimate-differs", needs="2023-table")
def an_estimate_was_changed(world: World) -> None:
    first = pl.int_range(pl.len()) == 3
    _column(world, "2023", "estimate", pl.when(first).then(pl.col("estimate") * 1.5).otherwise(pl.col("estimate")))


@_fault("interval-differs", needs="2023-table")
def the_intervals_were_narrowed(world: World) -> None:
    _column(world, "2023", "low", pl.col("estimate") - pl.col("sd"))


@_fault("exposure-differs", needs="Q1")
def clipping_is_said_to_be_bounded(world: World) -> None:
    _column(world, "2024-Q1", "exposure", pl.lit(0.0))


@_fault("display-differs", needs="Q1")
def figures_are_shown_finer_than_the_noise(world: World) -> None:
    _column(world, "2024-Q1", "display", pl.col("estimate").clip(0.0) + 0.125)


@_fault("noise-implausible", needs="Q2 noise", ruins="noise")
def figures_were_published_without_noise(world: World) -> None:
    made = world.made["2024-Q2"]
    exact = _adding_up(made.measurement.noisy, made.measurement.weights)
    made.measurement = replace(made.measurement, noisy=exact)
    refigured(made)


@_fault("noise-implausible", needs="Q1")
def one_tier_was_published_without_noise(world: World) -> None:
    made = world.made["2024-Q1"]
    exact = _adding_up(made.measurement.excess, made.measurement.excess_weights)
    made.measurement = replace(made.measurement, excess=exact)
    refigured(made)


def _adding_up(drawn: Mapping[Key, Integers], weights: Mapping[Key, Floats]) -> dict[Key, Integers]:
    """Return integers whose levels of value add up, as if no noise had been drawn."""
    leaves = Level.PARTNER_CHAPTER
    exact = np.rint(np.maximum(drawn[Measure.VALUE, leaves] / weights[Measure.VALUE, leaves], 0))
    grid = exact.reshape(2, 5, 5)
    sums = {
        leaves: grid,
        Level.PARTNER: grid.sum(axis=2),
        Level.CHAPTER: grid.sum(axis=1),
        Level.TOTAL: grid.sum(axis=(1, 2)),
    }
    whole = {(Measure.VALUE, level): figures.ravel() for level, figures in sums.items()}
    return {**drawn, **{key: np.rint(own * weights[key]).astype(np.int64) for key, own in whole.items()}}


@_fault("bundle-scales", needs="Q2 noise", ruins="noise Q2-periods")
def the_noise_is_narrower_than_planned(world: World) -> None:
    made = world.made["2024-Q2"]
    weights = {key: own * (2 if key[0] is Measure.TRADERS else 1) for key, own in made.measurement.weights.items()}
    made.measurement = replace(made.measurement, weights=weights)


@_fault("bundle-csv", needs="Q1")
def the_two_tables_differ(world: World) -> None:

    made = world.made["2024-Q1"]
    made.csv = csv_bytes(made.table.with_columns(pl.col("measured") + 1))


@_fault("bundle-measured", needs="2023-table")
def a_measurement_was_changed(world: World) -> None:
    first = pl.int_range(pl.len()) == 0
    _column(world, "2023", "measured", pl.when(first).then(pl.col("measured") + 1e6).otherwise(pl.col("measured")))


@_fault("bundle-measurement", "result-unpaid", needs="Q2 Q2-charge", ruins="Q2-charge")
def the_result_was_drawn_for_another_charge(world: World) -> None:
    world.made["2024-Q2"].frozen_measurement["charge_hash"] = "9" * 64


@_fault("bundle-metadata", needs="2023")
def the_sheet_was_exchanged(world: World) -> None:
    made = world.made["2023"]
    made.metadata = {**made.plan["metadata"], "currency": "EUR"}


# -- what surrounds it ------------------------------------------------------------------------------------------------


@_fault("known-problem")
def a_version_with_a_known_problem_was_used(world: World) -> None:
    for body in (world.charged("2023"),):
        body["versions"] = [[name, "0.4.0" if name == "opendp" else version] for name, version in body["versions"]]


@_fault("signature-missing", after=True, needs="signatures", ruins="signatures")
def a_bundle_is_not_signed(evidence: Evidence) -> Evidence:
    signed = tuple(
        replace(one, signed=one.release != "2023", signer=None if one.release == "2023" else "NLD")
        for one in evidence.bundles
    )
    return replace(evidence, signers_known=True, bundles=signed)


@_fault("place-open", after=True)
def others_can_read_the_state_folder(evidence: Evidence) -> Evidence:
    return with_parts(evidence, open_places=("state",))
