"""R20: 10,000 mutated bundles, none accepted, each refused by its code; the signature comes before anything is parsed.

A signed bundle of an office that the registry names is changed in seven ways by someone without the office's key. The
mutants are programs that leave out a step of the verification: each accepts some of the same bundles.
"""

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from edited_program import ROOT, Edit, call, edited
from trust_world import Files, World, make_world, release_files, relisted, signed, statement_over

from release.bundle.content import MANIFEST
from release.bundle.verification import verify
from release.plan import canonical_json
from release.registry.offices import Registry
from release.signing.envelope import SIGNATURE, sealed
from release.signing.keys import new_private_key
from release.signing.statement import statement_bytes

Figure = Callable[[str, str], None]
Mutation = Callable[["Bench", random.Random], Files]
ROUNDS = 1435
"""Of each of the seven kinds."""


class Bench:
    """The honest bundle, another of the same office, and a stranger's key."""

    def __init__(self, folder: Path) -> None:
        self.world: World = make_world()
        self.unsigned = release_files(folder / "a")
        self.stranger = new_private_key()
        self.version = self.world.registry.version
        self.good = signed(self.unsigned, self.world.keys["NLD"], self.version)
        other = release_files(folder / "b", release="2024b")
        self.other = signed(other, self.world.keys["NLD"], self.version)
        self.names = sorted(self.good)


def flipped(bench: Bench, chance: random.Random) -> Files:
    """A bit of a file is another."""
    name = chance.choice(bench.names)
    content = bytearray(bench.good[name])
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return {**bench.good, name: bytes(content)}


def resized(bench: Bench, chance: random.Random) -> Files:
    """A file is cut short, or goes on."""
    name = chance.choice(bench.names)
    content = bench.good[name]
    longer = content + chance.randbytes(chance.randrange(1, 50))
    return {**bench.good, name: chance.choice((content[: chance.randrange(len(content))], longer, content + content))}


def moved(bench: Bench, chance: random.Random) -> Files:
    """Files are exchanged, renamed, added, taken away, or taken from another bundle."""
    one, two = chance.sample(bench.names, 2)
    others = [name for name in bench.names if bench.other[name] != bench.good[name]]
    foreign = chance.choice(others)
    without = {name: content for name, content in bench.good.items() if name != one}
    return chance.choice(
        (
            {**bench.good, one: bench.good[two], two: bench.good[one]},
            {**without, f"{one}.old": bench.good[one]},
            {**bench.good, f"more{chance.randrange(1000)}.csv": chance.randbytes(9)},
            without,
            {**bench.good, foreign: bench.other[foreign]},
        )
    )


def reworded(bench: Bench, chance: random.Random) -> Files:
    """A document says something else, and the manifest is written anew to fit; the signature stays."""
    name = chance.choice(("plan.json", "charge.json", "metadata.json"))
    document = json.loads(bench.good[name])
    key = chance.choice(sorted(document))
    document[key] = chance.choice((None, 0, "x", [], {}, document[key] == 1, chance.randrange(9), "2025"))
    changed = {**bench.unsigned, name: canonical_json(document)}
    try:
        return {**relisted(changed), SIGNATURE: bench.good[SIGNATURE]}
    except (KeyError, TypeError, AttributeError):
        return {**changed, SIGNATURE: bench.good[SIGNATURE]}


def forged(bench: Bench, chance: random.Random) -> Files:
    """A stranger signs: with its own key, in the office's name or in another's; over the true files or changed ones."""
    files = bench.unsigned
    if chance.random() < 0.5:
        files = {**files, "methods.md": files["methods.md"] + chance.randbytes(3).hex().encode()}
        files = relisted(files)
    registry = chance.choice((None, 1, bench.version, bench.version + 1))
    honest = statement_over(files, bench.world.keys["NLD"], registry)
    claimed = replace(honest, key=chance.choice((bench.stranger, bench.world.keys["ITA"])).public)
    if chance.random() < 0.3:
        return {**files, SIGNATURE: sealed(honest, bench.stranger)}
    key = bench.stranger if claimed.key == bench.stranger.public else bench.world.keys["ITA"]
    return {**files, SIGNATURE: sealed(claimed, key)}


def restated(bench: Bench, chance: random.Random) -> Files:
    """The statement says something else under the signature that it had."""
    statement = statement_over(bench.unsigned, bench.world.keys["NLD"], bench.version)
    said = statement.released
    changes: Mapping[str, object] = chance.choice(
        (
            {"release": f"20{chance.randrange(10, 99)}"},
            {"reporter": "ITA"},
            {"sequence": said.sequence + chance.randrange(1, 99)},
            {"length": said.length + chance.randrange(1, 99)},
            {"head": chance.randbytes(32).hex()},
            {"revision": True},
            {"supersedes": "2023"},
            {"files": said.files[1:]},
            {"files": (replace(said.files[0], digest=chance.randbytes(32).hex()), *said.files[1:])},
        )
    )
    envelope = json.loads(bench.good[SIGNATURE])
    changed = statement_bytes(replace(statement, released=replace(said, **changes)))
    envelope["payload"] = base64.b64encode(changed).decode()
    return {**bench.good, SIGNATURE: canonical_json(envelope)}


def unsealed(bench: Bench, chance: random.Random) -> Files:
    """The signature is gone, empty, another bundle's, doubled, or of another kind."""
    envelope = json.loads(bench.good[SIGNATURE])
    first = envelope["signatures"][0]
    raw = chance.randbytes(64)
    forms = (
        None,
        bench.other[SIGNATURE],
        canonical_json({**envelope, "signatures": []}),
        canonical_json({**envelope, "signatures": [first, {**first, "keyid": chance.randbytes(32).hex()}]}),
        canonical_json({**envelope, "payloadType": chance.choice(("", "text/plain", "application/json"))}),
        canonical_json({**envelope, "signatures": [{**first, "sig": base64.b64encode(raw).decode()}]}),
        canonical_json({**envelope, "signatures": [{**first, "sig": ""}]}),
        json.dumps(envelope).encode(),
        chance.randbytes(chance.randrange(200)),
        b"{}",
        b"null",
    )
    form = chance.choice(forms)
    without = {name: content for name, content in bench.good.items() if name != SIGNATURE}
    return without if form is None else {**without, SIGNATURE: form}


KINDS: dict[str, tuple[Mutation, frozenset[str]]] = {
    "a flipped bit": (flipped, frozenset({"digest", "signature"})),
    "another length": (resized, frozenset({"digest", "size", "signature"})),
    "files moved": (
        moved,
        frozenset({"digest", "size", "signature", "missing file", "unlisted", "unsigned", "manifest"}),
    ),
    "other words": (reworded, frozenset({"digest", "size"})),
    "a stranger's signature": (
        forged,
        frozenset({"signature", "key unknown", "registry older"}),
    ),
    "another statement": (restated, frozenset({"signature"})),
    "another envelope": (unsealed, frozenset({"signature", "unsigned", "digest", "size"})),
}


