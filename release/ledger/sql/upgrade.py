"""A ledger's schema brought to this program's version: guards put back, every entry shown to be the same.

Tools for migrations rebuild a table by copying it, and lose the triggers that keep it append-only. Here one exclusive
transaction audits the chain, takes the steps, puts every guard back, compares the schema and each entry with what they
have to be, and only then commits. A refused upgrade changes nothing. Make a backup first all the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from release.errors import DamagedLedgerError, UnsafeLedgerError
from release.ledger.entries import Entry
from release.ledger.replay import replay
from release.ledger.sql.files import check_file
from release.ledger.sql.sqlite import APPLICATION_ID, SCHEMA, opened, same_schema, set_and_read_back
from release.ledger.sql.tables import SCHEMA_VERSION

Steps = Mapping[int, tuple[str, ...]]

STEPS: Steps = {}
"""By version, the statements that lead to the next. Version 1 is the first that was released."""

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
        before = _sound(connection)
        version = _take(path, connection, steps)
        same_schema(path, connection)
        if _sound(connection) != before:
            raise DamagedLedgerError(sequence=len(before), reason="the upgrade would have changed an entry")
        connection.execute("COMMIT")
    return version


def _take(path: Path, connection: Connection, steps: Steps) -> int:
    identity, found = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if identity != APPLICATION_ID or not all(version in steps for version in range(found, SCHEMA_VERSION)):
        raise UnsafeLedgerError(str(path), f"no step leads from its version {found} to {SCHEMA_VERSION}", _REMEDY)
    for name in _triggers(connection):
        connection.execute(f"DROP TRIGGER {name}")
    for version in range(found, SCHEMA_VERSION):
        for statement in steps[version]:
            connection.execute(statement)
    for statement in SCHEMA.values():
        if statement.startswith("CREATE TRIGGER"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return int(found)


def _triggers(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]


def _sound(connection: Connection) -> tuple[Entry, ...]:
    chain = tuple(_entries(connection))
    seen = replay(chain)
    if seen.findings:
        raise DamagedLedgerError(sequence=seen.first_fault, reason=seen.findings[0].message)
    return chain


def _entries(connection: Connection) -> Iterator[Entry]:
    rows = connection.execute("SELECT sequence, previous, kind, body, hash FROM ledger_entry ORDER BY sequence")
    for sequence, previous, kind, body, digest in rows:
        yield Entry(sequence=sequence, previous=previous, kind=kind, body=body, hash=digest)
