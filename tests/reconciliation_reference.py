"""An independent reference: best linear unbiased estimates in exact rational arithmetic, for small tables.

For a target g' x of the deepest cells x, with measurements y = A x + noise of variances W, it finds the
weights u that minimise u' W u subject to A' u = g, by Gauss-Jordan elimination of [[W, A], [A', 0]] in
fractions. It shares nothing with the code under test: no trees, no networks, no floating point; exact and
missing measurements need no special case.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from release.reconciliation import Combination, Estimates, Level, Measurements

Row = list[int]


def cell_rows(measured: Measurements) -> list[list[Row]]:
    """Return each cell as a row over the deepest cells, level by level: total, margins, leaves, subtrees."""
    shape = measured.leaves.shape
    nested: list[list[list[int]]] = [[[] for _ in range(shape[0] * shape[1])]]
    for level in measured.subtrees:
        for cell, parent in enumerate(level.parents):
            nested[-1][parent].append(cell)
        nested.append([[] for _ in level.parents])
    deepest = [(depth, cell) for depth, cells in enumerate(nested) for cell, below in enumerate(cells) if not below]
    place = {cell: number for number, cell in enumerate(deepest)}

    def row(depth: int, cell: int) -> Row:
        if not nested[depth][cell]:
            return [int(number == place[depth, cell]) for number in range(len(deepest))]
        return added([row(depth + 1, child) for child in nested[depth][cell]])

    levels = [[row(depth, cell) for cell in range(len(cells))] for depth, cells in enumerate(nested)]
    grid = np.array(levels[0]).reshape(*shape, -1)
    margins = [[grid.sum(axis=(0, 1)).tolist()], grid.sum(axis=1).tolist(), grid.sum(axis=0).tolist()]
    return margins + levels


def added(rows: list[Row]) -> Row:
    """Return the sum of rows."""
    return [sum(column) for column in zip(*rows, strict=True)]


def levels_of(measured: Measurements) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return values and standard deviations of each level, in the order of `cell_rows`."""
    table = [
        (np.array([measured.total]), np.array([measured.total_sd])),
        (measured.partners, measured.partners_sd),
        (measured.chapters, measured.chapters_sd),
        (measured.leaves.ravel(), measured.leaves_sd.ravel()),
    ]
    return table + [(level.values, level.sd) for level in measured.subtrees]


def estimates_of(estimates: Estimates) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return estimates and standard deviations of each level, in the order of `cell_rows`."""
    table = [
        (np.array([estimates.total]), np.array([estimates.total_sd])),
        (estimates.partners, estimates.partners_sd),
        (estimates.chapters, estimates.chapters_sd),
        (estimates.leaves.ravel(), estimates.leaves_sd.ravel()),
    ]
    return table + [(level.values, level.sd) for level in estimates.subtrees]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best linear unbiased estimate of a target, its variance, and its weights on the measurements."""

    estimate: Fraction
    variance: Fraction
    weights: tuple[Fraction, ...]


def best_estimates(measured: Measurements, targets: list[list[Fraction]]) -> list[Best | None]:
    """Return the best estimate of each target, a row over the deepest cells; None if it isn't identified."""
    rows, values, variances = measured_rows(measured)
    count, unknowns = len(rows), len(targets[0])
    system = [
        [Fraction(0)] * i + [variances[i]] + [Fraction(0)] * (count - i - 1) + [Fraction(x) for x in rows[i]]
        for i in range(count)
    ]
    system += [[Fraction(row[k]) for row in rows] + [Fraction(0)] * unknowns for k in range(unknowns)]
    right = [[Fraction(0)] * len(targets) for _ in range(count)]
    right += [[Fraction(target[k]) for target in targets] for k in range(unknowns)]
    solutions = eliminate(system, right)
    found: list[Best | None] = []
    for solution in solutions:
        if solution is None:
            found.append(None)
            continue
        weights = tuple(solution[:count])
        estimate = sum((u * y for u, y in zip(weights, values, strict=True)), Fraction(0))
        variance = sum((u * u * w for u, w in zip(weights, variances, strict=True)), Fraction(0))
        found.append(Best(estimate=estimate, variance=variance, weights=weights))
    return found


def measured_rows(measured: Measurements) -> tuple[list[Row], list[Fraction], list[Fraction]]:
    """Return rows, values and variances of the cells that were measured."""
    rows, values, variances = [], [], []
    for level, (level_values, level_sd) in zip(cell_rows(measured), levels_of(measured), strict=True):
        for row, value, sd in zip(level, level_values, level_sd, strict=True):
            if np.isfinite(sd):
                rows.append(row)
                values.append(Fraction(float(value)))
                variances.append(Fraction(float(sd)) ** 2)
    return rows, values, variances


