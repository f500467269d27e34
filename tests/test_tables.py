"""Records in a database's table: what is digested is what is read, nothing is read before the charge, nothing leaks."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from command_line import Mirrors
from offices import OFFICE, RELEASE, csv_bytes, line, new_book, plan_of, some_lines, write_office
from planted import FIGURES, TEXTS, canaries_in, leaks_below
from table_world import SERVICE, TABLE_RELEASE, Server, serving

from release.charging import charge_requests
from release.cli.wiring import source_place
from release.confidential.engine import exact_vectors
from release.confidential.records import Records
from release.confidential.sources import hold
from release.config import load_release
from release.errors import (
    ConfigError,
    DatabaseError,
    MicrodataError,
    NotStoredError,
    SchemaError,
    SourceChangedError,
    UsageError,
)
from release.ledger.values import Charge
from release.measurement import Measurement
from release.plan import ReleasePlan

IN_THE_DATABASE = OFFICE.replace("[unit]", 'engine = "postgres"\n[unit]', 1)
ENGINES = {"polars": OFFICE, "postgres": IN_THE_DATABASE}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("services")) as started:
        yield started


@pytest.fixture
def lines(server: Server) -> list[dict[str, str]]:
    made = some_lines(300)
    server.put_lines(made)
    return made


def records_in(folder: Path, office: str = OFFICE) -> tuple[Records, ReleasePlan]:
    place = write_office(folder, release=TABLE_RELEASE, office=office)
    plan = plan_of(place)
    return Records(place=None, source=plan.release.source, state=place.state, engine=plan.office.engine), plan


def charged(plan: ReleasePlan, digests: tuple[tuple[str, str], ...]) -> tuple[Charge, ...]:
    return new_book().charge_all(charge_requests(plan, digests), date="2025-01-31")


def digests_of(folder: Path, office: str = OFFICE) -> tuple[tuple[str, str], ...]:
    records, plan = records_in(folder, office)
    try:
        return records.keyed_digests(plan)
    finally:
        records.close()


def near(one: Measurement, other: Measurement, plan: ReleasePlan) -> bool:
    """Decide whether two noisy results can come from the same integers: within eleven deviations everywhere."""
    return all(abs(one.noisy[key] - other.noisy[key]).max() < 16 * 2**24 for key in one.noisy) and bool(plan.measures)


def planted_lines() -> list[dict[str, str]]:
    """Return ordinary lines, and some with canaries in every column."""
    return [line(**(TEXTS | {"date": "2024-02-03", "value": "1", "mass": "1"})), line(**FIGURES), *some_lines(300)]


@pytest.mark.slow
@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_a_table_is_released_without_a_raw_value_and_once(
    engine: str, server: Server, tmp_path: Path, mirrors: Mirrors
) -> None:
    server.put_lines(planted_lines())
    place = write_office(tmp_path, release=TABLE_RELEASE, office=ENGINES[engine])
    ended = mirrors("run", place.release, "--json")
    assert ended.code == 0, ended.err
    assert not canaries_in((ended.out + ended.err).encode())
    assert leaks_below([place.folder], {place.source}) == []
    server.run("DROP TABLE declarations")
    assert mirrors("run", place.release, "--json").json["status"] == "already published"


@pytest.mark.usefixtures("lines")
def test_rows_in_another_order_have_the_same_digest_and_any_other_rows_another(server: Server, tmp_path: Path) -> None:
    first = digests_of(tmp_path)
    server.run("CREATE TABLE moved AS SELECT * FROM declarations ORDER BY random()")
    server.run("DROP TABLE declarations", "ALTER TABLE moved RENAME TO declarations")
    assert digests_of(tmp_path) == first == digests_of(tmp_path, IN_THE_DATABASE)
    server.run(
        "ALTER TABLE declarations RENAME TO kept",
        "CREATE MATERIALIZED VIEW declarations AS SELECT * FROM kept",
    )
    assert digests_of(tmp_path) == first
    server.run(
        "DROP MATERIALIZED VIEW declarations",
        "CREATE TABLE declarations (LIKE kept) PARTITION BY LIST (flow)",
        "CREATE TABLE imports PARTITION OF declarations FOR VALUES IN ('M')",
        "CREATE TABLE others PARTITION OF declarations DEFAULT",
        "INSERT INTO declarations SELECT * FROM kept",
        "DROP TABLE kept",
    )
    assert digests_of(tmp_path) == first
    server.run("INSERT INTO declarations SELECT * FROM declarations LIMIT 1")
    doubled = digests_of(tmp_path)
    server.run("UPDATE declarations SET note = 'not mapped'")
    assert digests_of(tmp_path) == doubled != first
    server.run("UPDATE declarations SET partner = '' WHERE partner = 'DE'")
    emptied = digests_of(tmp_path)
    server.run("UPDATE declarations SET partner = NULL WHERE partner = ''")
    assert len({first, doubled, emptied, digests_of(tmp_path)}) == 4


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_rows_written_after_the_digest_are_not_read(
    engine: str, server: Server, lines: list[dict[str, str]], tmp_path: Path
) -> None:
    records, plan = records_in(tmp_path / "one", ENGINES[engine])
    charges = charged(plan, records.keyed_digests(plan))
    server.run(
        "INSERT INTO declarations SELECT 'new ' || n, date, flow, partner, commodity, 900000, mass, currency, 'n'"
        " || n FROM declarations, generate_series(1, 30) AS n",
        "DELETE FROM declarations WHERE flow = 'X'",
    )
    found = records.measure(plan, charges)
    server.put_lines(lines)
    again, _ = records_in(tmp_path / "two", ENGINES[engine])
    assert near(found, again.measure(plan, charged(plan, again.keyed_digests(plan))), plan)


@pytest.mark.usefixtures("lines")
def test_a_table_that_changed_since_the_charge_is_refused_by_a_run_that_goes_on(server: Server, tmp_path: Path) -> None:
    records, plan = records_in(tmp_path)
    charges = charged(plan, records.keyed_digests(plan))
    server.run("UPDATE declarations SET value = value + 1 WHERE trader = 'T3'")
    records.close()
    resumed, _ = records_in(tmp_path)
    with pytest.raises(SourceChangedError):
        resumed.measure(plan, charges)
    resumed.close()


class Wire:
    """A socket between this process and the server, which counts the bytes that the server sends."""

    def __init__(self, folder: Path, server: str) -> None:
        self.sent = 0
        self._server = server
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._door, self._door.accept()[0] as inside, socket.socket(socket.AF_UNIX) as outside:
            outside.connect(self._server)
            asking = threading.Thread(target=self._pass, args=(inside, outside, False), daemon=True)
            asking.start()
            self._pass(outside, inside, counted=True)
            asking.join()

    def _pass(self, one: socket.socket, other: socket.socket, counted: bool) -> None:  # noqa: FBT001
        while content := one.recv(1 << 16):
            self.sent += len(content) * counted
            other.sendall(content)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("engine", "after"), [("polars", (2_000_000, 9_000_000)), ("postgres", (0, 400_000))])
def test_no_row_is_sent_before_the_charge_and_none_at_all_where_the_database_adds_up(
    engine: str, after: tuple[int, int], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put_lines(some_lines(40_000))
    entry = psycopg.conninfo.conninfo_to_dict(server.url)
    wire = Wire(tmp_path, f"{entry['host']}/.s.PGSQL.5432")
    services = tmp_path / "services.conf"
    services.write_text(server.services.read_text().replace(str(entry["host"]), str(tmp_path)))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    records, plan = records_in(tmp_path / "office", ENGINES[engine])
    charges = charged(plan, records.keyed_digests(plan))
    before = wire.sent
    assert 0 < before < 60_000
    records.measure(plan, charges)
    low, high = after
    assert low <= wire.sent - before < high


ODD = ("a\\b", "\\N", "\\\\N", "tab\there", "line\nend", "cr\rend", '"quoted"', "", " t 1 ", "é", "\v\f\b", "T1", "t1")


def test_odd_texts_and_amounts_are_what_they_are_in_a_file(server: Server, tmp_path: Path) -> None:
    made = [line(trader=odd, declaration=f"D{number}") for number, odd in enumerate(ODD)] * 3
    server.put_lines(made)
    server.run("ALTER TABLE declarations ALTER value TYPE numeric",
               *(f"INSERT INTO declarations SELECT 'T9', {date}, 'M', 'DE', '84', {value}, {mass}, 'EUR', 'D'"
                 for date, value, mass in (("'infinity'", "5", "1"), ("'2024-02-01'", "'NaN'", "1"),
                                           ("'2024-02-01'", "'Infinity'", "1"), ("'2024-02-01'", "1e30", "NULL"),
                                           ("'2024-02-01'", "0.00499999999999999999999999999", "1"),
                                           ("'2024-02-01'", "0.005", "'NaN'"), ("'0044-03-15 BC'", "7", "1"),
                                           ("NULL", "7", "1"))))  # fmt: skip
    same = [*made, *(line(trader="T9", date="2024-02-01", commodity="84", value=value, mass=mass)
                     for value, mass in (("1e30", ""), ("0.004", "1"), ("0.005", "")))]  # fmt: skip
    kept = [one for one in same if "\n" not in one["trader"] and "\r" not in one["trader"]]
    kept += [one | {"trader": "line end" if "\n" in one["trader"] else "cr end"} for one in same if one not in kept]
    file = tmp_path / "records.csv"
    wanted_plan = plan_of(write_office(tmp_path / "file", release=RELEASE))
    file.write_bytes(csv_bytes(kept))
    wanted = exact_vectors(hold(file, "csv"), wanted_plan)
    for office in ENGINES.values():
        records, plan = records_in(tmp_path / "office", office)
        found = records._vectors(plan)
        records.close()
        assert {key: vector.tolist() for key, vector in found.items()} == {
            key: vector.tolist() for key, vector in wanted.items()
        }


def test_a_password_is_told_nowhere_and_a_server_that_is_away_is_told_in_our_words(
    tmp_path: Path, mirrors: Mirrors
) -> None:
    services = tmp_path / "pg_service.conf"
    services.write_text(f"[{SERVICE}]\nhost={tmp_path}\nuser=officer\npassword=hunter-2-hunter\n")
    place = write_office(tmp_path / "office", release=TABLE_RELEASE)
    ended = mirrors("run", place.release, env={"PGSERVICEFILE": str(services)})
    assert ended.code == 4
    assert f"The database of the service {SERVICE} can't be used: it can't be reached, or refuses the" in ended.err
    assert "hunter" not in ended.out + ended.err
    assert not any(b"hunter" in path.read_bytes() for path in place.folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("ALTER TABLE declarations ALTER partner TYPE bytea USING partner::bytea", "'partner' is of the kind bytea"),
        ("ALTER TABLE declarations ALTER date TYPE timestamptz", "'date' is of the kind timestamptz"),
        ("ALTER TABLE declarations ALTER trader TYPE numeric USING 7", "'trader' is of the kind numeric"),
        ("ALTER TABLE declarations DROP currency", "no column 'currency'"),
        (
            "ALTER TABLE declarations DROP value, ADD value numeric GENERATED ALWAYS AS (1 / mass) VIRTUAL",
            "'value' is virtual",
        ),
    ],
)
def test_columns_that_a_row_could_make_fail_are_refused_by_their_kind(
    change: str, problem: str, server: Server, tmp_path: Path
) -> None:
    server.run(change)
    with pytest.raises(SchemaError, match=problem):
        digests_of(tmp_path)


FAR = ("CREATE FOREIGN DATA WRAPPER far", "CREATE SERVER far FOREIGN DATA WRAPPER far")


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            ("ALTER TABLE declarations RENAME TO kept", "CREATE VIEW declarations AS SELECT * FROM kept"),
            "it is a view",
        ),
        (
            ("ALTER TABLE declarations RENAME TO kept", *FAR, "CREATE FOREIGN TABLE declarations (a text) SERVER far"),
            "it is a table of another server",
        ),
        (
            (*FAR, "CREATE FOREIGN TABLE part () INHERITS (declarations) SERVER far"),
            "a part of it is a table of another",
        ),
        (("ALTER TABLE declarations RENAME TO kept", "CREATE SEQUENCE declarations"), "it isn't a table"),
    ],
)
def test_only_stored_rows_are_read_since_what_is_worked_out_could_fail_at_one(
    changes: tuple[str, ...], reason: str, server: Server, tmp_path: Path
) -> None:
    server.run(*changes)
    try:
        with pytest.raises(NotStoredError) as refused:
            digests_of(tmp_path)
    finally:
        server.run(
            "DROP SEQUENCE IF EXISTS declarations" if "SEQUENCE" in changes[-1] else "SELECT 1",
            "DROP FOREIGN DATA WRAPPER IF EXISTS far CASCADE",
            "DROP TABLE IF EXISTS kept, part CASCADE",
        )
    assert refused.value.reason.startswith(reason)


@pytest.mark.usefixtures("lines")
def test_policies_on_rows_are_refused_for_a_role_that_they_bind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run(
        "DROP ROLE IF EXISTS clerk",
        "CREATE ROLE clerk LOGIN",
        "GRANT SELECT ON declarations TO clerk",
        "ALTER TABLE declarations ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY counted ON declarations USING (1 / mass > 0)",
    )
    seen = digests_of(tmp_path / "office")
    services = tmp_path / "services.conf"
    services.write_text(server.services.read_text().replace("user=postgres", "user=clerk"))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with pytest.raises(NotStoredError, match="row-level security") as refused:
        digests_of(tmp_path / "office")
    assert "BYPASSRLS" in str(refused.value)
    server.run("ALTER ROLE clerk BYPASSRLS")
    assert digests_of(tmp_path / "office") == seen


def test_a_database_whose_encoding_has_letters_that_utf_8_lacks_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run("CREATE DATABASE windows ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0")
    database = psycopg.conninfo.conninfo_to_dict(server.url)["dbname"]
    services = tmp_path / "services.conf"
    services.write_text(server.services.read_text().replace(f"dbname={database}", "dbname=windows"))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with pytest.raises(DatabaseError, match="its encoding is WIN1252"):
        digests_of(tmp_path / "office")


@pytest.mark.usefixtures("lines")
def test_a_role_that_may_not_read_a_column_is_told_before_anything(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run(
        "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN", "GRANT SELECT (date, flow) ON declarations TO clerk"
    )
    services = tmp_path / "services.conf"
    services.write_text(server.services.read_text().replace("user=postgres", "user=clerk"))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with pytest.raises(SchemaError, match="may not read the column 'trader'"):
        digests_of(tmp_path / "office")
    services.write_text(server.services.read_text().replace("user=postgres", "user=nobody-known"))
    with pytest.raises(DatabaseError, match="refuses the role"):
        digests_of(tmp_path / "office")


def test_a_private_check_looks_at_a_table_as_at_a_file(
    server: Server, lines: list[dict[str, str]], tmp_path: Path, mirrors: Mirrors
) -> None:
    release = TABLE_RELEASE.replace("[source.columns]", 'leave_out = { partner = ["ZW"] }\n[source.columns]')
    place = write_office(tmp_path, release=release)
    found = mirrors("source", "check", place.release, "--json")
    assert found.code == 0, found.err
    left = sum(one["partner"] == "ZW" for one in lines)
    assert found.json["rows"] == found.json["counted"] == len(lines) - left
    assert [one["code"] for one in found.json["findings"]] == ["summed-partners"]
    server.run("UPDATE declarations SET commodity = 'sugar', date = date + 900")
    wrong = mirrors("source", "check", place.release, "--json")
    assert {"unreadable-commodity", "other-year"} <= {one["code"] for one in wrong.json["findings"]}
    assert wrong.code == 1
    assert not list(place.state.joinpath("spilled").iterdir())


def change(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("release", "office", "problem"),
    [
        (change('service = "customs"\n', ""), OFFICE, 'source.service: is needed where layout = "table"'),
        (change('layout = "table"', 'layout = "csv"'), OFFICE, 'source.table: goes with layout = "table"'),
        (change('table = "', 'path = "x.csv"\ntable = "'), OFFICE, "source.path: has no use"),
        (change('"declarations"\n\n', '"a; drop table b"\n\n'), OFFICE, "source.table: "),
        (change('trader = "trader"', 'trader = { first_of = ["trader", "note"] }'), IN_THE_DATABASE, "from one column"),
    ],
)
def test_a_config_of_a_table_that_cannot_work_is_refused(
    release: Callable[[str], str], office: str, problem: str, tmp_path: Path
) -> None:
    place = write_office(tmp_path, release=release(TABLE_RELEASE), office=office)
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")):
        load_release(place.release)


def test_a_file_in_place_of_a_table_is_refused(tmp_path: Path) -> None:
    place = write_office(tmp_path, release=TABLE_RELEASE)
    with pytest.raises(UsageError, match="--source names files"):
        source_place(plan_of(place).release, place.folder, place.source)


def test_where_a_table_is_changes_nothing_of_what_is_published_of_a_plan(tmp_path: Path) -> None:
    _, plan = records_in(tmp_path)
    source = replace(plan.release.source, service="elsewhere", table="other.name")
    moved = replace(plan, release=replace(plan.release, source=source))
    assert moved.document == plan.document


@pytest.mark.usefixtures("lines")
def test_a_connection_that_is_lost_after_the_charge_tells_the_step_alone(server: Server, tmp_path: Path) -> None:
    records, plan = records_in(tmp_path)
    charges = charged(plan, records.keyed_digests(plan))
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state LIKE 'idle%'"
    )
    with pytest.raises(MicrodataError) as told:
        records.measure(plan, charges)
    assert told.value.step == "measure"
    assert told.value.__cause__ is told.value.__context__ is None
