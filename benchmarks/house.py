"""The house in figures: sizes of modules and functions, what is documented, and the same of other codebases.

    python benchmarks/house.py --since a4dd555 --since 07dc096
    python benchmarks/house.py --beside python-tuf=FOLDER --beside attrs=FOLDER ...
    python benchmarks/house.py ... --write docs/house.md

A FOLDER is a clone, bare or not, of a codebase named in `CODEBASES`; its newest commit is measured. A module is a file
that isn't empty, with all its lines. A function's lines are those of its body that hold code: no docstring, comment or
blank line. A name is public that doesn't begin with an underscore, nor its class; overloads aren't counted. A function
is annotated whose arguments and result all are.
"""

import argparse
import ast
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

_TEST = re.compile(r"def test_(\w+)\(")
ROOT = Path(__file__).resolve().parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Codebase:
    """Where a codebase has its package, and by what its tests' paths are known; these aren't part of the package."""

    package: re.Pattern[str]
    tests: re.Pattern[str]


def _of(package: str, tests: str) -> Codebase:
    return Codebase(package=re.compile(package), tests=re.compile(tests))


OURS = _of(r"(release|dashboard)/", r"tests/")
CODEBASES: Mapping[str, Codebase] = {
    "tumult-core": _of(r"src/", r"test/"),
    "dp_accounting": _of(r"python/dp_accounting/dp_accounting/", r"python/dp_accounting/dp_accounting/.*_test\.py"),
    "python-tuf": _of(r"tuf/", r"tests/"),
    "sigstore-python": _of(r"sigstore/", r"test/"),
    "fava": _of(r"src/fava/", r"tests/"),
    "beancount": _of(r"beancount/", r"beancount/.*_test\.py"),
    "structlog": _of(r"src/structlog/", r"tests/"),
    "attrs": _of(r"src/attrs?/", r"tests/"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A codebase in figures.

    Attributes:
        name: with its commit's day where it has one.
        modules: lines of each module by its path.
        functions: lines of each function.
        documented: part of public classes, functions and methods with a docstring.
        annotated: part of public functions and methods with all annotations.
        tests: lines of tests for each line of source.
        words: how many words a test's name has, the median.
    """

    name: str
    modules: Mapping[str, int]
    functions: Sequence[int]
    documented: float
    annotated: float
    tests: float
    words: float


def measured(name: str, codebase: Codebase, files: Mapping[str, str]) -> Measured:
    """Return a codebase's figures from its files' texts by path."""
    tests = {path: text for path, text in files.items() if codebase.tests.match(path)}
    ours = {path: text for path, text in files.items() if codebase.package.match(path) and path not in tests}
    package = {path: text for path, text in ours.items() if text.strip()}
    trees = [(text.splitlines(), ast.parse(text)) for text in package.values()]
    public = [node for _, tree in trees for node in _public(tree)]
    callables = [node for node in public if isinstance(node, Function)]
    modules = {path: len(text.splitlines()) for path, text in package.items()}
    return Measured(
        name=name,
        modules=modules,
        functions=[
            _body_lines(node, lines) for lines, tree in trees for node in ast.walk(tree) if isinstance(node, Function)
        ],
        documented=sum(ast.get_docstring(node) is not None for node in public) / len(public),
        annotated=sum(_is_annotated(node) for node in callables) / len(callables),
        tests=sum(len(text.splitlines()) for text in tests.values()) / sum(modules.values()),
        words=median(len(name.split("_")) for text in tests.values() for name in _TEST.findall(text)),
    )


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | Function]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if not any("overload" in ast.unparse(one) for one in node.decorator_list):
                yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def _is_annotated(function: Function) -> bool:
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return function.returns is not None and all(one.annotation or one.arg in ("self", "cls") for one in given)


def _body_lines(function: Function, lines: Sequence[str]) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#")
        for line in lines[body[0].lineno - 1 : function.body[-1].end_lineno]
    )


def committed(folder: Path, commit: str) -> tuple[str, dict[str, str]]:
    """Return a commit's id and day, and the texts of its Python files by path."""
    git = ["git", "-C", str(folder)]
    about = subprocess.run(
        [*git, "log", "-1", "--format=%h, %as", commit], capture_output=True, text=True, check=True
    ).stdout.strip()
    packed = subprocess.run([*git, "archive", "--format=tar", commit, "--", "*.py"], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        files = {one.name: archive.extractfile(one) for one in archive if one.isfile()}
        return about, {path: file.read().decode() for path, file in files.items() if file is not None}


def here() -> dict[str, str]:
    """Return the texts of this checkout's Python files by path."""
    places = [place for top in ("release", "dashboard", "tests") for place in sorted((ROOT / top).rglob("*.py"))]
    return {str(place.relative_to(ROOT)): place.read_text(encoding="utf-8") for place in places}


def comparison(all_measured: Sequence[Measured]) -> str:
    """Return the table of codebases."""
    titles = (
        "lines",
        "modules",
        "lines of a module, median",
        "9 of 10 up to",
        "longest",
        "lines of a function, median",
        "9 of 10 up to",
        "documented",
        "annotated",
        "lines of tests a line",
        "words in a test's name",
    )
    rows = [f"| | {' | '.join(titles)} |", "|---|" + "---:|" * len(titles)]
    return "\n".join([*rows, *(f"| {one.name} | {' | '.join(_told(one))} |" for one in all_measured)])


def _told(one: Measured) -> tuple[str, ...]:
    sizes = list(one.modules.values())
    return (
        f"{sum(sizes):,}",
        f"{len(sizes)}",
        f"{median(sizes):.0f}",
        _ninth(sizes),
        f"{max(sizes):,}",
        f"{median(one.functions):.0f}",
        _ninth(one.functions),
        f"{100 * one.documented:.0f} %",
        f"{100 * one.annotated:.0f} %",
        f"{one.tests:.2f}",
        f"{one.words:.0f}",
    )


def _ninth(sizes: Sequence[int]) -> str:
    return f"{quantiles(sizes, n=10, method='inclusive')[-1]:,.0f}"


def house_map(all_measured: Sequence[Measured], now: Mapping[str, str]) -> str:
    """Return the table of our parts: lines at each time, and now how many modules, the longest, and what a part is."""
    names = sorted({_part(path) for one in all_measured for path in one.modules})
    rows = [
        f"| part | {' | '.join(one.name for one in all_measured)} | modules | longest | what it is |",
        "|---|" + "---:|" * (len(all_measured) + 2) + "---|",
    ]
    for name in names:
        own = {path: lines for path, lines in all_measured[-1].modules.items() if _part(path) == name}
        sums = [sum(lines for path, lines in one.modules.items() if _part(path) == name) for one in all_measured]
        told = " | ".join(f"{lines:,}" if lines else "–" for lines in sums)
        rows.append(f"| `{name}` | {told} | {len(own)} | {max(own.values(), default=0)} | {_said(name, now)} |")
    sums = [sum(one.modules.values()) for one in all_measured]
    last = all_measured[-1].modules
    rows.append(f"| all | {' | '.join(f'{lines:,}' for lines in sums)} | {len(last)} | {max(last.values())} | |")
    return "\n".join(rows)


def _part(path: str) -> str:
    top, _, rest = path.partition("/")
    inner = rest.split("/")[0].removesuffix(".py")
    return top if top == "dashboard" or inner == "__init__" else f"{top}.{inner}"


def _said(name: str, now: Mapping[str, str]) -> str:
    place = name.replace(".", "/")
    text = now.get(f"{place}.py") or now.get(f"{place}/__init__.py")
    if text is None:
        return "gone"
    return (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ")


def main() -> None:
    """Print the tables, or write them into a page."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--since", action="append", default=[], metavar="COMMIT", help="of this repository")
    arguments.add_argument("--beside", action="append", default=[], metavar="NAME=FOLDER", help="a clone to measure")
    arguments.add_argument("--write", type=Path, metavar="PAGE", help="a page with the two places for the tables")
    given = arguments.parse_args()
    now = here()
    ours = []
    for commit in given.since:
        about, files = committed(ROOT, commit)
        ours.append(measured(about, OURS, files))
    ours.append(measured("now", OURS, now))
    others = []
    for named in given.beside:
        name, _, folder = named.partition("=")
        about, files = committed(Path(folder), "HEAD")
        others.append(measured(f"{name} ({about})", CODEBASES[name], files))
    tables = {"map": house_map(ours, now), "comparison": comparison([*ours, *others])}
    if given.write is None:
        print("\n\n".join(tables.values()))
        return
    page = given.write.read_text(encoding="utf-8")
    for name, table in tables.items():
        place = re.compile(f"(<!-- {name} -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
        page = place.sub(lambda found, table=table: found[1] + table + found[2], page)  # type: ignore[misc]
    given.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
