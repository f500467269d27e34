"""What a practice world is: offices, a year, how many traders and lines, and how their records disagree.

All records of a practice world are synthetic, so it may be seeded and its truth may be written down. Everything here
is a value; `generation` makes the records.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import permutations

from release.codelists import chapter_codes
from release.errors import PracticeWorldError
from release.practice.parameters import MAX_OTHER_PARTNERS, known_offices, totals_years


class Side(StrEnum):
    """Whose records a planted discrepancy stands in."""

    EXPORTER = "exporter"
    IMPORTER = "importer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetries:
    """The causes that make two records of one shipment differ, each with its size; 0 switches a cause off.

    Attributes:
        cif: multiple of the CIF margins of `data/practice/transport.csv` in what importers record.
        lag: multiple of the transit times of the same file; arrivals after a month's end count in the next month.
        hub: share of a hub's exports that are goods of third countries; the hub records a re-export (`RX`), the
            importer the third country as origin and the hub as country of consignment.
        returns: share of relations in which goods come back to their country of origin (`RX` and `RM`).
        misclassified: share of shipment lines to which one side gives another chapter; 60 % of it lasts for a whole
            relation between two traders, the rest strikes single lines.
        concealed: share of the small chapters (below 1 % of a pair's value) that a side books under chapter 99, to
            keep a trader's figures confidential.
        threshold: share of an office's exports to, or imports from, the other offices that is held by traders below
            the reporting threshold; their lines in that flow are missing on that side.
        valuation: standard deviation of ln(importer's / exporter's value) of a relation, for its whole life.
        settlement: standard deviation of ln(importer's / exporter's value) of a pair in a month (exchange rates,
            late batches), as a multiple of the geometric mean of the standard deviation published for the pair and that
            of the median pair; the lag of long routes adds the rest.
        wrong_partner: share of lines to which one side gives another partner.
        wrong_unit: share of lines whose value one side has wrong by a factor of 10 or 1000, up or down; errors that
            the office's editing would notice (above 0.5 % of the pair's month) don't survive.
    """

    cif: float = 1.0
    lag: float = 1.0
    hub: float = 0.15
    returns: float = 0.004
    misclassified: float = 0.03
    concealed: float = 0.033
    threshold: float = 0.002
    valuation: float = 0.06
    settlement: float = 0.9
    wrong_partner: float = 0.002
    wrong_unit: float = 0.001

    def __post_init__(self) -> None:
        sizes = {part.name: getattr(self, part.name) for part in fields(self)}
        for name, size in sizes.items():
            ceiling = 2.0 if name in ("cif", "lag", "valuation", "settlement") else 0.5
            if not 0.0 <= size <= ceiling:
                raise PracticeWorldError(f"the asymmetry {name} = {size} isn't within 0 to {ceiling:g}")

    @classmethod
    def none(cls) -> "Asymmetries":
        """Return no asymmetry at all: both sides record every shipment alike, to the cent."""
        return cls(**{part.name: 0.0 for part in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A discrepancy planted on purpose: one side's values of a flow, multiplied.

    Attributes:
        exporter: ISO alpha-3.
        importer: ISO alpha-3.
        factor: what the values recorded by `side` are multiplied by; positive.
        side: whose records.
        chapters: two-digit HS chapters, as the shipment truly is; empty for all.
        months: months of the year by the recorded date; empty for all.
    """

    exporter: str
    importer: str
    factor: float
    side: Side = Side.IMPORTER
    chapters: tuple[str, ...] = ()
    months: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.factor <= 1000.0:  # noqa: PLR2004
            raise PracticeWorldError(f"a planted factor of {self.factor} isn't within 0 to 1000")
        unknown = sorted(set(self.chapters) - set(chapter_codes()))
        if unknown:
            raise PracticeWorldError(f"{', '.join(unknown)} is no HS chapter")
        if not set(self.months) <= set(range(1, 13)):
            raise PracticeWorldError("a planted discrepancy names a month outside 1 to 12")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A practice world, complete: equal worlds give equal records.

    Attributes:
        offices: ISO alpha-3 codes; pair totals must be known for every two of them.
        year: the accounting year of the records.
        months: which months are written, ascending.
        seed: of all random draws; the records are synthetic.
        traders: the size of each office's register of trading firms; about half appear in its records.
        rows: lines that each office has in a full year, roughly and before thresholds; None for 42 a trader.
        asymmetries: how the two records of a shipment differ.
        planted: discrepancies planted on purpose, in `year` only.
        other_partners: partners besides the offices; trade with them has no mirror.
        prior_year: whether the year before is made too, as aggregates only.
        mirrored: the part of an office's lines that is trade with the other offices.
    """

    offices: tuple[str, ...] = field(default_factory=known_offices)
    year: int = 2024
    months: tuple[int, ...] = tuple(range(1, 13))
    seed: int = 1
    traders: int = 1800
    rows: int | None = None
    asymmetries: Asymmetries = field(default_factory=Asymmetries)
    planted: tuple[Discrepancy, ...] = ()
    other_partners: int = 26
    prior_year: bool = False
    mirrored: float = 0.6

    def __post_init__(self) -> None:
        for problem in (_offices_problem(self), _time_problem(self), _size_problem(self), _planted_problem(self)):
            if problem:
                raise PracticeWorldError(problem)

    @property
    def lines(self) -> int:
        """The lines that each office has in a full year, roughly."""
        return 42 * self.traders if self.rows is None else self.rows


def _offices_problem(world: World) -> str | None:
    unknown = [office for office in world.offices if office not in known_offices()]
    if unknown:
        return f"no pair totals are known for {', '.join(unknown)}, only for {', '.join(known_offices())}"
    if len(set(world.offices)) != len(world.offices) or len(world.offices) < 2:  # noqa: PLR2004
        return "a world needs two or more different offices"
    return None


def _time_problem(world: World) -> str | None:
    if not 1900 <= world.year <= 2200:  # noqa: PLR2004
        return f"the year {world.year} isn't within 1900 to 2200"
    if not world.months or tuple(sorted(set(world.months) & set(range(1, 13)))) != world.months:
        return "months must be different, ascending, and within 1 to 12"
    return None


def _size_problem(world: World) -> str | None:
    if not 10 <= world.traders <= 5_000_000 or world.seed < 0:  # noqa: PLR2004
        return "an office needs 10 to 5,000,000 traders, and the seed can't be negative"
    if not 100 <= world.lines <= 10**9:  # noqa: PLR2004
        return f"{world.lines} lines an office and year isn't within 100 to 1,000,000,000"
    if not 0 <= world.other_partners <= MAX_OTHER_PARTNERS:
        return f"0 to {MAX_OTHER_PARTNERS} other partners are known, not {world.other_partners}"
    if not 0.05 <= world.mirrored <= 1.0:  # noqa: PLR2004
        return "the mirrored part of the lines isn't within 0.05 to 1"
    return None


def _planted_problem(world: World) -> str | None:
    pairs = set(permutations(world.offices, 2))
    for planted in world.planted:
        if (planted.exporter, planted.importer) not in pairs:
            return (
                f"a discrepancy is planted in {planted.exporter} to {planted.importer}, which is no pair of this world"
            )
    return None


def source_year(world: World, year: int) -> int:
    """Return the year of the published totals that stands for a year of the world: the latest for `world.year`."""
    return max(totals_years()[-1] - (world.year - year), totals_years()[0])
