"""`mirrors protect`: a trader's page from its own figures and a published bundle, and what it refuses."""

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from clip_world import leaf_sums
from offices import new_book, plan_of
from reference_clip import reference_excess
from test_excess_release import LISTED, TIER, TIERED, publish, tiered

from release.cli.declared import declared_in, read_declared
from release.cli.protection import Protection, policy_at, protection, show, told
from release.confidential.excess import excess_square
from release.errors import BundleRefusedError, DeclarationsError, UsageError
from release.policy import interval_percent
from release.privacy import GRID_BITS
from release.tables import Measure

HEADER = "flow,period,partner,product,value\n"
SMALL = "M,2024-02,DE,840211,1250.50\nX,2024-04,US,270900,300\n"
THIRD = "M,2024-Q1,FR,270900,400000\nM,2024-03-09,FR,840211,90000.25\n"
GIANT = "M,2024-Q1,FR,270900,9000000000\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tiered(tmp_path_factory.mktemp("office")), new_book()).bundle


def own(folder: Path, text: str) -> Path:
    file = folder / "mine.csv"
    file.write_text(HEADER + text, encoding="utf-8")
    return file


def found(bundle: Path, folder: Path, text: str) -> Protection:
    policy = policy_at(bundle)
    return protection(policy, declared_in(read_declared(own(folder, text)), policy))


def test_the_published_bundle_gives_the_plans_very_measures(tmp_path: Path) -> None:
    place = tiered(tmp_path)
    planned = plan_of(place)
    policy = policy_at(publish(place, new_book()).bundle)
    assert policy.layout == planned.layout
    for one, other in zip(policy.measures, planned.measures, strict=True):
        assert (one.measure, one.rho, one.bound, one.minor_units) == (
            other.measure,
            other.rho,
            other.bound,
            other.minor_units,
        )
        assert one.caps.tolist() == other.caps.tolist()
        assert one.scales_digest == other.scales_digest
        if other.excess is not None:
            assert one.excess is not None
            assert (one.excess.rho, one.excess.bound) == (other.excess.rho, other.excess.bound)
            assert one.excess.caps.tolist() == other.excess.caps.tolist()
            assert one.excess.scales_digest == other.excess.scales_digest


def test_a_small_trader_is_protected_like_everyone(bundle: Path, tmp_path: Path) -> None:
    small = found(bundle, tmp_path, SMALL)
    page = "\n".join(told(small))
    assert small.loss.rho == small.loss.uniform == Fraction(5, 4)
    assert small.loss.alike
    assert "protected like everyone else" in page
    assert "±123 %" in page, "1.96 / sqrt(2 * 1.25), rounded down"
    assert "no useful figure" in page


def test_a_third_of_a_partners_imports_is_told_what_the_code_spends(bundle: Path, tmp_path: Path) -> None:
    large = found(bundle, tmp_path, THIRD)
    policy = policy_at(bundle)
    measure = policy.measures[0]
    assert measure.excess is not None
    leaf = {4 + 1: 40_000_000, 4 + 2: 9_000_025}
    square = sum(step**2 for step in reference_excess(leaf, measure, measure.excess).values())
    assert square == excess_square(leaf_sums([leaf]), measure, measure.excess)
    assert large.loss.excess == Fraction(square, 2 * 4**GRID_BITS)
    assert not large.loss.alike
    assert not large.loss.binds
    assert "protection isn't that of others" in "\n".join(told(large))


def test_a_trader_above_the_ceiling_is_told_that_it_binds(bundle: Path, tmp_path: Path) -> None:
    giant = found(bundle, tmp_path, GIANT)
    assert giant.loss.binds
    assert giant.loss.rho == giant.loss.ceiling == 2000 + Fraction(3, 4)
    assert "no useful protection" in "\n".join(told(giant))


def test_lines_of_another_flow_or_period_do_not_count_and_unlisted_keys_go_to_the_residual(
    bundle: Path, tmp_path: Path
) -> None:
    policy = policy_at(bundle)
    lines = read_declared(own(tmp_path, "M,2024-07,DE,84,5\nRM,2024-01,DE,84,5\nM,2024,DE,84,5\nM,2024-01,ZW,99,5\n"))
    declared = declared_in(lines, policy)
    assert (declared.counted, declared.left_out) == (1, 3)
    assert declared.amounts[Measure.VALUE].rows() == [(0, 15, 500)]


def test_values_are_rounded_half_away_from_zero_and_returns_lower_their_leaf(bundle: Path, tmp_path: Path) -> None:
    policy = policy_at(bundle)
    lines = read_declared(own(tmp_path, "M,2024-01,DE,01,0.125\nM,2024-01,DE,01,-0.015\n"))
    declared = declared_in(lines, policy)
    assert declared.amounts[Measure.VALUE]["amount"].to_list() == [13 - 2]
    assert declared.amounts[Measure.RETURNS]["amount"].to_list() == [2]


