"""R22: old, replayed, foreign and mixed bundles and registries are refused or marked.

The cases are drawn from the attacks that the TUF specification lists (section 1.5.2), each made against our bundles,
our registry and a verifier's memory. What is remembered is written only after every check.
"""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from edited_program import Edit, call, edited
from trust_world import (
    DAY,
    EXPIRY,
    Files,
    MemoryFiles,
    World,
    make_world,
    release_files,
    relisted,
    signed,
    write_bundle,
)

from release.bundle.content import MANIFEST
from release.bundle.memory import Memory, held_against, remembering
from release.bundle.memory_file import read_memory, write_memory
from release.bundle.verification import Verification, verify
from release.errors import BundleError
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.registry.editing import with_new_key, with_revoked_key
from release.registry.metadata import LARGEST_METADATA, MOST_ROOTS, Distrust, Seen, believed
from release.registry.offices import Registry
from release.registry.writing import Expiry, Keepers, first_files, next_files
from release.signing.envelope import SIGNATURE
from release.signing.keys import PrivateKey, new_private_key

Figure = Callable[[str, str], None]
GONE = datetime.date(2026, 6, 1)


@dataclass(slots=True)
class Bench:
    """Two offices, a registry of four versions, and NLD's releases: two of its own ledger, one that revises another."""

    folder: Path
    world: World
    first: Files
    second: Files
    revision: Files
    twin: Files
    italian: Files
    stranger: PrivateKey

    @property
    def key(self) -> PrivateKey:
        """NLD's key."""
        return self.world.keys["NLD"]

    @property
    def version(self) -> int:
        """The registry's version."""
        return self.world.registry.version

    def own(self, files: Files, **changes: object) -> Files:
        """Return files as NLD signs them."""
        return signed(files, self.key, self.version, **changes)

    def verified(self, files: Files, registry: Registry | None = None) -> Verification:
        """Return the verification of files."""
        return verify(write_bundle(self.folder / "bundle", files), registry or self.world.registry)

    def unchecked(self, files: Files) -> Verification:
        """Return the verification of files by someone who has no registry."""
        return verify(write_bundle(self.folder / "bundle", files))

    def copy(self) -> World:
        """Return the world with files of its own."""
        return replace(self.world, files=MemoryFiles(self.world.files.files), keys=dict(self.world.keys))


def a_bench(folder: Path) -> Bench:
    """Return the bench."""
    world = make_world("NLD", "ITA")
    world.change(lambda offices, _: offices)
    book = Book(MemoryStore())
    return Bench(
        folder=folder,
        world=world,
        first=release_files(folder / "nld", book=book),
        second=release_files(folder / "nld", release="2024b", book=book),
        revision=release_files(folder / "again", release="2024r", revises="2024"),
        twin=release_files(folder / "twin"),
        italian=release_files(folder / "ita", code="ITA"),
        stranger=new_private_key(),
    )


def code(result: Verification) -> str:
    """Return the first finding's code, or nothing."""
    return result.findings[0].code if result.findings else ""


def unlike(result: Verification) -> str:
    """Return the same, where a file of another size is as good as one of another SHA-256."""
    return code(result).replace("size", "digest")


def read(files: MemoryFiles, *, day: datetime.date | None = DAY, pin: bytes | None = None, seen: Seen | None = None):
    """Return the code of why a registry isn't believed, or nothing."""
    try:
        believed(files, today=day, pin=pin, seen=seen)
    except Distrust as distrust:
        return distrust.code
    return ""


def without(bench: Bench, *names: str) -> MemoryFiles:
    """Return the registry's files without some."""
    return MemoryFiles({name: content for name, content in bench.world.files.files.items() if name not in names})


def put(bench: Bench, **changes: bytes) -> MemoryFiles:
    """Return the registry's files with some in place of others; a name's dots are written as underscores."""
    told = {name.replace("_", "."): content for name, content in changes.items()}
    return MemoryFiles({**bench.world.files.files, **told})


def at(bench: Bench, name: str) -> bytes:
    """Return one of the registry's files."""
    return bench.world.files.files[name]


