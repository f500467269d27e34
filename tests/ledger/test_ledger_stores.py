"""What a database adds: it is refused where it could lose or rewrite a charge, and keeps what it has."""

import os
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ledger_world import DAY, faults, plain, request
from sqlalchemy import create_engine, make_url

from release.errors import (
    BudgetError,
    DamagedLedgerError,
    LedgerExistsError,
    LedgerMissingError,
    LedgerUnavailableError,
    UnsafeLedgerError,
    UsageError,
)
from release.ledger.bodies import keys_of
from release.ledger.book import Book
from release.ledger.entries import Entry, Kind, follow, head_of
from release.ledger.findings import Severity
from release.ledger.ports import OutcomeUnknown, Store
from release.ledger.sql import create, open_store, restore, sqlite, upgrade
from release.ledger.sql.files import check_folder, file_system
from release.ledger.sql.postgres import PostgresStore
from release.ledger.sql.sqlite import SETTINGS, SqliteStore, open_sqlite, opened
from release.ledger.sql.tables import SCHEMA, SqlView
from release.ledger.sql.upgrade import upgrade_postgres, upgrade_sqlite

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"
CHANGES = (
    "UPDATE {table} SET body = '{{}}' WHERE sequence = 1",
    "UPDATE {table} SET hash = hash WHERE sequence = 2",
    "DELETE FROM {table} WHERE sequence = 2",
    "DELETE FROM {table}",
    "INSERT INTO {table} VALUES (9, 'p', 'k', '{{}}', 'h')",
    "INSERT INTO {table} VALUES (3, 'p', 'k', '{{}}', 'h')",
)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def charged(url: str) -> Book:
    book = Book(create(url))
    book.charge(request("a"), date=DAY)
    return book


@pytest.mark.parametrize("change", CHANGES)
def test_no_statement_changes_or_removes_an_entry(url: str, change: str) -> None:
    before = tuple(charged(url).entries())
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as file, pytest.raises(sqlite3.IntegrityError):
            file.execute(change.format(table="ledger_entry"))
    else:
        with psycopg.connect(plain(url)) as server, pytest.raises(psycopg.errors.RaiseException):
            server.execute(change.format(table="noisy_mirrors.ledger_entry"))
    assert tuple(Book(open_store(url)).entries()) == before


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_replacing_an_entry_in_sqlite_is_refused(sqlite_url: str, sequence: int) -> None:
    charged(sqlite_url)
    with closing(sqlite3.connect(path_of(sqlite_url))) as file, pytest.raises(sqlite3.IntegrityError):
        file.execute("REPLACE INTO ledger_entry VALUES (?, 'x', 'y', 'z', 'h')", (sequence,))


def test_truncating_the_table_in_postgres_is_refused(postgres_url: str) -> None:
    charged(postgres_url)
    with psycopg.connect(plain(postgres_url)) as server, pytest.raises(psycopg.errors.RaiseException):
        server.execute("TRUNCATE noisy_mirrors.ledger_entry")


def test_a_writers_role_can_charge_and_has_no_right_to_change(postgres_url: str) -> None:
    store = create(postgres_url)
    (warned,) = Book(store).verify()
    assert (warned.code, warned.severity) == ("rights", Severity.WARNING)
    with psycopg.connect(plain(postgres_url)) as server:
        server.execute("DROP ROLE IF EXISTS ledger_writer")
        server.execute("CREATE ROLE ledger_writer LOGIN")
        for grant in re.findall("^GRANT .*;$", HOW_TO.read_text(), re.MULTILINE):
            server.execute(grant)
    writer = make_url(postgres_url).set(username="ledger_writer").render_as_string(hide_password=False)
    book = Book(open_store(writer))
    book.charge(request("a"), date=DAY)
    assert book.verify() == ()
    with psycopg.connect(plain(writer)) as server, pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.execute("DELETE FROM noisy_mirrors.ledger_entry")
    with psycopg.connect(plain(postgres_url)) as server:
        server.execute("DROP OWNED BY ledger_writer")
        server.execute("DROP ROLE ledger_writer")


