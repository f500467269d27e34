"""The audit finds every planted fault and names it, alone and beside another; a clean office has no finding."""

import os
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from audit_faults import FAULTS, Planted
from audit_world import World, copied, issued, real_world
from small_office import RELEASE, write_office

from release.audit.checks import audit
from release.audit.costs import SHOWN
from release.audit.evidence import Evidence, statement_of
from release.audit.rendering import html, markdown
from release.audit.report import report_document
from release.audit.rules import RULES
from release.audit.scatter import Scatter, scatters
from release.cli import runs
from release.cli.audits import Asked, own_evidence
from release.tables import Measure

ONLY_INSIDE = {
    "the_witness_lags",
    "the_witness_saw_a_later_entry",
    "the_witness_is_gone",
    "a_result_was_drawn_that_nobody_paid",
    "a_release_was_signed_that_nobody_paid",
    "the_published_statement_is_another_ledgers",
    "the_published_statement_is_old",
    "the_published_statement_is_gone",
    "the_database_has_a_damaged_page",
    "runs_connect_as_the_ledgers_owner",
    "the_config_was_changed_since",
    "the_config_states_another_reserve",
    "the_config_has_another_calendar",
    "a_release_costs_more_than_the_policy_allows",
    "the_policy_does_not_allow_the_tier",
    "delta_is_too_large_for_so_many_traders",
    "others_can_read_the_state_folder",
}
"""Faults of what an outsider doesn't have; every other one can be seen from published things."""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return real_world(tmp_path_factory.mktemp("office"))


def codes(evidence: Evidence) -> set[str]:
    return {finding.code for finding in audit(evidence)}


def planted(world: World, *faults: Planted) -> Evidence:
    changed = copied(world)
    for fault in faults:
        fault.before(changed)
    evidence = issued(changed)
    for fault in faults:
        evidence = fault.after(evidence)
    return evidence


def apart(one: Planted, other: Planted) -> bool:
    """Whether both can be seen: neither ruins what the other needs."""
    return not (one.ruins & other.needs or other.ruins & one.needs)


def test_a_clean_office_has_no_finding(world):
    assert audit(world.seen) == ()
    assert audit(issued(copied(world))) == ()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_named(world, name):
    assert codes(planted(world, FAULTS[name])) == FAULTS[name].codes


def test_a_files_name_keeps_its_case_at_the_beginning_of_a_sentence(world):
    [altered] = audit(planted(world, FAULTS["a_bundle_was_altered"]))
    assert altered.message == "plan.json isn't the file that datapackage.json lists."
    [misstated] = (
        one for one in audit(planted(world, FAULTS["a_bundle_is_not_signed"])) if one.code.endswith("missing")
    )
    assert misstated.message[0].isupper()


def told(evidence: Evidence) -> dict[str, Any]:
    return report_document(evidence, audit(evidence))


def test_a_report_tells_who_raised_a_limit_from_what_and_when(world):
    account = next(one for one in told(world.seen)["accounts"] if one["raised"])
    [raised] = account["raised"]
    assert raised["decided_by"] == "The board"
    assert [raised[name]["rho"] for name in ("before", "limit", "spent")] == ["4", "4.5", "1"]
    assert [charge["limit"] for charge in account["charges"]] == ["4", "4.5"]


def test_what_was_spent_is_not_told_where_the_chain_is_broken(world):
    document = told(planted(world, FAULTS["a_charge_was_lowered_in_the_database"]))
    [account] = (one for one in document["accounts"] if one["year"] == 2023)
    assert (account["spent"]["rho"], account["remaining"]["rho"], account["epsilon"]) == (None, None, None)
    assert account["doubt"]["at_least"]["rho"] == "1"
    assert document["total"]["rho"] is None
    assert (document["joint"], document["over_years"]) == ([], [])
    for form in (html(document), markdown(document)):
        assert "be told" in form


def test_a_report_says_of_each_check_whether_it_was_made_and_what_came_of_it(world):
    answers = {one["check"]: one["answer"] for one in told(planted(world, FAULTS["the_witness_is_gone"]))["checks"]}
    assert answers["witness is there"] == "no, 1 finding"
    assert answers["chain is whole"] == "yes"
    assert answers["bundles are signed"].startswith("not examined")
    outside = {one["check"]: one["answer"] for one in told(replace(world.seen, parts=None))["checks"]}
    assert outside["witness is there"].startswith("not examined")


def test_a_report_tells_each_tiers_noise_and_whom_large_trades_cost_what(world):
    [tiered] = (one for one in told(world.seen)["releases"] if one["release"] == "2024-Q1")
    of_value = [one["tier"] for one in tiered["scatters"] if one["measure"] == "value"]
    assert of_value == ["uniform", "large-trader", "both"]
    assert all(0 <= float(one["seen_below"]) < 1 < float(one["seen_above"]) for one in tiered["scatters"])
    assert tiered["untested"] == ["traders"]
    assert 1 <= len(tiered["costs"]) <= SHOWN
    assert all(len(row["rho"]) == 3 for row in tiered["costs"])


def test_noise_that_would_be_seen_is_seen_as_often_as_stated():
    chance = np.random.default_rng(1)
    one = Scatter(measure=Measure.VALUE, tier="uniform", square=0.0, freedom=258, low=161.7, high=384.8)
    narrow, wide = one.seen
    for width in (narrow, wide):
        square = (width * chance.standard_normal((20_000, one.freedom))) ** 2
        outside = ~((square.sum(axis=1) >= one.low) & (square.sum(axis=1) <= one.high))
        assert 0.945 < outside.mean() < 0.98


