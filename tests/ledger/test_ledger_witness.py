"""What is remembered outside the ledger: the witness's file and the heads in published bundles."""

import json
from pathlib import Path
from typing import Any

import pytest
from ledger_world import DAY, account, request, terms

from release.errors import DamagedLedgerError, LedgerUnavailableError, RolledBackError, UnsafeLedgerError
from release.ledger.book import Book
from release.ledger.entries import Head, head_of
from release.ledger.memory import MemoryStore
from release.ledger.ports import OutcomeUnknown, Store
from release.ledger.statement import (
    read_statement,
    statement_accounts,
    statement_charges,
    verify_statement,
    write_statement,
)
from release.ledger.witness import FileWitness


@pytest.fixture
def witness(tmp_path: Path) -> FileWitness:
    """Return a witness that saw nothing yet."""
    return FileWitness(tmp_path / "witness")


def test_a_witness_remembers_the_furthest_head(store: Store, witness: FileWitness) -> None:
    assert witness.head() is None
    book = Book(store, witness=witness)
    book.charge(request("a"), date=DAY)
    assert witness.head() == book.head()
    witness.record(Head(sequence=1, hash="0" * 64))
    assert witness.head() == book.head()
    book.measured("a", "uniform", "sha256:1")
    assert witness.head() == book.head() == Head(sequence=3, hash=book.head().hash)


def test_a_rolled_back_ledger_is_refused_by_its_witness(store: Store, witness: FileWitness) -> None:
    book = Book(MemoryStore(), witness=witness)
    book.charge(request("a"), date=DAY)
    with pytest.raises(RolledBackError) as refused:
        Book(store, witness=witness).charge(request("b"), date=DAY)
    assert (refused.value.sequence, refused.value.expected, refused.value.found) == (2, book.head().hash, None)
    (finding,) = [one for one in Book(store, witness=witness).verify() if one.code == "rolled-back"]
    assert finding.where == "entry 2"


def test_a_forked_ledger_is_refused_by_a_published_head(store: Store) -> None:
    book = Book(store)
    book.charge(request("a"), date=DAY)
    other = Head(sequence=2, hash="f" * 64)
    with pytest.raises(RolledBackError) as refused:
        Book(store, heads=(book.head(), other)).charge(request("b"), date=DAY)
    assert (refused.value.expected, refused.value.found) == ("f" * 64, book.head().hash)
    Book(store, heads=(book.head(),)).charge(request("b"), date=DAY)


def test_a_ledger_whose_witness_is_missing_is_refused_until_one_adopts_its_head(
    store: Store, witness: FileWitness
) -> None:
    book = Book(store, witness=witness)
    book.charge(request("a"), date=DAY)
    Path(witness.place).unlink()
    with pytest.raises(UnsafeLedgerError, match="missing"):
        book.charge(request("b"), date=DAY)
    witness.record(book.head())
    assert book.charge(request("b"), date=DAY).sequence == 3


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"sequence":1,"hash":"x"}\n', "ä"])
def test_a_file_that_is_no_witness_is_refused(witness: FileWitness, text: str) -> None:
    Path(witness.place).write_text(text, "utf-8")
    with pytest.raises(UnsafeLedgerError, match="witness"):
        Book(MemoryStore(), witness=witness).charge(request("a"), date=DAY)


def test_a_witness_that_cannot_be_kept_refuses_and_the_run_is_charged_once(tmp_path: Path) -> None:
    store = MemoryStore()
    away = FileWitness(tmp_path / "absent" / "witness")
    with pytest.raises(LedgerUnavailableError):
        Book(store, witness=away).charge(request("a"), date=DAY)
    folder = FileWitness(tmp_path)
    with pytest.raises(LedgerUnavailableError):
        folder.head()
    assert store.place == "memory"


def test_a_witness_is_private_and_one_line(store: Store, witness: FileWitness) -> None:
    Book(store, witness=witness).charge(request("a"), date=DAY)
    path = Path(witness.place)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(json.loads(path.read_text())) == ["format", "hash", "sequence"]
    assert {file.name for file in path.parent.iterdir()} >= {"witness", "witness.lock"}


class NeverSaying(MemoryStore):
    """A store whose commits happen and are never heard of."""

    def writing(self) -> Any:
        """Commit, and don't say."""
        from contextlib import contextmanager

        @contextmanager
        def silent() -> Any:
            with MemoryStore.writing(self) as chain:
                yield chain
            raise OutcomeUnknown

        return silent()


def test_a_store_that_never_says_is_given_up_and_charged_once() -> None:
    store = NeverSaying()
    with pytest.raises(LedgerUnavailableError):
        Book(store).charge(request("a"), date=DAY)
    assert [entry.kind for entry in Book(store).entries()] == ["opened", "charged"]


@pytest.fixture
def statement() -> dict[str, Any]:
    """Return the statement of a small ledger, as JSON gives it back."""
    book = Book(MemoryStore())
    on = terms("1", reserve="1/10")
    book.declare_calendar(account(), (("a", request("a").rho),), date=DAY, terms=on)
    book.charge(request("a", on=on), date=DAY)
    book.raise_limit(account(), terms("2").limit, "more releases", date=DAY)
    value: dict[str, Any] = json.loads(json.dumps(book.statement()))
    return value


def test_a_statement_says_what_was_spent_and_nothing_of_the_day_but_its_date(statement: dict[str, Any]) -> None:
    read = read_statement(statement)
    assert verify_statement(read) == ()
    (charge,) = statement_charges(read)
    assert (charge.request, charge.state) == (request("a", on=terms("1", reserve="1/10")), "charged")
    assert [state.spent for state in statement_accounts(read)] == [request("a").rho]
    assert statement["accounts"][0]["remaining"] == "19/10"
    assert statement["charges"][0]["date"] == DAY
    assert "T" not in statement["charges"][0]["date"]


@pytest.mark.parametrize(
    ("part", "value", "code"),
    [
        ("head", {"sequence": 3, "hash": "0" * 64}, "head"),
        ("accounts", [], "accounts"),
        ("charges", [{"rho": "0"}], "charges"),
    ],
)
def test_a_statement_that_shows_something_else_than_its_entries_is_found(
    statement: dict[str, Any], part: str, value: object, code: str
) -> None:
    found = verify_statement(read_statement({**statement, part: value}))
    assert [finding.code for finding in found] == [code]


def test_a_statement_cut_at_its_end_lacks_a_head_seen_elsewhere(statement: dict[str, Any]) -> None:
    whole = read_statement(statement)
    cut = read_statement(json.loads(json.dumps(write_statement(whole.entries[:-1]))))
    assert verify_statement(cut) == ()
    (finding,) = verify_statement(cut, (head_of(whole.entries[0]), whole.head))
    assert (finding.code, finding.where) == ("rolled-back", "entry 4")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"entries": None},
        {"entries": [{"sequence": True, "previous": "", "kind": "limit", "body": "", "hash": ""}]},
        {"entries": [{"sequence": 1, "previous": "", "kind": "limit", "body": 7, "hash": ""}]},
        {"entries": [{"sequence": 1, "previous": "", "kind": "gift", "body": "", "hash": ""}]},
        {"head": {}},
        {"accounts": [1]},
    ],
)
def test_what_is_no_statement_is_refused(statement: dict[str, Any], change: dict[str, object]) -> None:
    with pytest.raises(DamagedLedgerError):
        read_statement({**statement, **change})
    with pytest.raises(DamagedLedgerError):
        read_statement(None)
