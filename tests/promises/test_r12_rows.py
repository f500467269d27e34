"""R12 where a row is the unit: one row more changes the integers by at most D, whatever views are made of it.

A row is a unit of its own where the office says so, where no column names traders, and for rows without an id where the
config says that those count. Rows lie in several files, so that they come in several batches.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isqrt
from pathlib import Path
from types import ModuleType

import pytest
from clip_world import ALL_LEVELS, Row, contributions, edited, planned, row, write_rows

from release.confidential import preparation, rows
from release.plan import ReleasePlan

Figure = Callable[[str, str], None]

TWICE = ({"worth": "value"}, {"worth": "mass"})
"""Two views of a row that add up in the same cell."""

ROUNDS = 6
FILES = 3


def _plan(unit: str, *, views: bool) -> ReleasePlan:
    plan = planned(rho="1/2", levels=ALL_LEVELS)
    source = plan.release.source
    columns = replace(source.columns, value="worth") if views else source.columns
    if unit == "no column":
        columns = replace(columns, trader=None)
    told: Mapping[str, object] = {"missing_trader": "own unit"} if unit == "own unit" else {}
    source = replace(source, columns=columns, views=TWICE if views else (), **told)  # type: ignore[arg-type]
    office = plan.office
    if unit == "record":
        office = replace(office, unit=replace(office.unit, kind="record"))
    return replace(plan, office=office, release=replace(plan.release, source=source))


PLANS = {
    f"{unit}{', two views' if views else ''}": _plan(unit, views=views)
    for unit in ("record", "no column", "own unit")
    for views in (False, True)
}


def _rows(chance: random.Random, trader: str | None) -> list[Row]:
    """Return rows of amounts from far below the bound to far above."""
    return [
        row(
            trader,
            block=0,
            leaf=(chance.choice(("DE", "FR")), chance.choice(("0101", "2709"))),
            value=(amount := f"{10 ** chance.uniform(0, 9):.2f}"),
            mass=amount,
        )
        for _ in range(40)
    ]


@pytest.fixture(params=["one frame", "a frame a file"])
def frames(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read the files in one frame of several batches, or in several frames."""
    if request.param == "a frame a file":
        monkeypatch.setattr(rows, "_TOGETHER", 0)
    return str(request.param)


def _largest_norm(place: Path, plan: ReleasePlan, **modules: ModuleType) -> float:
    """Return the largest change of the integers by one row more, as a part of D, over some pairs of neighbours."""
    largest = 0.0
    for seed in range(ROUNDS):
        chance = random.Random(seed)
        more = _rows(chance, None if plan.release.source.missing_trader == "own unit" else "T")
        gone = max(more, key=lambda one: float(one[5] or 0)) if seed % 2 else more[seed]
        fewer = [one for one in more if one is not gone]
        got = []
        for name, kept in (("more", more), ("fewer", fewer)):
            chance.shuffle(kept)
            files = [kept[first::FILES] for first in range(FILES)]
            got.append(contributions(write_rows(place / f"{seed}-{name}", files), plan, **modules))
        change = got[0] - got[1]
        squares = sum(int(step) ** 2 for step in change)
        largest = max(largest, isqrt(squares - 1) + 1 if squares else 0)
    return largest / plan.measures[0].bound


@pytest.mark.parametrize("name", PLANS)
def test_a_row_that_is_a_unit_changes_the_integers_by_at_most_d(
    name: str, frames: str, tmp_path: Path, figure: Figure
) -> None:
    largest = _largest_norm(tmp_path, PLANS[name])
    figure("R12", f"a row as the unit ({name}, {frames}): largest norm {largest:.4f} D")
    assert 0.999 <= largest <= 1.0


BROKEN = {
    "batches share units": (
        "return np.arange(first, self._own)",
        "return np.arange(_OWN, _OWN + batch.height)",
        "record",
    ),
    "each view a unit": ("if ROW in batch.columns:", "if False:", "record, two views"),
    "frames share units": ("self._own = max(self._own, int(codes.max()) + 1)", "pass", "own unit, two views"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_rows_that_share_a_unit_or_are_several_are_caught(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, name = BROKEN[fault]
    monkeypatch.setattr(rows, "_TOGETHER", 0)
    broken = edited(preparation, place=tmp_path, name="broken_rows", edits={old: new})
    assert _largest_norm(tmp_path, PLANS[name], preparing=broken) > 1.0
