"""The making of a practice world: its records, its truth, its answer sheet, in one pass with bounded memory.

Written below the folder: `<ISO3>/declarations/year=YYYY/month=MM/part-NNNN.parquet` (see `records`), `truth-YYYY.csv`,
`answers.csv` (see `answers`) and, when the prior year is asked for, `truth-<YYYY-1>.csv` and
`<ISO3>/published-<YYYY-1>[-consignment].csv` (see `totals`). Months are made one after the other, a pair at a time, so
memory holds the firms, their relations, one month's lines of one pair, and at most one unwritten part an office.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from release.codelists import chapter_codes
from release.errors import PracticeWorldError
from release.practice.answers import Answer, answers_of, write_answers
from release.practice.asymmetries import mirrored, unmirrored
from release.practice.parameters import chapter_shares, hub_offices, route_of
from release.practice.passage import Passage
from release.practice.records import DeclarationFiles, Records, months_of
from release.practice.relations import DRIFT_SD, Relations
from release.practice.setting import Outside, Pair, Setting, draws, month_total, setting_of
from release.practice.shipments import Shipments, shipments_in
from release.practice.totals import Totals, write_published
from release.practice.world import World

OUTSIDE_ROUTE = "other"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeFacts:
    """What was written for one office, and what its configuration needs to know.

    Attributes:
        office: ISO alpha-3.
        alpha2: ISO alpha-2, which its traders' ids begin with.
        declarations: folder of its Parquet files; `declarations/**/*.parquet` reads them all.
        lines: how many lines stand in them.
        partners: ISO alpha-2 codes of all its partners.
        hub: whether goods of third countries pass through it.
        published: its figures of the year before, imports by origin and by consignment; None when not asked for.
    """

    office: str
    alpha2: str
    declarations: Path
    lines: int
    partners: tuple[str, ...]
    hub: bool
    published: tuple[Path, Path] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """How often each cause struck a pair's shipments of the world's year, before thresholds.

    Attributes:
        exporter: ISO alpha-3.
        importer: ISO alpha-3.
        causes: `lines`; `later`, `misclassified`, `wrong partner`, `wrong unit` in lines; `fob`, `cif` (before
            valuation and settlement), `re-exported`, `below threshold`, `below threshold, imports` in US cents.
    """

    exporter: str
    importer: str
    causes: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldFacts:
    """A practice world as it was written.

    Attributes:
        world: what was asked for.
        folder: where it stands.
        offices: in the world's order.
        pairs: all ordered pairs of offices.
        chapters: HS chapters that the records may name.
        truth: exact aggregates of the world's year.
        prior_truth: exact aggregates of the year before; None when not asked for.
        answer_sheet: the planted discrepancies, as written.
        answers: the same as values.
    """

    world: World
    folder: Path
    offices: tuple[OfficeFacts, ...]
    pairs: tuple[PairFacts, ...]
    chapters: tuple[str, ...]
    truth: Path
    prior_truth: Path | None
    answer_sheet: Path
    answers: tuple[Answer, ...]

    @property
    def lines(self) -> int:
        """The number of lines in all offices' records."""
        return sum(office.lines for office in self.offices)


@dataclass(slots=True, kw_only=True)
class _Year:
    """The running state of one year that is being made."""

    year: int
    totals: Totals
    files: DeclarationFiles | None
    causes: dict[int, Counter[str]]
    planted: list[Counter[str]]


