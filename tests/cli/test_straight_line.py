"""The straight line by the real command line: config, plan, charge, measure, publish, verify; and what is refused."""

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from small_office import RELEASE, rows, write_declarations, write_office


def bytes_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "private.log"
    }


def test_a_run_charges_publishes_and_verifies(mirrors, tmp_path):
    release = write_office(tmp_path)
    ran = mirrors("run", release, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["status"] == "published"
    assert ran.json["charge"]["rho"] == "1.5"
    verified = mirrors("verify", ran.json["bundle"], "--json")
    assert verified.code == 0
    told = verified.json["bundles"][0]
    assert {name: told[name] for name in ("bundle", "valid", "signed", "signer", "findings")} == {
        "bundle": ran.json["bundle"],
        "valid": True,
        "signed": False,
        "signer": None,
        "findings": [],
    }
    shown = mirrors("ledger", "show", tmp_path / "office.toml", "--json").json
    assert shown["accounts"][0]["spent"] == {"rho": "1.5"}
    assert shown["accounts"][0]["remaining"] == {"rho": "1.5"}
    assert [charge["state"] for charge in shown["charges"]] == ["published"]
    assert shown["accounts"][0]["epsilon"] == pytest.approx(11.3236, abs=1e-4)
    assert "epsilon 11.33 at" in mirrors("ledger", "show", tmp_path / "office.toml").out, "a loss is rounded up"
    for page in ("methods.md", "README.html"):
        assert "epsilon = 11.33 at" in (Path(ran.json["bundle"]) / page).read_text()


def test_what_is_published_is_the_truth_within_its_intervals_where_nothing_is_clipped(mirrors, tmp_path):
    release = write_office(tmp_path)
    small = [{**row, "value": "700.00"} for row in rows(2000)]
    write_declarations(tmp_path / "declarations.csv", small)
    bundle = Path(mirrors("run", release, "--json").json["bundle"])
    table = pl.read_parquet(bundle / "observations.parquet").filter(pl.col("measure") == "value")
    truth = {(flow, level, key): 0.0 for flow in "MX" for level in ("total", "partner") for key in ("W0", "US", "_X")}
    for row in small:
        partner = row["partner"] if row["partner"] in {"US", "GB", "IT", "DE"} else "_X"
        truth[row["flow"], "total", "W0"] += 700
        truth[row["flow"], "partner", partner] = truth.get((row["flow"], "partner", partner), 0) + 700
    told = {
        (flow, level, partner): (m, sd)
        for flow, level, partner, m, sd in table.filter(pl.col("level").is_in(["total", "partner"]))
        .select("flow", "level", "partner", "measured", "measured_sd")
        .iter_rows()
    }
    off = [abs(told[key][0] - value) / told[key][1] for key, value in truth.items() if key in told]
    assert len(off) >= 8
    assert max(off) < 5.5, "a cell lies further from the truth than noise explains"
    assert max(off) > 0.01, "no noise was added"


def test_a_second_run_gives_the_same_bytes_without_charge_or_source(mirrors, tmp_path):
    release = write_office(tmp_path)
    first = mirrors("run", release, "--json").json
    before = bytes_below(tmp_path / "published")
    ledger = bytes_below(tmp_path / "state")
    (tmp_path / "declarations.csv").unlink()
    again = mirrors("run", release, "--json")
    assert (again.json["status"], again.json["copied"]) == ("already published", False)
    assert again.json["digest"] == first["digest"]
    assert bytes_below(tmp_path / "published") == before
    assert bytes_below(tmp_path / "state") == ledger
    elsewhere = mirrors("run", release, "--out", tmp_path / "other", "--json").json
    assert (elsewhere["status"], elsewhere["copied"]) == ("already published", True)
    assert bytes_below(Path(elsewhere["bundle"])) == bytes_below(Path(first["bundle"]))


@pytest.mark.parametrize("rho", ["2.6", "500"])
def test_a_changed_release_beyond_the_limit_is_refused_and_changes_nothing(mirrors, tmp_path, rho):
    release = write_office(tmp_path)
    mirrors("run", release)
    before = bytes_below(tmp_path / "state"), bytes_below(tmp_path / "published")
    more = tmp_path / "more.toml"
    more.write_text(RELEASE.replace('release = "2024"', 'release = "2024-b"').replace('rho = "1"', f'rho = "{rho}"'))
    refused = mirrors("run", more, "--json")
    assert refused.code == 5
    assert refused.out == ""
    release.write_text(RELEASE.replace('rho = "1"', f'rho = "{rho}"'))
    assert mirrors("run", release).code == 5
    assert (bytes_below(tmp_path / "state"), bytes_below(tmp_path / "published")) == before


def test_a_release_id_is_charged_once_and_another_plan_under_it_is_refused(mirrors, tmp_path):
    release = write_office(tmp_path)
    mirrors("run", release)
    release.write_text(RELEASE.replace('noise_sd = "5e5"', 'noise_sd = "6e5"'))
    refused = mirrors("run", release)
    assert refused.code == 5
    assert "2024" in refused.err


_KILLED = """
import os, signal, sys, datetime
from pathlib import Path
from release.cli import wiring
from release.config import load_release
from release.confidential.records import Records
from release.run import Step, run

file, stop = Path(sys.argv[1]), sys.argv[2]
office, release = load_release(file)
folder = file.parent
state = wiring.state_folder(office, folder)

def at(step):
    if step.name == stop:
        os.kill(os.getpid(), signal.SIGKILL)

run(
    wiring.planned(office, release, folder, None),
    records=Records(place=folder / "declarations.csv", source=release.source, state=state),
    book=wiring.open_book(office, folder),
    state=state,
    published=folder / "published",
    date="2025-01-31",
    notice=at,
)
"""


@pytest.mark.parametrize("step", ["CHECKED", "CHARGED", "DRAWN", "STORED", "MEASURED", "PUBLISHED", "FINISHED"])
def test_killed_at_a_step_and_run_again_there_is_one_charge_one_noisy_result_one_bundle(mirrors, tmp_path, step):
    release = write_office(tmp_path)
    killed = subprocess.run([sys.executable, "-c", _KILLED, release, step], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    stored = bytes_below(tmp_path / "state" / "measurements") if (tmp_path / "state" / "measurements").exists() else {}
    again = mirrors("run", release, "--json")
    assert again.code == 0, again.err
    expected = {"CHECKED": "published", "FINISHED": "already published"}.get(step, "resumed")
    assert again.json["status"] == expected
    shown = mirrors("ledger", "show", tmp_path / "office.toml", "--json").json
    assert [(charge["release"], charge["state"]) for charge in shown["charges"]] == [("2024", "published")]
    assert shown["accounts"][0]["spent"] == {"rho": "1.5"}
    results = bytes_below(tmp_path / "state" / "measurements")
    assert len(results) == 1
    assert all(results[name] == digest for name, digest in stored.items() if not name.startswith("."))
    assert [path.name for path in (tmp_path / "published" / "NLD").iterdir()] == ["2024"]
    assert mirrors("verify", again.json["bundle"]).code == 0


@pytest.mark.parametrize("step", ["CHARGED", "PUBLISHED"])
def test_a_limit_raised_in_between_is_no_other_plan(mirrors, tmp_path, step):
    release, office = write_office(tmp_path), tmp_path / "office.toml"
    subprocess.run([sys.executable, "-c", _KILLED, release, step], check=False, capture_output=True)
    raised = ("--source", "declarations", "--year", "2024", "--limit", "4", "--reason", "a revision")
    assert mirrors("ledger", "raise", office, *raised).code == 0
    office.write_text(office.read_text().replace('limit = "3"', 'limit = "4"'))
    for status in ("resumed", "already published"):
        again = mirrors("run", release, "--json")
        assert again.code == 0, again.err
        assert again.json["status"] == status
    assert mirrors("verify", again.json["bundle"]).code == 0
    folder = Path(again.json["bundle"])
    assert json.loads((folder / "charge.json").read_text())["limit"] == "3"
    assert "the limit rho = 3." in (folder / "deployments-registry.yaml").read_text()


def test_plan_reads_no_records_and_works_with_the_source_absent(mirrors, tmp_path):
    release = write_office(tmp_path)
    (tmp_path / "declarations.csv").unlink()
    planned = mirrors("plan", release, "--json")
    assert planned.code == 0, planned.err
    document = planned.json
    assert {"release", "office", "year", "unit", "loss", "remaining", "after", "cells", "levels", "digest"} <= set(
        document
    )
    assert document["loss"]["rho"] == "1.5"
    assert document["remaining"]["rho"] == "3"
    assert document["cells"] == sum(level["cells"] for level in document["levels"])
    assert not (tmp_path / "state").exists(), "planning made something"
    assert document["loss"]["epsilon"] == pytest.approx(11.3236, abs=1e-4)
    assert "epsilon 11.33 at" in mirrors("plan", release).out, "a loss is rounded up"


def test_the_planned_digest_is_the_charged_and_the_published_one(mirrors, tmp_path):
    release = write_office(tmp_path)
    digest = mirrors("plan", release, "--json").json["digest"]
    bundle = Path(mirrors("run", release, "--json").json["bundle"])
    assert hashlib.sha256((bundle / "plan.json").read_bytes()).hexdigest() == digest
    assert mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"][0]["plan_digest"] == digest


def test_a_missing_source_or_column_is_refused_before_any_charge(mirrors, tmp_path):
    release = write_office(tmp_path)
    assert mirrors("run", release, "--source", tmp_path / "nowhere.csv").code == 4
    release.write_text(RELEASE.replace('value = "value"', 'value = "worth"'))
    refused = mirrors("run", release)
    assert refused.code == 4
    assert "worth" in refused.err
    charges = mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"]
    assert charges == []


def test_a_tampered_environment_is_refused_before_the_charge(mirrors, tmp_path):
    release = write_office(tmp_path)
    refused = mirrors("run", release, env={"OPENSSL_CONF": str(tmp_path / "my.cnf")})
    assert refused.code == 2
    assert "OPENSSL_CONF" in refused.err
    assert mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"] == []


def test_faults_of_a_config_are_told_at_once_with_their_lines(mirrors, tmp_path):
    release = write_office(tmp_path)
    broken = (
        RELEASE.replace('rho = "1"', "rho = 1.0")
        .replace('"01", "27"', '"27", "27"')
        .replace("year = 2024", "yeer = 2024")
    )
    release.write_text(broken)
    refused = mirrors("config", "check", release, tmp_path / "office.toml")
    assert refused.code == 3
    for key in ("measures[1].rho", "keys.chapters", "yeer", "year"):
        assert key in refused.err
    lines = broken.splitlines()
    assert f"2024.toml:{lines.index('rho = 1.0') + 1}:" in refused.err
    assert f"2024.toml:{lines.index('yeer = 2024') + 1}:" in refused.err
    assert "a good office" in refused.out


def test_parquet_gzip_folders_and_hive_partitions_give_the_same_plan_of_cells(mirrors, tmp_path):
    release = write_office(tmp_path)
    table = pl.read_csv(tmp_path / "declarations.csv", infer_schema=False)
    checked = []
    import gzip

    (tmp_path / "declarations.csv.gz").write_bytes(gzip.compress((tmp_path / "declarations.csv").read_bytes()))
    checked.append(mirrors("source", "check", release, "--source", tmp_path / "declarations.csv", "--json").json)
    checked.append(mirrors("source", "check", release, "--source", tmp_path / "declarations.csv.gz", "--json").json)
    for month, part in table.group_by(pl.col("date").str.slice(5, 2)):
        folder = tmp_path / "parts" / f"month={month[0]}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "part-0.parquet")
    release.write_text(RELEASE.replace('layout = "csv"', 'layout = "parquet"'))
    checked.append(mirrors("source", "check", release, "--source", tmp_path / "parts", "--json").json)
    assert checked[0] == checked[1] == checked[2]
    assert checked[0]["rows"] == 2000


@pytest.mark.parametrize("command", [["plan"], ["run"], ["config", "check"], ["source", "check"]])
def test_a_file_that_is_not_there_is_a_config_fault(mirrors, tmp_path, command):
    refused = mirrors(*command, tmp_path / "nothing.toml")
    assert refused.code == 3
    assert "nothing.toml" in refused.err
    assert "Traceback" not in refused.err


def test_schemas_are_printed_and_the_shipped_examples_reference_them(mirrors):
    for kind in ("office", "release"):
        schema = json.loads(mirrors("config", "schema", kind).out)
        shipped = json.loads((Path(__file__).parents[2] / "configs" / "schema" / f"{kind}.json").read_text())
        assert schema == shipped, f"make schemas: configs/schema/{kind}.json is out of date"
    for example in (Path(__file__).parents[2] / "configs" / "kcs").glob("*.toml"):
        assert example.read_text().startswith("#:schema ../schema/")


def test_the_shipped_configs_are_good(mirrors):
    files = sorted((Path(__file__).parents[2] / "configs" / "kcs").glob("*.toml"))
    assert len(files) == 3
    assert mirrors("config", "check", *files).code == 0


def test_a_prior_shapes_the_noise_of_the_next_year(mirrors, tmp_path):
    release = write_office(tmp_path)
    bundle = Path(mirrors("run", release, "--json").json["bundle"])
    levels = 'levels = [{ level = "partner", relative_noise = "0.1", floor = "100000" }]'
    head, _, _ = RELEASE.partition("[[measures]]")
    shaped = head.replace('"2024"', '"2025"').replace("2024", "2025") + (
        '[prior]\nbundle = "NLD/2024"\npublisher = "us"\nperiod = "2024"\npublished = "2025-01-31"\n'
        f'[[measures]]\nname = "value"\nrho = "1"\n{levels}\n'
    )
    (tmp_path / "2025.toml").write_text(shaped)
    planned = mirrors("plan", tmp_path / "2025.toml", "--json")
    assert planned.code == 0, planned.err
    prior = pl.read_parquet(bundle / "observations.parquet").filter(
        (pl.col("measure") == "value") & (pl.col("level") == "partner")
    )["estimate"]
    expected = [0.1 * max(figure, 100000) for figure in prior]
    level = planned.json["levels"][0]
    assert level["noise_sd_max"] == pytest.approx(max(expected))
    assert level["noise_sd_min"] == pytest.approx(min(expected))
    same_year = shaped.replace('period = "2024"', 'period = "2025"')
    (tmp_path / "2025.toml").write_text(same_year)
    assert mirrors("plan", tmp_path / "2025.toml").code == 3


def test_an_altered_ledger_is_refused(mirrors, tmp_path):
    release = write_office(tmp_path)
    mirrors("run", release)
    with sqlite3.connect(tmp_path / "state" / "ledger.sqlite") as connection:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'trigger'")]
        assert names, "the ledger has no triggers that keep it append-only"
        (table,) = connection.execute(
            "select name from sqlite_master where type='table' and name like '%entr%'"
        ).fetchone()
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute(f"delete from {table}")  # noqa: S608
    assert mirrors("ledger", "verify", tmp_path / "office.toml").code == 0


def test_unused_columns_and_row_order_do_not_matter_to_the_schema(mirrors, tmp_path):
    release = write_office(tmp_path)
    text = (tmp_path / "declarations.csv").read_text().splitlines()
    (tmp_path / "declarations.csv").write_text("\n".join(f"{line},extra" for line in text))
    assert mirrors("source", "check", release).code == 0


def test_a_ledger_that_forgot_a_published_release_is_refused(mirrors, tmp_path):
    release = write_office(tmp_path)
    mirrors("run", release)
    shutil.rmtree(tmp_path / "state")
    refused = mirrors("run", release)
    assert refused.code == 5
    assert "bundle" in refused.err
    assert not list((tmp_path / "state").glob("measurements/*"))