def test_a_ledger_is_never_made_by_opening_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerMissingError):
        open_store(url)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_never_created_again(url: str) -> None:
    head = charged(url).head()
    with pytest.raises(LedgerExistsError):
        create(url)
    with pytest.raises(LedgerExistsError):
        restore(Book(open_store(url)).entries(), url)
    assert Book(open_store(url)).head() == head


def test_a_ledger_in_an_absent_folder_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        create(f"sqlite:///{tmp_path / 'absent' / 'ledger.db'}")


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    away = f"postgresql+psycopg://postgres@/ledger?host={tmp_path}"
    for call in (create, open_store, upgrade):
        with pytest.raises(LedgerUnavailableError):
            call(away)


@pytest.mark.parametrize(
    "url",
    ["", "ledger.db", "mysql://x", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=memory", "sqlite+x:///a"],
)
def test_only_places_of_the_two_kinds_are_taken(url: str) -> None:
    with pytest.raises(UsageError):
        open_store(url)


def test_the_file_is_private_and_its_settings_are_those_that_lose_nothing(sqlite_url: str) -> None:
    charged(sqlite_url)
    assert path_of(sqlite_url).stat().st_mode & 0o777 == 0o600
    store = open_store(sqlite_url)
    assert isinstance(store, SqliteStore)
    with closing(opened(path_of(sqlite_url))) as plain_connection:
        sqlite.set_and_read_back(path_of(sqlite_url), plain_connection)
        for name, _, expected in SETTINGS:
            assert plain_connection.execute(f"PRAGMA {name}").fetchone()[0] == expected


class Stubborn(sqlite3.Connection):
    """A SQLite that passes over one setting."""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
        """Pass over it."""
        return super().execute("SELECT 2" if sql == "PRAGMA synchronous" else sql, *values)


def test_a_sqlite_that_does_not_take_a_setting_is_refused(sqlite_url: str) -> None:
    charged(sqlite_url)
    with (
        closing(sqlite3.connect(path_of(sqlite_url), factory=Stubborn)) as stubborn,
        pytest.raises(UnsafeLedgerError, match="synchronous = 2"),
    ):
        sqlite.set_and_read_back(path_of(sqlite_url), stubborn)


def test_a_second_name_a_link_or_an_open_mode_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    charged(sqlite_url)
    path, other = path_of(sqlite_url), tmp_path / "other.db"
    os.link(path, other)
    with pytest.raises(UnsafeLedgerError, match="more than one name"):
        open_store(sqlite_url)
    other.unlink()
    other.symlink_to(path)
    with pytest.raises(UnsafeLedgerError, match="link"):
        open_store(f"sqlite:///{other}")
    path.chmod(0o640)
    with pytest.raises(UnsafeLedgerError, match="others"):
        open_store(sqlite_url)
    path.chmod(0o600)
    assert faults(Book(open_store(sqlite_url))) == []


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    shared = tmp_path / "the share"
    shared.mkdir()
    point = str(shared).replace(" ", "\\040")
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / {point} rw shared:1 - {kind} server:/x rw\n")
    with pytest.raises(UnsafeLedgerError, match=kind.replace(".", r"\.")):
        check_folder(shared, mounts)
    check_folder(tmp_path, mounts)
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "absent") == "unknown"


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as file:
        file.execute("CREATE TABLE ledger_entry (sequence)")
    other.chmod(0o600)
    for call in (open_store, upgrade):
        with pytest.raises((LedgerMissingError, DamagedLedgerError)):
            call(f"sqlite:///{other}")
    other.write_bytes(b"no database at all, and longer than a header" * 40)
    with pytest.raises(DamagedLedgerError):
        open_store(f"sqlite:///{other}")