def signed_by(bench: Bench, signers: tuple[PrivateKey, ...], expiry: Expiry = EXPIRY) -> MemoryFiles:
    """Return the registry with a next version, made by keepers of its own choice."""
    own = Keepers(keys=tuple(key.public for key in signers), threshold=len(signers))
    made = first_files(own, signers, expiry)
    other = believed(MemoryFiles(made), today=None)
    following = replace(other, registry=replace(other.registry, version=bench.version))
    files = next_files(following, {}, signers, expiry)
    return MemoryFiles({**bench.world.files.files, **files})


def expiring(bench: Bench, *, root: datetime.date, version: datetime.date) -> MemoryFiles:
    """Return a registry whose parts expire on these days."""
    keepers = bench.world.keepers
    named = Keepers(keys=tuple(key.public for key in keepers), threshold=2)
    return MemoryFiles(first_files(named, keepers[:2], Expiry(version=version, root=root)))


def handed_over(bench: Bench) -> tuple[World, tuple[PrivateKey, ...]]:
    """Return the world after its keepers handed over to others, and the new keepers."""
    world, fresh = bench.copy(), tuple(new_private_key() for _ in range(3))
    known = world.believed()
    named = Keepers(keys=tuple(key.public for key in fresh), threshold=2)
    signers = (*world.keepers[:2], *fresh[:2])
    world.files.files |= next_files(known, known.registry.offices, signers, EXPIRY, named)
    return world, fresh


def changed(bench: Bench, made) -> Registry:
    """Return the registry after a change."""
    world = bench.copy()
    world.change(made)
    return world.registry


def retired(bench: Bench) -> Registry:
    """Return the registry after NLD's key was replaced and nothing was kept."""
    key = new_private_key().public
    return changed(bench, lambda known, change: with_new_key(known, change, reporter="NLD", key=key, kept=()))


def revoked(bench: Bench) -> Registry:
    """Return the registry after NLD's key was revoked."""
    keyid = bench.key.public.keyid
    return changed(
        bench,
        lambda known, change: with_revoked_key(known, change, reporter="NLD", keyid=keyid, reason="lost", kept=()),
    )


def beside(bench: Bench, *results: Verification) -> str:
    """Return the code of the last result beside the ones before it, or the code of its first note."""
    del bench
    last = held_against(Memory(), results)[-1]
    return code(last) or "".join(note.code for note in last.notes[:1])


def after(bench: Bench, before: Verification, now: Verification) -> str:
    """Return what a memory of one result tells of another, or of the one before where that has a note."""
    memory = remembering(Memory(), [before], bench.world.believed().seen)
    last = held_against(memory, [now])[0]
    return code(last) or "".join(note.code for note in last.notes[:1])


def roots(bench: Bench, number: int) -> MemoryFiles:
    """Return a registry with so many roots."""
    world = bench.copy()
    known = world.believed()
    named = Keepers(keys=tuple(key.public for key in world.keepers), threshold=1)
    signers = world.keepers[:2]
    for version in range(2, number + 2):
        files = next_files(known, {}, signers, EXPIRY, named)
        root = files[f"{version}.root.json"]
        world.files.files[f"{version}.root.json"] = root
        known = replace(known, root=type(known.root).from_bytes(root))
    return world.files


def snapshot_of(bench: Bench, version: int) -> bytes:
    """Return a snapshot of an older version."""
    return at(bench, f"{version}.snapshot.json")


def office_file(bench: Bench, reporter: str) -> str:
    """Return the name of an office's entry."""
    return next(name for name in bench.world.files.files if name.endswith(f".{reporter}.json"))


def many(bench: Bench) -> Files:
    """Return a signed bundle with a crowd of files beside it."""
    return {**bench.own(bench.first), **{f"f{number}": b"" for number in range(100)}}