def eliminate(system: list[list[Fraction]], right: list[list[Fraction]]) -> list[list[Fraction] | None]:
    """Return a solution for each right-hand side, free unknowns 0, or None where there is none."""
    width = len(system[0])
    table = [row + extra for row, extra in zip(system, right, strict=True)]
    pivots: list[int] = []
    for column in range(width):
        start = len(pivots)
        chosen = next((i for i in range(start, len(table)) if table[i][column]), None)
        if chosen is None:
            continue
        table[start], table[chosen] = table[chosen], table[start]
        pivot = table[start][column]
        table[start] = [x / pivot if x else x for x in table[start]]
        for i, row in enumerate(table):
            if i != start and row[column]:
                factor = row[column]
                table[i] = [x - factor * y if y else x for x, y in zip(row, table[start], strict=True)]
        pivots.append(column)
    solutions: list[list[Fraction] | None] = []
    for k in range(width, len(table[0])):
        if any(row[k] for row in table[len(pivots) :]):
            solutions.append(None)
            continue
        solution = [Fraction(0)] * width
        for i, column in enumerate(pivots):
            solution[column] = table[i][k]
        solutions.append(solution)
    return solutions


def random_measurements(
    rng: np.random.Generator,
    *,
    largest: int = 4,
    depth: int = 2,
    exponents: tuple[int, int] = (-20, 27),
    missing: float = 0.25,
    exact: float = 0.0,
    truth: int = 0,
) -> Measurements:
    """Return measurements of a random structure.

    Standard deviations are 1 to 15 times 2 to an exponent from a range (-20 to 27 is 1e-6 to 2e9), a fraction
    `missing` unmeasured and a fraction `exact` exact; true deepest values are integers of at most `truth`.
    """
    partners, chapters = (int(k) for k in rng.integers(1, largest + 1, size=2))
    zeros = np.zeros((partners, chapters))
    subtrees: list[Level] = []
    above = partners * chapters
    for _ in range(int(rng.integers(0, depth + 1))):
        count = int(rng.integers(1, 5))
        empty = np.zeros(count)
        subtrees.append(Level(values=empty, sd=empty, parents=rng.integers(0, above, size=count)))
        above = count
    blank = Measurements(
        total=0.0,
        total_sd=1.0,
        partners=zeros[:, 0],
        partners_sd=zeros[:, 0],
        chapters=zeros[0],
        chapters_sd=zeros[0],
        leaves=zeros,
        leaves_sd=zeros,
        subtrees=tuple(subtrees),
    )
    rows = [np.array(level) for level in cell_rows(blank)]
    deepest = rng.integers(-truth, truth + 1, size=rows[0].shape[1])
    drawn = [_drawn(rng, level @ deepest, exponents, missing * rng.integers(0, 4) / 1.5, exact) for level in rows]
    below = [replace(level, values=v, sd=s) for level, (v, s) in zip(subtrees, drawn[4:], strict=True)]
    total, margins, columns, leaves = drawn[:4]
    return Measurements(
        total=float(total[0][0]),
        total_sd=float(total[1][0]),
        partners=margins[0],
        partners_sd=margins[1],
        chapters=columns[0],
        chapters_sd=columns[1],
        leaves=leaves[0].reshape(zeros.shape),
        leaves_sd=leaves[1].reshape(zeros.shape),
        subtrees=tuple(below),
    )


def _drawn(
    rng: np.random.Generator, truth: np.ndarray, exponents: tuple[int, int], missing: float, exact: float
) -> tuple[np.ndarray, np.ndarray]:
    low, high = sorted(rng.integers(exponents[0], exponents[1] + 1, size=2))
    sd = rng.integers(1, 16, size=truth.shape) * 2.0 ** rng.integers(low, high + 1, size=truth.shape)
    sd[rng.random(truth.shape) < exact] = 0.0
    values = truth + sd * rng.normal(size=truth.shape)
    unmeasured = rng.random(truth.shape) < missing
    return np.where(unmeasured, np.nan, values), np.where(unmeasured, np.inf, sd)


def random_combination(rng: np.random.Generator, estimates: Estimates) -> Combination:
    """Return small whole weights on a random part of the cells."""

    def weights(cells: np.ndarray) -> np.ndarray:
        return rng.integers(-2, 3, size=cells.shape) * (rng.random(cells.shape) < 0.5) * 1.0

    return Combination(
        total=float(rng.integers(-2, 3)),
        partners=weights(estimates.partners),
        chapters=weights(estimates.chapters),
        leaves=weights(estimates.leaves),
        subtrees=tuple(weights(level.values) for level in estimates.subtrees),
    )


def combination_row(measured: Measurements, combination: Combination) -> list[Fraction]:
    """Return a combination as a row over the deepest cells."""
    given = (combination.partners, combination.chapters, combination.leaves, *combination.subtrees)
    weights = [np.array([combination.total]), *(np.ravel(w) for w in given if w is not None)]
    rows = cell_rows(measured)
    result = [Fraction(0)] * len(rows[0][0])
    for level, level_weights in zip(rows, weights, strict=True):
        for row, weight in zip(level, level_weights, strict=True):
            result = [x + Fraction(float(weight)) * y for x, y in zip(result, row, strict=True)]
    return result
