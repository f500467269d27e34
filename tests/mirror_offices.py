"""Two synthetic offices that trade with each other, released for real: AAA (area AX) and DEU (area DE)."""

from pathlib import Path

from offices import OFFICE, RELEASE, line, publish, write_office

from release.bundle.verification import Bundle, read_bundle

_VALUE = RELEASE.split('[[measures]]\nname = "declarations"')[0].replace(
    'periods = ["2024-Q1", "2024-Q2"]', 'periods = ["2024-Q1"]'
)
_BOUND = """
[measures.declared_bound]
amount = "1.5e4"
source = "stated for tests"
"""
PARTNERS = {"AAA": "DE", "DEU": "AX"}


def release_toml(office: str, *, rho: str = "1/2", flows: str = '["M", "X"]', bound: str = _BOUND) -> str:
    """Return a release of value by partner and chapter, with a declared bound on what a trader holds."""
    text = _VALUE.replace('partners = ["DE", "FR", "US"]', f'partners = ["{PARTNERS[office]}", "FR", "US"]')
    return text.replace('rho = "1/2"', f'rho = "{rho}"').replace('["M", "X"]', flows) + bound


def trade(partner: str, flow: str, values: dict[str, float]) -> list[dict[str, str]]:
    """Return a hundred equal lines of different traders for each chapter's value."""
    return [
        line(
            trader=f"T{chapter}{n}",
            flow=flow,
            partner=partner,
            commodity=f"{chapter}0121",
            value=f"{value / 100:.2f}",
            declaration=f"D{flow}{chapter}{n}",
        )
        for chapter, value in values.items()
        for n in range(100)
    ]


def released(folder: Path, office: str, lines: list[dict[str, str]], toml: str | None = None, **said: str) -> Path:
    """Release an office's lines below `folder / "published"`; `said` replaces texts of its office.toml."""
    sheet = OFFICE.replace('"origin"', '"consignment"')
    if office == "DEU":
        sheet = sheet.replace('"AAA"', '"DEU"').replace('area = "AX"', 'area = "DE"')
    for old, new in said.items():
        sheet = sheet.replace(f'{old} = "', f'{old} = "{new}"  # "')
    place = write_office(folder / office, lines=lines, office=sheet, release=toml or release_toml(office))
    return publish(place, published=folder / "published").bundle


def two_offices(folder: Path) -> Path:
    """Return a folder with the bundles of both: DEU records 1.6 times the imports of chapter 84 that AAA exports."""
    exports = {"01": 5e5, "27": 6e5, "84": 9e5}
    released(folder, "AAA", trade("DE", "X", exports) + trade("DE", "M", {"84": 4e5}))
    imports = {"01": 5e5, "27": 6e5, "84": 1.44e6}
    released(folder, "DEU", trade("AX", "M", imports) + trade("AX", "X", {"84": 4e5}))
    return folder / "published"


def bundles_in(published: Path) -> list[Bundle]:
    """Return all bundles below a place of publication."""
    return [read_bundle(path.parent) for path in sorted(published.rglob("datapackage.json"))]
