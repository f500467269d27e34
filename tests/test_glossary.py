"""One vocabulary: the glossary's words are the ones that people meet, and those it gives up are met nowhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ELSEWHERE = {
    "docs/methods.md": "cites papers by their titles",
    "release/inference/looks.py": "names a method as its authors do",
    "docs/accuracy.md": "names a statistic by its official title",
}
"""Pages that may hold a word that isn't ours, with the reason."""


def rows(part: str) -> list[list[str]]:
    """Return the cells of the table in a part of the glossary, its heading left out."""
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return lines[2:]


def listed() -> tuple[list[list[str]], list[list[str]]]:
    _, _, unused = CONTRIBUTING.read_text().partition("## Words that aren't used")
    return rows(GLOSSARY.read_text()), rows(unused.partition("\n## ")[0])


def phrases(source: str) -> Iterator[str]:
    """Yield every text of a program that has a space in it, docstrings too: what people may come to read."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def pages() -> dict[str, str]:
    """Return everything that people read, by its file: documents, and the words of the program."""
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    programs = [*sorted((ROOT / "release").rglob("*.py")), *sorted((ROOT / "dashboard").rglob("*.py"))]
    read = {str(file.relative_to(ROOT)): file.read_text() for file in documents}
    return read | {str(file.relative_to(ROOT)): "\n".join(phrases(file.read_text())) for file in programs}


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    return pages()


def test_the_glossary_is_in_order_and_explains_each_word_once():
    words = [row[0] for row in listed()[0]]
    assert words == sorted(set(words), key=str.casefold)
    assert all(len(row) == 2 for part in listed() for row in part)


def test_every_word_of_the_glossary_is_used_by_the_program_and_by_a_page(everything: dict[str, str]):
    own = {file: text.casefold() for file, text in everything.items() if file != "docs/glossary.md"}
    for row in listed()[0]:
        for word in row[0].casefold().split(", "):
            found = {file for file, text in own.items() if re.search(rf"\b{re.escape(word)}", text)}
            assert any(file.endswith(".md") for file in found), word
            assert any(file.endswith(".py") for file in found), word


def test_no_word_that_the_glossary_gives_up_is_used(everything: dict[str, str]):
    given_up = [word for row in listed()[1] for word in row[0].split(", ")]
    assert len(given_up) > 10
    pattern = re.compile("|".join(rf"\b{re.escape(word)}(?:s|es|ed)?\b" for word in given_up), re.IGNORECASE)
    met = {file: pattern.findall(text) for file, text in everything.items() if file not in ELSEWHERE}
    assert {file: words for file, words in met.items() if words} == {}
