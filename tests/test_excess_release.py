"""A release with the tier for large traders: two charges or none, two draws, and traders who asked for protection."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from edited_program import Edit, call, edited
from numpy.typing import NDArray
from offices import OFFICE, RELEASE, Place, line, new_book, plan_of, some_lines, write_office, write_records

from release.charging import charge_requests
from release.confidential.engine import exact_vectors
from release.confidential.records import PROTECTED, Records
from release.confidential.sources import hold
from release.config import load_release
from release.errors import (
    ConfigError,
    InvalidChargeError,
    LossNotCoveredError,
    MirrorsError,
    OverLimitError,
    ReleaseTakenError,
    SchemaError,
    SourceChangedError,
    SourceMissingError,
)
from release.ledger.book import Book
from release.ledger.values import Charge
from release.measurement import from_bytes
from release.run import Outcome, Status, Step, run
from release.tables import Level, Measure, Tier

TIERED_OFFICE = OFFICE.replace("[ledger]", '[policy]\nlarge_traders = "on"\n\n[ledger]').replace(
    'delta = "1e-8"', 'delta = "1e-8"\nlarge_traders = "5000"'
)
_LEVELS = RELEASE[RELEASE.index("levels = ") : RELEASE.index("]\n", RELEASE.index("levels = ")) + 2]
TIER = f'[measures.large_traders]\nceiling = "2000"\nbeyond = "not bounded"\n{_LEVELS}'
TIERED = RELEASE.replace(_LEVELS, _LEVELS + TIER, 1)
LISTED = TIERED.replace('path = "records.csv"', 'path = "records.csv"\nprotected_traders = "protected.csv"')
GIANT = line(trader="giant", value="90000000.00", declaration="G")


class Stopped(Exception):  # noqa: N818
    """A run that ends after a step, as by a kill."""


def tiered(folder: Path, *, release: str = TIERED, office: str = TIERED_OFFICE, asked: Sequence[str] = ()) -> Place:
    place = write_office(folder, lines=[*some_lines(40), GIANT], office=office, release=release)
    (folder / "protected.csv").write_text("\n".join(["trader", *asked]) + "\n")
    return place


def records(place: Place) -> Records:
    source = plan_of(place).release.source
    asked = None if source.protected_traders is None else place.folder / source.protected_traders
    return Records(place=place.source, source=source, state=place.state, protected=asked)


def publish(place: Place, book: Book, *, until: Step | None = None) -> Outcome:
    def stop(step: Step) -> None:
        if step is until:
            raise Stopped

    return run(
        plan_of(place),
        records=records(place),
        book=book,
        state=place.state,
        published=place.published,
        date="2025-01-31",
        notice=stop,
    )


def charged(place: Place, book: Book) -> tuple[Charge, ...]:
    return book.charge_all(
        charge_requests(plan_of(place), records(place).keyed_digests(plan_of(place))), date="2025-01-31"
    )


def spent(book: Book) -> dict[str, Fraction]:
    return {str(state.account.tier): state.spent for state in book.accounts()}


def test_both_accounts_are_charged_whatever_the_records_say_and_what_they_are_charged_is_the_ceiling(
    tmp_path: Path,
) -> None:
    for name, lines in (("full", [*some_lines(60), GIANT]), ("empty", [])):
        place, book = tiered(tmp_path / name), new_book()
        write_records(place.source, lines)
        publish(place, book)
        plan = plan_of(place)
        assert spent(book) == {"uniform": plan.rho, "large-trader": 2000 - Fraction(1, 2)}
        assert [str(charge.request.account.tier) for charge in book.charges()] == ["uniform", "large-trader"]


@pytest.mark.parametrize(
    ("limit", "tier"),
    [('large_traders = "5000"', "large-trader"), ('limit = "100"', "uniform")],
    ids=["large", "uniform"],
)
def test_a_tier_that_does_not_fit_in_its_account_refuses_both(tmp_path: Path, limit: str, tier: str) -> None:
    office = TIERED_OFFICE.replace(limit, f'{limit.partition(" = ")[0]} = "1"')
    place, book = tiered(tmp_path, office=office), new_book()
    with pytest.raises(OverLimitError) as refused:
        publish(place, book)
    assert refused.value.exit_code == 5
    assert str(getattr(refused.value, "account", tier)).endswith(tier) or tier in str(refused.value)
    assert not book.charges()
    assert not any(spent(book).values())
    assert not place.published.exists()


def test_a_second_release_that_fits_in_one_account_alone_changes_neither(tmp_path: Path) -> None:
    place, book = tiered(tmp_path), new_book()
    publish(place, book)
    for name, more in (("b", "2000"), ("c", "2000")):
        again = TIERED.replace('release = "2024"', f'release = "2024-{name}"').replace('"2000"', f'"{more}"')
        other = write_office(tmp_path, lines=[], office=TIERED_OFFICE, release=again, name=f"{name}.toml")
        before = spent(book)
        if name == "b":
            publish(other, book)
            continue
        with pytest.raises(OverLimitError):
            publish(other, book)
        assert spent(book) == before


def test_an_office_whose_policy_is_off_refuses_the_config_with_its_line(tmp_path: Path) -> None:
    place = tiered(tmp_path, office=OFFICE)
    with pytest.raises(ConfigError) as refused:
        load_release(place.release)
    (fault,) = refused.value.faults
    lines = TIERED.splitlines()
    assert fault.line is not None
    assert fault.line - 1 in range(lines.index("[[measures]]"), lines.index("[measures.large_traders]") + 1)
    assert "policy" in fault.problem
    assert refused.value.exit_code == 3


def test_an_office_whose_account_has_no_limit_for_large_traders_refuses_the_config(tmp_path: Path) -> None:
    place = tiered(tmp_path, office=TIERED_OFFICE.replace('\nlarge_traders = "5000"', ""))
    with pytest.raises(ConfigError, match=r"account\.large_traders"):
        load_release(place.release)


@pytest.mark.parametrize("step", [Step.CHECKED, Step.CHARGED, Step.DRAWN, Step.STORED, Step.MEASURED, Step.PUBLISHED])
def test_stopped_at_a_step_and_run_again_two_tiers_give_one_noisy_result_under_their_two_charges(
    tmp_path: Path, step: Step
) -> None:
    place, book = tiered(tmp_path), new_book()
    with pytest.raises(Stopped):
        publish(place, book, until=step)
    stored = measurements(place)
    outcome = publish(place, book)
    assert outcome.status is (Status.PUBLISHED if step is Step.CHECKED else Status.RESUMED)
    assert len(book.charges()) == 2
    assert spent(book) == {"uniform": plan_of(place).rho, "large-trader": 2000 - Fraction(1, 2)}
    (result,) = measurements(place).values()
    assert stored in ({}, measurements(place))
    assert (outcome.bundle / "measurement.parquet").read_bytes() == result
    assert publish(place, book).status is Status.ALREADY_PUBLISHED
    assert {charge.measurement_digest for charge in book.charges()} == {hashlib.sha256(result).hexdigest()}


def measurements(place: Place) -> dict[str, bytes]:
    folder = place.state / "measurements"
    return {file.name: file.read_bytes() for file in folder.glob("*.parquet")} if folder.exists() else {}


def test_a_charge_of_a_realised_loss_is_refused_by_the_ledger_or_pays_for_no_draw(tmp_path: Path) -> None:
    place, book = tiered(tmp_path), new_book()
    plan = plan_of(place)
    charges = charged(place, book)
    (loss,) = charges[1].request.measures
    with pytest.raises(InvalidChargeError):
        replace(loss, rho=loss.rho / 2)
    smaller = replace(loss, rho=loss.rho / 2, sensitivity=loss.sensitivity // 2)
    realised = replace(charges[1], request=replace(charges[1].request, measures=(smaller,)))
    for paid in ((charges[0], realised), charges[:1]):
        with pytest.raises(LossNotCoveredError):
            records(place).measure(plan, paid)
    assert records(place).measure(plan, charges).excess


def noise_of_tiers(folder: str) -> dict[str, list[int]]:
    """Return the noise of both tiers of the measure that has them, over no record, by tier."""
    place = tiered(Path(folder), release=TIERED.replace('["01", "27", "84"]', '"all"'))
    write_records(place.source, [])
    drawn = from_bytes((publish(place, new_book()).bundle / "measurement.parquet").read_bytes())
    key = (Measure.VALUE, Level.PARTNER_CHAPTER)
    return {"uniform": drawn.noisy[key].tolist(), "large": drawn.excess[key].tolist()}


def correlation(drawn: dict[str, list[int]]) -> float:
    """Return the correlation of the tiers' noise in standard errors of independence."""
    one, two = (np.asarray(drawn[name], dtype=np.float64) for name in ("uniform", "large"))
    return abs(float(np.corrcoef(one, two)[0, 1])) * len(one) ** 0.5


