"""`mirrors source fetch`, with an answer in the form of UN Comtrade's API; nothing here asks the network.

`recorded_comtrade.json` has the fields of an answer of the API, with made figures.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comtradeapicall
import pandas
import pytest
from command_line import Mirrors
from providers import current, text_of, write_release
from test_kinds import integers

from release.cli.fetching import Client, question, write_answer
from release.config import load_release
from release.errors import FetchError, UsageError

MONTHS = 'level = "TOTAL"\nfrequency = "monthly"'
ANSWER = json.loads(Path(__file__).with_name("recorded_comtrade.json").read_text())


def answering(rows: list[Mapping[str, Any]], asked: list[Mapping[str, Any]]) -> Client:
    """Return a client that gives an answer as Comtrade's own does, and notes what it was asked."""

    def client(**named: object) -> pandas.DataFrame | None:
        asked.append(named)
        return pandas.json_normalize(rows) if rows else None

    return client


def test_the_question_is_one_that_the_client_takes(tmp_path: Path) -> None:
    asked = question(load_release(write_release(tmp_path, "comtrade-api", MONTHS))[1])
    inspect.signature(comtradeapicall.previewFinalData).bind(**asked)
    inspect.signature(comtradeapicall.getFinalData).bind(subscription_key="", **asked)
    wanted = {"period": "202203", "reporterCode": "528", "cmdCode": "TOTAL", "flowCode": "M,X", "freqCode": "M"}
    assert wanted.items() <= asked.items()


def test_an_american_office_asks_by_comtrades_number(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-api", MONTHS)
    office = tmp_path / "office.toml"
    office.write_text(office.read_text().replace('"NL"', '"US"').replace('"NLD"', '"USA"'))
    assert question(load_release(release)[1])["reporterCode"] == "842"


def test_a_fetched_answer_reads_as_a_download_does(mirrors: Mirrors, tmp_path: Path) -> None:
    release, asked = write_release(tmp_path, "comtrade-api", MONTHS), []
    rows = write_answer(load_release(release)[1], answering(ANSWER["data"], asked), tmp_path / "api.csv", most=500)
    assert (rows, len(asked)) == (3, 1)
    assert mirrors("source", "check", release, "--source", tmp_path / "api.csv", "--json").json["counted"] == 2
    fetched = integers(release, (tmp_path / "api.csv").read_bytes())
    download = write_release(tmp_path / "download", "comtrade", MONTHS)
    exports = current(flowCode="X", partnerCode="842", primaryValue="70")
    assert (fetched == integers(download, text_of([current(), exports]))).all()


def test_an_answer_that_may_be_cut_or_is_empty_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    config = load_release(write_release(tmp_path, "comtrade-api", MONTHS))[1]
    for rows, most in (ANSWER["data"], 3), ([], 500):
        with pytest.raises(FetchError):
            write_answer(config, answering(rows, []), tmp_path / "api.csv", most=most)
    assert not (tmp_path / "api.csv").exists()


def test_only_the_apis_kind_is_fetched_and_no_file_is_written_over(mirrors: Mirrors, tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-api", MONTHS)
    (tmp_path / "api.csv").write_text("kept")
    with pytest.raises(UsageError):
        write_answer(load_release(release)[1], answering(ANSWER["data"], []), tmp_path / "api.csv", most=500)
    assert (tmp_path / "api.csv").read_text() == "kept"
    other = write_release(tmp_path / "other", "comtrade", MONTHS)
    assert mirrors("source", "fetch", other, "--out", tmp_path / "new.csv").code == 2
