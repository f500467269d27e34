"""The demo and the practice world by the real command line."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from release.mirror.configured import read_agreed


@pytest.fixture(scope="module")
def demo(mirrors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    ended = mirrors("demo", "--out", folder)
    assert ended.code == 0, ended.err
    return folder, ended


def test_the_demo_leaves_offices_bundles_and_a_comparison_where_others_look_for_them(demo):
    folder, _ = demo
    for office in ("USA", "GBR", "NLD", "ITA"):
        assert (folder / "offices" / office / "office.toml").is_file()
        assert (folder / "offices" / office / "2024.toml").is_file()
        assert (folder / "published" / office / "2024" / "datapackage.json").is_file()
    assert (folder / "comparison" / "comparison.json").is_file()


def test_the_demo_ends_with_twelve_pairs_three_in_words_the_budget_and_what_to_try_next(demo):
    _, ended = demo
    lines = ended.out.splitlines()
    pairs = [line for line in lines if line[3:7] == " to " and " 2024 " in line]
    assert len(pairs) == 12
    assert sum(line.startswith("- ") for line in lines) == 3
    for word in (
        "corresponds",
        "differs",
        "cannot tell",
        "found: 2 of 2",
        "comparison.html",
        "mirrors dashboard",
        "Budget used",
        "Next:",
        "mirrors verify",
    ):
        assert word in ended.out
    for ugly in ("e+0", "nan", "None", "…"):
        assert ugly not in ended.out


def test_the_planted_discrepancies_are_the_pairs_that_differ(demo):
    folder, _ = demo
    with (folder / "offices" / "answers.csv").open() as file:
        planted = {(row["exporter"], row["importer"]) for row in csv.DictReader(file)}
    cells = pl.read_csv(folder / "comparison" / "comparison.csv").filter(pl.col("level") == "partner")
    differing = set(cells.filter(pl.col("verdict") == "differs").select("exporter", "importer").rows())
    assert differing == planted


def test_every_bundle_and_ledger_of_the_demo_verifies(demo, mirrors):
    folder, _ = demo
    verified = mirrors("verify", *sorted(path.parent for path in folder.rglob("datapackage.json")), "--json")
    assert verified.code == 0
    assert [one["valid"] for one in verified.json["bundles"]] == [True] * 4
    assert mirrors("ledger", "verify", folder / "offices" / "NLD" / "office.toml").code == 0


def test_what_the_demo_s_offices_agreed_on_gives_the_comparison_that_it_wrote(demo, mirrors):
    folder, _ = demo
    agreed = read_agreed(folder / "agreed.toml")
    assert (agreed.agreement.cif_fob, agreed.agreement.tolerance) == (1.03, 0.25)
    assert agreed.registry == folder / "registry"
    written = json.loads((folder / "comparison" / "comparison.json").read_text(encoding="utf-8"))
    again = mirrors("compare", folder / "agreed.toml", "--json")
    assert again.code == 0, again.err
    assert again.json["cells"] == written["cells"]


def test_a_demo_never_mixes_with_what_is_there(demo, mirrors):
    folder, _ = demo
    refused = mirrors("demo", "--out", folder)
    assert refused.code == 2
    assert "isn't empty" in refused.err


def test_compare_prints_one_json_object_and_needs_two_offices(demo, mirrors):
    folder, _ = demo
    compared = mirrors("compare", folder / "published", "--json")
    assert compared.code == 0
    cell = compared.json["cells"][0]
    assert {"exporter", "importer", "period", "product", "level", "x", "x_sd", "m", "m_sd", "verdict"} <= set(cell)
    alone = mirrors("compare", folder / "published" / "NLD" / "2024")
    assert alone.code == 2


def test_without_asymmetries_the_two_records_are_equal_to_the_cent(mirrors, tmp_path):
    made = mirrors("practice", "new", tmp_path / "world", "--causes", "none", "--traders", "300", "--months", "1-3")
    assert made.code == 0, made.err
    lines = pl.scan_parquet(tmp_path / "world" / "*" / "declarations" / "**" / "*.parquet", include_file_paths="file")
    keyed = lines.with_columns(
        office=pl.col("file").str.extract(r"/([A-Z]{3})/declarations"),
        month=pl.col("date").dt.month(),
        chapter=pl.col("commodity").str.slice(0, 2),
    )
    areas = {"USA": "US", "GBR": "GB", "NLD": "NL", "ITA": "IT"}
    own = pl.col("office").replace_strict(areas)
    cell = ["exporter", "importer", "month", "chapter"]
    x = (
        keyed.filter(pl.col("flow").is_in(["X", "RX"]) & pl.col("partner_destination").is_in(list(areas.values())))
        .group_by(exporter=own, importer="partner_destination", month="month", chapter="chapter")
        .agg(x=pl.col("value").sum())
    )
    m = (
        keyed.filter(pl.col("flow").is_in(["M", "RM"]) & pl.col("partner_consignment").is_in(list(areas.values())))
        .group_by(exporter="partner_consignment", importer=own, month="month", chapter="chapter")
        .agg(m=pl.col("value").sum())
    )
    both = x.join(m, on=cell, how="full", coalesce=True).collect()
    assert both.height > 500
    assert both.filter(pl.col("x").ne_missing(pl.col("m"))).is_empty()


def test_words_of_a_world_that_cannot_be_are_refused_with_what_would_be_right(mirrors, tmp_path):
    for option, text in (
        ("--plant", "NLD-ITA"),
        ("--months", "spring"),
        ("--causes", "some"),
        ("--offices", "NLD,XXX"),
    ):
        refused = mirrors("practice", "new", Path(tmp_path / "w"), option, text)
        assert refused.code == 2
        assert not (tmp_path / "w").exists()
