"""Texts of a source as codes: a rule reads each distinct text of a column once, however many rows hold it.

Codes are exact: two texts share one only when they are equal. In which order texts get theirs depends on threads, and
nothing else does. This module knows no rule; `preparation` has them.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Rule = Callable[[pl.Expr], pl.Expr]
"""From a column of texts (String, null where there is none) to integers, or to texts that get codes themselves."""

NOTHING = -(2**63)
"""Stands for null in arrays of 64-bit integers."""


class Dictionary:
    """Exact codes of texts, from 0 on, and what rules made of each."""

    def __init__(self) -> None:
        self.kind = pl.Categorical(pl.Categories.random())
        """The type of a column whose texts this dictionary codes."""

        self._kept = pl.Series([], dtype=pl.String).cast(self.kind)  # polars forgets codes that no series refers to
        self._read: dict[str, Codes] = {}

    def codes(self, texts: pl.Series) -> Codes:
        """Return the codes of texts; `NOTHING` for null."""
        return integers(texts.cast(self.kind).to_physical())

    def read(self, texts: pl.Series, name: str, rule: Rule, names: "Dictionary | None" = None) -> Codes:
        """Return what the rule called `name` makes of each text of a coded column; `NOTHING` where that is null.

        Where the rule gives texts, their codes in `names` are returned.
        """
        places = (texts.to_physical().cast(pl.Int64) + 1).fill_null(0).to_numpy()
        table = self._read.get(name, np.empty(0, np.int64))
        highest = int(places.max(initial=0))
        if highest >= len(table):
            table = np.concatenate([table, self._made(len(table), highest, rule, names)])
            self._read[name] = table
        return table[places]

    def _made(self, first: int, last: int, rule: Rule, names: "Dictionary | None") -> Codes:
        """Return what a rule makes of the texts at places first to last; at place 0 is null."""
        codes = pl.int_range(max(first, 1) - 1, last, dtype=pl.UInt32, eager=True)
        texts = codes.cast(self.kind).cast(pl.String)
        if first == 0:
            texts = pl.concat([pl.Series([None], dtype=pl.String), texts])
        made = pl.DataFrame({"text": texts}).select(rule(pl.col("text")).alias("made"))["made"]
        return integers(made) if names is None else names.codes(made)


def integers(series: pl.Series) -> Codes:
    """Return a series of integers or truth values as 64-bit integers, `NOTHING` for null."""
    return series.cast(pl.Int64).fill_null(NOTHING).to_numpy()
