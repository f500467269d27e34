"""The public exercises in configs/, on made rows in the formats of the pilot's and the IMF's files."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Mirrors
from providers import Row, legacy, text_of

from release.config import load_comparison, load_release

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
BENCHMARK = ROOT / "benchmarks" / "real_mirrors.py"
NUMBERS = {"USA": "842", "GBR": "826", "NLD": "528", "ITA": "381"}
ROWS_ONLY = "protects single rows and no firm"


def pilot_rows() -> Iterator[Row]:
    """Yield made rows of the four offices, as in the pilot's files: all but those of the Netherlands with the UK."""
    for reporter, number in NUMBERS.items():
        for partner, other in NUMBERS.items():
            if reporter != partner and {reporter, partner} != {"NLD", "GBR"}:
                for flow in "12":
                    codes = {"Reporter Code": number, "Partner Code": other, "Trade Flow Code": flow}
                    yield legacy(**codes, **{"Trade Value (US$)": "2000000000"})


@pytest.fixture(scope="module")
def pilot(mirrors: Mirrors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the pilot's four releases on made rows, with noise that the exercise gives at rho 0.5."""
    folder = tmp_path_factory.mktemp("pilot") / "exercise"
    shutil.copytree(CONFIGS / "pilot-2022-03", folder, ignore=shutil.ignore_patterns("state", "published"))
    (folder / "italy - mar 2022.csv").write_text(text_of(list(pilot_rows())))
    for office in NUMBERS:
        release = folder / office / "2022-03.toml"
        ended = mirrors("run", release, "--source", folder / "* 2022.csv", "--out", folder / "published")
        assert ended.code == 0, ended.err
        assert ROWS_ONLY in ended.out
    return folder


@pytest.mark.parametrize(
    ("exercise", "named", "told"),
    [
        ("pilot-2022-03", "*.csv", "schema.csv isn't one of the exercise's files: it has no column Reporter Code"),
        ("pilot-2022-03", "* 2021.csv", "finds none of the pilot's files"),
        ("imf-2018", "schema.csv", "schema.csv isn't one of the exercise's files: it has no column year"),
        ("imf-2018", "absent.csv", "No such file or directory"),
    ],
)
def test_an_exercise_on_other_files_is_refused_before_anything_is_released(
    exercise: str, named: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "schema.csv").write_text("name,type\nPeriod,int\n")
    out = tmp_path / "out"
    command = [sys.executable, BENCHMARK, exercise, "--source", tmp_path / named, "--out", out]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not out.exists()


def test_the_pilot_compares_ten_pairs_and_shows_two_as_missing(mirrors: Mirrors, pilot: Path) -> None:
    compared = mirrors("compare", pilot / "within-10-percent.toml", "--out", pilot / "compared", "--json").json
    assert len(compared["cells"]) == 10
    assert sorted(map(tuple, compared["absent"])) == [("GBR", "NLD"), ("NLD", "GBR")]
    assert {cell["band_low"] for cell in compared["cells"]} == {1.06 / 1.1}
    printed = mirrors("compare", pilot / "within-25-percent.toml").out
    row = next(line for line in printed.splitlines() if line.startswith("NLD to GBR"))
    assert row.split()[-1] == "missing"
    assert "NLD to GBR: missing" in (pilot / "compared" / "comparison.html").read_text()


def test_every_output_of_a_record_release_says_that_rows_are_protected_and_no_firm(
    mirrors: Mirrors, pilot: Path
) -> None:
    release = pilot / "USA" / "2022-03.toml"
    methods = (pilot / "published" / "USA" / "2022-03" / "methods.md").read_text()
    compared = mirrors("compare", pilot / "within-10-percent.toml").out
    told = {
        "plan": mirrors("plan", release).out,
        "methods": methods,
        "ledger": mirrors("ledger", "show", pilot / "USA" / "office.toml").out,
        "compare": compared,
    }
    for name, text in told.items():
        assert ROWS_ONLY in " ".join(text.split()), name
    assert "a row whose" in methods.lower()


def test_a_loss_that_is_no_protection_says_so(mirrors: Mirrors, pilot: Path) -> None:
    release = pilot / "USA" / "2022-03.toml"
    office = pilot / "USA" / "office.toml"
    kept = release.read_text(), office.read_text()
    try:
        release.write_text(kept[0].replace('rho = "0.5"', 'rho = "600"'))
        office.write_text(kept[1].replace('limit = "0.5"', 'limit = "600"'))
        assert "which is no protection" in " ".join(mirrors("plan", release).out.split())
    finally:
        release.write_text(kept[0])
        office.write_text(kept[1])


@pytest.mark.parametrize("exercise", ["pilot-2022-03", "imf-2018"])
def test_the_shipped_exercises_are_good_configurations(exercise: str) -> None:
    releases = sorted((CONFIGS / exercise).glob("*/20*.toml"))
    assert [load_release(release)[0].code for release in releases] == ["GBR", "ITA", "NLD", "USA"]
    bands = {float(load_comparison(file).tolerance) for file in (CONFIGS / exercise).glob("*.toml")}
    assert bands == {0.10, 0.25}


MONTHS = ("2018-01", "2018-02")


def test_months_of_a_year_share_one_budget_and_are_judged_as_they_come(mirrors: Mirrors, tmp_path: Path) -> None:
    folder = tmp_path / "imf"
    shutil.copytree(CONFIGS / "imf-2018", folder, ignore=shutil.ignore_patterns("state", "published"))
    source = folder / "mirror.csv"
    head = "exporter,importer,year,month,exports_reported_musd,imports_reported_musd\n"
    source.write_text(head + "USA,GBR,2018,1,5000.5,5100\nGBR,USA,2018,1,4000,4100\nUSA,GBR,2018,2,5000,5100\n")
    for office in ("USA", "GBR"):
        first = folder / office / "2018-01.toml"
        for month in MONTHS:
            release = folder / office / f"{month}.toml"
            release.write_text(first.read_text().replace("2018-01", month))
            ended = mirrors("run", release, "--source", source, "--out", folder / "published", "--json")
            assert ended.code == 0, ended.err
            assert ended.json["charge"]["rho"] == "1/24"
    shown = mirrors("ledger", "show", folder / "USA" / "office.toml", "--json").json
    assert (shown["accounts"][0]["spent"]["rho"], shown["accounts"][0]["limit"]["rho"]) == ("1/12", "0.5")
    looks = mirrors("compare", folder / "published", "--json").json["looks"]
    assert [look["period"] for look in looks if (look["exporter"], look["importer"]) == ("USA", "GBR")] == list(MONTHS)
