"""Statement and envelope: one form down to the byte, and no other thing is taken for one."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from release.plan import canonical_json
from release.signing.envelope import opened, sealed
from release.signing.keys import new_private_key
from release.signing.statement import (
    Released,
    SignedFile,
    Statement,
    read_statement,
    statement_bytes,
)

KEY, OTHER = new_private_key(), new_private_key()
_NAMES = st.lists(st.from_regex(r"[a-z]{1,8}\.(json|csv)", fullmatch=True), unique=True, max_size=6)
_DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
_COUNTS = st.integers(min_value=0, max_value=2**62)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Return any statement by KEY."""
    files = tuple(SignedFile(name=name, size=draw(_COUNTS), digest=draw(_DIGESTS)) for name in sorted(draw(_NAMES)))
    return Statement(
        released=Released(
            form="noisy-mirrors/bundle/1",
            reporter=draw(st.sampled_from(("NLD", "ITA"))),
            release=draw(st.from_regex(r"[0-9]{4}(-Q[1-4])?", fullmatch=True)),
            revision=draw(st.booleans()),
            supersedes=draw(st.none() | st.just("2023")),
            sequence=draw(_COUNTS),
            length=draw(_COUNTS),
            head=draw(_DIGESTS),
            files=files,
        ),
        key=KEY.public,
        registry=draw(st.none() | _COUNTS),
    )


ONE = Statement(
    released=Released(
        form="noisy-mirrors/bundle/1",
        reporter="NLD",
        release="2024",
        revision=False,
        supersedes=None,
        sequence=2,
        length=2,
        head="a" * 64,
        files=(SignedFile(name="plan.json", size=3, digest="b" * 64),),
    ),
    key=KEY.public,
    registry=4,
)


@given(statements())
def test_a_statement_is_read_back_as_it_was_written_and_signed(statement):
    assert read_statement(statement_bytes(statement)) == statement
    signed = opened(sealed(statement, KEY))
    assert signed is not None
    assert signed.statement == statement


@given(statements(), st.data())
@settings(max_examples=200)
def test_no_flipped_bit_of_an_envelope_goes_unnoticed(statement, data):
    envelope = bytearray(sealed(statement, KEY))
    envelope[data.draw(st.integers(0, len(envelope) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert opened(bytes(envelope)) is None


def test_equal_statements_have_equal_signatures():
    assert sealed(ONE, KEY) == sealed(ONE, KEY)


def test_a_statement_signed_by_another_key_than_it_names_is_none():
    assert opened(sealed(ONE, OTHER)) is None


def _reworded(change) -> bytes:
    envelope = json.loads(sealed(ONE, KEY))
    change(envelope)
    return canonical_json(envelope)


def test_other_forms_of_the_same_envelope_are_none():
    whole = sealed(ONE, KEY)
    twice = _reworded(lambda e: e["signatures"].append(dict(e["signatures"][0], keyid="0" * 64)))
    forms = [
        whole + b" ",
        json.dumps(json.loads(whole), indent=1).encode(),
        _reworded(lambda e: e.update(extra=1)),
        _reworded(lambda e: e.update(signatures=[])),
        _reworded(lambda e: e.update(payloadType="text/plain")),
        _reworded(lambda e: e.update(payload=e["payload"] + "\n")),
        _reworded(lambda e: e.update(payload=base64.b64encode(b"{}").decode())),
        twice,
        b"[" * 100_000,
        b"{}",
        b"",
        b"\xff" * 10,
        b" " * 300_000,
    ]
    assert [opened(form) for form in forms] == [None] * len(forms)
