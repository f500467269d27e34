"""Broken planners and post-processings, each planted once: the laws of the other files notice every one of them."""

import numpy as np
import pytest
from clip_world import edited
from scipy.stats import norm
from test_planner import SMALL, by_hand, grouped

from release import postprocess
from release.planner import clipping, population, precision

ROOM = np.exp(np.random.default_rng(5).normal(10, 2, size=(2, 1, 4, 3)))
LEAVES = np.arange(ROOM.size)
CELLS = [LEAVES // 12, LEAVES // 3, LEAVES]


def agrees(module) -> bool:
    """Decide whether a module's predicted clipping is that of plain loops."""
    people = population.populate(ROOM, SMALL, np.random.default_rng(1))
    sds = [0.2 * np.bincount(cell, ROOM.ravel()) for cell in CELLS]
    found = module.clipped_mass(module.indexed(people, grouped(*CELLS)), sds, 1.0)[2]
    return bool(np.allclose(found, by_hand(people, CELLS, sds, 1.0), rtol=1e-9, atol=1e-6))


CLIPPINGS = {
    "caps skipped": {"capped = np.minimum(population.amounts, caps[population.leaves])": "capped = population.amounts"},
    "a level skipped": {
        "sums = np.bincount(level.pairs, amounts[level.entries], level.traders.size)": (
            "sums = np.bincount(level.pairs, amounts[level.entries], level.traders.size) * (level.planned.cells > 2)"
        )
    },
    "clipped mass of what was capped alone": {
        "population.amounts - capped * kept[population.traders]": "capped - capped * kept[population.traders]"
    },
}


@pytest.mark.parametrize("edits", CLIPPINGS.values(), ids=CLIPPINGS.keys())
def test_a_wrong_clip_is_told_from_plain_loops(tmp_path, edits):
    assert agrees(clipping)
    assert not agrees(edited(clipping, place=tmp_path, name="mutant_clipping", edits=edits))


def test_a_population_that_overfills_its_cells_is_noticed(tmp_path):
    edits = {
        "np.minimum(row[products], wanted[route] * broken / broken.sum())": "wanted[route] * broken / broken.sum()"
    }
    mutant = edited(population, place=tmp_path, name="mutant_population", edits=edits)
    for module, fits in ((population, True), (mutant, False)):
        people = module.populate(ROOM, SMALL, np.random.default_rng(1))
        sums = np.bincount(people.leaves, people.amounts, ROOM.size)
        assert (sums <= ROOM.ravel() * (1 + 1e-9)).all() == fits


def test_a_median_that_forgets_one_tail_is_noticed(tmp_path):
    edits = {"ndtr((middle + bias) / spread) - ndtr((bias - middle) / spread)": "ndtr((middle + bias) / spread)"}
    mutant = edited(precision, place=tmp_path, name="mutant_precision", edits=edits)
    for module, right in ((precision, True), (mutant, False)):
        found = module.median_error(np.array([0.1]), np.zeros((1, 1)), 1e-9)
        assert (abs(found - 0.1 * norm.ppf(0.75)) < 1e-6) == right


def test_a_negative_display_is_noticed(tmp_path):
    mutant = edited(
        postprocess,
        place=tmp_path,
        name="mutant_postprocess",
        edits={"np.maximum(np.round(estimate / coarse * fine) / fine * coarse, 0.0)": (
            "np.round(estimate / coarse * fine) / fine * coarse"
        )},
    )  # fmt: skip
    for module, kept in ((postprocess, True), (mutant, False)):
        assert (module.shown(np.array([-5.0]), np.array([1.0])) >= 0).all() == kept