def generate(world: World, folder: Path, *, progress: Progress | None = None) -> WorldFacts:
    """Return the facts of a world after writing its records, truth and answers below a folder.

    Args:
        world: what to make.
        folder: where; made when absent. It may hold other things, but no declarations of these offices.
        progress: called with the steps done and the steps in all.

    Raises:
        PracticeWorldError: the folder holds declarations already.
    """
    for office in world.offices:
        if (folder / office / "declarations").exists():
            raise PracticeWorldError(f"{office}/declarations exists already in that folder; name another or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    setting = setting_of(world)
    report = _counted(progress, len(_calendar(world, world.year)) * (2 if world.prior_year else 1))
    prior = _made(setting, world.year - 1, None, report) if world.prior_year else None
    files = DeclarationFiles(folder, world.offices, setting.areas, world.traders)
    current = _made(setting, world.year, files, report)
    return _facts(setting, folder, current, prior)


def _counted(progress: Progress | None, steps: int) -> Callable[[], None]:
    done = iter(range(1, steps + 1))

    def report() -> None:
        if progress:
            progress(next(done), steps)

    return report


def _calendar(world: World, year: int) -> list[tuple[int, int]]:
    """Return the months to make: those of the world, and before each the month whose goods arrive in it."""
    wanted = {(year, month) for month in world.months}
    before = {(year, month - 1) if month > 1 else (year - 1, 12) for month in world.months}
    return sorted(wanted | before)


def _made(setting: Setting, year: int, files: DeclarationFiles | None, report: Callable[[], None]) -> _Year:
    state = _Year(
        year=year,
        totals=Totals(setting, year),
        files=files,
        causes={pair.number: Counter() for pair in setting.pairs},
        planted=[Counter() for _ in setting.world.planted],
    )
    for when in _calendar(setting.world, year):
        for pair in setting.pairs:
            _ship(setting, state, pair, when)
        for part in setting.outside:
            _ship_outside(setting, state, part, when)
        if files:
            files.close_months(*when)
        report()
    return state


def _ship(setting: Setting, state: _Year, pair: Pair, when: tuple[int, int]) -> None:
    rng = draws(setting.world, 4, pair.number, *when)
    shipments = _shipments(setting, pair, when, rng)
    passage = Passage(setting=setting, pair=pair, shipments=shipments, when=when, rng=rng, causes=Counter())
    both = mirrored(passage)
    if when[0] == state.year and when[1] in setting.world.months:
        state.causes[pair.number].update(passage.causes)
    for tally, more in zip(state.planted, both.planted, strict=True):
        tally.update(more)
    _record(setting, state, pair.exporter, both.exporter, when)
    _record(setting, state, pair.importer, both.importer, when)


def _shipments(setting: Setting, pair: Pair, when: tuple[int, int], rng: np.random.Generator) -> Shipments:
    drift = _drift(setting, pair.relations, (2, pair.number), when[0])
    total = month_total(pair, setting.world, *when)
    route = route_of()[frozenset(pair.names)]
    return shipments_in(
        relations=pair.relations,
        drift=drift,
        shares=chapter_shares()[pair.names],
        total=total,
        when=when,
        route=route,
        rng=rng,
    )


def _ship_outside(setting: Setting, state: _Year, part: Outside, when: tuple[int, int]) -> None:
    if when[0] != state.year or when[1] not in setting.world.months:
        return
    rng = draws(setting.world, 5, part.number, *when)
    drift = _drift(setting, part.relations, (3, part.number), when[0])
    total = int(part.totals.sum())
    shipments = shipments_in(
        relations=part.relations,
        drift=drift,
        shares=part.totals,
        total=total,
        when=when,
        route=OUTSIDE_ROUTE,
        rng=rng,
    )
    _record(setting, state, part.office, unmirrored(part, shipments), when)


def _drift(setting: Setting, relations: Relations, key: tuple[int, int], year: int) -> NDArray[np.float64]:
    """Return the factor by which each relation's weight differs in a year."""
    size = DRIFT_SD * draws(setting.world, 6, *key, year).standard_normal(len(relations.weight))
    return np.asarray(np.exp(size), dtype=np.float64)


def _record(setting: Setting, state: _Year, office: int, records: Records, when: tuple[int, int]) -> None:
    """Book an office's lines under the months they are recorded in, if these are of the year that is made."""
    year, month = when
    following = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004
    for lines, (recorded_year, recorded_month) in zip(months_of(records, year, month), (when, following), strict=True):
        if recorded_year == state.year and recorded_month in setting.world.months:
            state.totals.add(office, lines, recorded_month)
            if state.files:
                state.files.add(office, lines, recorded_year, recorded_month)


def _facts(setting: Setting, folder: Path, current: _Year, prior: _Year | None) -> WorldFacts:
    world = setting.world
    truth = current.totals.frame()
    truth.write_csv(folder / f"truth-{world.year}.csv")
    prior_path = folder / f"truth-{world.year - 1}.csv"
    answers = answers_of(world, truth, current.planted)
    write_answers(answers, folder / "answers.csv")
    published = _published(setting, folder, prior, prior_path)
    return WorldFacts(
        world=world,
        folder=folder,
        offices=tuple(
            OfficeFacts(
                office=office,
                alpha2=setting.areas[number],
                declarations=folder / office / "declarations",
                lines=current.totals.lines_of(number),
                partners=tuple(area for place, area in enumerate(setting.areas) if place != number),
                hub=office in hub_offices(),
                published=published.get(office),
            )
            for number, office in enumerate(world.offices)
        ),
        pairs=tuple(
            PairFacts(exporter=pair.names[0], importer=pair.names[1], causes=current.causes[pair.number])
            for pair in setting.pairs
        ),
        chapters=chapter_codes(),
        truth=folder / f"truth-{world.year}.csv",
        prior_truth=prior_path if prior else None,
        answer_sheet=folder / "answers.csv",
        answers=answers,
    )


def _published(setting: Setting, folder: Path, prior: _Year | None, prior_path: Path) -> dict[str, tuple[Path, Path]]:
    if prior is None:
        return {}
    truth = prior.totals.frame()
    truth.write_csv(prior_path)
    return {office: write_published(truth, office, prior.year, folder / office) for office in setting.world.offices}
