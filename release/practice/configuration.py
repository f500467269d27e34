"""The configuration of practice offices, so that a practice world can be released like any office's records.

Each has a signing key too, with its passphrase beside it: it shows how signing works, and protects nothing.
"""

import secrets
from pathlib import Path
from string import Template

from release.codelists import shipped_folder
from release.practice.generation import OfficeFacts, WorldFacts
from release.signing.keyfile import create_key
from release.signing.passphrases import write_passphrase

SIGNING_KEY = Path("keys") / "signing.pem"
"""Where a practice office's config says that its key is."""


def write_configuration(facts: WorldFacts) -> tuple[Path, ...]:
    """Write `office.toml` and `<year>.toml` beside each office's records; return the releases' paths."""
    return tuple(_write_office(facts, office) for office in facts.offices)


UNIFORM_ONLY = frozenset({"GBR"})
"""Practice offices whose policy keeps the large-trader tier off, so that both ways can be seen."""


def _write_office(facts: WorldFacts, office: OfficeFacts) -> Path:
    year = facts.world.year
    policy = "off" if office.office in UNIFORM_ONLY else "on"
    words = {
        "code": office.office,
        "area": office.alpha2,
        "year": str(year),
        "before": str(year - 1),
        "policy": policy,
        "measures": _filled(f"measures-{policy}.toml", {}),
        "partners": ", ".join(f'"{partner}"' for partner in office.partners),
    }
    folder = facts.folder / office.office
    release = folder / f"{year}.toml"
    (folder / "office.toml").write_text(_filled("office.toml", words), encoding="utf-8")
    release.write_text(_filled("release.toml", words), encoding="utf-8")
    phrase = write_passphrase(folder / "keys" / "passphrase", secrets.token_hex(16))
    create_key(folder / SIGNING_KEY, phrase)
    return release


def _filled(name: str, words: dict[str, str]) -> str:
    template = (shipped_folder() / "practice" / name).read_text(encoding="utf-8")
    return Template(template).substitute(words)
