"""R15: the shape of a publication doesn't depend on records.

A chain of 200 neighbours begins with no record at all; each next one adds one trader with odd rows. Every publication
has the same files, keys, order, kinds, counts and manifest, byte for byte but for what noise decides.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from edited_program import Edit, call, edited
from offices import RELEASE, line, publish, write_office
from published_shape import shape

Figure = Callable[[str, str], None]
PAIRS = 200

SMALL = RELEASE.replace('periods = ["2024-Q1", "2024-Q2"]', 'periods = ["2024"]')


def odd_trader(number: int) -> list[dict[str, str]]:
    """Return the rows of one more trader: ordinary, huge, tiny, negative, unreadable, empty or many."""
    chance = random.Random(number)
    name = chance.choice((f"T{number}", f"T{number}\u200b", f'T"{number}', f"Ж{number}", f"T{number}," + "x" * 300))
    return [
        line(
            trader=name,
            date=chance.choice(("2024-03-01", "2024-11-30", "2025-01-01", "never")),
            flow=chance.choice(("M", "X", "RM", "?")),
            partner=chance.choice(("DE", "FR", "US", "ZZ", "", "\u202eED", "NEW")),
            commodity=chance.choice(("840211", "010121", "27", "", "xx", "999999")),
            value=chance.choice(("1", "1e15", "1e-9", "-5000000", "nan", "", "9" * 60, "0")),
            mass=chance.choice(("1", "1e300", "-3", "none")),
        )
        for _ in range(chance.choice((1, 1, 3, 50)))
    ]


def distinct_shapes(folder: str, pairs: int) -> list[int]:
    """Return after which neighbours the shape became one that wasn't seen before; the first is that of no record."""
    lines: list[dict[str, str]] = []
    seen: dict[str, int] = {}
    for number in range(pairs + 1):
        place = write_office(Path(folder) / str(number), lines=lines, release=SMALL)
        seen.setdefault(json.dumps(shape(publish(place).bundle), sort_keys=True), number)
        lines += odd_trader(number)
    return list(seen.values())


@pytest.mark.slow
def test_two_hundred_neighbours_of_the_empty_records_are_published_in_one_shape(tmp_path: Path, figure: Figure) -> None:
    assert distinct_shapes(str(tmp_path), PAIRS) == [0]
    figure("R15", f"{PAIRS} neighbouring pairs from no record on: 1 shape")


def test_no_record_and_one_traders_are_published_in_one_shape(tmp_path: Path) -> None:
    assert distinct_shapes(str(tmp_path), 1) == [0]


SUPPRESSED = Edit(
    module="postprocess.py",
    old="pl.concat(parts)",
    new='pl.concat(parts).filter(pl.col("measured").abs() > pl.col("measured_sd"))',
)


def test_a_program_that_leaves_out_small_cells_is_caught(tmp_path: Path, figure: Figure) -> None:
    assert len(call(edited(tmp_path, SUPPRESSED), "test_r15_shape", "distinct_shapes", tmp_path / "offices", 4)) > 1
    figure("R15", "mutant that suppresses small cells caught")
