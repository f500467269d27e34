"""The policy function as it is published: exact, as a table and in sentences, and the same in plan and bundle."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clip_world import leaf_sums, planned, uneven_prior
from hypothesis import given
from hypothesis import strategies as st
from offices import new_book, plan_of
from test_excess_release import LISTED, TIERED, publish, tiered

from release.bundle.methods import methods_in_words
from release.cli import ledgers, wiring
from release.cli.plan_policy import policy_document
from release.confidential.excess import excess_square
from release.plan import ReleasePlan, make_plan
from release.planner import forecast, predicted_losses, suggest_tiers
from release.planner.clipping import excess_of
from release.planner.forecast import forecast_measure
from release.planner.outlook import Outlook, outlook
from release.policy import SHARES, PolicyLoss, modelled_loss, policy_loss, policy_table
from release.policy.function import added
from release.privacy import GRID_BITS
from release.tables import Level, Measure, at_leaves

_LEVELS = dict.fromkeys(("total", "partner", "partner x chapter"), "0.05")
SHAPED = planned(rho="1/2", levels=_LEVELS, shape=uneven_prior(planned(levels=_LEVELS), 5), ceiling="3000")


@given(st.fractions(Fraction(1, 1000), 100), st.fractions(Fraction(1, 1000), 10**6), st.integers(0, 2**90))
def test_the_policy_is_rho_and_half_the_square_of_the_excess_up_to_the_ceiling(
    rho: Fraction, more: Fraction, square: int
) -> None:
    loss = policy_loss(rho, rho + more, square)
    assert loss.rho == min(rho + Fraction(square, 2 * 4**GRID_BITS), rho + more)
    assert loss.binds == (rho + Fraction(square, 2 * 4**GRID_BITS) > rho + more)
    assert loss.alike == (square == 0)


def test_a_measure_without_the_tier_costs_everyone_its_rho() -> None:
    assert policy_loss(Fraction(1, 2), None, 0) == PolicyLoss(
        uniform=Fraction(1, 2), excess=Fraction(0), ceiling=Fraction(1, 2), binds=False
    )


def test_losses_of_measures_and_releases_add_up() -> None:
    one, two = policy_loss(Fraction(1), Fraction(9), 2 * 4**GRID_BITS), policy_loss(Fraction(1, 2), None, 0)
    assert added((one, two)) == one + two
    assert added((one, two)).rho == Fraction(5, 2)


def test_the_table_holds_every_partner_with_a_prior_and_each_of_its_figures_is_the_codes_own() -> None:
    measure = SHAPED.measures[0]
    assert measure.excess is not None
    rows = policy_table(SHAPED)
    totals = next(level.prior for level in measure.levels if level.level is Level.PARTNER)
    assert totals is not None
    assert [row.total for row in rows] == sorted((float(total) for total in totals if total > 0), reverse=True)
    for row in rows:
        place = SHAPED.layout.partners.index(row.partner)
        inside = next(level.prior for level in measure.levels if level.level is Level.PARTNER_CHAPTER)
        assert inside is not None
        own = inside[place * 3 : place * 3 + 3]
        for share, loss in zip(SHARES, row.spread, strict=True):
            amounts = row.total * float(share) * own / own.sum() * measure.minor_units
            leaves = {place * 3 + chapter: round(float(amount)) for chapter, amount in enumerate(amounts)}
            exact = policy_loss(
                measure.rho,
                measure.rho + measure.excess.rho,
                excess_square(leaf_sums([leaves]), measure, measure.excess),
            )
            assert loss == pytest.approx(float(exact.rho), rel=1e-3, abs=1e-3)
        assert list(row.spread) == sorted(row.spread)
        assert row.one_chapter[0] >= float(measure.rho)


def test_without_a_prior_there_is_no_table_of_shares() -> None:
    assert policy_table(planned(ceiling="100")) == ()


def test_a_model_of_no_amounts_is_rho() -> None:
    measure = SHAPED.measures[0]
    assert modelled_loss(measure, np.arange(3), np.zeros(3)) == 0.5


def _plan(folder: Path, release: str) -> ReleasePlan:
    return plan_of(tiered(folder, release=release))


def test_the_plans_document_tells_policy_price_and_worth() -> None:
    document = policy_document(SHAPED, forecast(SHAPED))
    assert document is not None
    assert document["ceiling"] == "3000"
    assert document["charge"] == {"rho": "2999.5"}
    assert [row["partner"] for row in document["policy"]] == [row.partner for row in policy_table(SHAPED)]
    assert document["shares"] == ["0.01", "0.1", "0.3"]
    known = [level for level in document["levels"] if level["noise_error"] is not None]
    assert len(known) >= 2
    assert all(level["noise_error"] > 0 and len(level["p_corresponds"]) == 2 for level in known)
    assert json.dumps(document, allow_nan=False)


def _outlook(rho: Fraction | None) -> Outlook:
    """Return one population of the plan, its ceiling leaving `rho` above the uniform loss; None: without the tier."""
    measure = SHAPED.measures[0]
    assert measure.excess is not None
    tier = None if rho is None else replace(measure.excess, rho=rho)
    return outlook(replace(measure, excess=tier), SHAPED.layout, SHAPED.release.assumption, populations=1)


def test_the_forecast_is_of_both_tiers_with_the_uniform_tier_alone_beside_it() -> None:
    both, uniform = forecast_measure(_outlook(Fraction(10**30))), forecast_measure(_outlook(None))
    assert [one.alone for one in both] == [one.whole for one in uniform]
    known = [(one.whole, one.alone) for one in both if one.whole is not None and one.alone is not None]
    assert len(known) == 2
    for whole, alone in known:
        assert whole.noise_error > alone.noise_error
        assert whole.clipped_share == pytest.approx(0.0, abs=1e-12)
    assert max(alone.clipped_share or 0.0 for _, alone in known) > 0.01


def test_a_ceiling_that_leaves_nothing_clips_as_the_uniform_tier_alone() -> None:
    found = forecast_measure(_outlook(Fraction(1, 10**30)))
    known = [(one.whole, one.alone) for one in found if one.whole is not None and one.alone is not None]
    assert len(known) == 2
    for whole, alone in known:
        assert whole.clipped_share == pytest.approx(alone.clipped_share, rel=1e-9)


def test_predicted_losses_are_the_norms_of_what_is_cut_off_by_hand() -> None:
    measure = SHAPED.measures[0]
    own = outlook(measure, SHAPED.layout, SHAPED.release.assumption, populations=1)
    told = predicted_losses(own)
    assert told is not None
    assert measure.excess is not None
    (population,) = own.populations
    taken = excess_of(population, [level.sd for level in measure.levels], own.bound)
    people = population.population
    squares: dict[int, float] = {}
    for trader in set(people.traders.tolist()):
        cut = np.zeros(measure.caps.size)
        cut[people.leaves[people.traders == trader]] = taken[people.traders == trader]
        squares[trader] = sum(float(((level.sums(cut) / level.sd) ** 2).sum()) for level in measure.excess.levels)
    most = float(measure.rho + measure.excess.rho)
    largest = sorted((min(0.5 + square / 2, most) for square in squares.values()), reverse=True)
    assert told.by_rank[0] == pytest.approx(largest[0], rel=1e-9)
    fitting = sum(square < 1e-12 for square in squares.values())
    assert told.fitting == pytest.approx(1 - (len(squares) - fitting) / SHAPED.release.assumption.traders)


def test_proposed_scales_of_the_tier_lower_errors_at_no_higher_loss() -> None:
    measure = SHAPED.measures[0]
    finest = measure.levels[-1]
    assert finest.prior is not None
    leaves = at_leaves(finest.prior, finest.own_cells)
    levels = tuple(replace(level, prior=level.sums(leaves)) for level in measure.levels)
    (found,) = suggest_tiers(replace(SHAPED, measures=(replace(measure, levels=levels),)))
    assert [scale.level for scale in found.scales] == [level.level for level in measure.levels]
    gain = np.log(found.before).mean() - np.log(found.after).mean()
    assert gain > 0.01
    assert found.helps
    assert found.largest_after <= found.largest_before


def test_a_release_without_the_tier_says_nothing_of_it() -> None:
    plain = planned()
    assert policy_document(plain, forecast(plain)) is None
    assert "Large traders" not in methods_in_words(plain, 1.0)


def test_the_methods_say_what_the_tier_means_and_when_exposure_is_finite(tmp_path: Path) -> None:
    text = methods_in_words(_plan(tmp_path / "open", TIERED), 1.0)
    assert "P(v) = rho" in text
    assert "no useful protection" in text
    assert "`exposure` is INF" in text
    assert "finite" not in text
    bounded = methods_in_words(_plan(tmp_path / "bounded", TIERED.replace("not bounded", "assumed none")), 1.0)
    assert "finite there under the office's assumption that no trader is above the ceiling" in bounded
    asked = methods_in_words(_plan(tmp_path / "asked", LISTED), 1.0)
    assert "asked the office for protection" in asked


def test_the_ledgers_words_for_the_tier_promise_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tiered(tmp_path)
    publish(place, wiring.open_book(plan_of(place).office, tmp_path, quietly=True))
    ledgers.show(tmp_path / "office.toml", as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    large = shown[shown.index("(large-trader tier") :].partition("(uniform tier")[0]
    assert "no useful protection" in large
    assert "narrower than" not in large


def test_the_published_plan_names_the_policy_and_whether_a_list_is_kept(tmp_path: Path) -> None:
    for name, release, kept in (("plain", TIERED, False), ("listed", LISTED, True)):
        bundle = publish(tiered(tmp_path / name, release=release), new_book()).bundle
        plan = json.loads((bundle / "plan.json").read_bytes())
        assert plan["preparation"]["protected_on_request"] is kept
        tier = plan["measures"][0]["large_traders"]
        assert tier["ceiling"] == "2000"
        assert "P(v)" in tier["policy"]
        assert b"protected.csv" not in (bundle / "plan.json").read_bytes()


def test_a_measure_given_twice_the_ceiling_is_another_plan() -> None:
    release = SHAPED.release
    tier = release.measures[0].large_traders
    assert tier is not None
    more = replace(release, measures=(replace(release.measures[0], large_traders=replace(tier, ceiling="6000")),))
    assert make_plan(SHAPED.office, more, SHAPED.prior).digest != SHAPED.digest
    assert SHAPED.measures[0].measure is Measure.VALUE


def test_every_test_that_the_page_names_exists() -> None:
    root = Path(__file__).parent
    page = (root.parent / "docs" / "large-traders.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = "\n".join(file.read_text(encoding="utf-8") for file in root.rglob("test_*.py"))
    assert len(named) > 12
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []
