"""`mirrors audit --noise`: the attack on an office's own plan opens no source, and catches a broken mechanism."""

import pytest
from edited_program import Edit, edited, mirrors_of
from small_office import RELEASE, write_office

BY_FLOW = 'partner = { by_flow = { M = "origin", X = "destination" }, translate = { GB = "US", UK = "GB" } }'
PARQUET = RELEASE.replace('layout = "csv"', 'layout = "parquet"').replace('partner = "partner"', BY_FLOW)


@pytest.mark.slow
def test_the_attack_on_an_offices_plan_shows_no_more_than_is_claimed(mirrors, tmp_path):
    release = write_office(tmp_path)
    (tmp_path / "declarations.csv").unlink()
    ended = mirrors("audit", "--noise", tmp_path / "office.toml", "--out", tmp_path / "report", "--json")
    assert ended.code == 0, ended.err
    [measured] = ended.json["noise"]
    assert 0.8 * measured["reachable"] < measured["shown"] <= measured["claimed"]
    assert 0.999 < measured["largest_norm"] <= 1
    assert measured["correlation"] <= 1
    assert all(one["right"] and 0.8 < one["drawn"] < 1.2 for one in measured["widths"])
    assert not (tmp_path / "state").exists()
    assert (tmp_path / "report" / "noise.json").exists()
    assert "% of" in ended.err
    assert mirrors("audit", "--noise", release).code == 0


@pytest.mark.slow
def test_the_attack_works_in_other_layouts(mirrors, tmp_path):
    release = write_office(tmp_path, release=PARQUET)
    ended = mirrors("audit", "--noise", release, "--json")
    assert ended.code == 0, ended.err
    assert ended.json["noise"][0]["reachable"] > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (
            Edit(
                module="confidential/noise.py",
                old="    return np.asarray(answers(mechanism), dtype=np.int64)",
                new="    drawn = np.asarray(answers(mechanism), dtype=np.int64)\n"
                "    return vector + (drawn - vector) // 3",
            ),
            {"noise-loss", "noise-scale"},
        ),
        (
            Edit(
                module="confidential/clip.py",
                old="large = stack.large(measure.bound)[stack.owner]",
                new="large = np.zeros(len(stack.owner), dtype=bool)",
            ),
            {"noise-sensitivity"},
        ),
    ],
    ids=["noise of a third", "no clip"],
)
def test_a_broken_mechanism_is_found(tmp_path, edit, code):
    root = edited(tmp_path, edit)
    release = write_office(tmp_path / "office")
    ended = mirrors_of(root, "audit", "--noise", release)
    assert ended.returncode == 1, ended.stderr
    assert all(one.encode() in ended.stdout for one in code)


@pytest.mark.slow
def test_an_attack_whose_records_do_not_count_says_so(mirrors, tmp_path):
    release = write_office(tmp_path, release=RELEASE.replace('flow = "flow"', 'flow = { constant = "other" }'))
    ended = mirrors("audit", "--noise", release, "--json")
    assert ended.code == 1
    assert [one["code"] for one in ended.json["findings"]] == ["noise-idle"]


def test_an_attack_needs_a_config(mirrors):
    assert mirrors("audit", "--noise").code == 2
