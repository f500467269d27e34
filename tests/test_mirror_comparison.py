"""Cells judged in families, what could be seen of them, their past, and looks at a running year."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from mirror_world import bundle, figure, two

from release.errors import UsageError
from release.inference import Adjustment
from release.mirror.agreement import PairFactor, Past, PublicTables
from release.mirror.alignment import Scope
from release.mirror.comparison import Agreement, compare
from release.mirror.history import past_of
from release.mirror.middle import middles_of, own_asymmetries
from release.mirror.summary import largest_sure_gap, sentence

PLAIN = {"valuation": {"X": "FOB", "M": "FOB"}}


def ring(ratios: dict[str, float], *, sd: float = 1.0, exposure: float = 0.0, **said: Any):
    """Return the bundles of AAA, BBB and CCC; a flow has exports of 100 and imports of 100 times its ratio."""
    figures: dict[str, list] = {"AAA": [], "BBB": [], "CCC": []}
    for x, m in permutations(figures, 2):
        figures[x].append(figure("X", m, 100.0, sd=sd, exposure=exposure))
        figures[m].append(figure("M", x, 100.0 * ratios.get(f"{x}>{m}", 1.0), sd=sd, exposure=exposure))
    return [bundle(office, rows, **{**PLAIN, **said}) for office, rows in figures.items()]


def test_all_ordered_pairs_are_judged_and_the_planted_one_differs():
    compared = compare(ring({"AAA>BBB": 1.6}))
    verdicts = {(cell.exporter, cell.importer): cell.verdict for cell in compared.cells}
    assert len(verdicts) == 6
    assert [way for way, verdict in verdicts.items() if verdict == "differs"] == [("AAA", "BBB")]


def test_one_office_alone_has_no_mirror():
    with pytest.raises(UsageError):
        compare(ring({})[:1])


def test_only_what_was_asked_for_is_compared_and_pairs_without_bundles_are_named():
    asked = Scope(pairs=(("AAA", "BBB"), ("AAA", "ZZZ")), levels=("partner",), periods=("2024",))
    compared = compare(ring({}), Agreement(scope=asked))
    assert [(cell.exporter, cell.importer) for cell in compared.cells] == [("AAA", "BBB")]
    assert compared.absent == (("AAA", "ZZZ"),)
    nothing = compare(ring({}), Agreement(scope=Scope(periods=("2023",))))
    assert nothing.cells == ()


def test_pairs_are_one_family_and_fewer_of_them_need_less_evidence():
    one = two(100, 131, sd=1.6, **PLAIN)
    alone = compare(one).cells[0]
    many = compare(ring({"AAA>BBB": 1.31}, sd=1.6)).cells[0]
    assert alone.p_adjusted == pytest.approx(alone.p_differs)
    assert many.p_adjusted == pytest.approx(6 * many.p_differs)
    assert (alone.verdict, many.verdict) == ("differs", "cannot tell")


def test_families_of_pairs_are_adjusted_as_agreed():
    ratios = {"AAA>BBB": 1.6, "BBB>AAA": 1.6}
    adjusted = {
        how: compare(ring(ratios, sd=3), Agreement(pairs_adjusted=how)).cells[0].p_adjusted
        for how in (Adjustment.HOLM, Adjustment.BENJAMINI_YEKUTIELI, Adjustment.BENJAMINI_HOCHBERG)
    }
    assert len(set(adjusted.values())) == 3


def test_products_are_another_family_than_whole_flows():
    rows = [figure("X", "BBB", 100, sd=2), figure("X", "BBB", 100, sd=2, product="84", level="partner x chapter")]
    mirrored = [{**row, "flow": "M", "partner": "AA"} for row in rows]
    compared = compare([bundle("AAA", rows), bundle("BBB", mirrored)])
    assert [(cell.level, cell.product) for cell in compared.cells] == [
        ("partner", "TOTAL"),
        ("partner x chapter", "84"),
    ]
    assert all(cell.p_adjusted == cell.p_differs for cell in compared.cells)


def test_a_pairs_own_factor_goes_before_the_common_one():
    factors = (PairFactor(exporter="AAA", importer="BBB", factor=1.2, source="survey of 2023"),)
    compared = compare(ring({}, valuation={"X": "FOB", "M": "CIF"}), Agreement(cif_fob=1.05, by_pair=factors))
    said = {(cell.exporter, cell.importer): (cell.cif_fob, cell.cif_fob_source) for cell in compared.cells}
    assert said["AAA", "BBB"] == (1.2, "survey of 2023")
    assert said["BBB", "AAA"][0] == 1.05


def test_detectable_ratios_allow_for_the_family_that_a_verdict_must_hold_in():
    alone, many = compare(two(100, 100, sd=3, **PLAIN)).cells[0], compare(ring({}, sd=3)).cells[0]
    assert many.detectable_high > alone.detectable_high > 1.25
    assert many.detectable_low < alone.detectable_low < 0.8
    assert many.p_corresponds == pytest.approx(alone.p_corresponds)


def past(*ratios: float, exporter="AAA", importer="BBB") -> tuple[Past, ...]:
    return tuple(
        Past(exporter=exporter, importer=importer, period=str(2024 - n), exports=100.0, imports=100.0 * ratio)
        for n, ratio in enumerate(ratios, start=1)
    )


def test_with_a_public_history_what_could_be_seen_doesnt_depend_on_the_figures():
    public = PublicTables(history=past(1.0))
    seen = [compare(two(x, 100, sd=3, **PLAIN), public=public).cells[0] for x in (100, 300)]
    assert seen[0].detectable_low == seen[1].detectable_low
    assert seen[0].p_corresponds == seen[1].p_corresponds


def test_a_ratio_is_unusual_beside_its_own_past_and_not_beside_an_agreed_band():
    wide = PublicTables(history=past(1.30, 1.31, 1.29, 1.30))
    usual = compare(two(100, 130, sd=0.2, **PLAIN), public=wide).cells[0]
    assert (usual.verdict, usual.is_unusual) == ("differs", False)
    news = compare(two(100, 100, sd=0.2, **PLAIN), public=wide).cells[0]
    assert (news.verdict, news.is_unusual) == ("corresponds", True)
    assert "unusual" in news.unusual
    assert compare(two(100, 100, **PLAIN)).cells[0].unusual is None


def test_the_past_ends_before_the_period_begins_and_years_are_made_of_months():
    months = tuple(
        Past(exporter="AAA", importer="BBB", period=f"{year}-{month:02}", exports=1.0, imports=2.0)
        for year in (2022, 2023, 2024)
        for month in range(1, 13)
    )
    assert [one.period for one in past_of(months, "AAA", "BBB", "2024")] == ["2022", "2023"]
    assert past_of(months, "AAA", "BBB", "2024")[0].exports == 12
    assert past_of(months, "AAA", "BBB", "2023-02")[-1].period == "2023-01"
    assert past_of(months, "BBB", "AAA", "2024") == ()


def test_verdicts_on_assumed_exposure_say_what_nobody_checked():
    cell = compare(two(100, 100, exposures=(1.0, 1.0), beyond="assumed none")).cells[0]
    words = "no trader of AAA is above the ceiling of its large-trader tier"
    assert words in cell.conditional
    assert words in cell.because
    half = compare(two(100, 100, exposures=(np.inf, 1.0), beyond="assumed none")).cells[0]
    assert half.conditional == words.replace("AAA", "BBB")
    assert "declared" in compare(two(100, 100, exposures=(1.0, 1.0), declared_bound={})).cells[0].because
    assert compare(two(100, 100, exposures=(np.inf, np.inf), beyond="not bounded")).cells[0].conditional is None


def year(flow, partner, values, **more: Any):
    return [figure(flow, partner, value, period=f"2024-{n:02}", **more) for n, value in enumerate(values, start=1)]


def looked(xs, ms, **more: Any):
    bundles = [
        bundle("AAA", year("X", "BBB", xs, **more), **PLAIN),
        bundle("BBB", year("M", "AAA", ms, **more), **PLAIN),
    ]
    return compare(bundles).looks


def test_looks_tell_a_difference_within_the_year_and_correspondence_only_at_its_end():
    early = looked([100.0] * 12, [160.0] * 12, sd=5)
    assert len(early) == 12
    assert [look.verdict for look in early][-6:] == ["differs"] * 6
    assert early[-1].higher == "m"
    equal = looked([100.0] * 12, [100.0] * 12, sd=2)
    assert [look.verdict for look in equal] == ["cannot tell"] * 11 + ["corresponds"]


def test_looks_use_the_raw_measurements_and_not_the_reconciled_estimates():
    last = looked([100.0] * 12, [100.0] * 12, measured=250.0, measured_sd=4)[-1]
    assert (last.x, last.m) == (3000, 3000)


def test_a_year_that_runs_or_has_a_gap_is_looked_at_as_far_as_it_goes():
    running = looked([100.0] * 5, [160.0] * 5, sd=5)
    assert [look.period for look in running] == [f"2024-{n:02}" for n in range(1, 6)]
    assert all(look.verdict != "corresponds" for look in looked([100.0] * 5, [100.0] * 5, sd=1))
    gap = [row for row in year("X", "BBB", [100.0] * 12) if row["period"] != "2024-03"]
    assert compare([bundle("AAA", gap), bundle("BBB", year("M", "AAA", [100.0] * 12))]).looks == ()


def test_first_looks_need_more_than_a_single_comparison_would():
    first = looked([100.0] * 12, [135.0] * 12, sd=2.5)[0]
    single = compare(two(100, 135, sd=2.5, **PLAIN)).cells[0]
    assert (first.verdict, single.verdict) == ("cannot tell", "differs")


def test_the_sentence_counts_verdicts_and_names_the_largest_sure_gap():
    compared = compare(ring({"AAA>BBB": 1.6, "BBB>CCC": 0.5}, sd=0.1))
    assert sentence(compared.cells, compared.agreement) == (
        "Of 6 flows, 4 correspond, 2 differ and 0 cannot be told within a factor of 1.25 of 1;"
        " the largest sure gap is AAA to BBB, at least US$ 59.6, imports higher."
    )


def test_the_largest_gap_allows_for_all_flows_it_was_chosen_from_and_for_clipping():
    cells = compare(ring({"AAA>BBB": 0.5}, sd=1)).cells
    gap = largest_sure_gap(cells)
    assert gap.higher == "x"
    assert gap.least == pytest.approx(50 - 2.638 * np.sqrt(2), abs=0.01)
    assert largest_sure_gap([replace(cell, bound_m=None) for cell in cells]) is None
    assert largest_sure_gap(compare(ring({}, sd=5)).cells) is None


def test_an_office_whose_pairs_all_disagree_weighs_less_in_the_reconciled_estimate():
    ratios = {f"AAA>{other}": 1.3 for other in ("BBB", "CCC")} | {f"{other}>AAA": 0.75 for other in ("BBB", "CCC")}
    cells = compare(ring(ratios, sd=0.5)).cells
    own = own_asymmetries(cells)
    assert own["AAA"] > 0.2
    assert own["BBB"] == pytest.approx(own["CCC"])
    assert 0.02 < own["BBB"] < 0.15
    middle = next(one for one in middles_of(cells) if (one.exporter, one.importer) == ("AAA", "BBB"))
    assert middle.weight_x < 0.3
    assert 120 < middle.value < 130
    assert middles_of(compare(ring(ratios, exposure=np.inf)).cells) == ()
    assert middles_of(compare(two(100, 120)).cells) == ()
