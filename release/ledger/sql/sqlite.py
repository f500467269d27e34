"""The ledger in one SQLite file, with settings that lose nothing at a power cut, set and read back each time.

Why these: Python's defaults (journal deleted, `synchronous = FULL`) can lose an acknowledged commit, because
the journal's removal isn't synced and a journal that comes back undoes the commit. A truncated journal under
`synchronous = EXTRA` is synced. A write-ahead log would be lost by whoever copies the main file alone. `BEGIN
IMMEDIATE` takes the lock before anything is read: SQLite's default transactions read first and overspend.

SQLite's JSON functions aren't allowed in a schema that isn't trusted, so the generated columns cut their text
out of the body. That is safe because a body is canonical JSON, its account comes first, names hold no quote,
bracket or backslash, and nothing but a release stands after the key `release`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from release.errors import (
    DamagedLedgerError,
    LedgerExistsError,
    LedgerMissingError,
    LedgerUnavailableError,
    UnsafeLedgerError,
)
from release.ledger.findings import Finding, error
from release.ledger.ports import OutcomeUnknown
from release.ledger.sql.files import check_file, check_folder
from release.ledger.sql.tables import SCHEMA as SCHEMA_NAME
from release.ledger.sql.tables import SCHEMA_VERSION, SqlView
from release.plainfile import sync_folder

APPLICATION_ID = 0x6E6D6C31
LONGEST_WAIT = 30.0
"""For how many seconds a run waits while another writes."""
_MODE = 0o600

SETTINGS: tuple[tuple[str, str, object], ...] = (
    ("journal_mode", "TRUNCATE", "truncate"),
    ("synchronous", "EXTRA", 3),
    ("fullfsync", "1", 1),
    ("mmap_size", "0", 0),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("recursive_triggers", "ON", 1),
)

SCHEMA: dict[str, str] = {
    "ledger_entry": """CREATE TABLE ledger_entry (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    previous TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    account_key TEXT GENERATED ALWAYS AS (
        CASE WHEN substr(body, 1, 12) = '{"account":[' THEN substr(body, 12, instr(body, ']') - 11) END
    ) VIRTUAL,
    release_name TEXT GENERATED ALWAYS AS (
        CASE WHEN instr(body, '"release":"') > 0 THEN substr(
            substr(body, instr(body, '"release":"') + 11), 1,
            instr(substr(body, instr(body, '"release":"') + 11), '"') - 1
        ) END
    ) VIRTUAL
) STRICT""",
    "ledger_entry_account": "CREATE INDEX ledger_entry_account ON ledger_entry (account_key, sequence)",
    "ledger_entry_release": "CREATE INDEX ledger_entry_release ON ledger_entry (release_name, sequence)",
    "ledger_entry_follows": """CREATE TRIGGER ledger_entry_follows BEFORE INSERT ON ledger_entry
WHEN NEW.sequence IS NOT 1 + coalesce((SELECT max(sequence) FROM ledger_entry), 0)
    OR NEW.previous IS NOT coalesce((SELECT hash FROM ledger_entry ORDER BY sequence DESC LIMIT 1), printf('%064d', 0))
BEGIN SELECT RAISE(ABORT, 'a ledger entry follows the last one'); END""",
    "ledger_entry_kept": """CREATE TRIGGER ledger_entry_kept BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never removed'); END""",
    "ledger_entry_unchanged": """CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never changed'); END""",
}


