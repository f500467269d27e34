"""A real browser at a real dashboard: the server as users start it, and what a page does to the network."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
MISSING = (
    "no browser was found, so all tests of the dashboard in a real browser are left out"
    " (install Debian's package chromium, or run: playwright install chromium)"
)
_ENTRY = "import sys; from release.cli import main; sys.argv[0] = 'mirrors'; main()"
_PROBES = re.compile(r"/[a-z]+/_stcore/(health|host-config)$")
"""Streamlit's page looks for its server below its own address first; on a deep link that is a 404 of this machine."""


@dataclass(slots=True)
class Watched:
    """What a page did: console errors, requests off this machine, dialogs."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Whether nothing happened that shouldn't."""
        return not (self.errors or self.foreign or self.dialogs)


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Yield the system's Chromium, or Playwright's own; skip the test where there is neither."""
    with sync_playwright() as playwright:
        browser = _launched(playwright)
        yield browser
        browser.close()


def _launched(playwright: Playwright) -> Browser:
    known = next((found for name in SYSTEM_BROWSERS if (found := shutil.which(name))), None)
    try:
        return playwright.chromium.launch(executable_path=known, args=list(FLAGS))
    except Error:
        pytest.skip(MISSING)


@contextmanager
def a_dashboard(*locations: Path, home: Path) -> Iterator[str]:
    """Yield the address of a dashboard that the command line serves; `home` stands for a user without settings."""
    port = free_port()
    environment = {**os.environ, "HOME": str(home)}
    command = [sys.executable, "-c", _ENTRY, "dashboard", *map(str, locations), "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=home)
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def free_port() -> int:
    """Return a port of this machine that nothing uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until a server answers on a port."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the dashboard didn't start")


@contextmanager
def a_page(browser: Browser, *, colours: str = "light") -> Iterator[tuple[Page, Watched]]:
    """Yield a new page and what it is seen to do."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme=colours, accept_downloads=True)
    page, watched = context.new_page(), Watched()
    page.set_default_timeout(60_000)
    page.on("console", lambda said: _console(watched, said.type, said.text, said.location.get("url", "")))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: _request(watched, request.url))
    page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
    yield page, watched
    context.close()


def _console(watched: Watched, kind: str, text: str, place: str) -> None:
    if kind == "error" and not _PROBES.search(urlsplit(place).path):
        watched.errors.append(f"{text} ({place})")


def _request(watched: Watched, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"data", "blob"} and parts.hostname != "127.0.0.1":
        watched.foreign.append(url)


def settled(page: Page) -> None:
    """Wait until the page has a title and its script has ended."""
    page.wait_for_selector("h1")
    page.wait_for_selector("[data-testid=stMain] .nm", state="attached")
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'"
    )


def opened(page: Page, address: str) -> str:
    """Open an address, wait for it, and return the page's text."""
    page.goto(address)
    settled(page)
    return text_of(page)


def text_of(page: Page) -> str:
    """Return all text of the page, that behind folds included."""
    return str(page.evaluate("document.querySelector('[data-testid=stMain]').textContent"))


def expect_text(page: Page, text: str) -> None:
    """Wait until the page shows a text."""
    page.wait_for_function(
        "text => document.querySelector('[data-testid=stMain]').textContent.includes(text)", arg=text
    )
