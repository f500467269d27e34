"""What the rules and the clip ask of a database."""

from typing import Protocol

import pyarrow as pa
from ibis.expr.types import Table, Value


class Database(Protocol):
    """A database as far as this package uses it; tables that are kept end with the connection."""

    def read(self, query: Table) -> pa.Table:
        """Return a query's rows."""

    def keep(self, query: Table) -> Table:
        """Work a query out once, keep its rows inside the database, and return them as a table."""

    def once(self, query: Table) -> Table:
        """Return a query that others are made of several times, kept where it would be worked out each time."""

    def give(self, rows: pa.Table) -> Table:
        """Bring rows into the database and return them as a table."""

    def divide(self, whole: Value, by: Value) -> Value:
        """Return the whole part of the quotient of two exact non-negative integers."""
