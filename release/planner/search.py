"""Coordinate descent over the scales of levels: each is moved by a factor, up or else down, for as long as it helps."""

from collections.abc import Callable

Scale = tuple[float, float]
"""A level's relative noise and floor."""

STEPS = (2.0, 1.4, 1.15)
ROUNDS = 2
SMALLEST_GAIN = 1e-3


def descend(
    worth: Callable[[list[Scale]], float], start: list[Scale], allowed: Callable[[int, Scale], bool]
) -> list[Scale]:
    """Return scales of less worth, the smaller the better, than any single step from them; steps grow finer.

    Args:
        worth: of all levels' scales together.
        start: where the search begins.
        allowed: decides whether a level, by its number, may have a scale.
    """
    scales, best = start, worth(start)
    for step in STEPS:
        for _ in range(ROUNDS):
            before = best
            for place in range(2 * len(scales)):
                for factor in (step, 1.0 / step):
                    moved, found = _line(worth, scales, best, allowed, move=(place, factor))
                    if found < best:
                        scales, best = moved, found
                        break
            if before - best < SMALLEST_GAIN:
                break
    return scales


def _line(
    worth: Callable[[list[Scale]], float],
    scales: list[Scale],
    best: float,
    allowed: Callable[[int, Scale], bool],
    *,
    move: tuple[int, float],
) -> tuple[list[Scale], float]:
    """Return the scales after one of them was moved by a factor for as long as that helped, and their worth."""
    level = move[0] // 2
    while True:
        tried = _moved(scales, *move)
        if not allowed(level, tried[level]):
            return scales, best
        found = worth(tried)
        if found >= best:
            return scales, best
        scales, best = tried, found


def _moved(scales: list[Scale], place: int, factor: float) -> list[Scale]:
    part, floor = scales[place // 2]
    new = (part * factor, floor) if place % 2 == 0 else (part, floor * factor)
    return [*scales[: place // 2], new, *scales[place // 2 + 1 :]]
