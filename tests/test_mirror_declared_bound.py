"""A publicly declared bound on a unit: when it is taken, what exposure then is, and what is refused."""

import json

import numpy as np
import pytest
from mirror_offices import release_toml, released, trade
from offices import OFFICE, line, plan_of, publish, write_office

from release.bundle.verification import read_bundle
from release.config import load_release
from release.errors import ConfigError
from release.plan import make_plan
from release.postprocess import exposure

RECORD = OFFICE.replace('kind = "trader-year"', 'kind = "record"')
PRIOR = """
[prior]
table = "earlier.csv"
publisher = "Statistical office of Aland"
period = "2023"
published = "2024-06-30"
"""
BY_PRIOR = """
[measures.declared_bound]
times_prior = "2"
level = "partner"
floor = "1e4"
source = "stated for tests"
"""


def by_prior(noise: str) -> str:
    """Return a release of whole flows whose noise is a part of each cell's prior."""
    text = release_toml("AAA", bound="").split("levels = [")[0]
    return f'{text}levels = [{{ level = "partner", relative_noise = "{noise}", floor = "1e4" }}]\n{BY_PRIOR}{PRIOR}'


def test_without_a_bound_exposure_is_unbounded_and_with_one_only_the_grids(tmp_path):
    lines = trade("DE", "X", {"84": 1e6})
    none = read_bundle(released(tmp_path / "none", "AAA", lines, release_toml("AAA", bound="")))
    declared = read_bundle(released(tmp_path / "declared", "AAA", lines))
    assert none.observations["exposure"].is_infinite().all()
    told, exact = declared.observations["exposure"].to_numpy(), 0.02 * declared.observations["sd"].to_numpy()
    assert (told >= exact * (1 - 1e-12)).all(), "rounded up where it is rounded"
    assert np.allclose(told, exact, rtol=2e-3)
    assert "declared_bound" not in none.plan["measures"][0]
    stated = declared.plan["measures"][0]["declared_bound"]
    assert stated == {
        "amount": "15000",
        "times_prior": None,
        "floor": None,
        "level": None,
        "units": 167_772,
        "source": "stated for tests",
    }


def test_a_bound_that_would_be_clipped_is_refused_and_told_by_how_much(tmp_path):
    place = write_office(tmp_path, release=release_toml("AAA").replace('"1.5e4"', '"3.7e4"'))
    with pytest.raises(ConfigError, match=r"could be clipped: the noise must be 2\.0"):
        plan_of(place)
    wider = release_toml("AAA", rho="4").replace('"1.5e4"', '"3.7e4"')
    assert plan_of(write_office(tmp_path / "wider", release=wider)).measures[0].declared is not None


def test_a_unit_at_the_declared_bound_isnt_clipped_wherever_it_trades(tmp_path):
    """One trader at the bound, in one cell or spread over many: its whitened vector fits the integer norm."""
    place = write_office(tmp_path, release=release_toml("AAA").replace('"1.5e4"', '"1.8e4"'))
    measure = plan_of(place).measures[0]
    leaves = len(measure.caps)
    chance = np.random.default_rng(1)
    total = int(1.8e4 * measure.minor_units)
    for shares in (np.eye(leaves)[0], np.full(leaves, 1 / leaves), chance.dirichlet(np.full(leaves, 0.1))):
        v = np.floor(total * shares)
        assert (v <= measure.caps).all()
        norm = sum(float((np.trunc(level.sums(v) * level.weights) ** 2).sum()) for level in measure.levels)
        assert norm <= float(measure.bound) ** 2


def test_a_records_bound_follows_its_cells_prior(tmp_path):
    rows = "flow,period,partner,product,level,measure,value\nX,2023,DE,TOTAL,partner,value,1000000\n"
    earlier = {"DE": 2e6, "FR": 2e4}
    place = write_office(tmp_path, office=RECORD, release=by_prior("2.01"))
    (tmp_path / "earlier.csv").write_text(rows, encoding="utf-8")
    from release.priors import load_prior

    office, release = load_release(place.release)
    prior = load_prior(office, release, folder=tmp_path, published=tmp_path)
    plan = make_plan(office, release, prior)
    caps = plan.measures[0].caps / plan.measures[0].minor_units
    assert caps.max() == pytest.approx(2.01 * 1e6, rel=1e-3)
    assert caps.max() > earlier["DE"]
    assert caps.min() > earlier["FR"]
    (tmp_path / "2024.toml").write_text(by_prior("1.99"), encoding="utf-8")
    office, release = load_release(place.release)
    with pytest.raises(ConfigError, match="declared_bound"):
        make_plan(office, release, prior)


@pytest.mark.parametrize(
    ("bound", "problem"),
    [
        ('amount = "1e4"\ntimes_prior = "2"\nlevel = "partner"\n', "give either amount"),
        ("", "give either amount"),
        ('times_prior = "2"\n', "give either amount"),
        ('amount = "1e4"\nfloor = "1e3"\n', "floor goes with times_prior"),
        ('times_prior = "2"\nlevel = "chapter"\n', "a level that the measure hasn't"),
        ('times_prior = "2"\nlevel = "partner"\n', "needs a \\[prior\\]"),
    ],
)
def test_a_bound_that_says_nothing_or_too_much_is_refused(tmp_path, bound, problem):
    text = release_toml("AAA", bound=f'\n[measures.declared_bound]\nsource = "stated"\n{bound}')
    place = write_office(tmp_path, office=RECORD, release=text)
    with pytest.raises(ConfigError, match=problem):
        load_release(place.release)


def test_a_bound_on_single_records_is_refused_where_a_unit_may_hold_several(tmp_path):
    place = write_office(tmp_path, release=by_prior("2.01"))
    with pytest.raises(ConfigError, match="bounds single records"):
        load_release(place.release)


def test_records_are_released_under_a_bound_of_their_own(tmp_path):
    place = write_office(
        tmp_path,
        office=RECORD,
        lines=[line(value="900.00"), line(value="300.00")],
        release=release_toml("AAA").replace('"1.5e4"', '"1e3"'),
    )
    bundle = read_bundle(publish(place).bundle)
    assert bundle.plan["unit"]["kind"] == "record"
    assert json.dumps(bundle.plan["measures"][0]["declared_bound"]["amount"]) == '"1000"'
    assert bundle.observations["exposure"].is_finite().all()


def test_the_grids_part_of_the_exposure_grows_with_the_units_that_a_cell_may_hold(tmp_path):
    few = release_toml("AAA")
    many = few.replace('amount = "1.5e4"', 'amount = "1.5e4"\nunits = 1_000_000')
    assert many != few
    for name, toml, share in (("few", few, 0.02), ("many", many, 2e6 / 2**24)):
        measure = plan_of(write_office(tmp_path / name, release=toml)).measures[0]
        sd = np.array([1.0, 7.0])
        assert exposure(measure, sd) == pytest.approx(share * sd)
