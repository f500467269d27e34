"""Rows of traders who try to change a release by more than its loss allows."""

import random
from collections.abc import Sequence
from itertools import product

from clip_world import Row, row
from reference_clip import reference_whitened

from release.plan import PlannedMeasure
from release.tables import Measure

LEAVES = tuple(product(("DE", "fr", "ZW"), ("0101", "2710.12", "27109", "27", "999999")))
"""Listed codes in several spellings, rests and the residuals, in the order of a block's leaves.

Of chapters 01 and 27, the second is split into 2710 and its rest, and that into 271012 and its rest.
"""

SPLIT = {"headings": ("2710",), "subheadings": ("271012",)}
"""The key lists that go with it."""

FORMS = ("T{}", " t{}", "T{}\u200b", "\uff34{}", "t{}\t")
"""Spellings of one id."""

NOT_NUMBERS = (None, "", "nan", "inf", "1,5", "-", "\u0663", "1e999", "0x10", "9" * 26, "-1e18", "1e18")
LARGEST = 2**52


def hostile_rows(chance: random.Random, block: int, measure: PlannedMeasure) -> list[Row]:
    """Return the rows of one adversarial trader in a block, of a kind chosen by chance."""
    kind = chance.choice(
        (_at_the_cap, _near_the_bound, _many_spellings, _returns, _not_numbers, _overflowing, _many_rows)
    )
    leaves = chance.sample(LEAVES, chance.randint(1, len(LEAVES)))
    return [
        row(trader.format(f"{block}x"), block=block, leaf=leaf, value=value, mass=value)
        for trader, leaf, value in kind(chance, leaves, measure)
    ]


def twins(rows: Sequence[Row]) -> list[Row]:
    """Return the same rows as those of other traders, one a row."""
    return [(f"twin {number} of {fields[1]} {fields[2]}", *fields[1:]) for number, fields in enumerate(rows)]


Lines = list[tuple[str, tuple[str, str], str | None]]
Leaves = Sequence[tuple[str, str]]


def cents(amount: int) -> str:
    """Return an amount of cents as text."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"


def _at_the_cap(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    factor = chance.choice((1, 1, 2, 10**6, 10**9))
    return [("T{}", leaf, cents(factor * _cap(measure))) for leaf in leaves[: chance.choice((1, 9))]]


def _near_the_bound(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    """Whitened norms just above D, where a rounding shows."""
    amounts = {LEAVES.index(leaf): _cap(measure) * chance.random() for leaf in leaves}
    for _ in range(6):
        steps = reference_whitened({leaf: int(amount) for leaf, amount in amounts.items()}, measure)
        norm = sum(step * step for step in steps.values()) ** 0.5
        wanted = measure.bound * (1 + chance.choice((1e-7, 1e-6, 1e-5)))
        amounts = {leaf: amount * wanted / max(norm, 1.0) for leaf, amount in amounts.items()}
    return [("T{}", LEAVES[leaf], cents(int(amount) + 1)) for leaf, amount in amounts.items()]


def _many_spellings(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    amount = chance.choice((_cap(measure), 3 * _cap(measure)))
    return [(form, leaf, cents(amount)) for form in FORMS for leaf in leaves]


def _returns(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    span = 3 * _cap(measure)
    return [("T{}", leaf, cents(chance.randrange(-span, span))) for leaf in leaves for _ in range(2)]


def _not_numbers(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    texts = [*chance.sample(NOT_NUMBERS, 4), cents(_cap(measure))]
    return [("T{}", leaf, text) for leaf in leaves for text in texts]


def _overflowing(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    amounts = [LARGEST, -LARGEST, LARGEST - 1, LARGEST, 2**63, _cap(measure)]
    return [("T{}", leaf, cents(amount)) for leaf in leaves for amount in chance.sample(amounts, 5) * 3]


def _many_rows(chance: random.Random, leaves: Leaves, measure: PlannedMeasure) -> Lines:
    count = chance.randint(2, 12)
    return [("T{}", leaf, cents(chance.randrange(_cap(measure)))) for leaf in leaves for _ in range(count)]


def _cap(measure: PlannedMeasure) -> int:
    """Return the cap in cents or, of a measure that isn't one of value, an amount of its own."""
    return int(measure.caps[0]) if measure.measure is Measure.VALUE else 10**6