Case = Callable[[Bench], str]
CASES: dict[str, tuple[str, Case]] = {
    # Arbitrary installation: somebody offers what nobody said.
    "an unsigned bundle of an office that signs": ("unsigned", lambda b: code(b.verified(b.first))),
    "a bundle by a stranger's key": ("key unknown", lambda b: code(b.verified(signed(b.first, b.stranger)))),
    "a bundle by another office's key": (
        "key unknown",
        lambda b: code(b.verified(signed(b.first, b.world.keys["ITA"], b.version))),
    ),
    "another bundle's signature": (
        "digest",
        lambda b: code(b.verified({**b.first, SIGNATURE: b.own(b.twin)[SIGNATURE]})),
    ),
    "a registry of strangers under the pinned root": (
        "signature",
        lambda b: read(make_world("NLD").files, pin=at(b, "1.root.json")),
    ),
    "a registry signed by strangers": (
        "signature",
        lambda b: read(signed_by(b, (b.stranger, new_private_key()))),
    ),
    "a root that its own keepers alone signed": ("signature", lambda b: read(_usurped(b))),
    "an office's entry that was edited": (
        "mixed",
        lambda b: read(
            MemoryFiles({**b.world.files.files, office_file(b, "NLD"): at(b, office_file(b, "NLD"))[:-1] + b" "})
        ),
    ),
    "a signature of nothing": ("signature", lambda b: code(b.verified({**b.first, SIGNATURE: b""}))),
    # Rollback: an older version in place of a newer one.
    "an older registry": ("rolled back", lambda b: read(_older(b, 2), seen=b.world.believed().seen)),
    "a registry begun anew": ("rolled back", lambda b: read(make_world().files, seen=b.world.believed().seen)),
    "an older root": (
        "rolled back",
        lambda b: read(b.world.files, seen=replace(b.world.believed().seen, root_version=2)),
    ),
    "an older timestamp": (
        "rolled back",
        lambda b: read(put(b, timestamp_json=at(b, "3.timestamp.json")), seen=b.world.believed().seen),
    ),
    "the same version with other content": (
        "forked",
        lambda b: read(b.world.files, seen=replace(b.world.believed().seen, digest="0" * 64)),
    ),
    "a bundle from before its key": ("key not yet allowed", lambda b: code(b.verified(signed(b.first, b.key, 1)))),
    # Freeze: an old state that is kept alive.
    "a registry past its day": ("expired", lambda b: read(expiring(b, root=EXPIRY.root, version=GONE))),
    "a root past its day": ("expired", lambda b: read(expiring(b, root=GONE, version=EXPIRY.version))),
    "a registry on its last day": ("", lambda b: read(expiring(b, root=EXPIRY.root, version=DAY))),
    "an archive on a day of its own": (
        "",
        lambda b: read(expiring(b, root=EXPIRY.root, version=GONE), day=datetime.date(2026, 1, 1)),
    ),
    # Fast-forward: versions so high that the true ones look old.
    "a timestamp of a version that isn't there": ("missing", lambda b: read(without(b, f"{b.version}.snapshot.json"))),
    "a root that skips a version": ("root", lambda b: read(put(b, **{"2_root_json": at(b, "1.root.json")}))),
    "a bundle of a registry to come": (
        "registry older",
        lambda b: code(b.verified(signed(b.first, b.key, b.version + 1))),
    ),
    # Mix and match: parts that never stood together.
    "a snapshot of another version": (
        "mixed",
        lambda b: read(put(b, **{f"{b.version}_snapshot_json": snapshot_of(b, 2)})),
    ),
    "targets of another version": (
        "mixed",
        lambda b: read(put(b, **{f"{b.version}_targets_json": at(b, "2.targets.json")})),
    ),
    "an office's entry of another": (
        "mixed",
        lambda b: read(MemoryFiles({**b.world.files.files, office_file(b, "NLD"): at(b, office_file(b, "ITA"))})),
    ),
    "metadata of another role": (
        "metadata",
        lambda b: read(put(b, timestamp_json=at(b, "2.targets.json"))),
    ),
    "a bundle with another's figures": (
        "digest",
        lambda b: unlike(b.verified({**b.own(b.first), "observations.csv": b.twin["observations.csv"]})),
    ),
    "a bundle with another's manifest": (
        "digest",
        lambda b: unlike(b.verified({**b.own(b.first), MANIFEST: b.twin[MANIFEST]})),
    ),
    "two bundles' files, listed anew": (
        "digest",
        lambda b: unlike(
            b.verified(
                {
                    **relisted({**b.first, "observations.csv": b.twin["observations.csv"]}),
                    SIGNATURE: b.own(b.first)[SIGNATURE],
                }
            )
        ),
    ),
    "two bundles' files, signed by the office": (
        "csv",
        lambda b: code(b.verified(b.own(relisted({**b.first, "observations.csv": b.twin["observations.csv"]})))),
    ),
    # Endless data: more than anyone can read.
    "roots without end": ("endless", lambda b: read(roots(b, MOST_ROOTS))),
    "metadata without end": ("missing", lambda b: read(put(b, timestamp_json=b" " * (LARGEST_METADATA + 1)))),
    "metadata nested without end": ("metadata", lambda b: read(put(b, timestamp_json=b"[" * 100_000))),
    "a signature without end": ("size", lambda b: code(b.verified({**b.first, SIGNATURE: b" " * 10_000_000}))),
    "a crowd of files": ("too many files", lambda b: code(b.verified(many(b)))),
    # Extraneous dependencies: more than was asked for.
    "a file that nobody listed": ("unlisted", lambda b: code(b.verified({**b.own(b.first), "run.py": b"import os"}))),
    "a signed file that the format hasn't": (
        "manifest",
        lambda b: code(b.verified(b.own({**b.first, "run.py": b"import os"}))),
    ),
    "a name that leads elsewhere": (
        "manifest",
        lambda b: code(b.verified({**b.first, SIGNATURE: b.own({**b.first, "../../etc/passwd": b"x"})[SIGNATURE]})),
    ),
    # Wrong installation: a true thing in another's place.
    "one release's signature on another name": (
        "statement",
        lambda b: code(b.verified(b.own(b.first, release="2025"))),
    ),
    "one office's figures under another's name": (
        "statement",
        lambda b: code(b.verified(b.own(b.italian, reporter="NLD"))),
    ),
    "another charge": ("statement", lambda b: code(b.verified(b.own(b.first, sequence=99)))),
    "another head of the ledger": ("statement", lambda b: code(b.verified(b.own(b.first, head="0" * 64)))),
    "another format": ("format", lambda b: code(b.verified(b.own(b.first, form="noisy-mirrors/bundle/9")))),
    # Malicious mirrors: updates are withheld.
    "a mirror without a timestamp": ("missing", lambda b: read(without(b, "timestamp.json"))),
    "a mirror without a root": ("missing", lambda b: read(without(b, "1.root.json"))),
    "a mirror without an office": ("missing", lambda b: read(without(b, office_file(b, "ITA")))),
    "a mirror with a broken root": ("metadata", lambda b: read(put(b, **{"1_root_json": b"{}"}))),
    # Compromised keys: what a stolen key can't do.
    "a release by a retired key": ("key retired", lambda b: code(b.verified(b.own(b.second), retired(b)))),
    "a release by a revoked key": ("key revoked", lambda b: code(b.verified(b.own(b.second), revoked(b)))),
    "one keeper alone": ("signature", lambda b: read(signed_by(b, b.world.keepers[:1]))),
    "keepers that have handed over": ("signature", lambda b: _by_old_keepers(b)),
    # Replay: what was seen before tells.
    "other bytes of a release that was seen": (
        "changed",
        lambda b: after(b, b.verified(b.own(b.first)), b.verified(b.own(b.twin))),
    ),
    "other bytes of a release beside it": (
        "changed",
        lambda b: beside(b, b.verified(b.own(b.first)), b.verified(b.own(b.twin))),
    ),
    "a second release for one entry of the ledger": (
        "forked",
        lambda b: beside(b, b.verified(b.own(b.first)), b.verified(b.own(b.revision))),
    ),
    "a release that was signed, without its signature": (
        "stripped",
        lambda b: after(b, b.verified(b.own(b.first)), b.unchecked(b.first)),
    ),
    "a release that was signed, by another key": (
        "stripped",
        lambda b: after(b, b.verified(b.own(b.first)), b.unchecked(signed(b.first, b.stranger))),
    ),
    "the same release again": ("", lambda b: after(b, b.verified(b.own(b.first)), b.verified(b.own(b.first)))),
    "two releases of one ledger": ("", lambda b: beside(b, b.verified(b.own(b.first)), b.verified(b.own(b.second)))),
    "a later release of a ledger that was begun anew": (
        "forked",
        lambda b: beside(b, b.verified(b.own(b.twin)), b.verified(b.own(b.second))),
    ),
    "a release that was put in another's place": ("superseded", lambda b: _superseded(b)),
}