def test_a_measure_with_the_tier_that_the_file_does_not_tell_is_taken_at_its_ceiling(tmp_path: Path) -> None:
    levels = 'levels = [{ level = "total", noise_sd = "20" }, { level = "chapter", noise_sd = "10" }]\n'
    assert levels in TIERED
    release = TIERED.replace(levels, f'{levels}[measures.large_traders]\nceiling = "100"\n{levels}')
    bundle = publish(tiered(tmp_path, release=release), new_book()).bundle
    missing = found(bundle, tmp_path, SMALL)
    assert missing.loss.rho == Fraction(1, 2) + 100 + Fraction(1, 2)
    assert missing.loss.binds is False
    assert any(one.assumed for one in missing.measures)
    assert "the ceiling was taken" in "\n".join(told(missing))
    (tmp_path / "counted.csv").write_text(HEADER.replace("value", "value,declarations") + "M,2024-01,DE,01,5,1\n")
    policy = policy_at(bundle)
    told_all = protection(policy, declared_in(read_declared(tmp_path / "counted.csv"), policy))
    assert told_all.loss.alike


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("M,2024,DE,01\n", "line 2"),
        ("M,2024,DE,01,1,2\n", "line 2"),
        ("Q,2024,DE,01,1\n", "flow"),
        ("M,24,DE,01,1\n", "period"),
        ("M,2024,DE,1,1\n", "product"),
        ('M,2024,DE,01,"1,5"\n', "number"),
        ("M,2024,DE,01,nan\n", "number"),
        ("M,2024,DE,01,1\nM,2024,DE,01,x\n", "line 3"),
        ("", "no line"),
    ],
)
def test_figures_that_cannot_be_read_are_refused_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DeclarationsError, match=said):
        read_declared(own(tmp_path, text))


def test_an_altered_bundle_is_refused(tmp_path: Path) -> None:
    bundle = publish(tiered(tmp_path), new_book()).bundle
    plan = bundle / "plan.json"
    plan.chmod(0o644)
    plan.write_text(plan.read_text().replace('"ceiling":"2000"', '"ceiling":"2"'))
    with pytest.raises(BundleRefusedError):
        policy_at(bundle)


def test_the_command_tells_it_as_text_and_as_json(mirrors, bundle: Path, tmp_path: Path) -> None:
    told_text = mirrors("protect", bundle, "--declarations", own(tmp_path, THIRD))
    assert told_text.code == 0, told_text.err
    assert "nothing was sent" in told_text.out
    told_json = mirrors("protect", bundle, "--declarations", own(tmp_path, THIRD), "--json").json
    (release,) = told_json["releases"]
    assert release["protected_alike"] is False
    assert release["ceiling"] == "2000.75"
    assert Fraction(release["rho"]) >= found(bundle, tmp_path, THIRD).loss.rho
    assert told_json["together"]["rho"] == release["rho"]
    assert math.isclose(release["p_percent"], json.loads(json.dumps(told_json["together"]["p_percent"])))


def test_a_release_named_twice_is_refused_and_a_file_that_is_not_there_as_well(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        show([bundle, bundle], own(tmp_path, THIRD), as_json=True)
    with pytest.raises(DeclarationsError):
        show([bundle], tmp_path / "nothing.csv", as_json=True)


def test_an_office_with_a_list_says_so_on_the_page(tmp_path: Path) -> None:
    bundle = publish(tiered(tmp_path, release=LISTED, asked=["giant"]), new_book()).bundle
    page = "\n".join(told(found(bundle, tmp_path, THIRD)))
    assert "asked for protection" in page


def test_no_trader_is_told_a_narrower_interval_than_its_figures_allow_or_a_wider_one_than_its_loss_says(
    bundle: Path, tmp_path: Path
) -> None:
    for text in (SMALL, THIRD, GIANT):
        one = found(bundle, tmp_path, text)
        assert interval_percent(one.loss, one.information) <= 196.0 / math.sqrt(2 * one.loss.rho) + 1e-9


def test_just_above_the_bound_the_volume_is_known_better_than_the_loss_alone_says(tmp_path: Path) -> None:
    finer = TIER.replace("1e5", "1e4").replace("5e4", "5e3").replace("2e4", "2e3")
    bundle = publish(tiered(tmp_path, release=TIERED.replace(TIER, finer)), new_book()).bundle
    just_above = found(bundle, tmp_path, "M,2024-Q1,FR,270900,18500\n")
    assert just_above.loss.rho < just_above.loss.uniform + Fraction(1, 100)
    by_loss = 196.0 / math.sqrt(2 * just_above.loss.rho)
    assert interval_percent(just_above.loss, just_above.information) < by_loss / 5
