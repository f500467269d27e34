"""Every change of what a ledger holds is noticed, or hit a byte that carries nothing."""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_world import DAY, account, faults, request, terms

from release.errors import BudgetError, DamagedLedgerError, RolledBackError
from release.ledger.bodies import Charged, read, read_account, read_charge, read_shares, write
from release.ledger.book import Book
from release.ledger.entries import EMPTY, Entry, Kind, follow, head_of
from release.ledger.memory import MemoryStore
from release.ledger.replay import replay
from release.ledger.sql import create, open_store

Chain = tuple[Entry, ...]


def grow(book: Book) -> None:
    """Let an office open, plan, charge, measure, publish, raise and revise."""
    on = terms("2", reserve="1/4")
    shares = (("a", request("a").rho), ("b", request("b").rho))
    book.declare_calendar(account(), shares, date=DAY, terms=on)
    for name in ("a", "b"):
        book.charge(request(name, on=on), date=DAY)
        book.measured(name, "uniform", f"sha256:n{name}")
        book.published(name, "uniform", f"sha256:b{name}")
    book.raise_limit(account(), terms("3").limit, "Sondergenehmigung für 2026", date=DAY)
    book.charge(request("a-revised", "1/8", on=terms("3", reserve="1/4"), revision=True), date=DAY)
    book.charge(request("a", where=account(tier="large-trader")), date=DAY)


@pytest.fixture(scope="module")
def chain() -> Chain:
    """Return a chain with entries of every kind."""
    book = Book(MemoryStore())
    grow(book)
    return tuple(book.entries())


def test_a_chain_of_every_kind_is_whole(chain: Chain) -> None:
    assert {entry.kind for entry in chain} == set(Kind)
    assert replay(chain).findings == []


def changed_text(text: str, chance: random.Random) -> str:
    """Return a text with one character inserted, removed or replaced."""
    at = chance.randrange(len(text))
    character = chr(chance.randrange(32, 127))
    return chance.choice(
        (text[:at] + character + text[at:], text[:at] + text[at + 1 :], text[:at] + character + text[at + 1 :])
    )


def edited(chain: Chain, chance: random.Random) -> Chain:
    """Change one field of one entry."""
    at = chance.randrange(len(chain))
    entry = chain[at]
    field = chance.choice(("sequence", "previous", "kind", "body", "hash"))
    old = getattr(entry, field)
    new = old + chance.choice((-1, 1, 7)) if field == "sequence" else changed_text(str(old), chance)
    return (*chain[:at], replace(entry, **{field: new}), *chain[at + 1 :])


def removed(chain: Chain, chance: random.Random) -> Chain:
    """Remove one entry that isn't the last."""
    at = chance.randrange(len(chain) - 1)
    return chain[:at] + chain[at + 1 :]


def inserted(chain: Chain, chance: random.Random) -> Chain:
    """Insert an entry again, as it was or with a fitting link of its own."""
    at = chance.randrange(1, len(chain))
    copied = chance.choice(chain)
    linked = follow(head_of(chain[at - 1]), Kind(copied.kind), copied.body)
    return (*chain[:at], chance.choice((copied, linked)), *chain[at:])


def reordered(chain: Chain, chance: random.Random) -> Chain:
    """Exchange two entries."""
    one, other = sorted(chance.sample(range(len(chain)), 2))
    order = list(chain)
    order[one], order[other] = order[other], order[one]
    return tuple(order)


@pytest.mark.slow
def test_ten_thousand_random_changes_are_noticed_at_the_first_bad_entry(chain: Chain) -> None:
    chance = random.Random(10_000)
    noticed = same = 0
    for number in range(10_000):
        change = (edited, removed, inserted, reordered)[number % 4]
        after = change(chain, chance)
        seen = replay(after)
        if after == chain:
            same += 1
            assert seen.findings == []
            continue
        noticed += bool(seen.findings)
        first = next(entry for entry, before in zip(after, (*chain, None), strict=False) if entry != before)
        assert seen.first_fault == first.sequence
    assert noticed + same == 10_000
    assert same < 500