SHARED = Edit(
    module="confidential/noise.py",
    old="    return np.asarray(answers(mechanism), dtype=np.int64)",
    new="    drawn = np.asarray(answers(mechanism), dtype=np.int64)"
    "\n    shared = noisy.__dict__.setdefault(str(measure.measure), drawn - vector)"
    "\n    return vector + shared",
)


def test_the_tiers_draw_noise_of_their_own(tmp_path: Path) -> None:
    drawn = noise_of_tiers(str(tmp_path))
    assert len(drawn["uniform"]) > 1_500
    assert sum(one == two for one, two in zip(drawn["uniform"], drawn["large"], strict=True)) == 0
    assert correlation(drawn) < 5
    assert 0.9 < float(np.std(np.asarray(drawn["large"], dtype=np.float64))) / 2**24 < 1.1


def test_a_draw_shared_between_tiers_is_caught(tmp_path: Path) -> None:
    drawn = call(edited(tmp_path, SHARED), "test_excess_release", "noise_of_tiers", tmp_path / "office")
    assert drawn["uniform"] == drawn["large"]
    assert correlation(drawn) > 5


def vectors(place: Place, *, asked: tuple[str, ...] = ()) -> dict[tuple[Tier, Measure], NDArray[np.int64]]:
    return exact_vectors(hold(place.source, "csv"), plan_of(place), protected=asked)


