"""The configuration of practice offices, so that a practice world can be released like any office's records."""

from pathlib import Path
from string import Template

from release.codelists import shipped_folder
from release.practice.generation import OfficeFacts, WorldFacts


def write_configuration(facts: WorldFacts) -> tuple[Path, ...]:
    """Write `office.toml` and `<year>.toml` beside each office's records; return the releases' paths."""
    return tuple(_write_office(facts, office) for office in facts.offices)


def _write_office(facts: WorldFacts, office: OfficeFacts) -> Path:
    year = facts.world.year
    words = {
        "code": office.office,
        "area": office.alpha2,
        "year": str(year),
        "before": str(year - 1),
        "partners": ", ".join(f'"{partner}"' for partner in office.partners),
    }
    folder = facts.folder / office.office
    release = folder / f"{year}.toml"
    (folder / "office.toml").write_text(_filled("office.toml", words), encoding="utf-8")
    release.write_text(_filled("release.toml", words), encoding="utf-8")
    return release


def _filled(name: str, words: dict[str, str]) -> str:
    template = (shipped_folder() / "practice" / name).read_text(encoding="utf-8")
    return Template(template).substitute(words)
