"""The ledger in PostgreSQL, for offices whose runs start on several machines.

Why so: READ COMMITTED and REPEATABLE READ overspend when two runs read the same standing. Every writer first
locks the one table that exists for it, then reads under SERIALIZABLE: `LOCK TABLE` as the first statement
takes no snapshot, so what is read is what the last writer left, and nobody has to be sent back.
`synchronous_commit` is set within the transaction, and a server without fsync is refused. The schema has its
own name, so no search path can shadow it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from release.errors import (
    DamagedLedgerError,
    LedgerExistsError,
    LedgerMissingError,
    LedgerUnavailableError,
    UnsafeLedgerError,
)
from release.ledger.findings import Finding, warning
from release.ledger.ports import OutcomeUnknown
from release.ledger.sql.tables import SCHEMA_VERSION, SqlView

LONGEST_WAIT = 30.0
"""For how many seconds a run waits while another writes."""

_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit")
_AGAIN = frozenset({"40001", "40P01"})
_HELD = "55P03"
_DUPLICATES = frozenset({"42P06", "42P07"})

_TABLES = (
    "CREATE SCHEMA noisy_mirrors",
    "CREATE TABLE noisy_mirrors.ledger_lock (version integer NOT NULL)",
    """CREATE TABLE noisy_mirrors.ledger_entry (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    previous text NOT NULL,
    kind text NOT NULL,
    body text NOT NULL,
    hash text NOT NULL,
    account_key text GENERATED ALWAYS AS (body::json ->> 'account') STORED,
    release_name text GENERATED ALWAYS AS (body::json ->> 'release') STORED
)""",
    "CREATE INDEX ledger_entry_account ON noisy_mirrors.ledger_entry (account_key, sequence)",
    "CREATE INDEX ledger_entry_release ON noisy_mirrors.ledger_entry (release_name, sequence)",
)

_VERSION = "INSERT INTO noisy_mirrors.ledger_lock VALUES (%s)"
_REFUSES = """
BEGIN
    RAISE EXCEPTION 'a ledger entry is never changed or removed';
END
"""

_FOLLOWS = """
DECLARE
    last record;
BEGIN
    SELECT sequence, hash INTO last FROM noisy_mirrors.ledger_entry ORDER BY sequence DESC LIMIT 1;
    IF NEW.sequence IS DISTINCT FROM 1 + coalesce(last.sequence, 0)
        OR NEW.previous IS DISTINCT FROM coalesce(last.hash, repeat('0', 64)) THEN
        RAISE EXCEPTION 'a ledger entry follows the last one';
    END IF;
    RETURN NEW;
