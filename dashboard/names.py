"""Names of codes for people: areas, chapters, sections, flows, levels. An unknown code is shown as it is."""

from functools import cache

from release.codelists import codelist

FLOWS = {"M": "imports", "X": "exports", "RM": "re-imports", "RX": "re-exports"}
LEVELS = {
    "total": "All trade",
    "partner": "By partner",
    "section": "By section",
    "chapter": "By chapter",
    "heading": "By heading",
    "subheading": "By subheading",
    "partner x section": "By partner and section",
    "partner x chapter": "By partner and chapter",
    "partner x heading": "By partner and heading",
    "partner x subheading": "By partner and subheading",
}
_OTHERS = {"W0": "all partners", "_X": "not on the list", "TOTAL": "all products"}


@cache
def _areas() -> dict[str, str]:
    rows = codelist("areas").rows
    return {row[code]: row["name"] for row in rows for code in ("alpha2", "alpha3")}


@cache
def _products() -> dict[str, str]:
    chapters = {row["code"]: row["label"] for row in codelist("chapters").rows}
    return chapters | {f"S{row['code']}": row["label"] for row in codelist("sections").rows}


def area(code: str) -> str:
    """Return an area's name by either of its ISO codes."""
    return _OTHERS.get(code) or _areas().get(code, code)


def office(code: str) -> str:
    """Return an office's country with its code: `Italy (ITA)`."""
    name = _areas().get(code)
    return f"{name} ({code})" if name else code


def product(code: str) -> str:
    """Return a product's label without its code; of a heading, which has none here, its chapter's with the code."""
    if code in _OTHERS or code in _products():
        return _OTHERS.get(code) or _products()[code]
    listed, rest, _ = code.partition("_X")
    chapter = _products().get(listed[:2])
    named = listed if chapter is None else f"{listed} of {chapter}"
    return f"the rest of {named}" if rest else named


def product_with_code(code: str) -> str:
    """Return a product as `27 Mineral fuels`; the total and the residual by their names."""
    if code in _OTHERS:
        return _OTHERS[code].capitalize()
    label = _products().get(code)
    return f"{code} {label}" if label else product(code)


def level(code: str) -> str:
    """Return a level's name."""
    return LEVELS.get(code, code)


def flow(code: str) -> str:
    """Return a flow's name."""
    return FLOWS.get(code, code)


def alpha3_of(alpha2: str) -> str:
    """Return the ISO alpha-3 code of an area, or the code as it is."""
    found = next((row["alpha3"] for row in codelist("areas").rows if row["alpha2"] == alpha2), None)
    return found or alpha2
