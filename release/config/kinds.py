"""Known layouts of providers' files, such as `[source] kind = "comtrade"`. Each is a small file in data/sources.

A kind is spelled out before a config is checked, so that everything after sees plain columns and rules. What the office
wrote beside it goes before. A new provider is a new file there, or the same keys in a release's own `[source]`.
"""

import tomllib
from functools import cache
from typing import Any

from release.codelists import codelist, shipped_folder

PLAIN = "columns"
"""The kind that states nothing: the config maps the columns itself."""

Table = dict[str, Any]


def kinds() -> tuple[str, ...]:
    """Return the names of all known layouts."""
    return tuple(sorted(path.stem for path in (shipped_folder() / "sources").glob("*.toml")))


@cache
def kind_of_source(name: str) -> Table:
    """Return a known layout as it is written."""
    return tomllib.loads((shipped_folder() / "sources" / f"{name}.toml").read_text(encoding="utf-8"))


def choices_of(name: str) -> dict[str, Table]:
    """Return what a kind leaves to choose: a table `column, codes` for each of `level` and `frequency` that it has."""
    known = kind_of_source(name) if name in kinds() else {}
    tables = {"level": known.get("levels"), "frequency": known.get("frequencies")}
    return {key: table for key, table in tables.items() if table is not None}


@cache
def columns_stated(name: str) -> tuple[str, ...]:
    """Return the columns that a kind's files must have, in the order of its file."""
    source = kind_of_source(name)["source"]
    views = source.get("views", ())
    fields = [*source["columns"].values(), *(field for view in views for field in view.values())]
    made = {column for view in views for column in view}
    columns = [column for field in fields for column in _names(field)] + list(source.get("only", {}))
    return tuple(dict.fromkeys(column for column in columns if column not in made))


def _names(field: str | Table) -> list[str]:
    if isinstance(field, str):
        return [field]
    return [*([field["column"]] if "column" in field else []), *field.get("joined", ())]


def spelled_out(own: Table) -> Table:
    """Return a `[source]` with its kind's keys in it and area codes as translations; unknown kinds are left alone."""
    kind = own.get("kind", PLAIN)
    stated = kind_of_source(kind)["source"] if kind in kinds() else {}
    source = _merged(stated, own)
    chosen = {
        table["column"]: table["codes"][own[key]]
        for key, table in choices_of(str(kind)).items()
        if isinstance(own.get(key), str) and own[key] in table["codes"]
    }
    if chosen and isinstance(source.get("only", {}), dict):
        source["only"] = {**source.get("only", {}), **chosen}
    if isinstance(source.get("columns"), dict):
        source["columns"] = {name: _translated(field) for name, field in source["columns"].items()}
    if "reporter" in source:
        source["reporter"] = _translated(source["reporter"])
    return source


def choice_faults(own: Table) -> list[tuple[str, str]]:
    """Return what is wrong with a source's kind and its choices, each as a key and what would be right."""
    kind = own.get("kind", PLAIN)
    if kind != PLAIN and kind not in kinds():
        return [("kind", f"is not known; it is one of {', '.join((PLAIN, *kinds()))}")]
    offered = choices_of(kind)
    missing = [
        (key, f"is missing: {kind} files hold {_MERGED[key]}; say which one counts: {', '.join(table['codes'])}")
        for key, table in offered.items()
        if key not in own
    ]
    unused = [(key, f"has no use for the kind {kind}") for key in _MERGED if key in own and key not in offered]
    return missing + unused


_MERGED = {
    "level": "several commodity levels, and adding them counts the same goods more than once",
    "frequency": "years and months, and adding them counts the same goods twice",
}


def area_translations(codes: str) -> dict[str, str]:
    """Return what areas are called in another code list, each with its ISO alpha-2 code.

    `comtrade` knows UN Comtrade's numbers, an area's current one first, and those of M49 (as numbers) for the rest.
    """
    rows = codelist("areas").rows
    if codes == "alpha-3":
        return {row["alpha3"]: row["alpha2"] for row in rows}
    general = {row["m49"].lstrip("0"): row["alpha2"] for row in rows}
    own = {code: row["alpha2"] for row in rows for code in row["comtrade"].split(";") if code}
    return own | {code: area for code, area in general.items() if code not in own}


def _translated(field: Any) -> Any:
    if not isinstance(field, dict) or field.get("codes") not in ("comtrade", "alpha-3"):
        return field
    own = field.get("translate", {})
    return {**field, "translate": {**area_translations(field["codes"]), **own}} if isinstance(own, dict) else field


def _merged(stated: Table, own: Table) -> Table:
    """Return both tables' keys; a table in both is merged in turn, and otherwise the office's own word stands."""
    merged = dict(stated)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(stated.get(key), dict) and not _names_a_column(value)
        merged[key] = _merged(stated[key], value) if both else value
    return merged


def _names_a_column(value: Table) -> bool:
    return bool({"column", "constant", "first_of", "by_flow", "joined"} & value.keys())