END
"""

FUNCTIONS = {"ledger_entry_refuses": _REFUSES, "ledger_entry_follows": _FOLLOWS}
TRIGGERS = {
    "ledger_entry_follows": "BEFORE INSERT ON noisy_mirrors.ledger_entry FOR EACH ROW"
    " EXECUTE FUNCTION noisy_mirrors.ledger_entry_follows()",
    "ledger_entry_kept": "BEFORE DELETE OR UPDATE ON noisy_mirrors.ledger_entry FOR EACH ROW"
    " EXECUTE FUNCTION noisy_mirrors.ledger_entry_refuses()",
    "ledger_entry_whole": "BEFORE TRUNCATE ON noisy_mirrors.ledger_entry FOR EACH STATEMENT"
    " EXECUTE FUNCTION noisy_mirrors.ledger_entry_refuses()",
}

_FIND_TRIGGERS = """
SELECT tgname, 'CREATE TRIGGER ' || tgname || ' ', pg_get_triggerdef(trigger.oid), tgenabled::text
FROM pg_trigger AS trigger WHERE tgrelid = 'noisy_mirrors.ledger_entry'::regclass AND NOT tgisinternal
"""
_FIND_FUNCTIONS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'noisy_mirrors'::regnamespace"
_FIND_RIGHTS = """
SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege
WHERE has_table_privilege('noisy_mirrors.ledger_entry', privilege)
"""


class PostgresStore:
    """The entries in a PostgreSQL database, one ledger a database."""

    def __init__(self, url: URL, *, longest_wait: float = LONGEST_WAIT) -> None:
        self._longest_wait = longest_wait
        self._place = url.render_as_string(hide_password=True)
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @property
    def place(self) -> str:
        """Say which database it is, without its password."""
        return self._place

    @contextmanager
    def reading(self) -> Iterator[SqlView]:
        """Open a consistent view."""
        with self.connected() as connection:
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            check_schema(self._place, connection)
            yield SqlView(connection)

    @contextmanager
    def writing(self) -> Iterator[SqlView]:
        """Open the exclusive transaction; leaving it commits durably, an exception undoes it."""
        with self.connected() as connection:
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(self._longest_wait * 1000)}")
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
            connection.exec_driver_sql("LOCK TABLE noisy_mirrors.ledger_lock IN EXCLUSIVE MODE")
            check_schema(self._place, connection)
            yield SqlView(connection)
            try:
                connection.exec_driver_sql("COMMIT")
            except DBAPIError:
                raise OutcomeUnknown from None

    def inspect(self) -> tuple[Finding, ...]:
        """Return a warning when the role that connects may change entries: then only triggers hold it back."""
        with self.connected() as connection:
            rights = connection.exec_driver_sql(_FIND_RIGHTS).scalars().all()
        if not rights:
            return ()
        message = f"The ledger's role may {', '.join(rights)}. Let another role own it and grant the writer's rights."
        return (warning("rights", self._place, message),)

    def install(self) -> None:
        """Create the tables, functions and triggers of an empty ledger."""
        with self.connected() as connection:
            connection.exec_driver_sql("BEGIN")
            for statement in (*_TABLES, *guards()):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(_VERSION, (SCHEMA_VERSION,))
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Open a connection outside any transaction; what the database refuses becomes one of our refusals."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as failure:
            raise _refusal(self._place, failure) from None


def guards() -> tuple[str, ...]:
    """Return the statements that make the table append-only."""
    functions = (
        f"CREATE OR REPLACE FUNCTION noisy_mirrors.{name}() RETURNS trigger LANGUAGE plpgsql AS $body${source}$body$"
        for name, source in FUNCTIONS.items()
    )
    triggers = (f"CREATE OR REPLACE TRIGGER {name} {text}" for name, text in TRIGGERS.items())
    return (*functions, *triggers)


def create_postgres(url: URL) -> PostgresStore:
    """Return a new, empty ledger in a database that has none.

    Raises:
        LedgerExistsError: It has one.
        LedgerUnavailableError: The database can't be reached.
    """
    PostgresStore(url).install()
    return open_postgres(url)


def open_postgres(url: URL) -> PostgresStore:
    """Return the ledger in a database, once its settings and schema were checked.

    Raises:
        LedgerMissingError: The database has none.
        UnsafeLedgerError: The server's settings, or the schema, are refused.
        LedgerUnavailableError: The database can't be reached.
    """
    store = PostgresStore(url)
    with store.reading() as chain:
        chain.last()
    return store


def check_schema(place: str, connection: Connection) -> None:
    """Refuse a server that could lose a commit, and a schema that isn't the one that this program creates.

    Raises:
        LedgerMissingError: There is no ledger.
        UnsafeLedgerError: Naming the setting, the version or the guards.
    """
    for name in _SETTINGS:
        value = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
        if value != "on":
            raise UnsafeLedgerError(
                place, f"the server has {name} = {value}", "Set it to on: a power cut would lose charges."
            )
    if connection.exec_driver_sql("SELECT to_regclass('noisy_mirrors.ledger_lock')").scalar_one() is None:
        raise LedgerMissingError(place, "the database holds no ledger of this program")
    version = connection.exec_driver_sql("SELECT version FROM noisy_mirrors.ledger_lock").scalar_one()
    if version != SCHEMA_VERSION:
        reason = f"its schema has version {version}, and this program reads {SCHEMA_VERSION}"
        raise UnsafeLedgerError(place, reason, "Upgrade the ledger, or the program, with its own command.")
    _check_guards(place, connection)


def _check_guards(place: str, connection: Connection) -> None:
    triggers = {
        name: text.removeprefix(head)
        for name, head, text, enabled in connection.exec_driver_sql(_FIND_TRIGGERS)
        if enabled == "O"
    }
    functions = {name: source for name, source in connection.exec_driver_sql(_FIND_FUNCTIONS)}  # noqa: C416
    if triggers != TRIGGERS or functions != FUNCTIONS:
        remedy = "Someone changed them: verify the ledger against every published bundle, and restore a backup."
        raise UnsafeLedgerError(place, "the triggers that keep its entries were changed", remedy)


def _refusal(place: str, failure: DBAPIError) -> Exception:
    state = getattr(failure.orig, "sqlstate", None)
    if state in _DUPLICATES:
        return LedgerExistsError(place)
    if state == _HELD:
        return LedgerUnavailableError(place, "another run has held it for too long")
    if state in _AGAIN or (failure.connection_invalidated):
        return OutcomeUnknown()
    if state is None:
        return LedgerUnavailableError(place, "the server can't be reached, or the connection broke")
    return DamagedLedgerError(sequence=0, reason=f"PostgreSQL refuses to read or write it ({state})")