def _usurped(bench: Bench) -> MemoryFiles:
    """Return the registry taken over by strangers: all that is signed is whole, but for the old keepers."""
    keys = (bench.stranger, new_private_key())
    own = Keepers(keys=tuple(key.public for key in keys), threshold=2)
    known = believed(MemoryFiles(first_files(own, keys, EXPIRY)), today=None)
    later = replace(known, registry=replace(known.registry, version=bench.version))
    return MemoryFiles({**bench.world.files.files, **next_files(later, {}, keys, EXPIRY, own)})


def _older(bench: Bench, version: int) -> MemoryFiles:
    return put(bench, timestamp_json=at(bench, f"{version}.timestamp.json"))


def _by_old_keepers(bench: Bench) -> str:
    world, _ = handed_over(bench)
    known = bench.world.believed()
    later = replace(known, registry=replace(known.registry, version=world.registry.version))
    world.files.files |= next_files(later, {}, bench.world.keepers[:2], EXPIRY)
    return read(world.files)


def _superseded(bench: Bench) -> str:
    """Return the note on a release once the one in its place was seen; that has another entry of the ledger."""
    revision = bench.verified(bench.own(bench.revision))
    first = json.loads(bench.first["charge.json"])["head"]
    identity = replace(revision.identity, sequence=77, head="7" * 64, chain={first["sequence"]: first["hash"]})
    memory = remembering(Memory(), [replace(revision, identity=identity)], None)
    old = held_against(memory, [bench.verified(bench.own(bench.first))])[0]
    assert old.valid
    return old.notes[0].code if old.notes else ""


