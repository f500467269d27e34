"""What stands against what: consignment and origin, valuation, periods, currencies; and what can't be aligned."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror_world import bundle, figure, two

from release.inference import Band, judge_cells
from release.mirror.agreement import PublicTables
from release.mirror.alignment import BY_CONSIGNMENT, BY_ORIGIN, Scope, aligned, as_mirrors, from_fob_to_cif
from release.mirror.comparison import Agreement, compare
from release.mirror.figures import parts_of

ORIGIN = {"partner": {"M": "origin"}}


def first(bundles, **scope: Any):
    return next(aligned(bundles, Scope(**scope)))


def hub(x: float, again: float, m: float, *, exposures=(0.0, 0.0, 0.0), sd=1.0, **importer: Any):
    """Return AAA, which exports x and re-exports `again` of it to BBB, and BBB, which imports m from AAA."""
    return [
        bundle(
            "AAA",
            [
                figure("X", "BBB", x, sd=sd, exposure=exposures[0]),
                figure("RX", "BBB", again, sd=sd, exposure=exposures[1]),
            ],
        ),
        bundle("BBB", [figure("M", "AAA", m, sd=sd, exposure=exposures[2])], **importer),
    ]


def test_imports_by_consignment_stand_against_exports_with_their_re_exports():
    pair = first(hub(100, 40, 100))
    assert pair.cells["x"].item() == 100
    assert pair.cells["basis"].item() == BY_CONSIGNMENT


def test_imports_by_origin_stand_against_exports_less_re_exports():
    pair = first(hub(100, 40, 60, sd=3.0, **ORIGIN))
    assert pair.cells["x"].item() == 60
    assert pair.cells["x_sd"].item() == pytest.approx(np.hypot(3, 3))
    assert pair.cells["basis"].item() == BY_ORIGIN
    assert "less re-exports" in pair.notes[0]


def test_re_exports_left_in_call_an_equal_flow_different():
    net = compare(hub(100, 40, 63.6, **ORIGIN)).cells[0]
    gross = compare([hub(100, 40, 63.6)[0], bundle("BBB", [figure("M", "AAA", 63.6)])]).cells[0]
    assert (net.verdict, gross.verdict) == ("corresponds", "differs")


def test_without_published_re_exports_imports_by_origin_are_compared_gross_and_that_is_said():
    pair = first(two(100, 60, partner={"M": "origin"}))
    assert pair.cells["x"].item() == 100
    assert "re-exports aren't published" in pair.notes[0]


def test_an_importer_that_publishes_both_is_compared_by_consignment():
    both = [
        *hub(100, 40, 60, **ORIGIN),
        bundle("BBB", [figure("M", "AAA", 101)], release="2024-b"),
    ]
    pair = first(both)
    assert pair.cells.select("x", "m", "basis").rows() == [(100, 101, BY_CONSIGNMENT)]


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(50, 100),
    again=st.floats(0, 40),
    clipped=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    bounds=st.tuples(st.floats(0, 30), st.floats(0, 30)),
)
def test_what_clipping_takes_from_exports_or_from_re_exports_stays_within_the_bounds(x, again, clipped, bounds):
    published = x - clipped[0] * bounds[0], again - clipped[1] * bounds[1]
    pair = first(hub(*published, 60, exposures=(*bounds, 0.0), sd=1e-9, **ORIGIN))
    tested = as_mirrors(pair.cells)
    assert tested.x[0] - 1e-6 <= x - again <= tested.x[0] + tested.bound_x[0] + 1e-6


def test_clipped_re_exports_never_make_equal_flows_differ():
    truth, taken = 60.0, 30.0  # the office re-exports 40, of which 10 were published
    bundles = hub(100, 40 - taken, truth, exposures=(0.0, taken, 0.0), sd=0.5, valuation={"M": "FOB"}, **ORIGIN)
    assert compare(bundles).cells[0].verdict == "cannot tell"
    mutant = as_mirrors(first(bundles).cells.with_columns(bound_x=pl.lit(taken), over_x=pl.lit(0.0)))
    assert judge_cells(mutant, Band(tolerance=0.25))[0].verdict == "differs"


def test_re_exports_without_a_bound_leave_nothing_to_be_told():
    for m in (5.0, 60.0, 500.0):
        cell = compare(hub(100, 40, m, exposures=(0.0, np.inf, 0.0), **ORIGIN)).cells[0]
        assert cell.verdict == "cannot tell"
        assert cell.bound_over_x is None
        assert "re-exports has no bound" in cell.because


@pytest.mark.parametrize(
    ("x", "m", "applies"),
    [
        ("FOB", "CIF", True),
        ("FAS", "CIF", True),
        ("FOB", "FOB", False),
        ("CIF", "CIF", False),
        ("CIF", "FOB", False),
        ("unknown", "CIF", False),
        ("FOB", "unknown", False),
    ],
)
def test_a_factor_applies_only_from_fob_or_fas_to_cif(x, m, applies):
    cell = compare(two(100, 100, valuation={"X": x, "M": m}), Agreement(cif_fob=1.5)).cells[0]
    assert cell.cif_fob == (1.5 if applies else 1.0)
    assert from_fob_to_cif(x, m) is applies
    assert (cell.cif_fob_source is not None) is applies


def test_a_factor_between_equal_valuations_would_turn_the_verdict():
    alike = two(100, 100, valuation={"X": "FOB", "M": "FOB"})
    assert compare(alike, Agreement(cif_fob=1.5)).cells[0].verdict == "corresponds"
    other = two(100, 100, valuation={"X": "FOB", "M": "CIF"})
    assert compare(other, Agreement(cif_fob=1.5)).cells[0].verdict == "differs"


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"valuation": {"M": "unknown"}}, "valued FOB and imports unknown: no CIF/FOB factor"),
        ({"valuation": {"X": "CIF", "M": "FOB"}}, "no factor is known for that"),
        ({"partner": {"M": "sale or purchase"}}, "X against M by sale or purchase: exports are compared gross"),
    ],
)
def test_what_cannot_be_aligned_is_named(said, note):
    assert any(note in one for one in first(two(100, 100, **said)).notes)


def test_different_editions_systems_dates_and_currencies_are_named():
    one, other = two(100, 100)
    told = {"hs_edition": "HS 2017", "trade_system": "special", "currency": "EUR", "date_basis": "arrival"}
    different = bundle("BBB", [figure("M", "AAA", 100)], **told)
    notes = " | ".join(first([one, different]).notes)
    for words in (
        "Harmonized System: HS 2022 and HS 2017",
        "trade systems: general and special",
        "USD and EUR",
        "arrival",
    ):
        assert words in notes
    assert all("protects single rows and no firm" in note for note in first([one, other]).notes)


def test_a_public_rate_table_goes_before_the_sheets_own_rate():
    bundles = [bundle("AAA", [figure("X", "BBB", 100)], currency="EUR", usd_per_unit="2"), two(1, 105)[1]]
    assert compare(bundles).cells[0].x == 200
    by_table = compare(bundles, public=PublicTables(rates={("EUR", "2024"): 1.05}))
    assert by_table.cells[0].x == pytest.approx(105)
    assert "EUR by the public table" in by_table.notes[0][2][0]


def monthly(flow, partner, values, **more: Any):
    return [figure(flow, partner, value, period=f"2024-{n:02}", **more) for n, value in enumerate(values, start=1)]


def test_a_year_stands_against_the_sum_of_its_months():
    year = bundle("BBB", [figure("M", "AAA", 1210, sd=5)])
    months = bundle("AAA", monthly("X", "BBB", [100.0] * 12, sd=3, exposure=2))
    pair = first([months, year])
    row = pair.cells.row(0, named=True)
    assert (row["period"], row["x"], row["bound_x"]) == ("2024", 1200, 24)
    assert row["x_sd"] == pytest.approx(3 * np.sqrt(12))
    assert "2024 of AAA is the sum of its 12 published periods" in pair.notes


def test_a_year_with_a_month_missing_is_no_year():
    pair = first([bundle("AAA", monthly("X", "BBB", [100.0] * 11)), bundle("BBB", [figure("M", "AAA", 1210)])])
    assert pair.cells.is_empty()
    assert "no common cell" in pair.notes[-1]


def test_periods_are_made_of_the_coarsest_parts_that_fit():
    assert parts_of("2024", ["2024-Q1", "2024-Q2", "2024-Q3", "2024-10", "2024-11", "2024-12", "2024-01"]) == (
        "2024-10",
        "2024-11",
        "2024-12",
        "2024-Q1",
        "2024-Q2",
        "2024-Q3",
    )
    assert parts_of("2024-Q1", ["2024-01", "2024-02"]) == ()
    assert parts_of("2024-Q1", ["2023-01", "2023-02", "2023-03"]) == ()


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(1, 200),
    m=st.floats(1, 200),
    exposures=st.tuples(st.sampled_from([0.0, 10.0, np.inf]), st.sampled_from([0.0, 10.0, np.inf])),
)
def test_exchanging_the_offices_roles_mirrors_the_verdict(x, m, exposures):
    alike = {"valuation": {"X": "FOB", "M": "FOB"}}
    one = compare(two(x, m, exposures=exposures, sd=2, **alike)).cells[0]
    other = compare(two(m, x, exposures=exposures[::-1], sd=2, **alike)).cells[0]
    assert one.verdict == other.verdict
    assert {one.higher, other.higher} in ({None}, {"x", "m"})
    assert one.p_differs == pytest.approx(other.p_differs)
    assert one.gap == -other.gap


def test_bounds_belong_to_the_side_that_was_clipped():
    clipped = two(70, 100, exposures=(35.0, 0.0), sd=0.5, valuation={"X": "FOB", "M": "FOB"})
    assert compare(clipped).cells[0].verdict == "cannot tell"
    row = first(clipped).cells
    exchanged = as_mirrors(row.with_columns(bound_x="bound_m", bound_m="bound_x"))
    assert judge_cells(exchanged, Band(tolerance=0.25))[0].verdict == "differs"
