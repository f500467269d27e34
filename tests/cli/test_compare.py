"""`mirrors compare` by the real command line: bundles or a TOML, explanations, files, and what it refuses."""

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mirror_offices import two_offices

from release.cli import comparisons
from release.errors import BundleRefusedError, ConfigError, UsageError

FIELDS = {
    *("exporter", "importer", "period", "product", "level", "x", "x_sd", "m", "m_sd", "valuation_x", "valuation_m"),
    *("cif_fob", "band_low", "band_high", "bound_x", "bound_m", "ratio", "ratio_low", "ratio_high", "srd", "srd_low"),
    *("srd_high", "gap", "gap_low", "gap_high", "detectable_low", "detectable_high", "p_corresponds", "p_differs"),
    *("p_adjusted", "verdict", "higher", "because", "unusual"),
}
"""What other programs rely on in a cell."""

TOML = """
title = "Aland and Germany"
bundles = ["published"]
pairs = ["AAA>DEU"]
levels = ["partner"]
tolerance = "0.10"
error_rate = "0.01"
[cif_fob]
factor = "1.04"
source = "a survey"
[[cif_fob.pairs]]
pair = "AAA>DEU"
factor = "1.02"
source = "freight by sea"
[rates]
table = "rates.csv"
source = "a central bank"
[history]
table = "history.csv"
source = "an earlier yearbook"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    two_offices(folder)
    (folder / "comparison.toml").write_text(TOML, encoding="utf-8")
    (folder / "rates.csv").write_text("currency,period,usd_per_unit\nEUR,2024-Q1,1.25\n", encoding="utf-8")
    rows = [f"AAA,DEU,{year}-Q{n},100,{102 + n}" for year in (2022, 2023) for n in (1, 2, 3, 4)]
    (folder / "history.csv").write_text(
        "exporter,importer,period,exports,imports\n" + "\n".join(rows), encoding="utf-8"
    )
    return folder


def told(capsys, *places: Path, **asked: Any):
    """Return the JSON of a comparison made inside this process."""
    comparisons.run(comparisons.Asked(places=places, **asked), None, as_json=True)
    return json.loads(capsys.readouterr().out)


def test_the_json_has_every_field_that_others_rely_on(place, mirrors):
    compared = mirrors("compare", place / "published", "--json")
    assert compared.code == 0, compared.err
    cells = compared.json["cells"]
    assert {(cell["exporter"], cell["importer"]) for cell in cells} == {("AAA", "DEU"), ("DEU", "AAA")}
    for cell in cells:
        assert set(cell) >= FIELDS
        assert cell["verdict"] in ("corresponds", "differs", "cannot tell")
        assert cell["higher"] in ("x", "m", None)
        assert (cell["higher"] is not None) == (cell["verdict"] == "differs")


def test_a_toml_sets_what_was_agreed_and_names_its_public_tables(place, capsys):
    compared = told(capsys, place / "comparison.toml")
    (cell,) = compared["cells"]
    assert (cell["cif_fob"], cell["cif_fob_source"]) == (1.02, "freight by sea")
    assert cell["band_high"] == pytest.approx(1.02 * 1.1)
    assert cell["is_unusual"] is True
    assert "8 earlier periods" in cell["unusual"]
    assert compared["agreement"]["alpha"] == 0.01
    plain = told(capsys, place / "published")["cells"]
    own_rate = next(one["x"] for one in plain if one["level"] == "partner" and one["exporter"] == "AAA")
    assert cell["x"] == pytest.approx(own_rate * 1.25 / 1.1)


def test_a_pair_is_explained_in_words_and_in_json(place, mirrors, capsys):
    said = mirrors("compare", place / "comparison.toml", "--pair", "AAA>DEU", "--sums")
    assert said.code == 0, said.err
    for words in ("What could be seen", "Of 1 flow,", "what carries the gap", "not measured", "freight by sea", "84"):
        assert words in said.out
    whole = told(capsys, place / "published", pairs=("AAA>DEU",), sums=True)
    (explained,) = whole["explained"]
    assert explained["parts"][0]["product"] == "84"
    assert {total["of"] for total in whole["sums"]} >= {"all pairs", "exports of AAA", "imports of DEU"}


def test_everything_is_written_beside_each_other(place, tmp_path):
    out = tmp_path / "out"
    comparisons.run(comparisons.Asked(places=(place / "published",), pairs=("AAA>DEU",), sums=True), out, as_json=False)
    table = pl.read_parquet(out / "comparison.parquet")
    with (out / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = json.loads((out / "comparison.json").read_text())["cells"]
    assert len(table) == len(rows) == len(cells) > 2
    assert table["x"].to_list() == [float(row["x"]) for row in rows] == [cell["x"] for cell in cells]
    assert all(len(row[name]) <= 14 for row in rows for name in ("band_low", "band_high"))
    assert "Of 2 flows" in (out / "comparison.html").read_text()


def test_bundles_of_a_toml_may_lie_elsewhere(place, tmp_path, capsys):
    (tmp_path / "agreed.toml").write_text('title = "Elsewhere"\nbundles = ["published"]\n', encoding="utf-8")
    assert len(told(capsys, tmp_path / "agreed.toml", published=place)["cells"]) > 2
    with pytest.raises(BundleRefusedError):
        told(capsys, tmp_path / "agreed.toml")


def test_all_faults_of_a_toml_are_told_at_once_with_their_lines(mirrors, tmp_path):
    file = tmp_path / "comparison.toml"
    file.write_text(
        'title = "x"\nbundles = ["../elsewhere"]\ntolerance = "0"\npairs = ["NLD-ITA"]\nsurprise = 1\n'
        'error_rate = 0.05\n[families]\npairs = "Bonferroni"\n',
        encoding="utf-8",
    )
    for command in (("config", "check", file), ("compare", file)):
        refused = mirrors(*command)
        assert refused.code == 3
        for line, key in (
            (2, "bundles"),
            (3, "tolerance"),
            (4, "pairs"),
            (5, "surprise"),
            (6, "error_rate"),
            (8, "pairs"),
        ):
            assert f":{line}: " in refused.err
            assert key in refused.err


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('pairs = ["NLD>NLD"]', "no mirror of itself"),
        ('pairs = ["NLD>ITA", "NLD>ITA"]', "stands twice"),
        ('levels = ["total"]', "partner x chapter"),
        ('[history]\ntable = "none.csv"\nsource = "nobody"', "no readable CSV"),
        ('[rates]\ntable = "bad.csv"\nsource = "nobody"', "bad.csv:2: an amount is a number"),
    ],
)
def test_what_cannot_be_agreed_on_is_refused(tmp_path, toml, problem):
    (tmp_path / "bad.csv").write_text("currency,period,usd_per_unit\nEUR,2024,one\n", encoding="utf-8")
    (tmp_path / "comparison.toml").write_text(f'title = "x"\nbundles = ["published"]\n{toml}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        comparisons.run(comparisons.Asked(places=(tmp_path / "comparison.toml",)), None, as_json=True)
    assert problem in str(refused.value)


def test_a_pair_that_isnt_published_is_refused_as_a_mistake_of_use(place, mirrors):
    refused = mirrors("compare", place / "published", "--pair", "AAA>ZZZ")
    assert refused.code == 2
    assert "AAA>ZZZ" in refused.err


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("comparison.toml", {"tolerance": 0.1}),
        ("comparison.toml", {"cif_fob": 1.1}),
        ("published", {"published": Path()}),
        ("published", {"pairs": ("NLD",)}),
    ],
)
def test_options_that_contradict_each_other_are_refused(place, where, asked):
    with pytest.raises(UsageError):
        comparisons.run(comparisons.Asked(places=(place / where,), **asked), None, as_json=True)


def test_the_shipped_comparison_and_its_schema_are_good(mirrors):
    root = Path(__file__).parents[2]
    assert mirrors("config", "check", root / "configs" / "comparisons" / "practice.toml").code == 0
    printed = mirrors("config", "schema", "comparison")
    assert printed.json == json.loads((root / "configs" / "schema" / "comparison.json").read_text(encoding="utf-8"))
