"""A connection to the PostgreSQL database that holds the records, at the beginning of its one transaction.

The transaction sees one state of the database from here on. Where the database is, and the password, are libpq's to
know; its own messages are passed on to nobody.
"""

from typing import Any

import psycopg

from release.errors import DatabaseError

_OLDEST = 140_000
_TOO_OLD = "it is older than PostgreSQL 14"
_WHOLE_ENCODINGS = frozenset(
    ("UTF8", "ISO_8859_5", "KOI8R", "KOI8U", "WIN866", *(f"LATIN{part}" for part in (1, 2, *range(4, 11))))
)
"""The encodings whose every text is a text in UTF-8 too, so that the server can send whatever a record holds."""
_SETTINGS = {"datestyle": "ISO, YMD", "timezone": "UTC", "extra_float_digits": "1", "client_min_messages": "error"}
_WITHOUT_END = (
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN"
    " ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)


def connected(service: str, *, work: bool) -> psycopg.Connection[Any]:
    """Return a connection at the beginning of its transaction.

    Raises:
        DatabaseError: in our words.
    """
    try:
        connection = psycopg.connect(service=service, client_encoding="utf8", autocommit=False)
    except psycopg.Error:
        connection = None
    if connection is None:
        raise DatabaseError(service, "it can't be reached, or refuses the role or its password")
    encoding = connection.info.parameter_status("server_encoding")
    refused = _TOO_OLD if connection.info.server_version < _OLDEST else None
    if encoding not in _WHOLE_ENCODINGS:
        refused = (
            f"its encoding is {encoding}, which can hold what is no letter in UTF-8, so that a single record could stop"
            " a run; copy the records into a database in UTF8"
        )
    if refused is not None:
        connection.close()
        raise DatabaseError(service, refused)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = not work
    connection.prepare_threshold = None
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])
    connection.execute(_WITHOUT_END.encode())
    return connection
