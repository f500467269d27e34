"""What carries a gap, with variances from the releases' own least squares; sums over offices; the page."""

import re
from dataclasses import replace

import numpy as np
import pytest
from mirror_offices import bundles_in, release_toml, released, trade, two_offices

from release.bundle.verification import read_bundle
from release.cli.comparison_tables import show
from release.cli.comparisons import write
from release.errors import BundleRefusedError, UsageError
from release.mirror.agreement import Agreement
from release.mirror.comparison import compare
from release.mirror.covariances import Blocks, block_of, variance_in
from release.mirror.explaining import NOT_MEASURED, explain
from release.mirror.page import page_of
from release.mirror.sums import sums_of

WAY = ("AAA", "DEU")
CHAPTERS = ("01", "27", "84", "_X")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return two_offices(tmp_path_factory.mktemp("offices"))


@pytest.fixture(scope="module")
def bundles(published):
    return bundles_in(published)


@pytest.fixture(scope="module")
def explained(bundles):
    return next(explain(bundles, [WAY], Agreement(cif_fob=1.05)))


def dense_covariance(bundle, flow):
    """Return the covariance of all leaves by dense least squares: (A' W A)^-1, leaves partner by partner."""
    rows = bundle.observations.filter(
        (bundle.observations["measure"] == "value") & (bundle.observations["flow"] == flow)
    )
    partners, chapters = bundle.plan["partners"], bundle.plan["chapters"]
    leaves = [(partner, chapter) for partner in partners for chapter in chapters]
    information = np.zeros((len(leaves), len(leaves)))
    for row in rows.iter_rows(named=True):
        one = np.array([float(row["partner"] in ("W0", p) and row["product"] in ("TOTAL", c)) for p, c in leaves])
        information += np.outer(one, one) / row["measured_sd"] ** 2
    return leaves, np.linalg.inv(information)


def test_variances_of_sums_are_those_of_dense_least_squares(bundles):
    bundle = bundles[0]
    leaves, covariance = dense_covariance(bundle, "X")
    block = block_of(bundle, "X", "2024-Q1")
    for weights in (
        {("DE", "84"): 1.0},
        {("DE", "84"): 1.0, ("DE", "01"): -2.0},
        {("DE", "27"): 1.0, ("FR", "27"): 1.0},
        {("DE", "84"): 1.0, ("FR", "TOTAL"): 0.5},
    ):
        w = np.array([weights.get(leaf, 0.0) + weights.get((leaf[0], "TOTAL"), 0.0) for leaf in leaves])
        assert variance_in(block, weights) == pytest.approx(
            w @ covariance @ w, rel=1e-4
        )  # as precise as the figures are stated


def test_a_section_is_the_sum_of_its_chapters(bundles):
    block = block_of(bundles[0], "X", "2024-Q1")
    assert variance_in(block, {("DE", "S16"): 1.0, ("FR", "84"): 1.0}) == pytest.approx(
        variance_in(block, {("DE", "84"): 1.0, ("FR", "84"): 1.0})
    )


def test_all_chapters_of_a_partner_are_as_precise_as_the_partner(bundles):
    blocks = Blocks(tuple(bundles), {})
    chapters = blocks.variance("AAA", "X", "2024-Q1", {("DE", chapter): 1.0 for chapter in CHAPTERS})
    assert chapters == pytest.approx(blocks.variance("AAA", "X", "2024-Q1", {("DE", "TOTAL"): 1.0}), rel=1e-4)
    assert blocks.variance("AAA", "X", "2023", {("DE", "TOTAL"): 1.0}) == np.inf


def test_contributions_and_freight_add_up_to_the_gap(explained):
    assert explained.freight.value + explained.rest.value == pytest.approx(explained.gap.value)
    assert sum(part.amount.value for part in explained.parts) == pytest.approx(explained.rest.value)
    assert {part.product for part in explained.parts} == set(CHAPTERS)


def test_the_chapter_that_was_planted_carries_the_gap(explained):
    largest = explained.parts[0]
    assert largest.product == "84"
    assert largest.amount.low > 0


def test_the_interval_of_a_sum_is_narrower_than_standard_deviations_added_in_quadrature(explained):
    alone = np.sqrt(sum(part.amount.sd**2 for part in explained.parts))
    assert explained.leading.sd == pytest.approx(explained.rest.sd, rel=1e-4)
    assert explained.rest.sd < 0.99 * alone


