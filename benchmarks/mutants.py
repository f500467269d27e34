"""Mutation testing of the modules that privacy rests on: a seeded sample of small faults, each held to its own tests.

    python benchmarks/mutants.py --sample 30 --seed 14            # all packages, one line each at the end
    python benchmarks/mutants.py ledger --sample 60 --out ledger.jsonl

No tool does this: mutmut 3 changes functions only, while caps and settings are constants outside of them, and the
filters of Cosmic Ray take no seeded sample. This needs no dependency.

A mutant is one change of one expression or statement: a comparison, a sum, a number, a condition, a refusal that is
left out. It is planted in a copy of the project, and the package's tests run there until one fails. What survives is
printed with its line. Third-party packages are imported once; each mutant runs in a process forked from that.
"""

import argparse
import ast
import copy
import importlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from whole_copy import whole_copy  # noqa: E402

_HEAVY = ("pytest", "numpy", "scipy.stats", "polars", "pyarrow.parquet", "pydantic", "sqlalchemy",
          "opendp.prelude", "typer", "tuf.api.metadata", "securesystemslib.signer")  # fmt: skip
_FILES = "tests/promises"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is mutated together: modules below `release`, by patterns, and the tests that they are held to."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


PACKAGES = {
    "privacy": Package(modules=("privacy.py",), tests=("tests/test_privacy.py",)),
    "ledger": Package(
        modules=("ledger/*.py", "ledger/sql/sqlite.py", "ledger/sql/files.py", "ledger/sql/tables.py"),
        tests=("tests/ledger", "-k", "not postgres"),
    ),
    "bundle": Package(
        modules=tuple(f"bundle/{name}.py" for name in
                      ("reading", "bounds", "agreement", "contents", "verification", "signature")),
        tests=("tests/test_bundle.py", "tests/signing/test_envelope.py", f"{_FILES}/test_r22_replayed.py",
               f"{_FILES}/test_r23_rotation.py", f"{_FILES}/test_r21_hostile.py", "-k", "not is_caught"),
    ),
    "clip": Package(
        modules=("confidential/clip.py", "confidential/excess.py"),
        tests=tuple(f"tests/test_{name}.py" for name in ("clip", "clip_corollaries", "excess", "streaming")),
    ),
    "inference": Package(
        modules=("inference/*.py",),
        tests=tuple(f"tests/test_inference_{name}.py" for name in ("families", "verdicts", "pairs", "rates")),
    ),
}  # fmt: skip

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: in a module, from a place of its text to another, what stands there instead."""

    module: str
    line: int
    start: int
    end: int
    old: str
    new: str


def mutants_of(module: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a module; annotations, imports, docstrings and messages of errors stay as they are."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _mutable(ast.parse(text)):
        for changed in _changes(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old = text.encode()[start:end].decode()
            yield Mutant(module=module, line=node.lineno, start=start, end=end, old=old, new=changed)


def _mutable(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                continue
            if not (isinstance(child, ast.ClassDef) and "Protocol" in map(ast.unparse, child.bases)):
                yield child
                if not isinstance(child, ast.Raise):
                    yield from _mutable(child)


def _changes(node: ast.AST) -> Iterator[str]:
    other = copy.deepcopy(node)
    match other:
        case ast.Compare(ops=[operator]) | ast.BoolOp(op=operator) | ast.BinOp(op=operator):
            swapped = _SWAPPED.get(type(operator))
            if swapped is not None:
                if isinstance(other, ast.Compare):
                    other.ops = [swapped()]
                else:
                    other.op = swapped()
                yield f"({ast.unparse(other)})"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield f"({ast.unparse(other.operand)})"
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"({value} + 1)"
        case ast.IfExp():
            other.body, other.orelse = other.orelse, other.body
            yield f"({ast.unparse(other)})"
        case ast.Raise() | ast.Expr(value=ast.Call()) | ast.Expr(value=ast.YieldFrom()) | ast.AugAssign():
            yield "pass"
        case ast.Return(value=ast.expr()):
            yield "return None"


def killed(root: Path, tests: tuple[str, ...], folder: Path, seconds: float) -> str:
    """Return `killed`, `survived`, or `hung` when the tests didn't end in time."""
    child = os.fork()
    if child == 0:
        _run(root, tests, folder)
    ended = time.monotonic() + seconds
    while time.monotonic() < ended:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


def _run(root: Path, tests: tuple[str, ...], folder: Path) -> NoReturn:
    """Run tests in this forked process, with what they print in `last.log`, and end with pytest's code."""
    code = 70
    try:
        os.setsid()
        written = os.open(folder / "last.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(written, 1)
        os.dup2(written, 2)
        os.chdir(root)
        sys.path[:0] = [str(root)]
        given = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}", *tests]
        code = int(importlib.import_module("pytest").main(given))
    except BaseException:  # noqa: BLE001 - the parent's clean-up isn't this process' to do
        traceback.print_exc()
    finally:
        os._exit(code)


def tried(name: str, sample: int, seed: int, out: Path) -> Counter[str]:
    """Plant a sample of a package's mutants one by one; note each in `out` and count how they ended."""
    package, counted = PACKAGES[name], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="mutants-") as made:
        folder = Path(made)
        root = whole_copy(folder)
        os.environ |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        paths = [path for pattern in package.modules for path in sorted((root / "release").glob(pattern))]
        every = [one for path in paths for one in mutants_of(str(path.relative_to(root)), path.read_text())]
        chosen = random.Random(seed).sample(every, min(sample, len(every)))
        began = time.monotonic()
        if killed(root, package.tests, folder, 1800) != "survived":
            sys.exit(f"The tests of {name} fail without a mutant:\n{(folder / 'last.log').read_text()[-3000:]}")
        longest = 60 + 5 * (time.monotonic() - began)
        for mutant in chosen:
            path = root / mutant.module
            kept = path.read_bytes()
            path.write_bytes(kept[: mutant.start] + mutant.new.encode() + kept[mutant.end :])
            ended = killed(root, package.tests, folder, longest)
            path.write_bytes(kept)
            counted[ended] += 1
            by = re.findall(r"^(?:FAILED|ERROR) (\S+)", (folder / "last.log").read_text(errors="replace"), re.MULTILINE)
            with out.open("a") as file:
                file.write(json.dumps({"package": name, "ended": ended, "by": by, **asdict(mutant)}) + "\n")
            if ended == "survived":
                print(f"{mutant.module}:{mutant.line}: {mutant.old}\n    -> {mutant.new}", flush=True)
        print(f"{name}: {len(every)} mutants, {len(chosen)} tried: {dict(counted)}", flush=True)
    return counted


def main() -> None:
    """Try the packages that are named, or all."""
    parser = argparse.ArgumentParser(description="mutation testing of the modules that privacy rests on")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(PACKAGES))
    parser.add_argument("--sample", type=int, default=30, help="mutants a package")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"), help="one JSON line a mutant is added here")
    given = parser.parse_args()
    os.nice(15)
    sys.dont_write_bytecode = True  # two mutants of one size within a second would share what is cached
    for heavy in _HEAVY:
        importlib.import_module(heavy)
    for name in given.packages or PACKAGES:
        tried(name, given.sample, given.seed, given.out)


if __name__ == "__main__":
    main()
