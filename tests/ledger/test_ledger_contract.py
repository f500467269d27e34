"""What every ledger does, in memory, in SQLite and in PostgreSQL: one suite over all three."""

from fractions import Fraction

import pytest
from ledger_world import DAY, account, faults, loss, request, terms

from release.errors import (
    ChargeMissingError,
    InvalidChargeError,
    OverLimitError,
    ReleaseTakenError,
    SecondResultError,
    TermsError,
)
from release.ledger.bodies import account_key
from release.ledger.book import Book
from release.ledger.entries import GENESIS, ChargeRequest, Head, Kind, State
from release.ledger.ports import Store
from release.ledger.statement import read_statement, verify_statement


def test_a_new_ledger_is_empty_and_whole(book: Book) -> None:
    assert book.head() == Head(sequence=0, hash=GENESIS)
    assert faults(book) == []
    assert book.accounts() == book.charges() == tuple(book.entries()) == ()
    assert book.find("2025-01") is None


def test_ten_charges_of_a_tenth_spend_the_limit_exactly(book: Book) -> None:
    for month in range(10):
        book.charge(request(f"month-{month}", "0.1"), date=DAY)
    (state,) = book.accounts()
    assert (state.spent, state.remaining, state.charges) == (1, 0, 10)
    with pytest.raises(OverLimitError) as refused:
        book.charge(request("one-more", "1e-30"), date=DAY)
    assert (refused.value.free, refused.value.requested) == (0, Fraction("1e-30"))
    assert len(book.charges()) == 10


def test_a_charge_comes_back_as_it_was_asked(book: Book) -> None:
    asked = request("2025-01", "3/7")
    charge = book.charge(asked, date=DAY)
    assert (charge.sequence, charge.date, charge.request, charge.state) == (2, DAY, asked, State.CHARGED)
    assert book.find("2025-01") == charge
    assert book.charges() == (charge,)
    assert [entry.kind for entry in book.entries()] == [Kind.OPENED, Kind.CHARGED]


def test_the_same_run_is_charged_once(book: Book) -> None:
    first = book.charge(request("2025-01"), date=DAY)
    assert book.charge(request("2025-01"), date="1999-01-01") == first
    assert book.head().sequence == 2


def test_a_refused_charge_opens_no_account(book: Book) -> None:
    with pytest.raises(OverLimitError):
        book.charge(request("2025-01", "2"), date=DAY)
    assert book.head().sequence == 0


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (request("a", plan="sha256:0ther"), "plan"),
        (request("a", where=account(source="customs")), "source"),
        (request("a", where=account(year=2026)), "year"),
        (request("a", where=account(tier="large-trader"), plan="sha256:0ther"), "plan"),
        (request("a", keyed="hmac:0ther"), "confidential input"),
        (request("a", "1/5"), "loss"),
        (request("a", revision=True), "purpose (revision)"),
        (request("a", on=terms(unit="record")), "unit or delta"),
    ],
)
def test_a_release_is_not_charged_as_something_else(book: Book, other: ChargeRequest, differs: str) -> None:
    book.charge(request("a"), date=DAY)
    with pytest.raises(ReleaseTakenError) as refused:
        book.charge(other, date=DAY)
    assert (refused.value.differs, refused.value.sequence) == (differs, 2)
    assert book.head().sequence == 2


@pytest.mark.parametrize(
    ("on", "term"),
    [
        (terms(unit="record"), "unit"),
        (terms(delta="1e-6"), "delta"),
        (terms("2"), "limit"),
        (terms(reserve="1/2"), "reserve"),
    ],
)
def test_an_account_keeps_the_terms_of_its_first_entry(book: Book, on: object, term: str) -> None:
    book.charge(request("a"), date=DAY)
    with pytest.raises(TermsError) as refused:
        book.charge(request("b", on=on), date=DAY)  # type: ignore[arg-type]
    assert refused.value.term == term


def test_two_tiers_are_two_accounts_of_one_release(book: Book) -> None:
    large = account(tier="large-trader")
    both = (request("a", "1/4"), request("a", "7", where=large, on=terms("10")))
    charges = book.charge_all(both, date=DAY)
    assert book.charge_all(both, date=DAY) == charges
    assert [state.spent for state in book.accounts()] == [7, Fraction(1, 4)]
    assert book.find("a", "large-trader") == charges[1]


