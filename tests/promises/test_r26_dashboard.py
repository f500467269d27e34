"""R26: the dashboard has no access to records and isn't exposed by default; sockets and opened files are watched."""

import ipaddress
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dashboard"))

from browsing import a_browser, a_page, free_port, opened, text_of, wait_for
from published_world import World, write_world

from dashboard.settings import SAFE_OPTIONS, arguments

pytestmark = pytest.mark.slow

_WATCHED = """
import json, os, sys
from pathlib import Path
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def hook(event, args):
    if event in ("open", "socket.bind", "socket.connect", "import"):
        told = [one if isinstance(one, (str, int)) else repr(one) for one in args[:2]]
        os.write(log, (json.dumps([event, told]) + chr(10)).encode())
sys.addaudithook(hook)
"""
_SERVED = """
from dashboard.serving import serve
serve(int(sys.argv[1]), sys.argv[2:])
"""
_STREAMLIT = """
from streamlit.web.cli import main
main()
"""
_FAILING = """
import streamlit as st
st.title("failing")
raise ValueError("canary-of-a-record")
"""


@contextmanager
def watched_server(
    program: str, given: list[str], port: int, folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yield a server under audit, with the file of what it did."""
    seen = folder / "seen.jsonl"
    command = [sys.executable, "-P", "-c", _WATCHED + program, str(seen), *given]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "HOME": str(folder)})
        try:
            wait_for(port)
            yield server, seen
        finally:
            server.terminate()
            server.wait(20)


def test_a_visited_dashboard_opens_no_record_and_listens_on_loopback_only(
    tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    published = write_world(World(offices=("NLD", "ITA")), tmp_path)
    records = published.parent / "configs" / "NLD" / "declarations.csv"
    records.write_text("trader,value\nsecret,1\n", encoding="utf-8")
    port = free_port()
    with a_browser() as browser, watched_server(_SERVED, [str(port), str(published)], port, tmp_path) as (server, seen):
        with a_page(browser) as (page, watched):
            for view in ("", "pair", "explorer", "budget", "releases", "plan", "methods"):
                opened(page, f"http://127.0.0.1:{port}/{view}")
                page.wait_for_timeout(500)
        assert watched.quiet, watched
        listening = _listening(server.pid)
        uploaded = _status(f"http://127.0.0.1:{port}/_stcore/upload_file/session/file", b"x" * 64, "PUT")
    events = [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()]
    opens = [str(args[0]) for event, args in events if event == "open"]
    loaded = {str(args[0]) for event, args in events if event == "import"}
    below = [path for path in opens if str(tmp_path / "configs") in path]
    assert not below
    assert any("observations.parquet" in path for path in opens)
    assert not {name for name in loaded if name.startswith(("opendp", "release.confidential", "release.run"))}
    assert listening == {f"127.0.0.1:{port}"}
    assert not _foreign(events)
    assert uploaded >= 400
    figure("R26", f"{len(opens)} files opened, 0 of records; listens on 127.0.0.1 alone; upload refused ({uploaded})")


def _foreign(events: list[tuple[str, list[object]]]) -> list[str]:
    """Return the addresses off this machine that were bound or connected to."""
    places = [str(args[1]) for event, args in events if event in {"socket.bind", "socket.connect"}]
    inner = [place.strip("()").split(",")[0].strip("'\"") for place in places]
    return [place for place in inner if place and not place.startswith("/") and not _is_loopback(place)]


def _is_loopback(place: str) -> bool:
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:
        return place == "localhost"


def _listening(process: int) -> set[str]:
    """Return the addresses on which a process listens, from the kernel's own tables."""
    sockets = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        try:
            sockets.add(str(entry.readlink()))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(_address(fields[1]))
    return found


def _address(told: str) -> str:
    host, port = told.split(":")
    words = [bytes.fromhex(host[start : start + 8])[::-1] for start in range(0, len(host), 8)]
    return f"{ipaddress.ip_address(b''.join(words))}:{int(port, 16)}"


def _status(address: str, body: bytes, method: str) -> int:
    request = urllib.request.Request(address, data=body, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_failing_page_tells_a_visitor_nothing_of_the_error(
    tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    port = free_port()
    script = tmp_path / "failing.py"
    script.write_text(_FAILING, encoding="utf-8")
    given = arguments((), port)
    given[1] = str(script)
    with a_browser() as browser, watched_server(_STREAMLIT, given, port, tmp_path), a_page(browser) as (page, _):
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("h1")
        time.sleep(1.5)
        told = text_of(page) + page.content()
    assert "canary-of-a-record" not in told
    figure("R26", "error details off")


def test_the_shipped_settings_are_the_safe_ones() -> None:
    given = arguments(["/published"], 8501)
    for option, value in {
        "server.address": "127.0.0.1",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "server.maxUploadSize": "0",
        "server.enableStaticServing": "false",
    }.items():
        assert SAFE_OPTIONS[option] == value
        assert f"--{option}={value}" in given
