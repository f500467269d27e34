"""Laws of the ledger's arithmetic and of what it writes, for amounts and histories that Hypothesis finds."""

import hashlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_world import DAY, account, faults, loss, request, terms

from release.errors import BudgetError, InvalidChargeError, OverLimitError
from release.ledger.book import Book
from release.ledger.entries import EMPTY, Account, Kind, Terms, canonical, follow
from release.ledger.memory import MemoryStore
from release.ledger.sql import create
from release.ledger.standing import Standing, after_charge, over_years
from release.ledger.statement import read_statement, verify_statement

amounts = st.fractions(min_value=Fraction(1, 10**12), max_value=3, max_denominator=10**12)


@given(rhos=st.lists(amounts, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_charges_that_sum_to_the_limit_fit_and_nothing_fits_after(rhos: list[Fraction]) -> None:
    on = Terms(unit="record", delta=Fraction(1, 10**8), limit=sum(rhos, Fraction(0)))
    book = Book(MemoryStore())
    for number, rho in enumerate(rhos):
        book.charge(request(f"release-{number}", rho, on=on), date=DAY)
    assert book.accounts()[0].remaining == 0
    with pytest.raises(OverLimitError):
        book.charge(request("more", Fraction(1, 10**30), on=on), date=DAY)


@given(rhos=st.lists(amounts, min_size=1, max_size=8), limit=amounts)
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_no_more_than_the_limit_is_spent(rhos: list[Fraction], limit: Fraction) -> None:
    on = Terms(unit="record", delta=Fraction(1, 10**8), limit=limit)
    book, spent = Book(MemoryStore()), Fraction(0)
    for number, rho in enumerate(rhos):
        fits = spent + rho <= limit
        try:
            book.charge(request(f"release-{number}", rho, on=on), date=DAY)
        except OverLimitError:
            assert not fits
        else:
            assert fits
            spent += rho
    assert sum((state.spent for state in book.accounts()), Fraction(0)) == spent


steps = st.one_of(
    st.tuples(st.just("charge"), st.integers(0, 4), amounts, st.booleans()),
    st.tuples(
        st.just("plan"), st.lists(st.tuples(st.integers(0, 4), amounts), max_size=3, unique_by=lambda one: one[0])
    ),
    st.tuples(st.just("raise"), amounts),
    st.tuples(st.just("measured"), st.integers(0, 4)),
    st.tuples(st.just("published"), st.integers(0, 4)),
)


def take(book: Book, step: tuple, limit: Fraction) -> Fraction:  # type: ignore[type-arg]
    """Take one step and return the limit after it."""
    on = Terms(unit="record", delta=Fraction(1, 10**8), limit=limit, reserve=Fraction(1, 2))
    what, *values = step
    if what == "charge":
        name, rho, revision = values
        book.charge(request(f"{name}", rho, on=on, revision=revision), date=DAY)
    elif what == "plan":
        shares = tuple((f"{name}", rho) for name, rho in values[0])
        book.declare_calendar(account(), shares, date=DAY, terms=on)
    elif what == "raise":
        book.raise_limit(account(), limit + values[0], "a reason", date=DAY)
        return limit + values[0]
    else:
        getattr(book, what)(f"{values[0]}", "uniform", "sha256:1")
    return limit


@given(history=st.lists(steps, max_size=14))
@settings(max_examples=80, deadline=None)
def test_every_history_leaves_a_whole_chain_within_its_limit(history: list) -> None:  # type: ignore[type-arg]
    book, limit = Book(MemoryStore()), Fraction(3)
    for step in history:
        before = book.head()
        try:
            limit = take(book, step, limit)
        except BudgetError:
            assert book.head() == before
    assert faults(book) == []
    for state in book.accounts():
        assert state.ordinary + state.outstanding + max(state.terms.reserve, state.revisions) <= state.terms.limit
        assert state.terms.limit == limit
    statement = read_statement(book.statement())
    assert verify_statement(statement, (book.head(),)) == ()


@given(rhos=st.lists(amounts, min_size=1, max_size=6), order=st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_charges_changes_no_sum(rhos: list[Fraction], order: object) -> None:
    standing = Standing(terms=Terms(unit="u", delta=Fraction(1, 9), limit=Fraction(100)))
    shuffled = rhos[:]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    sums = []
    for amounts_ in (rhos, shuffled):
        now = standing
        for rho in amounts_:
            now = after_charge(now, rho, Fraction(0), revision=False)
        sums.append(now)
    assert sums[0] == sums[1]


@given(text=st.text(max_size=40))
def test_a_name_is_plain_or_refused(text: str) -> None:
    plain = (
        text.isascii()
        and text.isprintable()
        and text == text.strip()
        and len(text) > 0
        and not set(text) & set('"[]\\')
    )
    try:
        Account(office=text, source="s", year=2025, tier="uniform")
    except InvalidChargeError:
        assert not plain
    else:
        assert plain


@given(
    name=st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"[]\\'), min_size=1, max_size=30
    )
)
@settings(max_examples=25, deadline=None)
def test_sqlite_finds_every_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = create(f"sqlite:///{tmp_path_factory.mktemp('names') / 'ledger.db'}")
    book = Book(store)
    book.charge(request(name, where=account(source=name)), date=DAY)
    assert book.find(name) is not None
    book.charge(request("other", where=account(source=name)), date=DAY)
    assert book.head().sequence == 3


@given(bits=st.integers(0, 40), rho=amounts)
def test_a_loss_covers_its_sensitivity_or_is_refused(bits: int, rho: Fraction) -> None:
    from math import isqrt

    most = isqrt(int(2 * rho * 4**bits))
    asked = replace(loss(rho), grid_bits=bits, sensitivity=most)
    assert asked.least <= rho
    with pytest.raises(InvalidChargeError):
        replace(asked, sensitivity=most + 1)


REFUSED: tuple[object, ...] = (
    0.5,
    "1/2",
    1,
    True,
    None,
    Fraction(-1),
    Fraction(0),
    Fraction(10**9 + 1),
    Fraction(1, 2**4096),
)


@pytest.mark.parametrize("amount", REFUSED)
def test_only_exact_positive_fractions_are_losses_and_limits(amount: object) -> None:
    with pytest.raises(InvalidChargeError):
        replace(loss("1"), sensitivity=0, rho=amount)  # type: ignore[arg-type]
    with pytest.raises(InvalidChargeError):
        replace(terms(), limit=amount)  # type: ignore[arg-type]
    with pytest.raises(InvalidChargeError):
        Book(MemoryStore()).declare_calendar(account(), (("a", amount),), date=DAY, terms=terms("2"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"year": True},
        {"year": "2025"},
        {"year": 1899},
        {"office": "Ä"},
        {"tier": ""},
        {"source": None},
    ],
)
def test_an_account_is_plain_names_and_a_year(change: dict[str, object]) -> None:
    with pytest.raises(InvalidChargeError):
        replace(account(), **change)


@pytest.mark.parametrize(
    "change", [{"delta": Fraction(1)}, {"reserve": Fraction(2)}, {"unit": "a\nb"}, {"reserve": 0.0}]
)
def test_terms_that_promise_nothing_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidChargeError):
        replace(terms(), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"mechanism": "laplace"},
        {"sensitivity": -1},
        {"sensitivity": 1.0},
        {"grid_bits": 64},
        {"grid_bits": False},
        {"scales_digest": "two words"},
        {"scales_digest": None},
        {"measure": ""},
    ],
)
def test_a_loss_that_could_not_be_recomputed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidChargeError):
        replace(loss("1"), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"measures": ()},
        {"measures": (loss("1"), loss("2"))},
        {"release": ""},
        {"policy": 'a"b'},
        {"plan_digest": ""},
        {"versions": (("opendp", "0.16.0"), ("opendp", "0.17.0"))},
        {"public_digests": (("list", ""),)},
        {"keyed_digests": (("", "hmac:1"),)},
        {"revision": 1},
    ],
)
def test_a_request_that_could_not_be_traced_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidChargeError):
        replace(request("a"), **change)


