"""R30: noise is fresh and independent.

Releases over no record publish their noise and nothing else. Over repeated releases, measures and offices no two
neighbouring draws occur twice, whatever their sign or order, and correlations stay within chance.
"""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from edited_program import Edit, call, edited
from numpy.typing import NDArray
from offices import OFFICE, RELEASE, new_book, plan_of, publish, write_office

from release.confidential.noise import noisy
from release.measurement import from_bytes

Figure = Callable[[str, str], None]
Vector = NDArray[np.int64]

RELEASES = 40
CELLS = 20_000
CHANCE = 5.0
"""How many standard errors a correlation may lie from 0: one in 1.7 million does by chance."""


def noise_of_releases(folder: str, releases: int) -> list[Vector]:
    """Return the noise, in grid steps, of each measure of repeated releases of two offices."""
    vectors = []
    for code in ("AAA", "BBB"):
        book = new_book()
        for number in range(releases // 2):
            release = RELEASE.replace('release = "2024"', f'release = "2024-{number}"')
            place = write_office(Path(folder) / code, office=OFFICE.replace("AAA", code), release=release)
            outcome = publish(place, book=book)
            drawn = from_bytes((outcome.bundle / "measurement.parquet").read_bytes()).noisy
            vectors += [
                np.concatenate([part for (name, _), part in drawn.items() if name == measure])
                for measure in dict.fromkeys(measure for measure, _ in drawn)
            ]
    return vectors


def repeats(vectors: list[Vector]) -> int:
    """Return how many pairs of neighbouring draws occurred before, up to sign and order."""
    seen: set[tuple[int, int]] = set()
    count = 0
    for vector in vectors:
        for one, two in itertools.pairwise(np.abs(vector).tolist()):
            pair = (min(one, two), max(one, two))
            count += pair in seen
            seen.add(pair)
    return count


def largest_correlation(vectors: list[Vector]) -> float:
    """Return the largest correlation of any two vectors of one length, also shifted by a cell, in standard errors."""
    largest = 0.0
    for first, second in itertools.combinations(vectors, 2):
        for shift in (0, 1):
            length = min(len(first), len(second)) - shift
            if length >= 8:
                found = np.corrcoef(first[:length], second[shift : shift + length])[0, 1]
                largest = max(largest, abs(math.atanh(found)) * math.sqrt(length - 3))
    return largest


def long_draws(folder: str) -> list[Vector]:
    """Return noise over many cells, drawn for two measures, twice each."""
    measures = plan_of(write_office(Path(folder))).measures[:2]
    zeros = np.zeros(CELLS, dtype=np.int64)
    return [noisy(zeros, one, release="2024", charged=Fraction(one.rho)) for one in measures for _ in range(2)]


def judged(folder: str, releases: int) -> dict[str, float]:
    """Return repeats and the largest correlation of releases' noise, and of long vectors."""
    vectors = noise_of_releases(folder, releases)
    drawn = long_draws(folder)
    own = [np.corrcoef(one[:-1], one[1:])[0, 1] * math.sqrt(CELLS) for one in drawn]
    return {
        "vectors": len(vectors),
        "draws": sum(len(vector) for vector in vectors),
        "repeats": repeats(vectors) + repeats(drawn),
        "correlation": max(largest_correlation(drawn), *map(abs, own)),
        "deviation": float(np.std(np.concatenate(drawn)) / 2**24),
    }


@pytest.mark.slow
def test_no_noise_occurs_twice_and_correlations_are_chance(tmp_path: Path, figure: Figure) -> None:
    found = judged(str(tmp_path), RELEASES)
    assert found["repeats"] == 0
    assert found["correlation"] < CHANCE
    assert 0.98 < found["deviation"] < 1.02
    figure(
        "R30",
        f"{found['vectors']:.0f} noise vectors of {RELEASES} releases of 2 offices ({found['draws']:.0f} draws):"
        f" 0 repeats; largest correlation over {CELLS:,} cells {found['correlation']:.1f} standard errors",
    )


def test_no_draw_serves_two_parts_of_a_long_vector(tmp_path: Path) -> None:
    assert repeats(long_draws(str(tmp_path))) == 0


DRAWN = "    return np.asarray(answers(mechanism), dtype=np.int64)"
SHARED = Edit(
    module="confidential/noise.py",
    old=DRAWN,
    new=DRAWN.replace("return", "drawn =")
    + "\n    shared = noisy.__dict__.setdefault('shared', drawn - vector)"
    + "\n    common = min(len(shared), len(vector))"
    + "\n    drawn[:common] = vector[:common] + shared[:common]"
    + "\n    return drawn",
)
ECHOED = Edit(
    module="confidential/noise.py",
    old=DRAWN,
    new=DRAWN.replace("return", "drawn =") + "\n    drawn[1:] += drawn[:-1] // 8\n    return drawn",
)


@pytest.mark.parametrize("fault", [SHARED, ECHOED], ids=["shares a draw between measures", "lets cells depend"])
def test_noise_that_isnt_independent_is_caught(
    fault: Edit, tmp_path: Path, figure: Figure, request: pytest.FixtureRequest
) -> None:
    found = call(edited(tmp_path, fault), "test_r30_independence", "judged", tmp_path / "offices", 2)
    assert found["repeats"] > 0 or found["correlation"] > CHANCE
    figure("R30", f"mutant that {request.node.callspec.id} caught")