@pytest.mark.parametrize("name", [name for name, text in sqlite.SCHEMA.items() if "TRIGGER" in text])
def test_a_ledger_without_one_of_its_triggers_is_refused(sqlite_url: str, name: str) -> None:
    charged(sqlite_url)
    with closing(sqlite3.connect(path_of(sqlite_url))) as file:
        file.execute(f"DROP TRIGGER {name}")
    with pytest.raises(UnsafeLedgerError, match=name):
        open_store(sqlite_url)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER ledger_entry_kept ON noisy_mirrors.ledger_entry",
        "ALTER TABLE noisy_mirrors.ledger_entry DISABLE TRIGGER ledger_entry_follows",
        "CREATE OR REPLACE FUNCTION noisy_mirrors.ledger_entry_refuses() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN OLD; END'",
    ],
)
def test_a_postgres_ledger_whose_guards_were_changed_is_refused(postgres_url: str, change: str) -> None:
    charged(postgres_url)
    with psycopg.connect(plain(postgres_url)) as server:
        server.execute(change)
    with pytest.raises(UnsafeLedgerError, match="triggers"):
        open_store(postgres_url)


def test_a_server_that_does_not_sync_is_refused(postgres_url: str) -> None:
    charged(postgres_url)
    with psycopg.connect(plain(postgres_url), autocommit=True) as server:
        server.execute("ALTER SYSTEM SET full_page_writes = off")
        server.execute("SELECT pg_reload_conf()")
    try:
        with pytest.raises(UnsafeLedgerError, match="full_page_writes = off"):
            _open_until_refused(postgres_url)
    finally:
        with psycopg.connect(plain(postgres_url), autocommit=True) as server:
            server.execute("ALTER SYSTEM RESET full_page_writes")
            server.execute("SELECT pg_reload_conf()")
            while server.execute("SHOW full_page_writes").fetchone() != ("on",):
                pass


def _open_until_refused(url: str) -> None:
    while True:
        open_store(url)


def test_a_later_schema_is_refused(url: str) -> None:
    charged(url)
    _set_version(url, 7)
    with pytest.raises(UnsafeLedgerError, match="version 7"):
        open_store(url)
    with pytest.raises(UnsafeLedgerError, match="no step leads"):
        upgrade(url)


def _set_version(url: str, version: int) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as file:
            file.execute(f"PRAGMA user_version = {version}")
    else:
        with psycopg.connect(plain(url)) as server:
            server.execute("UPDATE noisy_mirrors.ledger_lock SET version = %s", (version,))


def _upgrade(url: str, *statements: str) -> int:
    steps = {0: statements}
    if url.startswith("sqlite"):
        return upgrade_sqlite(path_of(url), steps)
    return upgrade_postgres(make_url(url), steps)


REBUILT = {
    "sqlite": (
        "ALTER TABLE ledger_entry RENAME TO old_entry",
        "DROP INDEX ledger_entry_account",
        "DROP INDEX ledger_entry_release",
        sqlite.SCHEMA["ledger_entry"],
        "INSERT INTO ledger_entry (sequence, previous, kind, body, hash)"
        " SELECT sequence, previous, kind, body, hash FROM old_entry",
        "DROP TABLE old_entry",
        sqlite.SCHEMA["ledger_entry_account"],
        sqlite.SCHEMA["ledger_entry_release"],
    ),
    "postgresql": (
        "CREATE TABLE noisy_mirrors.copied AS SELECT * FROM noisy_mirrors.ledger_entry",
        "TRUNCATE noisy_mirrors.ledger_entry",
        "INSERT INTO noisy_mirrors.ledger_entry (sequence, previous, kind, body, hash)"
        " SELECT sequence, previous, kind, body, hash FROM noisy_mirrors.copied",
        "DROP TABLE noisy_mirrors.copied",
    ),
}


def test_an_upgrade_that_rebuilds_the_table_keeps_the_guards_and_every_entry(url: str) -> None:
    before = tuple(charged(url).entries())
    _set_version(url, 0)
    with pytest.raises(UnsafeLedgerError, match="version 0"):
        open_store(url)
    assert _upgrade(url, *REBUILT[make_url(url).get_backend_name()]) == 0
    book = Book(open_store(url))
    assert (tuple(book.entries()), faults(book)) == (before, [])
    assert upgrade(url) == 1
    book.charge(request("b"), date=DAY)


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("DELETE FROM {table} WHERE sequence = 2", DamagedLedgerError),
        ("UPDATE {table} SET kind = 'limit' WHERE sequence = 2", DamagedLedgerError),
    ],
)
def test_an_upgrade_that_loses_or_changes_an_entry_is_undone(
    url: str, statement: str, refusal: type[BudgetError]
) -> None:
    before = tuple(charged(url).entries())
    _set_version(url, 0)
    table = "ledger_entry" if url.startswith("sqlite") else "noisy_mirrors.ledger_entry"
    with pytest.raises(refusal):
        _upgrade(url, statement.format(table=table))
    _upgrade(url)
    assert tuple(Book(open_store(url)).entries()) == before


def test_an_upgrade_to_another_schema_is_undone(sqlite_url: str) -> None:
    charged(sqlite_url)
    _set_version(sqlite_url, 0)
    with pytest.raises(UnsafeLedgerError, match="ledger_entry_release"):
        _upgrade(sqlite_url, "DROP INDEX ledger_entry_release")
    assert _upgrade(sqlite_url) == 0


def test_a_damaged_ledger_is_not_upgraded(sqlite_url: str) -> None:
    charged(sqlite_url)
    damage(sqlite_url, "UPDATE ledger_entry SET hash = 'x' WHERE sequence = 1")
    with pytest.raises(DamagedLedgerError):
        upgrade(sqlite_url)


def damage(url: str, *statements: str) -> None:
    """Change entries as someone who may do everything with the file."""
    triggers = {name: text for name, text in sqlite.SCHEMA.items() if "TRIGGER" in text}
    with closing(sqlite3.connect(path_of(url))) as file, file:
        for name in triggers:
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            file.execute(statement)
        for text in triggers.values():
            file.execute(text)


def test_a_restored_chain_is_the_same_ledger(url: str, tmp_path: Path) -> None:
    book = charged(url)
    other = Book(restore(book.entries(), f"sqlite:///{tmp_path / 'restored.db'}"))
    assert (other.head(), other.accounts(), other.verify()) == (book.head(), book.accounts(), ())


def test_a_damaged_chain_is_not_restored(url: str, tmp_path: Path) -> None:
    entries = tuple(charged(url).entries())
    with pytest.raises(DamagedLedgerError) as refused:
        restore(entries[1:], f"sqlite:///{tmp_path / 'restored.db'}")
    assert refused.value.sequence == 2
    assert not (tmp_path / "restored.db").exists()


def test_a_backup_is_a_ledger_too_and_never_overwrites(sqlite_url: str, tmp_path: Path) -> None:
    book = charged(sqlite_url)
    store = open_sqlite(path_of(sqlite_url))
    store.backup(tmp_path / "backup.db")
    assert Book(open_sqlite(tmp_path / "backup.db")).head() == book.head()
    with pytest.raises(LedgerExistsError):
        store.backup(tmp_path / "backup.db")


def test_a_ledger_that_another_run_holds_is_waited_for_and_then_refused(sqlite_url: str, postgres_url: str) -> None:
    charged(sqlite_url)
    short = SqliteStore(path_of(sqlite_url), longest_wait=0.05)
    with open_store(sqlite_url).writing(), pytest.raises(LedgerUnavailableError, match="another run"):
        Book(short).charge(request("b"), date=DAY)
    charged(postgres_url)
    quick = PostgresStore(make_url(postgres_url), longest_wait=0.05)
    with open_store(postgres_url).writing(), pytest.raises(LedgerUnavailableError, match="another run"):
        Book(quick).charge(request("b"), date=DAY)


def test_two_runs_that_meet_take_their_turns(url: str) -> None:
    book = charged(url)
    started, ended = threading.Event(), []

    def other() -> None:
        started.set()
        ended.append(Book(open_store(url)).charge(request("b"), date=DAY).sequence)

    thread = threading.Thread(target=other)
    with open_store(url).writing() as chain:
        thread.start()
        assert started.wait(30)
        assert head_of(chain.last()) == book.head()
    thread.join()
    assert ended == [3]


def test_the_database_finds_entries_by_what_their_bodies_say(url: str) -> None:
    store = create(url)
    book = Book(store)
    book.charge(request('it\'s a "x"'.replace('"', "'")), date=DAY)
    book.raise_limit(request("a").account, 2 * request("a").terms.limit, 'say "release":"a" so', date=DAY)
    book.declare_calendar(request("a").account, (("later", request("a").rho),), date=DAY)
    with store.reading() as chain:
        for entry in tuple(chain.entries()):
            account, release = keys_of(entry)
            assert account is not None
            found = chain.last_of_account(account)
            assert found is not None
            assert found.sequence == 4
            if release is not None:
                assert entry in chain.of_release(release)
        assert chain.of_release("a") == ()


def test_a_body_that_is_no_json_has_no_keys() -> None:
    for body in ("", "[]", "{", "[" * 100_000):
        assert keys_of(Entry(sequence=1, previous="", kind="", body=body, hash="")) == (None, None)


def test_an_entry_that_does_not_follow_is_refused_by_the_database_itself(url: str) -> None:
    book = charged(url)
    stale = follow(head_of(next(iter(book.entries()))), Kind.CHARGED, '{"account":["a"],"release":"z"}')
    with pytest.raises(DamagedLedgerError), open_store(url).writing() as chain:
        chain.append(stale)
    assert book.head().sequence == 2


@pytest.mark.parametrize("kept", [4096, 0])
def test_a_file_whose_pages_are_damaged_is_told(sqlite_url: str, kept: int) -> None:
    book, path = charged(sqlite_url), path_of(sqlite_url)
    content = path.read_bytes()
    path.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))
    found = book.verify()
    assert found
    assert {one.severity for one in found} == {Severity.ERROR}
    with pytest.raises(DamagedLedgerError):
        book.charge(request("b"), date=DAY)


def test_a_schema_that_is_no_text_is_told(sqlite_url: str) -> None:
    charged(sqlite_url)
    path = path_of(sqlite_url)
    content = path.read_bytes()
    assert b"CREATE TRIGGER ledger_entry_kept" in content
    path.write_bytes(content.replace(b"CREATE TRIGGER ledger_entry_kept", b"CREATE TRIGGE\xe5 ledger_entry_kept"))
    with pytest.raises(DamagedLedgerError):
        open_store(sqlite_url)


def test_what_is_stored_as_something_else_than_text_is_refused() -> None:
    engine = create_engine("sqlite://").execution_options(schema_translate_map={SCHEMA: None})
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger_entry (sequence, previous, kind, body, hash)")
        connection.exec_driver_sql("INSERT INTO ledger_entry VALUES (1, x'00', 'opened', '{}', '')")
        with pytest.raises(DamagedLedgerError):
            SqlView(connection).last()
    engine.dispose()


def _end_other_connections(url: str) -> None:
    with psycopg.connect(plain(url), autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _break_and_read(store: Store, url: str) -> None:
    with store.writing() as chain:
        _end_other_connections(url)
        chain.last()


def test_a_connection_that_breaks_before_or_at_the_commit_has_an_unknown_outcome(postgres_url: str) -> None:
    head = charged(postgres_url).head()
    store = open_store(postgres_url)
    with pytest.raises(OutcomeUnknown), store.writing():
        _end_other_connections(postgres_url)
    with pytest.raises(OutcomeUnknown):
        _break_and_read(store, postgres_url)
    assert Book(store).head() == head


def test_a_disk_that_fails_is_told(sqlite_url: str) -> None:
    charged(sqlite_url)
    with open_store(sqlite_url).writing() as chain:
        journal = path_of(sqlite_url).with_name("ledger.db-journal")
        journal.unlink(missing_ok=True)
        chain.last()
    journal.unlink(missing_ok=True)
    journal.mkdir()
    with pytest.raises(LedgerUnavailableError, match="SQLITE_"):
        Book(open_store(sqlite_url)).charge(request("b"), date=DAY)


def test_a_commit_that_a_reader_holds_up_is_given_up_and_charges_nothing(sqlite_url: str) -> None:
    book = charged(sqlite_url)
    short = Book(SqliteStore(path_of(sqlite_url), longest_wait=0.01))
    with open_store(sqlite_url).reading() as chain:
        assert chain.count() == 2
        with pytest.raises(LedgerUnavailableError, match="commit"):
            short.charge(request("b"), date=DAY)
    assert book.head().sequence == 2
    assert short.charge(request("b"), date=DAY).sequence == 3