@pytest.mark.parametrize("date", ["", "2026-3-2", "20260302", "2026-02-30", "2026-03-02T10:00", None, 7, "2026-W01-1"])
def test_a_date_is_a_calendar_day(date: object) -> None:
    book = Book(MemoryStore())
    with pytest.raises(InvalidChargeError):
        book.charge(request("a"), date=date)  # type: ignore[arg-type]
    assert book.head().sequence == 0


def test_years_add_up_exactly_and_tiers_and_units_stay_apart() -> None:
    book = Book(MemoryStore())
    for year in (2023, 2024, 2025):
        book.charge(request(f"a-{year}", "1/3", where=account(year=year)), date=DAY)
    book.charge(request("b", "7", where=account(tier="large-trader"), on=terms("9")), date=DAY)
    large, uniform = over_years(book.accounts())
    assert (uniform.years, uniform.spent, uniform.unit) == ((2023, 2024, 2025), 1, "trader-year")
    assert (large.tier, large.spent) == ("large-trader", 7)


@given(value=st.recursive(st.one_of(st.text(), st.integers(), st.booleans(), st.none()), lambda inner: st.lists(inner)))
def test_canonical_json_is_plain_ascii_without_blanks_between(value: object) -> None:
    assert canonical(value).isascii()
    assert canonical({"b": value, "a": 1}).startswith('{"a":1,"b":')


def test_canonical_json_refuses_what_has_two_spellings() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


def test_an_entry_is_hashed_as_it_was_promised() -> None:
    entry = follow(EMPTY, Kind.OPENED, '{"a":"b"}')
    text = f'["noisy-mirrors ledger entry 1",1,"{"0" * 64}","opened","{{\\"a\\":\\"b\\"}}"]'
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


def test_a_ledger_of_today_is_written_as_it_always_was() -> None:
    book = Book(MemoryStore())
    on = terms("2", reserve="1/4")
    book.declare_calendar(account(), (("a", Fraction(1, 10)),), date=DAY, terms=on)
    book.charge(request("a", on=on), date=DAY)
    book.measured("a", "uniform", "sha256:n")
    book.published("a", "uniform", "sha256:b")
    book.raise_limit(account(), Fraction(3), "für 2026", date=DAY)
    assert book.head().hash == "e09f6abda05652c9afdaa741b3e1bb9aa074fb18f43bc0b4510bc66ba501a7ed"