class SqliteStore:
    """The entries in a SQLite file. Every transaction opens the file anew and checks it."""

    def __init__(self, path: Path, *, longest_wait: float = LONGEST_WAIT) -> None:
        self._path = path
        self._engine = _engine(path, longest_wait)

    @property
    def place(self) -> str:
        """Say where the file is."""
        return str(self._path)

    @contextmanager
    def reading(self) -> Iterator[SqlView]:
        """Open a consistent view."""
        with self._connected() as connection:
            connection.exec_driver_sql("BEGIN")
            yield SqlView(connection)

    @contextmanager
    def writing(self) -> Iterator[SqlView]:
        """Open the exclusive transaction; leaving it commits durably, an exception undoes it."""
        with self._connected() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield SqlView(connection)
            try:
                connection.exec_driver_sql("COMMIT")
            except DBAPIError:
                raise OutcomeUnknown from None

    def inspect(self) -> tuple[Finding, ...]:
        """Return what SQLite itself finds wrong with the file's pages and indexes."""
        try:
            with self._connected() as connection:
                rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        except DamagedLedgerError as damaged:
            return (error("store", self.place, f"The file can't be read: {damaged.reason}."),)
        return tuple(error("store", self.place, f"SQLite: {row}") for row in rows if row != "ok")

    def backup(self, target: Path) -> None:
        """Write a whole copy of one moment to a new file, which is a ledger too."""
        _new_file(target)
        with closing(_connect(self._path, LONGEST_WAIT)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        _sync(target)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as failure:
            raise _refusal(self.place, failure) from None
        except UnicodeDecodeError:
            # Python's binding can't even word SQLite's complaint about a damaged schema.
            raise DamagedLedgerError(sequence=0, reason="SQLite can't read its file") from None


def create_sqlite(path: Path) -> SqliteStore:
    """Return a new, empty ledger; what exists at `path` is left alone and refused.

    Raises:
        LedgerExistsError: Something has that name.
        UnsafeLedgerError: The folder is on a network file system, or SQLite doesn't take the settings.
    """
    check_folder(path.parent)
    _new_file(path)
    with closing(opened(path)) as connection:
        set_and_read_back(path, connection)
        connection.execute("BEGIN EXCLUSIVE")
        for statement in SCHEMA.values():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    _sync(path)
    return open_sqlite(path)


def open_sqlite(path: Path) -> SqliteStore:
    """Return the ledger in the file at `path`, once everything about it was checked.

    Raises:
        LedgerMissingError: There is none.
        UnsafeLedgerError: Its place, settings or schema are refused.
        DamagedLedgerError: SQLite can't read it.
    """
    store = SqliteStore(path)
    with store.reading() as chain:
        chain.last()
    return store


def _engine(path: Path, longest_wait: float) -> Engine:
    return create_engine(
        "sqlite://", creator=lambda: _connect(path, longest_wait), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    ).execution_options(schema_translate_map={SCHEMA_NAME: None})


def _connect(path: Path, longest_wait: float) -> sqlite3.Connection:
    check_file(path)
    connection = opened(path, longest_wait)
    try:
        set_and_read_back(path, connection)
        _check_schema(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def opened(path: Path, longest_wait: float = LONGEST_WAIT) -> sqlite3.Connection:
    """Return a connection to a file that exists; nothing about it was checked."""
    # mode=rw: a mistyped path must not make a new, empty ledger.
    name = f"file:{quote(os.path.abspath(path))}?mode=rw"  # noqa: PTH100 - resolve() would follow links
    return sqlite3.connect(name, uri=True, isolation_level=None, timeout=longest_wait)


def set_and_read_back(path: Path, connection: sqlite3.Connection) -> None:
    """Set what keeps acknowledged charges through a power cut, and refuse a SQLite that doesn't take it.

    Raises:
        UnsafeLedgerError: Naming the setting.
    """
    for name, text, expected in SETTINGS:
        connection.execute(f"PRAGMA {name} = {text}").fetchall()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        # A SQLite built without memory mapping has no such setting, and answers nothing.
        if row is not None and row[0] != expected:
            reason = f"SQLite answers {name} = {row[0]}, and {expected} is needed"
            raise UnsafeLedgerError(str(path), reason, "Use a SQLite that was built with its usual options.")


def _check_schema(path: Path, connection: sqlite3.Connection) -> None:
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    if identity != APPLICATION_ID:
        raise LedgerMissingError(str(path), "the file is no ledger of this program")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        reason = f"its schema has version {version}, and this program reads {SCHEMA_VERSION}"
        raise UnsafeLedgerError(str(path), reason, "Upgrade the ledger, or the program, with its own command.")
    same_schema(path, connection)


def same_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a file whose tables, indexes and triggers aren't, word for word, those that this program creates.

    Raises:
        UnsafeLedgerError: Naming what differs.
    """
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    if found != SCHEMA:
        names = sorted(str(name) for name in {*found, *SCHEMA} if found.get(name) != SCHEMA.get(name))
        remedy = "Someone changed it: verify the ledger against every published bundle, and restore a backup."
        raise UnsafeLedgerError(str(path), f"its schema was changed ({', '.join(names)})", remedy)


def _new_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
    except FileExistsError:
        raise LedgerExistsError(str(path)) from None
    except OSError as failure:
        raise LedgerUnavailableError(str(path), failure.strerror or "it can't be created") from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)


def _refusal(place: str, failure: DBAPIError) -> DamagedLedgerError | LedgerUnavailableError:
    name = getattr(failure.orig, "sqlite_errorname", "SQLITE_ERROR")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerUnavailableError(place, "another run has held it for too long")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH")):
        return DamagedLedgerError(sequence=0, reason=f"SQLite can't read its file ({name})")
    return LedgerUnavailableError(place, f"SQLite says {name}")