def test_a_change_with_every_hash_recomputed_is_noticed_in_the_sums_or_by_a_head(chain: Chain) -> None:
    at = next(index for index, entry in enumerate(chain) if entry.kind == Kind.CHARGED)
    charged = read_charge(chain[at])
    cheaper = replace(charged.request, measures=request("x", "1/1000").measures)
    bodies = [entry.body for entry in chain]
    bodies[at] = write(replace(charged, request=cheaper))
    fresh: list[Entry] = []
    for entry, body in zip(chain, bodies, strict=True):
        fresh.append(follow(head_of(fresh[-1]) if fresh else EMPTY, Kind(entry.kind), body))
    (finding,) = replay(fresh).findings[:1]
    assert (finding.code, finding.where) == ("standing", f"entry {at + 1}")
    with pytest.raises(RolledBackError):
        Book(MemoryStore(tuple(fresh)), heads=(head_of(chain[-1]),)).charge(request("b"), date=DAY)


def linked(*bodies: object) -> Chain:
    """Return a well linked chain of bodies that needn't make sense."""
    from release.ledger.bodies import kind_of

    fresh: list[Entry] = []
    for body in bodies:
        last = head_of(fresh[-1]) if fresh else EMPTY
        fresh.append(follow(last, kind_of(body), write(body)))  # type: ignore[arg-type]
    return tuple(fresh)


def codes(*bodies: object) -> list[str]:
    """Return the codes of what an audit finds in a well linked chain."""
    return [finding.code for finding in replay(linked(*bodies)).findings]


def test_an_audit_recomputes_every_rule(chain: Chain) -> None:
    opened, planned, a, measured, published = (read(entry) for entry in chain[:5])
    raised, revised = (next(read(e) for e in chain if e.kind == Kind.LIMIT), read(chain[-3]))
    assert isinstance(a, Charged)
    assert codes(opened, planned, a, measured, published) == []
    assert codes(planned) == ["account", "standing"]
    assert codes(opened, opened) == ["account"]
    assert codes(opened, planned, a, a) == ["release", "standing"]
    assert codes(opened, planned, measured) == ["state"]
    assert codes(opened, planned, a, published) == ["state"]
    assert codes(opened, planned, a, measured, measured) == ["state"]
    assert codes(opened, planned, replace(a, standing=planned.standing)) == ["standing"]  # type: ignore[union-attr]
    assert "limit" in codes(opened, raised, raised)
    assert isinstance(revised, Charged)
    other_terms = replace(a, request=replace(a.request, terms=terms("9")))
    assert codes(opened, planned, other_terms) == ["terms"]


def test_an_audit_finds_an_account_above_its_limit() -> None:
    from release.ledger.bodies import Opened
    from release.ledger.standing import Standing, after_charge

    standing = Standing(terms=terms("1"))
    opened = Opened(account=account(), date=DAY, standing=standing)
    spent = after_charge(standing, request("a", "2").rho, request("a").rho * 0, revision=False)
    charged = Charged(request=request("a", "2"), date=DAY, standing=spent)
    assert codes(opened, charged) == ["limit"]


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{}", "1", '"x"', "[" * 100_000, '{"account":[1,2],"date":"x","standing":{}}', '{"a":1e999}'],
)
@pytest.mark.parametrize("kind", [*Kind, "other"])
def test_a_body_that_is_not_ours_is_refused(kind: str, body: str) -> None:
    entry = replace(follow(EMPTY, Kind.OPENED, body), kind=kind)
    with pytest.raises(DamagedLedgerError):
        read(entry)


def test_a_body_is_read_as_what_it_should_be_or_refused(chain: Chain) -> None:
    with pytest.raises(DamagedLedgerError):
        read_charge(chain[0])
    with pytest.raises(DamagedLedgerError):
        read_account(chain[3])
    with pytest.raises(DamagedLedgerError):
        read_shares(chain[0])


def test_a_body_in_another_order_or_not_in_lowest_terms_is_refused(chain: Chain) -> None:
    body = chain[2].body
    for other in (
        body.replace('"1/10"', '"2/20"'),
        body.replace('"1/10"', '"0.1"'),
        " " + body,
        body.replace("false", "0"),
    ):
        assert other != body
        with pytest.raises(DamagedLedgerError):
            read(replace(chain[2], body=other))


@pytest.mark.slow
def test_every_flipped_byte_of_the_file_is_noticed_or_carries_nothing(tmp_path: Path) -> None:
    path, work = tmp_path / "ledger.db", tmp_path / "flipped.db"
    book = Book(create(f"sqlite:///{path}"))
    book.charge(request("a"), date=DAY)
    content, before = path.read_bytes(), tuple(book.entries())
    chance = random.Random(1)
    noticed = 0
    for at in range(0, len(content), 1):
        if content[at] == 0 and chance.random() < 0.95:
            continue
        flipped = bytearray(content)
        flipped[at] ^= 1 << chance.randrange(8)
        work.write_bytes(flipped)
        work.chmod(0o600)
        noticed += told(work, before)
    assert noticed > 1_000