def test_when_one_tier_does_not_fit_neither_is_charged(book: Book) -> None:
    large = account(tier="large-trader")
    with pytest.raises(OverLimitError):
        book.charge_all((request("a"), request("a", "7", where=large)), date=DAY)
    assert book.head().sequence == 0


def test_a_charge_is_measured_then_published_and_each_once(book: Book) -> None:
    book.charge(request("a"), date=DAY)
    measured = book.measured("a", "uniform", "sha256:n015e")
    published = book.published("a", "uniform", "sha256:b0b")
    assert (measured.state, measured.measurement_digest) == (State.MEASURED, "sha256:n015e")
    assert (published.state, published.bundle_digest) == (State.PUBLISHED, "sha256:b0b")
    assert book.measured("a", "uniform", "sha256:n015e") == published
    assert book.published("a", "uniform", "sha256:b0b") == published == book.find("a") == book.charges()[0]
    assert book.head().sequence == 4
    assert faults(book) == []


@pytest.mark.parametrize("step", ["measured", "published"])
def test_a_second_result_is_refused(book: Book, step: str) -> None:
    book.charge(request("a"), date=DAY)
    book.measured("a", "uniform", "sha256:first")
    book.published("a", "uniform", "sha256:first")
    with pytest.raises(SecondResultError) as refused:
        getattr(book, step)("a", "uniform", "sha256:second")
    assert (refused.value.recorded, refused.value.offered) == ("sha256:first", "sha256:second")
    assert book.head().sequence == 4


def test_nothing_is_measured_without_a_charge_or_published_without_a_result(book: Book) -> None:
    with pytest.raises(ChargeMissingError, match="no charged entry"):
        book.measured("a", "uniform", "sha256:1")
    book.charge(request("a"), date=DAY)
    with pytest.raises(ChargeMissingError):
        book.measured("a", "large-trader", "sha256:1")
    with pytest.raises(ChargeMissingError, match="no measured entry"):
        book.published("a", "uniform", "sha256:1")
    assert book.head().sequence == 2


def test_a_calendar_of_twelve_months_runs_and_a_thirteenth_is_refused(book: Book) -> None:
    on, where = terms("1", reserve="1/5"), account()
    months = tuple((f"2025-{month:02}", Fraction(1, 15)) for month in range(1, 13))
    book.declare_calendar(where, months, date=DAY, terms=on)
    with pytest.raises(OverLimitError):
        book.charge(request("unplanned", "1e-9", on=on), date=DAY)
    for release, rho in months:
        book.charge(request(release, rho, on=on), date=DAY)
    with pytest.raises(OverLimitError) as refused:
        book.charge(request("2025-13", "1/15", on=on), date=DAY)
    assert refused.value.free == 0
    (state,) = book.accounts()
    assert (state.spent, state.remaining, state.outstanding) == (Fraction(4, 5), Fraction(1, 5), 0)
    assert [share.charged for share in state.planned] == [True] * 12
    assert state.free == 0


def test_a_revision_uses_what_is_kept_for_revisions_and_no_more(book: Book) -> None:
    on = terms("1", reserve="1/5")
    book.charge(request("a", "4/5", on=on), date=DAY)
    book.charge(request("a-corrected", "1/5", on=on, revision=True), date=DAY)
    with pytest.raises(OverLimitError):
        book.charge(request("a-again", "1e-30", on=on, revision=True), date=DAY)
    assert book.accounts()[0].revisions == Fraction(1, 5)


def test_a_calendar_counts_what_is_charged_already_once(book: Book) -> None:
    book.charge(request("a", "1/2"), date=DAY)
    shares = (("a", Fraction(1, 2)), ("b", Fraction(1, 2)))
    book.declare_calendar(account(), shares, date=DAY)
    book.declare_calendar(account(), shares, date=DAY)
    assert book.head().sequence == 3
    with pytest.raises(OverLimitError):
        book.declare_calendar(account(), (*shares, ("c", Fraction(1, 10**9))), date=DAY)
    (state,) = book.accounts()
    assert (state.spent, state.outstanding) == (Fraction(1, 2), Fraction(1, 2))
    assert [share.charged for share in state.planned] == [True, False]
    book.declare_calendar(account(), (), date=DAY)
    book.charge(request("c", "1/2"), date=DAY)