def test_another_offices_large_traders_get_no_statement_on_their_transactions(world):
    [own] = (one for one in world.seen.statement.accounts if one["year"] == 2024 and one["tier"] == "uniform")
    entries = tuple(replace(entry, body=entry.body.replace('"NLD"', '"ITA"')) for entry in world.seen.statement.entries)
    both = replace(world.seen, others=(statement_of(entries),))
    document = told(both)
    joint = {one["year"]: one for one in document["joint"]}
    assert (joint[2024]["tiered"], joint[2024]["p"]) == (["ITA", "NLD"], None)
    assert (joint[2023]["tiered"], joint[2023]["p"]) == ([], "to about ±69 %")
    assert Fraction(joint[2024]["one_line"]["rho"]) == 2 * Fraction(own["spent"])


def test_findings_name_the_two_values_that_differ(world):
    [terms] = (one for one in audit(planted(world, FAULTS["the_config_states_another_reserve"])))
    assert "reserve: 0.125 and 0.25" in terms.message
    [config] = (one for one in audit(planted(world, FAULTS["the_config_was_changed_since"])))
    assert '"Trade, as amended" is there today' in config.message


def test_words_of_another_version_are_not_called_altered(world, monkeypatch):
    monkeypatch.setattr("release.audit.plans.__version__", "9.9.0")
    assert codes(planted(world)) == set()
    changed = planted(world, FAULTS["a_bundle_was_altered_and_listed_anew"])
    (told,) = (finding for finding in audit(changed) if finding.code.startswith("methods-"))
    assert (told.code, told.severity) == ("methods-unchecked", "warning")
    assert "9.9.0" in told.message


def test_a_foreign_bundle_in_a_releases_folder_is_named(world):
    missing = planted(world, FAULTS["a_published_bundle_is_gone"])
    [other] = world.seen.bundles_of("2023")
    foreign = replace(other, office="ITA", place="published/NLD/2024-Q1")
    [finding] = audit(replace(missing, foreign=(foreign,)))
    assert finding.message.endswith("In its folder lies release 2023 of ITA.")


def pairs() -> list[tuple[str, str]]:
    """Return the pairs tried: a partner for each fault, or with `MIRRORS_PAIRS=all` every pair (some minutes)."""
    every = [pair for pair in combinations(FAULTS, 2) if apart(FAULTS[pair[0]], FAULTS[pair[1]])]
    if os.environ.get("MIRRORS_PAIRS") == "all":
        return every
    names = list(FAULTS)
    wanted = {
        frozenset((one, names[(place + step) % len(names)])) for place, one in enumerate(names) for step in (7, 19)
    }
    return [pair for pair in every if frozenset(pair) in wanted]


@pytest.mark.slow
def test_two_faults_are_both_found_and_named(world):
    wrong = {
        (one, other): (found, expected)
        for one, other in pairs()
        if (found := codes(planted(world, FAULTS[one], FAULTS[other])))
        != (expected := FAULTS[one].codes | FAULTS[other].codes)
    }
    assert wrong == {}


def test_few_pairs_hide_each_other():
    every = list(combinations(FAULTS.values(), 2))
    assert len(FAULTS) >= 40
    assert sum(not apart(one, other) for one, other in every) < len(every) / 10


def test_every_code_has_words_and_is_planted_or_told_elsewhere():
    planted_codes = {code for fault in FAULTS.values() for code in fault.codes}
    assert planted_codes <= RULES.keys()
    assert all(rule.why.endswith(".") and rule.remedy.endswith(".") for rule in RULES.values())


def test_an_outsider_sees_what_published_things_show(world):
    """What only the office's own parts show is out of an outsider's sight; nothing else is."""
    unseen = set()
    for name, fault in FAULTS.items():
        evidence = replace(planted(world, fault), parts=None)
        if not fault.codes & codes(evidence):
            unseen.add(name)
    assert unseen == ONLY_INSIDE


FINER = (
    RELEASE.replace('flows = ["M", "X"]', 'flows = ["M", "X", "RX"]')
    .replace('chapters = ["01", "27", "84", "85"]', 'chapters = ["01", "27", "84", "85"]\nheadings = ["8471", "8504"]')
    .replace('noise_sd = "2e5" },\n]', 'noise_sd = "2e5" },\n    { level = "partner x heading", noise_sd = "1e5" },\n]')
)


def test_a_release_with_headings_and_re_exports_has_no_finding(tmp_path):
    office = tmp_path / "office.toml"
    runs.run(write_office(tmp_path, release=FINER, lines=400), None, None, None, as_json=True)
    evidence = own_evidence(office, Asked(office=office))
    assert audit(evidence) == ()
    assert scatters(evidence.bundles[0])[0].freedom > 50


def test_a_declared_bound_is_told_as_a_bound(tmp_path):
    bound = '[[measures]]\nname = "value"\ndeclared_bound = { source = "a law", amount = "1e4" }'
    release = RELEASE.replace('[[measures]]\nname = "value"', bound)
    office = tmp_path / "office.toml"
    runs.run(write_office(tmp_path, release=release, lines=400), None, None, None, as_json=True)
    evidence = own_evidence(office, Asked(office=office))
    findings = audit(evidence)
    assert findings == ()
    [measure, *_] = report_document(evidence, findings)["releases"][0]["measures"]
    assert (measure["bounded"], measure["declared"]) == (True, "a law")