class Place:
    """A folder that is made to hold other files, by writing only those that differ."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._now = folder, dict[str, bytes]()
        folder.mkdir(parents=True)

    def verified(self, files: Files, registry: Registry) -> list[str]:
        """Return the codes of what is wrong with the files."""
        for name in self._now.keys() - files.keys():
            (self._folder / name).unlink()
        for name, content in files.items():
            if self._now.get(name) != content:
                (self._folder / name).write_bytes(content)
        self._now = dict(files)
        return [finding.code for finding in verify(self._folder, registry).findings]


def mutated(folder: str, rounds: int, seed: int) -> dict[str, object]:
    """Return what became of `rounds` mutated bundles of each kind."""
    bench = Bench(Path(folder) / "offices")
    place, registry = Place(Path(folder) / "bundle"), bench.world.registry
    assert place.verified(bench.good, registry) == []
    accepted: list[str] = []
    wrong: Counter[str] = Counter()
    tried = 0
    for kind, (mutation, codes) in KINDS.items():
        chance = random.Random(f"{kind} {seed}")
        for _ in range(rounds):
            files = mutation(bench, chance)
            if files == bench.good:
                continue
            tried += 1
            found = place.verified(files, registry)
            accepted += [] if found else [kind]
            wrong.update(f"{kind}: {code}" for code in found if code not in codes)
    assert place.verified(bench.good, registry) == []
    return {"tried": tried, "accepted": dict(Counter(accepted)), "wrong code": dict(wrong)}


@pytest.mark.slow
def test_none_of_ten_thousand_mutated_bundles_is_accepted(tmp_path: Path, figure: Figure) -> None:
    seen = mutated(str(tmp_path), ROUNDS, seed=20)
    assert seen["tried"] >= 10_000
    assert seen["accepted"] == {}
    assert seen["wrong code"] == {}
    figure("R20", f"{seen['tried']:,} mutated bundles of {len(KINDS)} kinds, 0 accepted, each refused by its code")


def test_a_page_that_was_changed_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "offices")
    page = bench.good["README.html"]
    changed = {**bench.good, "README.html": page.replace(b"noise", b"voice", 1)}
    assert changed != bench.good
    assert Place(tmp_path / "bundle").verified(changed, bench.world.registry) == ["digest"]


def test_a_wrong_signature_is_refused_before_any_other_file_is_looked_at(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "offices")
    garbage = dict.fromkeys(bench.unsigned, b"[" * 100_000)
    envelope = json.loads(bench.good[SIGNATURE])
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    place = Place(tmp_path / "bundle")
    assert place.verified({**garbage, SIGNATURE: canonical_json(envelope)}, bench.world.registry) == ["signature"]
    assert place.verified({**garbage, SIGNATURE: bench.good[SIGNATURE]}, bench.world.registry)[0] in ("digest", "size")
    assert place.verified({SIGNATURE: b"", MANIFEST: b""}, bench.world.registry) == ["signature"]


FAULTS = {
    "takes any signature": Edit(
        module="signing/envelope.py",
        old="envelope.verify([statement.key.sslib], threshold=1)",
        new="statement.key.sslib",
    ),
    "takes any key": Edit(
        module="bundle/signature.py",
        old="refused = refusal(registry, statement)",
        new="refused = None",
    ),
    "takes an unsigned bundle of an office that signs": Edit(
        module="bundle/verification.py",
        old="elif registry is not None and _reporter(values) in registry.offices:",
        new="elif False:",
    ),
    "digests nothing": Edit(
        module="bundle/reading.py",
        old="if len(content) != size or hashlib.sha256(content).hexdigest() != digest:",
        new="if len(content) != size:",
    ),
    "lets unlisted files be": Edit(
        module="bundle/listing.py",
        old="for name in sorted(present - set(listed) - {SIGNATURE}):",
        new="for name in ():",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_leaves_out_a_step_is_caught(fault: str, tmp_path: Path, figure: Figure) -> None:
    root = edited(tmp_path, FAULTS[fault])
    seen = call(root, "test_r20_mutated", "mutated", tmp_path / "world", 40, 20)
    accepted = sum(seen["accepted"].values())
    assert accepted or seen["wrong code"], fault
    others = sum(seen["wrong code"].values())
    told = f"{accepted} of {seen['tried']} accepted, {others} refused for another reason than the true one"
    figure("R20", f"mutant that {fault} caught: {told}")


def test_the_experiment_runs_under_the_real_program_alike(tmp_path: Path) -> None:
    assert call(ROOT, "test_r20_mutated", "mutated", tmp_path, 3, 20)["accepted"] == {}