def test_a_release_above_its_share_takes_the_rest_from_what_is_free(book: Book) -> None:
    book.declare_calendar(account(), (("a", Fraction(1, 2)),), date=DAY, terms=terms())
    with pytest.raises(OverLimitError) as refused:
        book.charge(request("a", "5/4"), date=DAY)
    assert refused.value.free == 1
    book.charge(request("a", "3/4"), date=DAY)
    assert book.accounts()[0].outstanding == 0


def test_a_limit_is_raised_by_an_entry_that_says_why(book: Book) -> None:
    book.charge(request("a", "1"), date=DAY)
    book.raise_limit(account(), Fraction(2), "The board's decision 7 of 2026", date=DAY)
    book.raise_limit(account(), Fraction(2), "The board's decision 7 of 2026", date=DAY)
    book.charge(request("b", "1", on=terms("2")), date=DAY)
    (state,) = book.accounts()
    assert (state.terms.limit, state.spent) == (2, 2)
    assert [(rise.limit, rise.reason) for rise in state.raised] == [(2, "The board's decision 7 of 2026")]
    assert book.charge(request("a", "1"), date=DAY).sequence == 2
    with pytest.raises(TermsError):
        book.raise_limit(account(), Fraction(1), "Second thoughts", date=DAY)


def test_a_calendar_names_each_release_once(book: Book) -> None:
    twice = (("a", Fraction(1, 9)), ("a", Fraction(1, 9)))
    with pytest.raises(InvalidChargeError):
        book.declare_calendar(account(), twice, date=DAY, terms=terms())
    assert book.head().sequence == 0


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines", "x" * 501])
def test_a_limit_is_not_raised_without_a_reason_in_words(book: Book, reason: str) -> None:
    book.open_account(account(), terms(), date=DAY)
    with pytest.raises(InvalidChargeError):
        book.raise_limit(account(), Fraction(2), reason, date=DAY)
    assert book.head().sequence == 1


def test_an_account_that_was_never_opened_has_no_calendar_and_no_limit_to_raise(book: Book) -> None:
    with pytest.raises(InvalidChargeError):
        book.declare_calendar(account(), (("a", Fraction(1)),), date=DAY)
    with pytest.raises(InvalidChargeError):
        book.raise_limit(account(), Fraction(2), "No account", date=DAY)
    book.open_account(account(), terms(), date=DAY)
    book.open_account(account(), terms(), date=DAY)
    assert book.head().sequence == 1


def test_several_measures_add_up_exactly(book: Book) -> None:
    from dataclasses import replace

    asked = replace(request("a"), measures=(loss("1/3", "value"), loss("1/3", "traders"), loss("1/3", "mass")))
    assert book.charge(asked, date=DAY).request.rho == 1
    assert book.accounts()[0].remaining == 0


def test_a_sum_that_cannot_be_written_exactly_is_refused(book: Book) -> None:
    book.charge(request("a", Fraction(1, 2**2100 + 1)), date=DAY)
    with pytest.raises(InvalidChargeError):
        book.charge(request("b", Fraction(1, 2**2101 + 1)), date=DAY)
    assert book.head().sequence == 2


def test_stores_find_an_accounts_last_entry_and_a_releases_entries(store: Store) -> None:
    book = Book(store)
    names = ("plain", "with blank", "a/b.c:d,e'f$g", "release")
    for name in names:
        book.charge(request(name, "1/50", where=account(source=name)), date=DAY)
        book.measured(name, "uniform", f"sha256:{name.replace(' ', '')}")
    with store.reading() as chain:
        for index, name in enumerate(names):
            last = chain.last_of_account(account_key(account(source=name)))
            assert last is not None
            assert last.sequence == 3 * index + 2
            assert [entry.sequence for entry in chain.of_release(name)] == [3 * index + 2, 3 * index + 3]
        assert chain.last_of_account(account_key(account(source="absent"))) is None
        assert [entry.sequence for entry in chain.entries(11)] == [11, 12]
        assert (chain.count(), chain.entry(13)) == (12, None)


def test_every_stores_statement_can_be_checked_by_anyone(book: Book) -> None:
    book.charge(request("a"), date=DAY)
    book.measured("a", "uniform", "sha256:n015e")
    statement = read_statement(book.statement())
    assert verify_statement(statement, heads=(book.head(),)) == ()
    assert statement.head == book.head()
