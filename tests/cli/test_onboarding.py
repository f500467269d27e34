"""A new office by the real command line: its folder, a look at it, and its way into a running demo."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Mirrors

from release.config import load_office, load_release

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "samples"


@pytest.fixture(scope="module")
def made(mirrors: Mirrors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an office of its own folder."""
    parent = tmp_path_factory.mktemp("offices")
    ended = mirrors("office", "new", "DEU", "--in", parent, "--year", "2024", "--exercise")
    assert ended.code == 0, ended.err
    return parent / "DEU"


def test_a_new_office_has_good_configuration_a_key_a_ledger_and_a_checklist(mirrors: Mirrors, made: Path) -> None:
    assert mirrors("config", "check", made / "office.toml", made / "2024.toml").code == 0
    assert mirrors("plan", made / "2024.toml").code == 0
    assert mirrors("keys", "show", made / "office.toml").code == 0
    assert mirrors("ledger", "verify", made / "office.toml").code == 0
    assert "2024.toml" in (made / "CHECKLIST.md").read_text()
    assert load_office(made / "office.toml").ledger.on_missing == "refuse"


def test_nothing_of_a_new_office_is_open_to_others_but_its_configuration(made: Path) -> None:
    private = [made / "state", made / "keys", made / "keys" / "signing.pem", made / "keys" / "passphrase"]
    assert [path.stat().st_mode & 0o077 for path in private] == [0] * 4


