"""A copy of the whole project with a fault planted, in which its own tests run: they import the copy and nothing else.

root = whole_copy(tmp_path, Edit(module="privacy.py", old="...", new="..."))
failed = failures(root, "tests/promises/test_r10_parameters.py", tmp_path)
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from edited_program import ROOT, Edit, plant

_COPIED = ("release", "dashboard", "tests")
_LINKED = ("data", "configs", "docs")
_WHERE = "import dashboard, release; print(release.__file__, dashboard.__file__, sep='\\n')"
_PYTEST = "-x -q -p no:cacheprovider -o junit_family=xunit1"
_ASSERTED = ("assert ", "AssertionError", "Failed: DID NOT RAISE")
_MISHAPS = ("ImportError", "ModuleNotFoundError", "SyntaxError", "NameError", "AttributeError")


def whole_copy(folder: Path, *edits: Edit) -> Path:
    """Copy the project into a folder with the edits made, and return the copy's root."""
    root = folder / "project"
    for name in _COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    for name in _LINKED:
        (root / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", root)
    for edit in edits:
        plant(root, edit)
    return root


def failures(root: Path, tests: str, folder: Path) -> list[str]:
    """Run tests of the copy up to the first failure; return what they assert in vain, nothing when all pass.

    It is an assertion of a test that has to fail: where a test breaks off otherwise, this raises.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env = {**own, "PYTHONPATH": str(root)}
    _hold_to_copy(root, folder, env)
    report = folder / "report.xml"
    given = [*_PYTEST.split(), f"--basetemp={folder / 'tmp'}", f"--junitxml={report}", *tests.split()]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *given],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env=env,
        timeout=600,
    )
    assert ended.returncode in (0, 1), ended.stdout[-4000:] + ended.stderr[-4000:]
    suite = ElementTree.parse(report).getroot()  # noqa: S314 - pytest wrote it
    messages = [str(failed.get("message")) for failed in suite.iter("failure")]
    mishaps = [one for one in messages if not one.startswith(_ASSERTED) or any(word in one for word in _MISHAPS)]
    assert not mishaps, "\n".join(mishaps)
    assert not list(suite.iter("error")), ended.stdout[-4000:]
    assert not list(suite.iter("skipped")), ended.stdout[-4000:]
    return messages


def _hold_to_copy(root: Path, folder: Path, env: dict[str, str]) -> None:
    """See that any process started with `env`, wherever it runs, imports the program of the copy."""
    found = subprocess.run(
        [sys.executable, "-c", _WHERE], capture_output=True, text=True, check=True, cwd=folder, env=env
    )
    assert all(Path(place).is_relative_to(root) for place in found.stdout.splitlines()), found.stdout