def wrong(folder: str) -> dict[str, str]:
    """Return what each case gives that it shouldn't."""
    bench = a_bench(Path(folder))
    found = {name: case(bench) for name, (_, case) in CASES.items()}
    return {name: given for name, given in found.items() if given != CASES[name][0]}


def test_every_attack_of_the_list_is_refused_or_marked(tmp_path: Path, figure: Figure) -> None:
    assert wrong(str(tmp_path)) == {}
    figure("R22", f"{len(CASES)} cases of the TUF specification's attacks: all refused or marked as they should be")


def test_what_was_seen_is_written_only_after_every_check(mirrors, tmp_path: Path) -> None:
    bench = a_bench(tmp_path / "world")
    registry = tmp_path / "registry"
    for name, content in bench.world.files.files.items():
        (registry / name).parent.mkdir(parents=True, exist_ok=True)
        (registry / name).write_bytes(content)
    good = write_bundle(tmp_path / "good", bench.own(bench.first))
    bad = write_bundle(tmp_path / "bad", bench.own(bench.twin))
    state = tmp_path / "seen.json"
    told = ("--registry", registry, "--as-of", DAY.isoformat(), "--state", state, "--json")
    assert mirrors("verify", good, *told).code == 0
    before = read_memory(state)
    refused = mirrors("verify", bad, *told)
    assert refused.code == 6
    assert refused.json["bundles"][0]["findings"][0]["code"] == "changed"
    assert read_memory(state) == before
    write_memory(state, replace(before, registry=replace(before.registry, version=99)))
    content = state.read_bytes()
    assert mirrors("verify", good, *told).code == 6
    assert state.read_bytes() == content
    state.write_bytes(b"{}")
    assert mirrors("verify", good, *told).code == 6
    assert state.read_bytes() == b"{}"


def test_a_damaged_memory_is_refused_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    place = tmp_path / "seen.json"
    assert read_memory(place) == Memory()
    for content in (b"", b"[]", b"[" * 100_000, b'{"format":"other"}', json.dumps({"format": 1}).encode()):
        place.write_bytes(content)
        with pytest.raises(BundleError, match="memory"):
            read_memory(place)


FAULTS = {
    "asks for no day": Edit(
        module="registry/metadata.py",
        old="if today is not None and today > expires:",
        new="if False:",
    ),
    "believes a rolled back registry": Edit(
        module="registry/metadata.py",
        old="if registry.version < seen.version or registry.root_version < seen.root_version:",
        new="if registry.version < 0:",
    ),
    "follows any root": Edit(
        module="registry/metadata.py",
        old='    _hold_signed(root.signed, following, "root")\n',
        new="",
    ),
    "doesn't hold a bundle to its statement": Edit(
        module="bundle/signature.py", old="if said != statement.released:", new="if False:"
    ),
    "remembers nothing": Edit(module="bundle/memory.py", old="before = known.get(release)", new="before = None"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_skips_a_check_is_caught(fault: str, tmp_path: Path, figure: Figure) -> None:
    found = call(edited(tmp_path, FAULTS[fault]), "test_r22_replayed", "wrong", tmp_path / "world")
    assert found
    figure("R22", f"mutant that {fault} caught: {len(found)} of {len(CASES)} wrong")
