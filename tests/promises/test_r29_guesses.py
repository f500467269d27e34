"""R29: nothing published lets anyone test a guess of a record.

The attacker has everything published (bundle, statement, export of the ledger), the program with its written formulas,
and every record but one trader's. For each candidate of that one the attacker recomputes every digest that could have
been made of it, by many constructions, with keys that can be guessed, and looks for it in what is published.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edited_program import ROOT, Edit, call, edited, mirrors_of
from offices import RELEASE, csv_bytes, line, new_book, publish, some_lines, write_office

Figure = Callable[[str, str], None]

CANDIDATES = 60
TRUTH = 37
IDS = b"alias,trader\nT1-BIS,T1\n"
WORDS = (b"", b"\0" * 32, b"secret", b"AAA", b"2024", b"AAA/2024", b"declarations", b"noisy-mirrors", b"2025-01-31")
"""Keys that an attacker would try besides every digest and text that is published."""


def content(number: int) -> bytes:
    """Return the source's bytes with one candidate for the unknown trader's row."""
    return csv_bytes([*some_lines(30), line(trader="UNKNOWN", value=f"{number}000")])


def plain_digests(whole: bytes, name: bytes) -> Iterator[bytes]:
    """Yield digests that could be made of a source, without a key."""
    inner = hashlib.sha256(whole).digest()
    framed = hashlib.sha256(len(name).to_bytes(8, "big") + name + inner).digest()
    contents = (whole, name + whole, inner, name + inner, framed, hashlib.sha256(IDS).digest())
    for one in contents:
        yield one if len(one) in (20, 32) else hashlib.sha256(one).digest()
        for kind in (hashlib.sha256, hashlib.sha512, hashlib.sha1, hashlib.md5, hashlib.blake2b, hashlib.sha3_256):
            yield kind(one).digest()
            yield kind(kind(one).digest()).digest()
    rows = whole.splitlines()
    yield hashlib.sha256(rows[-1]).digest()
    yield hashlib.sha256(b"\n".join(sorted(rows))).digest()


def keyed_digests(digest: bytes, keys: list[bytes]) -> Iterator[bytes]:
    """Yield digests of a digest under keys that can be known, by the program's own formula and plainer ones."""
    purpose = hashlib.sha256(b"2024/source").digest()
    for key in keys:
        yield hmac.new(key, digest, hashlib.sha256).digest()
        yield hmac.new(key, purpose + digest, hashlib.sha256).digest()
        yield hashlib.sha256(key + digest).digest()


def entry_hashes(entries: list[dict[str, object]], digest: str) -> Iterator[bytes]:
    """Yield the hashes that the ledger's entries would have with another digest in place of each one they hold."""
    for entry in entries:
        body = json.dumps(entry["body"], sort_keys=True, separators=(",", ":"))
        for told in set(re.findall(r"[0-9a-f]{64}", body)):
            text = ["noisy-mirrors ledger entry 1", entry["sequence"], entry["previous"], entry["kind"]]
            changed = json.dumps([*text, body.replace(told, digest)], separators=(",", ":"))
            yield hashlib.sha256(changed.encode()).digest()


def published_things(root: Path, folder: Path) -> tuple[bytes, list[dict[str, object]]]:
    """Release the true records by the command line; return all that is published and the ledger's entries."""
    release = RELEASE.replace("[source]", '[source]\ntrader_ids = "ids.csv"')
    place = write_office(folder, release=release)
    place.source.write_bytes(content(TRUTH))
    (folder / "ids.csv").write_bytes(IDS)
    ran = mirrors_of(root, "run", place.release)
    assert ran.returncode == 0, ran.stderr
    ledger = [
        mirrors_of(root, "ledger", name, folder / "office.toml").stdout for name in ("export", "statement", "show")
    ]
    files = [path.read_bytes() for path in sorted(place.published.rglob("*")) if path.is_file()]
    return b"\n".join([*files, *ledger]), [json.loads(entry) for entry in ledger[0].splitlines()]


def matches(root: Path, folder: Path) -> list[int]:
    """Return the candidates of which anything published is a digest."""
    told, entries = published_things(root, folder)
    lower = told.lower()
    keys = [*WORDS, *(bytes.fromhex(one.decode()) for one in set(re.findall(rb"\b[0-9a-f]{64}\b", lower)))]
    keys += set(re.findall(rb"\b[0-9a-f]{64}\b", lower))
    shown = {bytes.fromhex(one.decode()) for one in re.findall(rb"\b[0-9a-f]{64}\b", lower)}
    found = []
    for number in range(CANDIDATES):
        whole = content(number)
        digests = set(plain_digests(whole, b"records.csv")) - set(plain_digests(IDS, b"records.csv"))
        digests -= {hashlib.sha256(IDS).digest(), hashlib.sha256(hashlib.sha256(IDS).digest()).digest()}
        own = {one for digest in digests for one in keyed_digests(digest, keys)} | digests
        heads = {one for digest in digests if len(digest) == 32 for one in entry_hashes(entries, digest.hex())}
        seen = any(one.hex().encode() in lower or base64.b64encode(one) in told for one in digests)
        if seen or shown & (own | heads):
            found.append(number)
    return found


def ids_match(root: Path, folder: Path) -> bool:
    """Return whether the table of ids can be recognised in what is published."""
    told, _ = published_things(root, folder)
    return any(one.hex().encode() in told.lower() for one in plain_digests(IDS, b"ids.csv"))


@pytest.mark.slow
def test_no_candidate_of_a_record_can_be_told_from_another(tmp_path: Path, figure: Figure) -> None:
    assert matches(ROOT, tmp_path / "records") == []
    assert not ids_match(ROOT, tmp_path / "ids")
    figure("R29", f"{CANDIDATES} candidates of one record, all digests, keys and heads recomputed: 0 matches")


KEYED = "    return hmac.new(secret, named + content_digest, hashlib.sha256).hexdigest()"
PLAIN = Edit(module="confidential/secret.py", old=KEYED, new="    return content_digest.hex()")
GUESSABLE = Edit(module="confidential/secret.py", old="secrets.token_bytes(_LENGTH)", new="bytes(_LENGTH)")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [PLAIN, GUESSABLE], ids=["a plain digest", "a key that can be guessed"])
def test_a_program_that_publishes_a_testable_digest_is_caught(
    fault: Edit, tmp_path: Path, figure: Figure, request: pytest.FixtureRequest
) -> None:
    assert matches(edited(tmp_path, fault), tmp_path / "office") == [TRUTH]
    figure("R29", f"mutant {request.node.callspec.id} caught: it told the one true candidate of {CANDIDATES}")


def same_digest_again(folder: str) -> bool:
    """Return whether the ledger tells that two releases came from the very same bytes."""
    book = new_book()
    place = write_office(Path(folder), lines=some_lines(30))
    first = publish(place, book=book).charge
    place.release.write_text(RELEASE.replace('release = "2024"', 'release = "2024-again"'))
    second = publish(place, book=book).charge
    return dict(first.request.keyed_digests)["source"] == dict(second.request.keyed_digests)["source"]


def test_nobody_sees_whether_any_record_changed_between_two_releases(tmp_path: Path, figure: Figure) -> None:
    assert not same_digest_again(str(tmp_path / "one"))
    mutant = Edit(module="confidential/secret.py", old="sha256(purpose.encode())", new='sha256(b"one for all")')
    assert call(edited(tmp_path, mutant), "test_r29_guesses", "same_digest_again", tmp_path / "other")
    figure("R29", "digests of the same bytes for two releases differ; mutant without the release in them caught")