def told(path: Path, before: Chain) -> bool:
    """Decide whether the flip is told; when it isn't, the ledger has to say and decide what it did before."""
    try:
        book = Book(open_store(f"sqlite:///{path}"))
        if faults(book):
            return True
        after, charge = tuple(book.entries()), book.charge(request("a"), date=DAY)
    except BudgetError:
        return True
    assert after == before
    assert charge.sequence == 2
    return False


def test_a_charge_refuses_a_bad_entry_among_the_last_or_one_that_it_rests_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    grow(Book(create(url)))
    for sequence in range(1, Book(open_store(url)).head().sequence + 1):
        copy = tmp_path / f"{sequence}.db"
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        alter(copy, "UPDATE ledger_entry SET body = body || ' ' WHERE sequence = ?", sequence)
        with pytest.raises(DamagedLedgerError) as refused:
            Book(open_store(f"sqlite:///{copy}")).charge(request("c", on=terms("3", reserve="1/4")), date=DAY)
        assert refused.value.sequence == sequence


def test_deep_in_a_long_chain_a_bad_entry_stops_who_rests_on_it_and_the_audit_names_it() -> None:
    book = Book(MemoryStore())
    book.charge(request("old", where=account(year=2020)), date=DAY)
    for number in range(300):
        book.charge(request(f"new-{number}", "1/1000"), date=DAY)
    entries = list(book.entries())
    entries[1] = follow(head_of(entries[0]), Kind.CHARGED, entries[1].body.replace("uniform only", "another one"))
    damaged = Book(MemoryStore(tuple(entries)))
    damaged.charge(request("next", "1/1000"), date=DAY)
    for call in (
        lambda: damaged.charge(request("old", where=account(year=2020)), date=DAY),
        lambda: damaged.charge(request("other", where=account(year=2020)), date=DAY),
        lambda: damaged.find("old"),
    ):
        with pytest.raises(DamagedLedgerError):
            call()
    assert faults(damaged)[0].where == "entry 3"
    with pytest.raises(DamagedLedgerError):
        damaged.accounts()


def deep(*, shares: bool) -> tuple[Entry, ...]:
    """Return a chain whose second entry, a calendar or a charge, lies further back than a charge reads."""
    book = Book(MemoryStore())
    if shares:
        book.declare_calendar(account(), (("planned", request("x", "1/2").rho),), date=DAY, terms=terms())
    else:
        book.charge(request("old", where=account(year=2020)), date=DAY)
    for number in range(300):
        book.charge(request(f"new-{number}", "1/1000"), date=DAY)
    return tuple(book.entries())


def test_a_calendar_altered_deep_in_the_chain_gives_no_release_another_share() -> None:
    chain = deep(shares=True)
    body = chain[1].body.replace('["planned","1/2"]', '["other","1/2"]')
    assert body != chain[1].body
    altered = Book(MemoryStore((chain[0], follow(head_of(chain[0]), Kind.PLANNED, body), *chain[2:])))
    with pytest.raises(DamagedLedgerError) as refused:
        altered.charge(request("other", "1/2"), date=DAY)
    assert refused.value.sequence == 2


def test_a_head_stands_only_on_an_entry_that_is_as_it_was() -> None:
    chain = deep(shares=False)
    altered = MemoryStore((chain[0], replace(chain[1], body=chain[1].body + " "), *chain[2:]))
    Book(altered).charge(request("next", "1/1000"), date=DAY)
    with pytest.raises(RolledBackError):
        Book(altered, heads=(head_of(chain[1]),)).charge(request("next", "1/1000"), date=DAY)


def alter(path: Path, statement: str, sequence: int) -> None:
    """Change entries as someone who may do everything with the file."""
    from release.ledger.sql import sqlite

    triggers = {name: text for name, text in sqlite.SCHEMA.items() if "TRIGGER" in text}
    with closing(sqlite3.connect(path)) as file, file:
        for name in triggers:
            file.execute(f"DROP TRIGGER {name}")
        file.execute(statement, (sequence,))
        for text in triggers.values():
            file.execute(text)


def test_a_missing_entry_is_refused(chain: Chain) -> None:
    with pytest.raises(DamagedLedgerError, match="entries are stored"):
        Book(MemoryStore((*chain[:4], *chain[5:]))).charge(request("c"), date=DAY)