def test_a_repository_takes_up_nothing_private_of_a_new_office(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "DEU"
    shutil.copytree(made, folder)
    (folder / "records.csv").write_text("trader\n")
    (folder / "state" / "secret").write_text("made by the first run")
    subprocess.run(["git", "init", "--quiet"], check=True, cwd=folder)
    told = subprocess.run(
        ["git", "status", "--short", "--untracked-files=all"], check=True, cwd=folder, capture_output=True, text=True
    )
    taken = {line[3:] for line in told.stdout.splitlines()}
    assert taken == {".gitignore", "2024.toml", "CHECKLIST.md", "keys/signing.pub.json", "office.toml"}


def test_every_choice_of_a_new_office_is_explained_above_it(made: Path) -> None:
    for name in ("office.toml", "2024.toml"):
        lines = (made / name).read_text().splitlines()
        tables = [place for place, text in enumerate(lines) if text.startswith("[") and "." not in text]
        explained = [place for place in tables if lines[place - 1].startswith("#")]
        assert len(explained) >= 3, name


def test_a_new_office_writes_over_nothing(mirrors: Mirrors, made: Path) -> None:
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    refused = mirrors("office", "new", "DEU", "--in", made.parent)
    assert refused.code == 2
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


def test_an_unknown_area_is_refused_and_makes_nothing(mirrors: Mirrors, tmp_path: Path) -> None:
    assert mirrors("office", "new", "ZZZ", "--in", tmp_path / "offices").code == 2
    assert not (tmp_path / "offices").exists()


def test_without_a_terminal_no_key_is_made_and_how_to_make_it_is_told(mirrors: Mirrors, tmp_path: Path) -> None:
    ended = mirrors("office", "new", "FRA", "--in", tmp_path)
    assert ended.code == 0
    assert "keys new" in ended.out
    assert not (tmp_path / "FRA" / "keys").exists()


def looked(mirrors: Mirrors, office: Path, **variables: str) -> dict[str, str]:
    """Return how each thing stands that the doctor looked at."""
    ended = mirrors("doctor", office, "--json", env=variables)
    told = {one["what"]: one["standing"] for one in ended.json["looked"]}
    assert ended.code == (1 if "wrong" in told.values() else 0)
    return told


def test_a_doctor_finds_a_new_office_fit(mirrors: Mirrors, made: Path) -> None:
    assert "wrong" not in looked(mirrors, made / "office.toml").values()
    assert "nothing was charged yet" in mirrors("doctor", made / "office.toml").out


FAULTS = {
    "private folder": lambda folder: (folder / "state").chmod(0o755),
    "ledger": lambda folder: (folder / "state" / "ledger.sqlite").unlink(),
    "key": lambda folder: (folder / "keys" / "signing.pem").chmod(0o644),
    "public key": lambda folder: (folder / "keys" / "signing.pub.json").write_text("{}"),
    "2024.toml": lambda folder: (folder / "2024.toml").write_text('release = "2024"\n'),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_doctor_names_what_is_wrong(mirrors: Mirrors, made: Path, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "DEU"
    shutil.copytree(made, folder)
    FAULTS[what](folder)
    told = looked(mirrors, folder / "office.toml")
    assert [name for name, standing in told.items() if standing == "wrong"] == [what]


def test_a_doctor_asks_the_registry_that_the_config_names(mirrors: Mirrors, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "DEU"
    shutil.copytree(made, folder)
    office = folder / "office.toml"
    office.write_text(
        office.read_text().replace('key = "keys/signing.pem"', 'key = "keys/signing.pem"\nregistry = "registry"')
    )
    assert looked(mirrors, office)["registry"] == "wrong"


def test_a_doctor_names_a_tampered_environment(mirrors: Mirrors) -> None:
    ended = mirrors("doctor", "--json", env={"OPENSSL_CONF": "/tmp/other"})  # noqa: S108 - never opened
    wrong = [one["what"] for one in ended.json["looked"] if one["standing"] == "wrong"]
    assert (ended.code, wrong) == (1, ["environment"])


@pytest.mark.slow
def test_a_fifth_office_joins_a_demo_by_configuration_alone(mirrors: Mirrors, tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    assert mirrors("demo", "--out", demo).code == 0
    script = [sys.executable, SAMPLES / "partner_records.py", demo, "DE", demo / "german.csv"]
    subprocess.run(script, check=True)
    assert mirrors("office", "new", "DEU", "--in", demo / "offices", "--year", "2024", "--exercise").code == 0
    folder = demo / "offices" / "DEU"
    subprocess.run(["git", "apply", SAMPLES / "fifth-office.diff"], check=True, cwd=folder)
    release = folder / "2024.toml"
    assert mirrors("source", "check", release, "--source", demo / "german.csv").code == 0
    ran = mirrors("run", release, "--source", demo / "german.csv", "--out", demo / "published")
    assert ran.code == 0, ran.err
    assert mirrors("verify", demo / "published").code == 0
    cells = mirrors("compare", demo / "published", "--json").json["cells"]
    flows = {(cell["exporter"], cell["importer"]) for cell in cells if cell["level"] == "partner"}
    assert len(flows) == 20
    told = {cell["verdict"] for cell in cells if "DEU" in (cell["exporter"], cell["importer"])}
    assert told >= {"corresponds", "cannot tell"}
    assert load_release(release)[1].source.columns.trader == "firm"


MISSPELT = {
    "limmit": ('limit = "2"', 'limmit = "2"', "did you mean limit?"),
    "vintige": ("vintage =", "vintige =", "did you mean vintage?"),
}


@pytest.mark.parametrize("fault", MISSPELT)
def test_a_misspelt_key_is_told_with_the_one_that_was_meant(
    mirrors: Mirrors, made: Path, tmp_path: Path, fault: str
) -> None:
    old, new, told = MISSPELT[fault]
    office = tmp_path / "office.toml"
    office.write_text((made / "office.toml").read_text().replace(old, new))
    refused = mirrors("config", "check", office)
    assert refused.code == 3
    assert told in refused.err


def test_a_file_of_another_kind_is_refused_in_one_sentence(mirrors: Mirrors, made: Path) -> None:
    refused = mirrors("plan", made / "office.toml")
    assert refused.code == 3
    assert "is the file of an office, and a release's is needed here" in refused.err
    assert "(1 fault)" in refused.err
