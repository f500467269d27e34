"""What a plan says of accounts is what the ledger answers, and saying it changes nothing."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from small_office import OFFICE, RELEASE, write_office

from release.charging import charge_release, charge_requests, rehearse
from release.cli.plans import Asked, show
from release.cli.printing import out
from release.config import load_release
from release.errors import BudgetError
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.plan import ReleasePlan, make_plan

DAY = "2025-01-31"
KEYED = (("source", "hmac:1"),)
TIERED_OFFICE = OFFICE.replace("[ledger]", '[policy]\nlarge_traders = "on"\n\n[ledger]').replace(
    'limit = "3"', 'limit = "3"\nlarge_traders = "5000"'
)
RESERVED = OFFICE.replace('limit = "3"', 'limit = "3"\nreserve = "1/2"')
PLANNED = OFFICE.replace('limit = "3"', 'limit = "3"\ncalendar = [{ release = "2024-B", year = 2024, rho = "2" }]')
HIGHER = OFFICE.replace('limit = "3"', 'limit = "4"')
SECOND = RELEASE.replace('release = "2024"', 'release = "2024-B"')
HEAD, _, _ = RELEASE.partition("[[measures]]")


def costing(rho: str, *, name: str = "2024-B", more: str = "") -> str:
    """Return a release of one level at this loss."""
    head = HEAD.replace('release = "2024"', f'release = "{name}"\n{more}')
    return f'{head}[[measures]]\nname = "value"\nrho = "{rho}"\nlevels = [{{ level = "total", noise_sd = "5e5" }}]\n'


def tiered(ceiling: str) -> str:
    return (
        costing("1/2")
        + f"""[measures.large_traders]
ceiling = "{ceiling}"
beyond = "not bounded"
levels = [{{ level = "total", noise_sd = "5e6" }}]
"""
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """What was charged before (rho 1.5, as RELEASE), and what is asked now."""

    office: str = OFFICE
    asked: str
    fits: bool
    cost: str
    free: str


CASES = {
    "fits": Case(asked=costing("1"), fits=True, cost="1", free="1.5"),
    "fills the account": Case(asked=costing("1.5"), fits=True, cost="1.5", free="1.5"),
    "is above what is left": Case(asked=costing("1.6"), fits=False, cost="1.6", free="1.5"),
    "would use the reserve": Case(office=RESERVED, asked=costing("1.2"), fits=False, cost="1.2", free="1"),
    "is a revision": Case(
        office=RESERVED, asked=costing("1.2", more="revision = true"), fits=True, cost="1.2", free="1.5"
    ),
    "is promised more than is left": Case(office=PLANNED, asked=costing("2"), fits=False, cost="2", free="1.5"),
    "was charged already": Case(asked=RELEASE, fits=True, cost="0", free="1.5"),
    "was charged with another plan": Case(
        asked=RELEASE.replace("Trade of 2024", "Another title"), fits=False, cost="1.5", free="1.5"
    ),
    "has another limit than its account": Case(office=HIGHER, asked=costing("2"), fits=False, cost="2", free="1.5"),
    "is above the limit of large traders": Case(
        office=TIERED_OFFICE, asked=tiered("9000"), fits=False, cost="0.5", free="1.5"
    ),
    "fits in both tiers": Case(office=TIERED_OFFICE, asked=tiered("3000"), fits=True, cost="0.5", free="1.5"),
}


def plan_of(folder: Path, office: str, release: str) -> ReleasePlan:
    own, asked = load_release(write_office(folder, office=office, release=release, lines=1))
    return make_plan(own, asked, None)


def answer(asked: ReleasePlan, book: Book) -> str | None:
    """Charge a release and return the ledger's refusal, None when it took it."""
    try:
        charge_release(asked, charge_requests(asked, KEYED), book, date=DAY)
    except BudgetError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("name", CASES)
def test_a_rehearsal_says_what_the_ledger_answers_and_changes_nothing(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    first_office = RESERVED if case.office == RESERVED else OFFICE
    first, asked = plan_of(tmp_path / "a", first_office, RELEASE), plan_of(tmp_path / "b", case.office, case.asked)
    book = Book(MemoryStore())
    charge_release(first, charge_requests(first, KEYED), book, date=DAY)
    head = book.head()
    told = rehearse(asked, book, date=DAY)
    assert book.head() == head
    assert (told.refusal is None) == case.fits
    assert (told.costs[0].rho, told.costs[0].free) == (Fraction(case.cost), Fraction(case.free))
    assert [cost.account.account.tier for cost in told.costs] == list(asked.tiers)
    assert told.refusal == answer(asked, book)
    assert told.charged == (case.fits and book.head() == head)


def test_an_account_fits_when_its_cost_is_at_most_what_is_free(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TIERED_OFFICE, tiered("9000"))
    uniform, large = rehearse(plan, Book(MemoryStore()), date=DAY).costs
    assert uniform.fits
    assert (large.rho, large.free, large.fits) == (Fraction("8999.5"), 5000, False)


def test_the_cost_of_each_account_comes_first_and_a_refusal_in_the_ledgers_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_office(tmp_path, office=TIERED_OFFICE, release=tiered("9000"), lines=1)
    show(file, None, Asked(suggest=True), as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"It costs rho 0\.5 \(epsilon \d\.\d\d at delta 1e-8\)\.", told)
    assert "declarations 2024, uniform 0.5 3 3 0 0 3 2.5 fits" in told
    assert "declarations 2024, large-trader 8,999.5 5,000 5,000 0 0 5,000 – does NOT fit" in told
    assert "refuses a privacy loss of rho = 8,999.5: 5,000 of its limit of 5,000 is free" in told
    assert told.index("It costs") < told.index("noise sd")
    assert re.search(r"A figure of value can't be told from zero below about US\$ \d+\.?\d* [km] \(total\)", told)
    assert "No level has a prior, so no scales can be proposed." in told
    assert "What it buys" not in told
    assert not (tmp_path / "state").exists()


def test_a_missing_ledger_that_a_run_would_not_make_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    office = OFFICE.replace('on_missing = "create"', 'on_missing = "refuse"')
    show(write_office(tmp_path, office=office, lines=1), None, Asked(), as_json=False)
    assert "`mirrors run` would refuse it. No ledger can be opened" in " ".join(capsys.readouterr().out.split())


def test_no_line_breaks_within_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    for length in range(90, 135):
        out().print("x" * length + " US$ 28.6 m at ±98 %")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 45
    assert not any(line.startswith(("%", "m ", "28.6")) for line in lines)
    assert all("\ue000" not in line for line in lines)
