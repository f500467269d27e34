"""`mirrors plan` by the real command line: predictions, targets, proposals, plots, and what it refuses."""

import re

import pytest
from small_office import OFFICE, RELEASE

from release.cli.plans import Asked, show
from release.errors import UsageError

CELLS = [("US", 9e9), ("GB", 4e9), ("IT", 1e9), ("DE", 2e8), ("_X", 1e7)]
HEAD, _, _ = RELEASE.partition("[[measures]]")
SHAPED = (
    HEAD
    + """
[prior]
table = "2023.csv"
publisher = "us"
period = "2023"
published = "2024-01-31"
[assumption]
traders = 500
top = 3
top_share = "0.3"
source = "made up for a test"
[[measures]]
name = "value"
rho = "1"
levels = [
    { level = "total", relative_noise = "0.1", floor = "1e7" },
    { level = "partner", relative_noise = "0.1", floor = "1e7", target = "0.2" },
]
"""
)

TIERED_OFFICE = OFFICE.replace("[ledger]", '[policy]\nlarge_traders = "on"\n\n[ledger]').replace(
    'delta = "1e-8"', 'delta = "1e-8"\nlarge_traders = "5000"'
)


@pytest.fixture
def release(tmp_path):
    (tmp_path / "office.toml").write_text(TIERED_OFFICE)
    (tmp_path / "2024.toml").write_text(SHAPED)
    rows = [f"{flow},2023,{partner},TOTAL,partner,value,{value}" for flow in "MX" for partner, value in CELLS]
    rows += [f"{flow},2023,W0,TOTAL,total,value,{sum(value for _, value in CELLS)}" for flow in "MX"]
    (tmp_path / "2023.csv").write_text("\n".join(["flow,period,partner,product,level,measure,value", *rows]))
    return tmp_path / "2024.toml"


def test_a_plan_predicts_by_level_and_band_under_a_stated_assumption(mirrors, release):
    planned = mirrors("plan", release, "--json")
    assert planned.code == 0, planned.err
    document = planned.json
    assert document["assumption"]["traders"] == 500
    assert document["assumption"]["source"] == "made up for a test"
    assert "cannot tell" in document["assumption"]["conditional"]
    partner = document["levels"][1]
    assert 0 < partner["predicted_median_error"] < 1
    assert 0 <= partner["p_corresponds"] <= 1
    assert partner["detectable_high"] > 1.25
    assert [band["prior_low"] for band in partner["bands"]] == [1e9, 1e8, 1e7]
    assert sum(band["cells"] for band in partner["bands"]) == partner["cells"] == 10
    assert [mirror["tolerance"] for mirror in partner["bands"][0]["mirrors"]] == [0.25, 0.1]


def test_the_text_says_what_is_assumed_and_that_every_verdict_is_conditional(mirrors, release):
    text = " ".join(mirrors("plan", release).out.split())
    assert "500 traders, of whom the largest 3 hold 30 % of trade" in text
    assert "made up for a test" in text
    assert "Predictions are of the uniform tier" in text
    assert "every verdict on a mirror is: cannot tell" in text


def test_a_target_names_the_loss_that_reaches_it(mirrors, release):
    own = mirrors("plan", release, "--target", "--json").json["targets"]
    given = mirrors("plan", release, "--target", "partner=0.2", "--json").json["targets"]
    assert own == given
    assert own[0]["reachable"]
    assert own[0]["held_by"] == "partner"
    assert float(own[0]["rho"]) > 0


def test_a_target_that_no_loss_reaches_is_told(mirrors, release):
    ended = mirrors("plan", release, "--target", "partner=0.0002")
    assert ended.code == 0, ended.err
    assert "No loss reaches them" in ended.out
    assert not mirrors("plan", release, "--target", "partner=0.0002", "--json").json["targets"][0]["reachable"]


def test_what_is_no_target_is_a_usage_error(mirrors, release):
    ended = mirrors("plan", release, "--target", "partners=0.2")
    assert ended.code == 2
    assert "is no target" in ended.err


@pytest.mark.parametrize("text", ["partner=-1", "partner=x", "partner=", "=", "partner=1e9"])
def test_a_target_is_a_level_and_a_part(text, tmp_path):
    with pytest.raises(UsageError, match="is no target"):
        show(tmp_path / "absent.toml", None, Asked(target=True, targets=(text,)), as_json=True)


def test_a_proposal_can_be_put_into_the_config_as_it_is_printed(mirrors, release):
    (proposal,) = mirrors("plan", release, "--suggest", "--json").json["suggested"]
    scales = [
        f'{{ level = "{level["level"]}", relative_noise = "{level["relative_noise"]}", floor = "{level["floor"]}" }}'
        for level in proposal["levels"]
    ]
    head, _, _ = SHAPED.partition("levels = [")
    release.write_text(f"{head}levels = [{', '.join(scales)}]\n")
    again = mirrors("plan", release, "--json")
    assert again.code == 0, again.err
    largest, *_ = again.json["levels"][1]["bands"]
    assert largest["predicted_median_error"] < 2 * proposal["levels"][1]["predicted_median_error"]


UNEVEN = """[measures.large_traders]
ceiling = "3000"
beyond = "not bounded"
levels = [
    { level = "total", relative_noise = "0.001", floor = "1e7" },
    { level = "partner", relative_noise = "0.2", floor = "1e7" },
]
"""


def test_a_tier_is_proposed_scales_that_lower_errors_at_no_higher_loss(mirrors, release):
    release.write_text(SHAPED + UNEVEN)
    told = mirrors("plan", release, "--suggest")
    assert told.code == 0, told.err
    said = " ".join(told.out.split())
    assert "Proposed for the large-trader tier of value at ceiling 3,000" in said
    losses = re.search(r"predicted largest loss ([\d,]+), now ([\d,]+):", said)
    assert losses is not None
    after, now = (int(loss.replace(",", "")) for loss in losses.groups())
    assert after <= now


def test_scales_that_nothing_betters_at_the_same_loss_are_kept(mirrors, release):
    table = release.parent / "2023.csv"
    rows = [f"{flow},2023,{partner},TOTAL,partner,value,1e9" for flow in "MX" for partner, _ in CELLS]
    table.write_text("\n".join(["flow,period,partner,product,level,measure,value", *rows]))
    level = '    { level = "partner", relative_noise = "0.1", floor = "1e7" },\n]\n'
    one_level = f"{SHAPED.partition('levels')[0]}levels = [\n{level}{UNEVEN.partition('levels')[0]}levels = [\n{level}"
    release.write_text(one_level)
    told = mirrors("plan", release, "--suggest")
    assert told.code == 0, told.err
    assert "its own are kept" in told.out


@pytest.mark.parametrize("ending", ["json", "svg"])
def test_the_prediction_is_drawn(mirrors, release, tmp_path, ending):
    if ending == "svg":
        pytest.importorskip("vl_convert")
    ended = mirrors("plan", release, "--plot", tmp_path / f"plan.{ending}")
    assert ended.code == 0, ended.err
    assert "median error" in (tmp_path / f"plan.{ending}").read_text()


def test_a_plot_of_another_kind_or_of_nothing_is_refused(mirrors, release, tmp_path):
    assert mirrors("plan", release, "--plot", tmp_path / "plan.docx").code == 2
    (tmp_path / "2024.toml").write_text(RELEASE)
    assert mirrors("plan", release, "--plot", tmp_path / "plan.json").code == 2
    assert not (tmp_path / "plan.json").exists()
