"""The documentation: every command in it is run, every link leads somewhere, and its site asks nothing of the network.

A page's blocks of `sh` run in order, in one scratch folder, under `bash -euo pipefail`. A comment before a block says
otherwise: `<!-- not run: why -->`, `<!-- ends with 6 -->`; `<!-- starts with: demo -->` gives the page a fresh demo.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run_mirrors

from release.confidential.inspection import MEANINGS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "reference" not in path.parts)
_BLOCK = re.compile(r"((?:^<!--[^\n]*-->\n\s*)?)^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MOST_NOT_RUN = 8
"""So many blocks may need the network, a server, files that aren't shipped, or half a minute."""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the comment before each block of commands, and the commands."""
    for comment, commands in _BLOCK.findall(page.read_text(encoding="utf-8")):
        yield comment.strip(), commands


WITH_COMMANDS = [page for page in PAGES if any("not run" not in comment for comment, _ in blocks(page))]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the demo that pages start with."""
    folder = tmp_path_factory.mktemp("docs") / "demo"
    ended = run_mirrors("demo", "--out", folder)
    assert ended.code == 0, ended.err
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_command_in_the_documentation_works(page: Path, demo: Path, tmp_path: Path) -> None:
    shutil.copytree(DOCS / "samples", tmp_path / "docs" / "samples", ignore=shutil.ignore_patterns("state"))
    if "<!-- starts with: demo -->" in page.read_text(encoding="utf-8"):
        shutil.copytree(demo, tmp_path / "demo", symlinks=True)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, words in {"mirrors": "-m release.cli", "python": ""}.items():
        (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (binaries / name).chmod(0o755)
    variables = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for comment, commands in blocks(page):
        if "not run" in comment:
            continue
        wanted = int(found[1]) if (found := re.search(r"ends with (\d+)", comment)) else 0
        script = ["bash", "-euo", "pipefail", "-c", f"{commands}\npwd > {tmp_path}/.where"]
        where = Path((tmp_path / ".where").read_text().strip()) if (tmp_path / ".where").exists() else tmp_path
        ended = subprocess.run(
            script, cwd=where, env=variables, capture_output=True, text=True, check=False, timeout=280
        )
        assert ended.returncode == wanted, f"{commands}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"


def test_few_commands_need_what_a_test_hasnt() -> None:
    left_out = [page for page in PAGES for comment, _ in blocks(page) if "not run" in comment]
    assert len(left_out) <= MOST_NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in _LINK.findall(text):
        if "://" in target or target.startswith("mailto:") or "reference/" in target:
            continue
        assert (page.parent / target).exists(), target


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    script = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", DOCS, tmp_path / "site"]
    ended = subprocess.run(script, capture_output=True, text=True, check=False, timeout=280, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    loaded = re.compile(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*\"")
    for page in (tmp_path / "site").rglob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), page
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet


def test_the_reference_is_made_from_the_program(tmp_path: Path) -> None:
    script = [sys.executable, DOCS / "generated.py", tmp_path / "reference"]
    subprocess.run(script, check=True, cwd=ROOT)
    commands = (tmp_path / "reference" / "commands.md").read_text()
    for command in ("run", "source check", "source fetch", "office new", "doctor", "ledger raise"):
        assert f"## mirrors {command}\n" in commands
    configuration = (tmp_path / "reference" / "configuration.md").read_text()
    for key in ("relative_noise", "times_prior", "leave_out", "cif_fob", "rho_cap"):
        assert f"`{key}`" in configuration
    assert "| 5 | budget" in (tmp_path / "reference" / "exit-codes.md").read_text()
    assert all(f"`{code}`" in (tmp_path / "reference" / "findings.md").read_text() for code in MEANINGS)


def test_every_finding_of_a_source_check_has_its_meaning() -> None:
    program = "".join(
        (ROOT / "release" / "confidential" / name).read_text() for name in ("inspection.py", "contents.py")
    )
    codes = set(re.findall(r'code="([a-z-]+)"', program)) | set(re.findall(r'_left_out\(column, "([a-z-]+)"', program))
    codes |= {f"unreadable-{name}" for name in ("date", "flow", "partner", "commodity", "value")}
    assert codes == set(MEANINGS)