def test_a_trader_who_asked_for_protection_stays_in_the_uniform_tier_alone(tmp_path: Path) -> None:
    place = tiered(tmp_path)
    everyone, asked = vectors(place), vectors(place, asked=("GIANT", "NOBODY"))
    assert all(np.array_equal(everyone[key], asked[key]) for key in everyone if key[0] is Tier.UNIFORM)
    assert everyone[Tier.LARGE_TRADER, Measure.VALUE].any()
    write_records(place.source, some_lines(40))
    assert np.array_equal(vectors(place)[Tier.LARGE_TRADER, Measure.VALUE], asked[Tier.LARGE_TRADER, Measure.VALUE])


def measured_giant(place: Place) -> float:
    """Return the published figure of the giant's cell in units of its noise."""
    table = from_bytes((publish(place, new_book()).bundle / "measurement.parquet").read_bytes())
    return float(table.excess[Measure.VALUE, Level.PARTNER_CHAPTER][2] / 2**24)


def test_the_list_is_applied_after_ids_are_normalised_and_aliases_replaced(tmp_path: Path) -> None:
    assert measured_giant(tiered(tmp_path / "none", release=LISTED)) > 20
    assert abs(measured_giant(tiered(tmp_path / "spelt", release=LISTED, asked=[" gIaNt "]))) < 8
    aliased = LISTED.replace('protected_traders = "', 'trader_ids = "ids.csv"\nprotected_traders = "')
    place = tiered(tmp_path / "alias", release=aliased, asked=["Other name"])
    (place.folder / "ids.csv").write_text("alias,trader\nother name,giant\n")
    held = Records(
        place=place.source,
        source=plan_of(place).release.source,
        state=place.state,
        trader_ids=place.folder / "ids.csv",
        protected=place.folder / "protected.csv",
    )
    plan, book = plan_of(place), new_book()
    charges = book.charge_all(charge_requests(plan, held.keyed_digests(plan)), date="2025-01-31")
    assert abs(held.measure(plan, charges).excess[Measure.VALUE, Level.PARTNER_CHAPTER][2] / 2**24) < 8


