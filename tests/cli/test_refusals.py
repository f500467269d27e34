"""What a refusal says: what is in the way, before anything is made or asked for, and nothing of a record."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_office import OFFICE, RELEASE, write_office

from release.cli import ledgers, wiring
from release.cli.runs import run
from release.cli.signing import signer_of
from release.confidential.sources import check_schema, hold
from release.config import load_office, load_release
from release.errors import KeyRefusedError, SchemaError, SourceMissingError, UsageError
from release.ledger.values import Account, Terms
from release.signing.signer import KeySigner

SIGNED = OFFICE.replace("[ledger]", '[signing]\nkey = "keys/signing.pem"\n\n[ledger]')


def test_a_missing_source_is_told_before_a_ledger_is_made(tmp_path: Path) -> None:
    file = write_office(tmp_path, lines=1)
    with pytest.raises(SourceMissingError, match=f"no source at {tmp_path / 'gone.csv'}") as refused:
        run(file, tmp_path / "gone.csv", None, None, as_json=False)
    assert "Nothing was charged or written" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2024.toml", "declarations.csv", "office.toml"]


def test_a_missing_key_is_told_before_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []
    signer = KeySigner(tmp_path / "signing.pem", lambda: asked.append("") or "", lambda _: None)
    with pytest.raises(KeyRefusedError, match="mirrors keys new"):
        signer.prepare()
    assert asked == []


def test_a_registry_that_is_not_there_is_refused(tmp_path: Path) -> None:
    office = load_office(write_office(tmp_path, office=SIGNED, lines=1).parent / "office.toml")
    with pytest.raises(UsageError, match="There is no registry at"):
        signer_of(office, tmp_path, tmp_path / "nope")


HEADER = "trader,date,flow,partner,commodity,value\n"
HEADERS = {
    "another separator": (
        [HEADER.replace(",", ";")],
        ["the header is one field; is it separated by ';'? Say separator = \";\""],
    ),
    "a misspelt column": ([HEADER.replace("value", "valeu")], ["no column 'value' (column 6 is called nearly so)"]),
    "all files lack one": ([HEADER.replace("value", "x")] * 3, ["each of the 3 files has no column 'value'"]),
    "two of three lack one": (
        [HEADER, *[HEADER.replace("value", "x")] * 2],
        ["file 2 of 3, by name, and 1 more, has no column 'value'"],
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_missing_column_is_told_once_with_what_may_be_meant(name: str, tmp_path: Path) -> None:
    headers, told = HEADERS[name]
    source = load_release(write_office(tmp_path / "office", lines=1))[1].source
    (tmp_path / "records").mkdir()
    for number, header in enumerate(headers):
        (tmp_path / "records" / f"{number}.csv").write_text(f"{header}T1,2024-01-01,M,US,270900,5\n")
    with pytest.raises(SchemaError) as refused:
        check_schema(hold(tmp_path / "records", "csv"), source)
    assert len(refused.value.problems) == 1
    assert all(part in refused.value.problems[0] for part in told)


def test_no_text_of_a_first_line_is_told_since_it_may_be_a_record(tmp_path: Path) -> None:
    source = load_release(write_office(tmp_path / "office", lines=1))[1].source
    (tmp_path / "records.csv").write_text("trader-4711;2024-01-01;M;valuex;270900\n")
    for own in (source, replace(source, separator=";")):
        with pytest.raises(SchemaError) as refused:
            check_schema(hold(tmp_path / "records.csv", "csv"), own)
        assert not any(word in str(refused.value) for word in ("4711", "270900", "valuex"))


def test_a_limit_raised_in_the_config_alone_is_told_with_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_office(tmp_path, release=RELEASE, lines=1).parent / "office.toml"
    book = wiring.open_book(load_office(file), tmp_path, quietly=True)
    terms = load_office(file).account
    account = Account(office="NLD", source="declarations", year=2024, tier="uniform")
    book.open_account(account, Terms(unit="trader-year", delta=terms.delta, limit=terms.limit), date="2025-01-31")
    file.write_text(OFFICE.replace('limit = "3"', 'limit = "4"'))
    ledgers.show(file, as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    assert "office.toml says a limit of 4, so runs are refused" in told
    assert "ledger raise OFFICE.toml --source declarations --year 2024 --limit 4 --reason" in told