def test_the_bridge_leads_from_exports_to_imports_and_says_what_was_not_measured(explained):
    amounts = [step.amount.value for step in explained.bridge if step.amount is not None]
    assert sum(amounts[:-1]) == pytest.approx(amounts[-1])
    unmeasured = [step for step in explained.bridge if step.amount is None]
    assert len(unmeasured) == 4
    assert all(step.said == NOT_MEASURED for step in unmeasured)


def test_without_a_factor_freight_is_not_measured(bundles):
    one = next(explain(bundles, [("DEU", "AAA")], Agreement(cif_fob=1.05)))
    assert one.cif_fob == 1.05
    alike = [bundle for bundle in bundles if bundle.metadata["valuation"]["M"] == "CIF"]
    for bundle in alike:
        bundle.metadata["valuation"]["M"] = "FOB"
    plain = next(explain(alike, [WAY], Agreement(cif_fob=1.05)))
    for bundle in alike:
        bundle.metadata["valuation"]["M"] = "CIF"
    freight = next(step for step in plain.bridge if step.name == "freight and insurance")
    assert (plain.cif_fob, freight.amount) == (1.0, None)
    assert plain.freight.value == 0


def test_a_pair_that_nothing_published_supports_is_refused(bundles):
    with pytest.raises(UsageError, match="AAA>ZZZ"):
        list(explain(bundles, [("AAA", "ZZZ")], Agreement()))


def test_published_re_exports_are_a_step_and_mark_a_hub(tmp_path):
    toml = release_toml("AAA", rho="1", flows='["M", "X", "RX"]')
    lines = trade("DE", "X", {"84": 5e5}) + trade("DE", "RX", {"84": 9e5})
    released(tmp_path, "AAA", lines, toml)
    place = released(tmp_path, "DEU", trade("AX", "M", {"84": 5e5}))
    assert read_bundle(place).metadata["partner"]["M"] == "consignment"
    bundles = bundles_in(tmp_path / "published")
    bundles[1].metadata["partner"]["M"] = "origin"
    one = next(explain(bundles, [WAY], Agreement(hubs=("DEU",), hubs_source="a public list")))
    step = next(step for step in one.bridge if step.name == "less re-exports")
    assert step.amount.value < -7e5
    assert "DEU is known as a hub (a public list)" in one.hub
    assert "re-exports are more than 20%" in one.hub
    leading = np.sqrt(sum(part.amount.sd**2 for part in one.parts))
    assert one.rest.sd < leading


def test_sums_over_offices_add_values_and_use_the_full_covariance(bundles):
    compared = compare(bundles)
    totals = {total.of: total for total in sums_of(compared.cells, bundles)}
    whole = totals["all pairs"]
    assert whole.pairs == 2
    assert whole.gap.value == pytest.approx(sum(c.m - c.x for c in compared.cells if c.level == "partner"))
    expected = np.sqrt(sum(c.x_sd**2 + c.m_sd**2 for c in compared.cells if c.level == "partner"))
    assert whole.gap.sd == pytest.approx(expected)
    assert totals["exports of AAA"].x.value == totals["imports of DEU"].x.value


def test_the_page_needs_nothing_else_and_shows_labels_as_they_are(bundles, explained):
    page = page_of(compare(bundles), "<script>alert(1)</script> & mirrors", [explained])
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; mirrors" in page
    assert not re.search(r"(src|href)\s*=|https?://", page)
    for words in ("Of 2 flows", "AAA to DEU", "what carries the gap", "not measured", "<svg", "P(corresponds)"):
        assert words in page
    for ugly in ("nan", "None", "inf ", "e+0"):
        assert ugly not in page


def test_a_sheet_that_lacks_what_a_mirror_needs_is_refused(bundles):
    odd = [replace(bundles[0], metadata={**bundles[0].metadata, "valuation": {"M": 3}}), bundles[1]]
    with pytest.raises(BundleRefusedError, match=r"valuation\.M, valuation\.X, valuation\.RX"):
        compare(odd)


def test_labels_of_other_offices_start_no_formula_and_no_markup(bundles, tmp_path, capsys):
    sheet = {**bundles[0].metadata, "valuation": {"M": "CIF", "X": "=1+1", "RX": "-"}, "trade_system": "[red]x"}
    write(compare([replace(bundles[0], metadata=sheet), bundles[1]]), tmp_path)
    text = (tmp_path / "comparison.csv").read_text(encoding="utf-8")
    assert "'=1+1" in text
    assert not re.search('(^|,)"?[=+@]', text)
    show(compare([replace(bundles[0], metadata=sheet), bundles[1]]))
    assert "[red]x" in capsys.readouterr().out