def test_the_charge_names_the_list_by_a_keyed_digest_and_another_list_does_not_fit_it(tmp_path: Path) -> None:
    place, book = tiered(tmp_path, release=LISTED, asked=["giant"]), new_book()
    charges = charged(place, book)
    plain = hashlib.sha256((place.folder / "protected.csv").read_bytes()).hexdigest()
    for charge in charges:
        named = dict(charge.request.keyed_digests)
        assert PROTECTED in named
        assert named[PROTECTED] != plain
    (place.folder / "protected.csv").write_text("trader\nsomebody else\n")
    with pytest.raises(SourceChangedError):
        records(place).measure(plan_of(place), charges)
    with pytest.raises(ReleaseTakenError):
        publish(place, book)


def test_nothing_published_tells_who_or_how_many_asked_for_protection(tmp_path: Path) -> None:
    bundles = []
    for name, asked in (("one", ["giant"]), ("many", [f"T{number}" for number in range(30)])):
        place = tiered(tmp_path / name, release=LISTED, asked=asked)
        bundles.append(publish(place, new_book()).bundle)
        content = (place.folder / "protected.csv").read_bytes()
        for file in bundles[-1].iterdir():
            assert hashlib.sha256(content).hexdigest().encode() not in file.read_bytes()
            assert b"GIANT" not in file.read_bytes().upper().replace(b"GIANTS", b"")
    assert (bundles[0] / "plan.json").read_bytes() == (bundles[1] / "plan.json").read_bytes()
    assert (bundles[0] / "methods.md").read_bytes() == (bundles[1] / "methods.md").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id\nT1\n", "first line"),
        ("trader\nT1,T2\n", "line 2"),
        ("trader\nT1\n \n", "line 3"),
        ("", "first line"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_before_any_charge(tmp_path: Path, content: str, said: str) -> None:
    place, book = tiered(tmp_path, release=LISTED), new_book()
    (place.folder / "protected.csv").write_text(content)
    with pytest.raises(SchemaError, match=said) as refused:
        publish(place, book)
    assert "T1" not in str(refused.value)
    assert not book.charges()


def test_a_list_that_is_named_and_missing_is_refused(tmp_path: Path) -> None:
    place = tiered(tmp_path, release=LISTED)
    with pytest.raises(SourceMissingError):
        Records(place=place.source, source=plan_of(place).release.source, state=place.state).keyed_digests(
            plan_of(place)
        )
    (place.folder / "protected.csv").unlink()
    with pytest.raises(MirrorsError) as refused:
        publish(place, new_book())
    assert refused.value.exit_code == 4


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda text: text.replace(TIER, ""), "no measure has a large-trader tier"),
        (lambda text: text.replace("not bounded", "assumed none"), "not bounded"),
        (lambda text: text.replace('trader = "trader"\n', ""), "no column of traders"),
        (lambda text: text.replace("protected.csv", "published/protected.csv"), "outside the place of publication"),
    ],
    ids=["no tier", "bounded", "no traders", "published"],
)
def test_a_list_without_use_or_against_an_assumption_is_refused_by_the_config(tmp_path: Path, changed, said) -> None:
    place = tiered(tmp_path, release=changed(LISTED))
    with pytest.raises(ConfigError, match=said):
        load_release(place.release)
