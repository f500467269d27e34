"""What fresh attackers and newcomers found, each kept closed by a test."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from offices import PARQUET_RELEASE, RELEASE, Place, new_book, some_lines, write_office

from release.cli.declared import read_declared
from release.confidential.records import Records
from release.config import load_release
from release.errors import ConfidentialPriorError, ConfigError, DeclarationsError, SchemaError
from release.measurement import store
from release.plan import make_plan
from release.priors import load_prior
from release.run import run

PRIOR = """
[prior]
table = "prior.csv"
publisher = "Statistical office of Aland"
period = "2023"
published = "2024-03-01"
"""


def attempt(place: Place, source: Path, book) -> None:
    """Run a release on the source, as the command line does."""
    office, release = load_release(place.release)
    plan = make_plan(office, release, load_prior(office, release, folder=place.folder, published=place.published))
    records = Records(place=source, source=release.source, state=place.state)
    run(plan, records=records, book=book, state=place.state, published=place.published, date="2025-01-31")


def test_text_that_is_not_utf_8_in_parquet_is_refused_before_the_charge(tmp_path):
    place = write_office(tmp_path, lines=some_lines(30), release=PARQUET_RELEASE)
    table = pq.read_table(place.source)
    names = table.column_names
    partner = pa.array([b"D\xff", *([b"DE"] * (len(table) - 1))], pa.binary())
    forged = pa.Array.from_buffers(pa.string(), len(partner), partner.buffers())
    pq.write_table(table.set_column(names.index("partner"), "partner", forged), place.source)
    book = new_book()
    with pytest.raises(SchemaError, match="UTF-8"):
        attempt(place, place.source, book)
    assert book.charges() == ()


@pytest.mark.parametrize("way", ["the same path", "a link", "a copy"])
def test_a_prior_that_is_the_source_is_refused_by_whatever_path_it_is_named(tmp_path, way):
    release = RELEASE.replace('path = "records.csv"\n', "").replace("[[measures]]", PRIOR + "\n[[measures]]", 1)
    place = write_office(tmp_path, lines=some_lines(5), release=release)
    table = "flow,period,partner,product,level,measure,value,trader,date,commodity,mass,currency,declaration\n"
    records = tmp_path / ("prior.csv" if way == "the same path" else "secret.csv")
    records.write_text(table + "M,2023,DE,TOTAL,partner,value,987654321,T1,2024-02-03,270900,1,EUR,1\n")
    if way == "a link":
        (tmp_path / "prior.csv").symlink_to(records)
    elif way == "a copy":
        (tmp_path / "prior.csv").write_bytes(records.read_bytes())
    book = new_book()
    with pytest.raises(ConfidentialPriorError):
        attempt(place, records, book)
    assert book.charges() == ()


def test_ids_that_a_spreadsheet_turned_into_fractions_are_refused(tmp_path):
    place = write_office(tmp_path, lines=some_lines(30), release=PARQUET_RELEASE)
    table = pl.read_parquet(place.source)
    table.with_columns(trader=pl.int_range(pl.len()).cast(pl.Float64)).write_parquet(place.source)
    with pytest.raises(SchemaError, match="whole numbers"):
        attempt(place, place.source, new_book())


HIDDEN = {
    "a translation": ('partner = "partner"', 'partner = { column = "trader", translate = { SECRETCO = "US" } }'),
    "rows left out": ("[source.columns]", '[source.leave_out]\ntrader = ["SECRETCO"]\n[source.columns]'),
    "rows chosen": ("[source.columns]", '[source.only]\ntrader = ["SECRETCO"]\n[source.columns]'),
    "a constant": ('trader = "trader"', 'trader = { constant = "SECRETCO" }'),
    "a view": ("[source.columns]", '[[source.views]]\ntrader = { constant = "SECRETCO" }\n[source.columns]'),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_trader_ids_stay_out_of_the_config_whatever_names_them(tmp_path, way):
    hidden = RELEASE.replace(*HIDDEN[way])
    assert hidden != RELEASE
    place = write_office(tmp_path, lines=some_lines(5), release=hidden)
    with pytest.raises(ConfigError, match="stay out of the config"):
        load_release(place.release)


def test_a_noisy_result_has_no_name_before_it_is_whole_and_the_first_one_wins(tmp_path):
    assert store(tmp_path, "2024-abc", b"first") == b"first"
    assert store(tmp_path, "2024-abc", b"second") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["2024-abc.parquet"]
    assert (tmp_path / "2024-abc.parquet").stat().st_mode & 0o777 == 0o600


def test_a_partner_that_is_no_country_code_is_told_and_not_counted_elsewhere(tmp_path):
    declared = tmp_path / "mine.csv"
    declared.write_text("flow,period,partner,product,value\nM,2024-03,Germany,870323,10\n")
    with pytest.raises(DeclarationsError, match="alpha-2"):
        read_declared(declared)


def test_two_bundles_under_one_name_are_refused_and_a_copy_counts_once(mirrors, tmp_path):
    for folder in ("one", "two"):
        write_office(tmp_path / folder, lines=some_lines(30))
        assert mirrors("run", tmp_path / folder / "2024.toml").code == 0
    refused = mirrors("compare", tmp_path / "one" / "published", tmp_path / "two" / "published")
    assert refused.code == 6
    assert "same name" in refused.err
    found = mirrors("verify", tmp_path / "one" / "published", "--json")
    assert [Path(one["bundle"]).name for one in json.loads(found.out)["bundles"]] == ["2024"]
    assert mirrors("compare", tmp_path / "one" / "published", "--tolerance", "25").code == 2
