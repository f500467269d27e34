"""`mirrors source fetch`: what UN Comtrade's API answers about an office, written as a file that is then a source.

It speaks through Comtrade's own client, which is an extra (`pip install "noisy-mirrors[comtrade]"`). Published figures
come in and nothing of the office's goes out but the question: which reporter, flows and periods. The key stands in the
environment variable COMTRADE_KEY; without one the API answers with at most 500 rows.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from release.cli.printing import command, say
from release.config import Release, load_release
from release.config.fields import months_of
from release.config.kinds import choices_of
from release.errors import FetchError, UsageError
from release.wording import count

KIND = "comtrade-api"
KEY = "COMTRADE_KEY"
PREVIEW_ROWS = 500
MOST_ROWS = 250_000
_GOODS = {"TOTAL": "TOTAL", "chapter": "AG2", "heading": "AG4", "subheading": "AG6"}

Client = Callable[..., Any]
"""A function of Comtrade's client: the question by name, a pandas frame with the API's columns, or None."""


def fetch(file: Path, out: Path) -> None:
    """Ask UN Comtrade for the rows of a release and write them.

    Raises:
        UsageError: the release's source is of another kind, the client isn't installed, or the file exists.
        FetchError: there was no answer, or it was cut.
    """
    if find_spec("comtradeapicall") is None:
        raise UsageError('This needs UN Comtrade\'s client: pip install "noisy-mirrors[comtrade]". Nothing was asked.')
    import comtradeapicall

    key = os.environ.get(KEY)
    if key is None:
        say(f"{KEY} isn't set, so the API is asked without a key: at most {PREVIEW_ROWS} rows.")
    client = comtradeapicall.previewFinalData if key is None else _with_key(comtradeapicall.getFinalData, key)
    rows = write_answer(load_release(file)[1], client, out, most=PREVIEW_ROWS if key is None else MOST_ROWS)
    typer.echo(f"{out}: {count(rows)} rows")
    typer.echo(f"Next: {command()} source check {file} --source {out}")


def write_answer(release: Release, client: Client, out: Path, *, most: int) -> int:
    """Write what a client answers to a release's question, and return how many rows that is.

    Raises:
        UsageError: the release's source is of another kind, or the file exists.
        FetchError: there was no answer, or it was cut at `most` rows.
    """
    if release.source.kind != KIND:
        raise UsageError(f'Only kind = "{KIND}" is fetched, not {release.source.kind}. Nothing was asked.')
    if out.exists():
        raise UsageError(f"{out} exists and was left as it is; name another file with --out. Nothing was asked.")
    with contextlib.redirect_stdout(sys.stderr):  # the client prints what went wrong
        answer = client(**question(release))
    if answer is None or not len(answer):
        raise FetchError("it gave no rows; what it said stands above")
    if len(answer) >= most:
        raise FetchError(f"its answer was cut at {count(most)} rows; ask for fewer periods or flows, or with a key")
    answer.to_csv(out, index=False)
    return len(answer)


def question(release: Release) -> Mapping[str, str | None]:
    """Return what is asked, in the words of Comtrade's client: one level, one frequency, totals over the rest."""
    source = release.source
    annual = source.frequency == "annual"
    months = sorted({f"{period[:4]}{month:02}" for period in release.periods for month in months_of(period)})
    reporter = source.only[str(_reporter_column(release))][0]
    return {
        "typeCode": "C",
        "freqCode": choices_of(KIND)["frequency"]["codes"][str(source.frequency)][0],
        "clCode": "HS",
        "period": str(release.year) if annual else ",".join(months),
        "reporterCode": reporter,
        "cmdCode": _GOODS[str(source.level)],
        "flowCode": ",".join(release.flows),
        "partnerCode": None,
        "partner2Code": "0",
        "customsCode": "C00",
        "motCode": "0",
    }


def _reporter_column(release: Release) -> str | None:
    reporter = release.source.reporter
    return reporter if isinstance(reporter, str) or reporter is None else reporter.column


def _with_key(client: Client, key: str) -> Client:
    return lambda **asked: client(subscription_key=key, **asked)
