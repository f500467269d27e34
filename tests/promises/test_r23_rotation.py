"""R23: keys rotate, old bundles verify, and a retired or revoked key signs nothing new.

An office has four keys, one after the other: two rotations and a third, then the second key is revoked, of which the
office stands by one release only. Every key signs the same releases before and after its end, naming every version of
the registry, or none. Each row of the truth table is a real bundle that is verified.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from edited_program import Edit, call, edited
from trust_world import Changed, Files, World, make_world, release_files, signed, statement_over, write_bundle

from release.bundle.verification import verify
from release.registry.editing import with_new_key, with_revoked_key
from release.registry.history import history_faults
from release.registry.offices import KeptRelease
from release.signing.keys import PrivateKey, new_private_key
from release.signing.statement import Statement

Figure = Callable[[str, str], None]

ENTERED, FIRST_END, SECOND_END, THIRD_END, REVOKED = 2, 4, 5, 6, 7
"""Versions of the registry: NLD enters with the first key, three rotations, and the revocation of the second key.

Version 3 enters ITA."""


@dataclass(slots=True)
class Office:
    """NLD with all its keys, and the files of two releases."""

    world: World
    keys: list[PrivateKey]
    kept: Files
    fresh: Files


def kept(*statements: Statement) -> tuple[KeptRelease, ...]:
    """Return what a registry lists of statements."""
    return tuple(
        KeptRelease(release=one.released.release, sequence=one.released.sequence, digest=one.digest)
        for one in statements
    )


def rotation(key: PrivateKey, *statements: Statement) -> Changed:
    """Return the change that replaces NLD's key, whose statements are kept."""
    return lambda offices, change: with_new_key(offices, change, reporter="NLD", key=key.public, kept=kept(*statements))


def revocation(key: PrivateKey, *statements: Statement) -> Changed:
    """Return the change that revokes a key of NLD, of whose statements these are kept."""
    return lambda offices, change: with_revoked_key(
        offices, change, reporter="NLD", keyid=key.public.keyid, reason="stolen", kept=kept(*statements)
    )


def an_office(folder: Path) -> Office:
    """Return NLD after three rotations and a revocation; `kept` was published under each key before its end."""
    world = make_world("NLD", "ITA")
    one, two = release_files(folder / "a"), release_files(folder / "b", release="2024b")
    keys = [world.keys["NLD"], *(new_private_key() for _ in range(3))]
    first, second, third, fourth = keys
    world.change(rotation(second, *(statement_over(one, first, version) for version in (None, 2, 3))))
    dropped = statement_over(two, second, FIRST_END)
    world.change(rotation(third, *(statement_over(one, second, version) for version in (None, 4)), dropped))
    world.change(rotation(fourth, statement_over(one, third, SECOND_END)))
    world.change(revocation(second, statement_over(one, second, FIRST_END)))
    return Office(world=world, keys=keys, kept=one, fresh=two)


TABLE: tuple[tuple[int, str, int | None, str], ...] = (
    # key, release, version that the statement names, finding ("" is none)
    (1, "kept", None, ""),
    (1, "kept", 1, "key not yet allowed"),
    (1, "kept", 2, ""),
    (1, "kept", 3, ""),
    (1, "kept", 4, "key retired"),
    (1, "kept", 7, "key retired"),
    (1, "fresh", None, "key retired"),
    (1, "fresh", 2, "key retired"),
    (1, "fresh", 3, "key retired"),
    (1, "fresh", 5, "key retired"),
    (2, "kept", None, "key revoked"),
    (2, "kept", 3, "key not yet allowed"),
    (2, "kept", 4, ""),
    (2, "kept", 5, "key revoked"),
    (2, "fresh", None, "key revoked"),
    (2, "fresh", 4, "key revoked"),
    (2, "fresh", 7, "key revoked"),
    (3, "kept", None, "key retired"),
    (3, "kept", 4, "key not yet allowed"),
    (3, "kept", 5, ""),
    (3, "kept", 6, "key retired"),
    (3, "fresh", None, "key retired"),
    (3, "fresh", 5, "key retired"),
    (4, "kept", None, ""),
    (4, "kept", 5, "key not yet allowed"),
    (4, "kept", 6, ""),
    (4, "fresh", None, ""),
    (4, "fresh", 2, "key not yet allowed"),
    (4, "fresh", 6, ""),
    (4, "fresh", 7, ""),
    (4, "fresh", 8, "registry older"),
    (5, "kept", None, "key unknown"),
    (5, "fresh", 7, "key unknown"),
)
"""The fifth key is a stranger's. What is refused by the version that it names would be refused without naming one too,
or is a lie about when it was signed."""


def table(folder: str) -> list[str]:
    """Return what each row of the table really gives: the finding's code, or nothing."""
    office = an_office(Path(folder) / "offices")
    registry = office.world.registry
    keys = [*office.keys, new_private_key()]
    found = []
    for number, release, version, _ in TABLE:
        files = office.kept if release == "kept" else office.fresh
        place = write_bundle(Path(folder) / "bundle", signed(files, keys[number - 1], version))
        findings = verify(place, registry).findings
        found.append(findings[0].code if findings else "")
    return found


def test_the_truth_table_of_rotation_and_revocation_holds_exactly(tmp_path: Path, figure: Figure) -> None:
    assert table(str(tmp_path)) == [expected for *_, expected in TABLE]
    figure("R23", f"3 rotations, 1 revocation: {len(TABLE)} combinations as the table says")


def test_every_version_is_kept_and_none_takes_back_what_another_said(tmp_path: Path) -> None:
    office = an_office(tmp_path)
    world = office.world
    assert world.registry.version == REVOKED
    assert list(history_faults(world.files, world.believed())) == []
    del world.files.files["3.targets.json"]
    assert [one.version for one in history_faults(world.files, world.believed())] == [3]


def test_under_the_registry_of_its_time_a_key_was_good_and_its_end_is_what_changed_that(tmp_path: Path) -> None:
    world = make_world("NLD", "ITA")
    files = release_files(tmp_path / "office")
    first, second = world.keys["NLD"], new_private_key()
    place = write_bundle(tmp_path / "bundle", signed(files, first, world.registry.version))
    assert verify(place, world.registry).signed
    world.change(rotation(second))
    assert [one.code for one in verify(place, world.registry).findings] == ["key retired"]


FAULTS = {
    "takes a retired key's word for when it signed": Edit(
        module="registry/offices.py",
        old="if key.state is KeyState.ACTIVE or statement.digest in {one.digest for one in key.kept}:",
        new="if key.state is not KeyState.REVOKED or statement.digest in {one.digest for one in key.kept}:",
    ),
    "forgets what a retired key signed": Edit(
        module="registry/offices.py",
        old="if key.state is KeyState.ACTIVE or statement.digest in {one.digest for one in key.kept}:",
        new="if key.state is KeyState.ACTIVE:",
    ),
    "keeps all that a revoked key had kept": Edit(
        module="registry/editing.py",
        old="had = kept if key.state is KeyState.ACTIVE else [one for one in kept if one in key.kept]",
        new="had = key.kept",
    ),
    "lets a key sign before it was entered": Edit(
        module="registry/offices.py", old="if version < key.since:", new="if version < 0:"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_misses_a_rule_is_caught(fault: str, tmp_path: Path, figure: Figure) -> None:
    found = call(edited(tmp_path, FAULTS[fault]), "test_r23_rotation", "table", tmp_path / "world")
    wrong = sum(one != expected for one, (*_, expected) in zip(found, TABLE, strict=True))
    assert wrong
    figure("R23", f"mutant that {fault} caught: {wrong} of {len(TABLE)} wrong")
