"""Records in tables of a real PostgreSQL: a server, its entry in pg_service.conf, and tables of any rows."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pyarrow as pa
from ledger_world import plain, postgres
from offices import COLUMNS, RELEASE, Line

from release.plan import ReleasePlan

SERVICE = "customs"
TABLE_RELEASE = RELEASE.replace(
    'layout = "csv"\npath = "records.csv"', f'layout = "table"\nservice = "{SERVICE}"\ntable = "declarations"'
)
KINDS = {"int64": "bigint", "double": "double precision", "date32[day]": "date", "string": "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database, and the file of services that names it."""

    url: str
    services: Path

    def run(self, *statements: str) -> None:
        """Run statements, each committed."""
        with psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=5s") as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def put(self, rows: pa.Table, table: str = "declarations") -> None:
        """Make a table of some rows anew, its columns of the rows' kinds."""
        columns = ", ".join(f'"{field.name}" {_kind(field.type)}' for field in rows.schema)
        self.run(f"DROP TABLE IF EXISTS {table} CASCADE", f"CREATE TABLE {table} ({columns})")
        with psycopg.connect(self.url) as connection, connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:  # type: ignore[arg-type]
            for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                copy.write_row(row)

    def put_lines(self, lines: Sequence[Line], table: str = "declarations") -> None:
        """Make a table of lines as text, but for their dates and amounts."""
        self.put(pa.table({name: pa.array([line[name] for line in lines], pa.string()) for name in COLUMNS}), table)
        self.run(
            f"ALTER TABLE {table} ALTER date TYPE date USING date::date, ALTER value TYPE numeric(18,2) USING"
            f" value::numeric, ALTER mass TYPE numeric(18,3) USING mass::numeric"
        )


def _kind(kind: pa.DataType) -> str:
    return f"numeric({kind.precision},{kind.scale})" if pa.types.is_decimal(kind) else KINDS[str(kind)]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Start a server, name it in a file of services, and let this process and those it starts find that file."""
    with postgres() as database:
        url = plain(database())
        entry = psycopg.conninfo.conninfo_to_dict(url)
        services = folder / "pg_service.conf"
        services.write_text(f"[{SERVICE}]\n" + "".join(f"{name}={value}\n" for name, value in entry.items()))
        before = os.environ.get("PGSERVICEFILE")
        os.environ["PGSERVICEFILE"] = str(services)
        try:
            yield Server(url=url, services=services)
        finally:
            os.environ.pop("PGSERVICEFILE")
            if before is not None:
                os.environ["PGSERVICEFILE"] = before


def of_table(plan: ReleasePlan, table: str = "declarations") -> ReleasePlan:
    """Return a plan whose records are in a table."""
    source = replace(plan.release.source, layout="table", service=SERVICE, table=table, path=None)
    return replace(plan, release=replace(plan.release, source=source))
