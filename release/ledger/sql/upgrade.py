"""A ledger's schema brought to this program's version: guards put back, every entry shown to be the same.

Tools for migrations rebuild a table by copying it, and lose the triggers that keep it append-only. Here one exclusive
transaction audits the chain, takes the steps, puts every guard back, compares the schema and each entry with what they
have to be, and only then commits. A refused upgrade changes nothing. Make a backup first all the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from sqlalchemy.engine import URL

from release.errors import DamagedLedgerError, LedgerMissingError, UnsafeLedgerError
from release.ledger.entries import Entry
from release.ledger.sql.files import check_file
from release.ledger.sql.postgres import PostgresStore, check_schema, guards
from release.ledger.sql.sqlite import APPLICATION_ID, SCHEMA, opened, same_schema, set_and_read_back
from release.ledger.sql.tables import SCHEMA_VERSION, SqlView
from release.ledger.sql.transfer import checked_chain

Steps = Mapping[int, tuple[str, ...]]

STEPS: Steps = {}
"""By version, the statements that lead to the next. Version 1 is the first that was released."""

_USER_TRIGGERS = """
SELECT tgname FROM pg_trigger WHERE tgrelid = 'noisy_mirrors.ledger_entry'::regclass AND NOT tgisinternal
"""
_REMEDY = "Keep the ledger as it is, and ask those who maintain the program."


def upgrade_sqlite(path: Path, steps: Steps = STEPS) -> int:
    """Return the version that the ledger had, once it has this program's.

    Raises:
        LedgerMissingError: There is no ledger.
        UnsafeLedgerError: No step leads from its version, or the steps don't lead to this program's schema.
        DamagedLedgerError: The chain has a fault before, or isn't the same after. Nothing was changed.
    """
    check_file(path)
    with closing(opened(path)) as connection:
        set_and_read_back(path, connection)
        connection.execute("BEGIN EXCLUSIVE")
        version = _version(path, connection)
        _leads(str(path), version, steps)
        before = checked_chain(_entries(connection))
        _take(version, connection, steps)
        same_schema(path, connection)
        _same(before, checked_chain(_entries(connection)))
        connection.execute("COMMIT")
    return version


def upgrade_postgres(url: URL, steps: Steps = STEPS) -> int:
    """Return the version that the ledger had, once it has this program's; `url` is that of the ledger's owner.

    Raises:
        UnsafeLedgerError: No step leads from its version, or the steps don't lead to this program's schema.
        DamagedLedgerError: The chain has a fault before, or isn't the same after. Nothing was changed.
    """
    store = PostgresStore(url)
    with store.connected() as connection:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        connection.exec_driver_sql("LOCK TABLE noisy_mirrors.ledger_lock IN EXCLUSIVE MODE")
        before = checked_chain(SqlView(connection).entries())
        version = int(connection.exec_driver_sql("SELECT version FROM noisy_mirrors.ledger_lock").scalar_one())
        _leads(store.place, version, steps)
        for name in connection.exec_driver_sql(_USER_TRIGGERS).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name} ON noisy_mirrors.ledger_entry")
        for statement in (*_statements(version, steps), *guards()):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("UPDATE noisy_mirrors.ledger_lock SET version = %s", (SCHEMA_VERSION,))
        check_schema(store.place, connection)
        _same(before, checked_chain(SqlView(connection).entries()))
        connection.exec_driver_sql("COMMIT")
    return version


def _leads(place: str, version: int, steps: Steps) -> None:
    if not all(one in steps for one in range(version, SCHEMA_VERSION)) or version > SCHEMA_VERSION:
        raise UnsafeLedgerError(place, f"no step leads from its version {version} to {SCHEMA_VERSION}", _REMEDY)


def _statements(version: int, steps: Steps) -> Iterator[str]:
    for one in range(version, SCHEMA_VERSION):
        yield from steps[one]


def _same(before: tuple[Entry, ...], after: tuple[Entry, ...]) -> None:
    if before != after:
        raise DamagedLedgerError(sequence=len(before), reason="the upgrade would have changed an entry")


def _version(path: Path, connection: Connection) -> int:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerMissingError(str(path), "the file is no ledger of this program")
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _take(version: int, connection: Connection, steps: Steps) -> None:
    for name in _triggers(connection):
        connection.execute(f"DROP TRIGGER {name}")
    for statement in _statements(version, steps):
        connection.execute(statement)
    for statement in SCHEMA.values():
        if statement.startswith("CREATE TRIGGER"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _triggers(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]


def _entries(connection: Connection) -> Iterator[Entry]:
    rows = connection.execute("SELECT sequence, previous, kind, body, hash FROM ledger_entry ORDER BY sequence")
    for sequence, previous, kind, body, digest in rows:
        yield Entry(sequence=sequence, previous=previous, kind=kind, body=body, hash=digest)
