"""The reference pages, made from the program itself: configuration, commands, exit codes, findings of `source check`.

python docs/generated.py        # writes docs/reference, which isn't committed
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

from release import errors
from release.cli.app import app
from release.cli.configs import json_schema
from release.cli.office_app import Kind
from release.confidential.inspection import MEANINGS
from release.config.kinds import kind_of_source, kinds

OWN_WORDS = {
    0: "fine",
    1: "a finding",
    2: "usage: the command can't be called so, here",
    3: "config",
    4: "data: unreadable, or the wrong schema",
    5: "budget: the ledger refuses",
    6: "bundle or signature",
}


def write(folder: Path) -> None:
    """Write all reference pages into a folder."""
    folder.mkdir(exist_ok=True)
    for name, lines in pages().items():
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def pages() -> Mapping[str, list[str]]:
    """Return every page's lines by its name."""
    return {
        "configuration": list(configuration()),
        "commands": list(commands()),
        "exit-codes": list(exit_codes()),
        "findings": list(findings()),
        "kinds": list(source_kinds()),
    }


def configuration() -> Iterator[str]:
    """Yield the keys of every configuration file, from its schema and the docstrings of its classes."""
    yield "# Configuration\n"
    yield 'Three kinds of TOML file. Amounts of privacy loss and noise are text, such as `"0.5"` or `"1/2"`, and exact.'
    yield "`mirrors config check FILE...` tells every fault at once. As JSON Schema: `mirrors config schema KIND`.\n"
    for kind in Kind:
        schema = json_schema(kind)
        yield f"## {kind.value.capitalize()}\n"
        yield from _table("", schema)
        for name, table in schema.get("$defs", {}).items():
            if "properties" in table:
                yield f"### {kind.value}: {name}\n"
                yield from _table(name, table)


def _table(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    del name
    said = schema.get("description", "").split("Attributes:")
    yield _plain(said[0]) + "\n"
    meanings = dict(_attributes(said[1])) if len(said) > 1 else {}
    yield "| key | kind | default | meaning |\n|---|---|---|---|"
    required = schema.get("required", ())
    for key, value in schema.get("properties", {}).items():
        default = "needed" if key in required else f"`{value.get('default', 'none')}`"
        yield f"| `{key}` | {_kind(value)} | {_cell(default)} | {_cell(meanings.get(key, ''))} |"
    yield ""


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    name, words = "", []
    for line in text.splitlines():
        start, colon, rest = line.strip().partition(": ")
        if colon and start.isidentifier() and len(line) - len(line.lstrip()) <= 8:
            if name:
                yield name, " ".join(words)
            name, words = start, [rest]
        elif line.strip():
            words.append(line.strip())
    if name:
        yield name, " ".join(words)


def _kind(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        return value["$ref"].rsplit("/", 1)[-1]
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    options = value.get("anyOf") or value.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(_kind(one) for one in options if one.get("type") != "null"))
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {}))}"
    return {"string": "text", "integer": "whole number", "object": "table"}.get(value.get("type", ""), "value")


def commands() -> Iterator[str]:
    """Yield every command with its arguments and options, as `--help` tells them."""
    yield "# Commands\n"
    yield "`mirrors --help`, and `--help` after any command, say the same.\n"
    yield from _command("mirrors", get_command(app))


def _command(name: str, command: Any) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is not None:
        for one, below in sorted(inner.items()):
            yield from _command(f"{name} {one}", below)
        return
    places = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    yield f"## {name}\n"
    yield f"`{' '.join([name, *(place.metavar or place.name.upper() for place in places)])}`\n"
    yield f"{_plain(command.help or '')}\n"
    if options:
        yield "| option | meaning |\n|---|---|"
        for option in options:
            yield f"| `{', '.join(option.opts)}` | {_cell(option.help or '')} |"
        yield ""


def exit_codes() -> Iterator[str]:
    """Yield exit codes, and the errors that end with each."""
    yield "# Exit codes and errors\n"
    yield "Errors say what was refused, what was left unchanged and what to do next. Those of `mirrors run` and"
    yield "`mirrors source check` are the office's own affair and are published nowhere.\n"
    yield "| code | meaning |\n|---|---|"
    yield from (f"| {code} | {words} |" for code, words in OWN_WORDS.items())
    yield "\n## Errors\n"
    yield "| error | code | when |\n|---|---|---|"
    for name, error in sorted(vars(errors).items()):
        if isinstance(error, type) and issubclass(error, errors.MirrorsError):
            yield f"| `{name}` | {error.exit_code} | {_cell(error.__doc__ or '')} |"


def findings() -> Iterator[str]:
    """Yield the codes of `mirrors source check`."""
    yield "# Findings of `mirrors source check`\n"
    yield "Private: they must not leave the office, and decide nothing about a release. Exit code 1 when one of them is"
    yield "serious. The counts before them say how many rows each rule touches.\n"
    yield "| code | means |\n|---|---|"
    yield from (f"| `{code}` | {_cell(meaning)} |" for code, meaning in MEANINGS.items())


def source_kinds() -> Iterator[str]:
    """Yield the known layouts as they are written in data/sources."""
    yield "# Kinds of source\n"
    yield 'What `[source] kind = "..."` stands for, key by key. What a release writes beside it goes before.\n'
    for name in kinds():
        stated = kind_of_source(name)
        yield f"## {name}: {stated['title']}\n"
        source = stated["source"]
        yield "| field | comes from |\n|---|---|"
        yield from (f"| {field} | {_cell(_from(value))} |" for field, value in source["columns"].items())
        for number, view in enumerate(source.get("views", ()), start=1):
            told = "; ".join(f"{column} from {_from(value)}" for column, value in view.items())
            yield f"| view {number} of each row | {_cell(told)} |"
        for key, table in stated.items():
            if key in ("levels", "frequencies"):
                yield f"| to choose: {key} | by `{table['column']}`: {', '.join(table['codes'])} |"
        for key in ("reporter", "only", "leave_out", "date_format", "value_in", "layout", "quotes"):
            if key in source:
                yield f"| `{key}` | {_cell(_from(source[key]))} |"
        yield ""


def _from(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_from(one)}" for key, one in value.items())
    if isinstance(value, Sequence):
        return " or ".join(_from(one) for one in value)
    return str(value)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference")
