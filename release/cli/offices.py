"""`mirrors office new`: a new office's folder with its configuration, key, ledger and checklist.

It never writes over anything: the folder must be new or empty. Each choice is explained where it stands, in the files.
"""

from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from string import Template

import typer

from release.cli import wiring
from release.cli.printing import command
from release.cli.signing import passphrase_of
from release.codelists import codelist, shipped_folder
from release.config import Office, load_office
from release.config.loading import inside
from release.errors import PassphraseError, UsageError
from release.signing.keyfile import create_key

PASSPHRASE_FILE = "keys/passphrase"  # noqa: S105 - a place, no passphrase


def new(code: str, parent: Path, year: int, *, exercise: bool) -> None:
    """Make a new office's folder below `parent`.

    Raises:
        UsageError: there is no such area, or something is in the folder's place.
    """
    area = _area(code)
    folder = parent / code
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} isn't empty and was left as it is; nothing was made. Name another folder with --in."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(area, year, exercise=exercise).items():
        (folder / name).write_text(content, encoding="utf-8")
    if exercise:
        _write_passphrase(folder / PASSPHRASE_FILE)
    office = load_office(folder / "office.toml")
    wiring.create_ledger(office, folder)
    signed = _key(office, folder)
    _tell(folder, code, year, signed=signed)


def _area(code: str) -> Mapping[str, str]:
    areas = {row["alpha3"]: row for row in codelist("areas").rows}
    if code not in areas:
        raise UsageError(f"{code!r} is no ISO 3166 alpha-3 code of an area, such as DEU; nothing was made.")
    return areas[code]


def _files(area: Mapping[str, str], year: int, *, exercise: bool) -> dict[str, str]:
    stated = f'passphrase_file = "{PASSPHRASE_FILE}"\n' if exercise else ""
    words = {
        "code": area["alpha3"],
        "area": area["alpha2"],
        "name": area["name"],
        "year": str(year),
        "passphrase": stated,
    }
    return {
        "office.toml": _filled("office.toml", words),
        f"{year}.toml": _filled("release.toml", words),
        "CHECKLIST.md": _filled("CHECKLIST.md", words),
        ".gitignore": _filled("gitignore", words),
    }


def _filled(name: str, words: Mapping[str, str]) -> str:
    return Template((shipped_folder() / "office" / name).read_text(encoding="utf-8")).substitute(words)


def _write_passphrase(place: Path) -> None:
    place.parent.mkdir(mode=0o700)
    place.touch(mode=0o600)
    place.write_text(token_urlsafe(24) + "\n", encoding="utf-8")


def _key(office: Office, folder: Path) -> bool:
    """Make the office's key and return True; False where nobody can be asked for a passphrase."""
    if office.signing is None:
        return False
    try:
        passphrase = passphrase_of(office.signing, folder, fresh=True)()
    except PassphraseError:
        return False
    create_key(inside(folder, office.signing.key), passphrase)
    return True


def _tell(folder: Path, code: str, year: int, *, signed: bool) -> None:
    typer.echo(f"made the office {code} in {folder}:")
    typer.echo("  office.toml      who it is, what it protects and may spend; each choice is explained there")
    typer.echo(f"  {year}.toml        a first release, to be fitted to your records")
    typer.echo("  CHECKLIST.md     the steps from here to the first release")
    typer.echo("  state/           the ledger, empty; private")
    if signed:
        typer.echo("  keys/            the signing key, encrypted; private but for signing.pub.json")
    else:
        typer.echo("No key was made, as there is no terminal to ask for a passphrase. At a terminal:")
        typer.echo(f"  {command()} keys new {folder}/office.toml")
    typer.echo(f"Next: {command()} doctor {folder}/office.toml")
