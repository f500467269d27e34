"""The import contracts hold, and each is seen to fail when broken: in a copy of the tree, with a planted import."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PLANTED = {
    "layers: imports point down only": ("release/tables.py", "from release import plan as _plan"),
    "only cli may import the package that touches records": (
        "release/run.py",
        "from release.confidential import secret as _secret",
    ),
    "the dashboard sees published things only and draws no noise": (
        "dashboard/__init__.py",
        "import release.run as _run",
    ),
    "the pure modules do no input or output and know no engine": ("release/privacy.py", "import polars as _polars"),
}


def lint(tree: Path) -> tuple[int, str]:
    ended = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


def copy_of_tree(folder: Path) -> Path:
    for name in ("release", "dashboard"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_part_of_the_program_but_cli_is_held_apart_from_records():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = (one["source_modules"] for one in contracts if one.get("forbidden_modules") == ["release.confidential"])
    parts = {f"release.{path.stem}" for path in (ROOT / "release").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert set(held) == parts - {"release.__init__", "release.__pycache__", "release.cli", "release.confidential"} | {
        "dashboard"
    }


@pytest.mark.slow
def test_the_tree_keeps_all_contracts(tmp_path):
    code, told = lint(copy_of_tree(tmp_path))
    assert code == 0, told
    assert f"{len(PLANTED)} kept, 0 broken" in told


@pytest.mark.slow
@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(tmp_path, contract):
    tree = copy_of_tree(tmp_path)
    file, line = PLANTED[contract]
    with (tree / file).open("a") as planted:
        planted.write(f"\n{line}\n")
    code, told = lint(tree)
    assert code != 0
    assert f"{contract} BROKEN" in told
