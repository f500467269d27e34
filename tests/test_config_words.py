"""What is said of a config's faults: each once, in plain words, with the file and line that has it."""

from pathlib import Path

import pytest
from small_office import OFFICE, RELEASE, write_office

from release.cli.configs import check
from release.errors import ConfigError

PRIOR = """[prior]
publisher = "us"
period = "2023"
published = "2024-01-31"
"""
FAULTS = {
    "rho is a number": ('rho = "1"', "rho = 1", ["measures[1].rho: amounts are written as text"]),
    "a year is text": ("year = 2024", 'year = "2024"', ["year: must be a whole number without quotation marks"]),
    "flows are one flow": ('flows = ["M", "X"]', 'flows = "M"', ['flows: must be a list, such as ["M"]']),
    "a partner stands twice": ('"US", "GB"', '"US", "US"', ["keys.partners: US stands twice in the key list"]),
    "a partner is no area": ('"US", "GB"', '"US", "UK"', ["keys.partners: not on the codelist: UK"]),
    "a word is none of those known": ('layout = "csv"', 'layout = "xls"', ["source.layout: must be 'csv'"]),
    "there is no prior": ("[keys]", f'{PRIOR}table = "nope.csv"\n[keys]', ["prior.table: there is no readable table"]),
    "there is no office": (
        "year = 2024",
        'year = 2024\noffice = "offce.toml"',
        ["office: there is no office's config"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_once_in_plain_words_with_its_line(name: str, tmp_path: Path) -> None:
    old, new, told = FAULTS[name]
    assert old in RELEASE
    file = write_office(tmp_path, release=RELEASE.replace(old, new), lines=1)
    with pytest.raises(ConfigError) as refused:
        check([file])
    faults = refused.value.faults
    assert [f"{fault.key}: {fault.problem}"[: len(start)] for fault, start in zip(faults, told, strict=True)] == told
    assert all(fault.file == str(file) and fault.line for fault in faults)


def test_what_is_not_there_yet_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shaped = RELEASE.replace("[keys]", f'{PRIOR}bundle = "NLD/2023"\n[keys]')
    file = write_office(tmp_path, office=OFFICE, release=shaped, lines=1)
    (tmp_path / "declarations.csv").unlink()
    check([file])
    told = capsys.readouterr().out
    assert "note: source.path: there is nothing at" in told
    assert "note: prior.bundle: there is no bundle at" in told
