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


_UNREAD = NOTHING + 1


class Dictionary:
    """Exact codes of texts, from 0 on, and what rules made of them."""

    def __init__(self) -> None:
        self.kind = pl.Categorical(pl.Categories.random())
        """The type of a column whose texts have codes here."""

        self._kept = pl.Series([], dtype=pl.String).cast(self.kind)  # polars forgets codes that no series refers to
        self._tables: dict[str, Codes] = {}

    def codes(self, texts: pl.Series) -> Codes:
        """Return the codes of texts; `NOTHING` for null."""
        return integers(texts.cast(self.kind).to_physical())

    def read(self, texts: pl.Series, name: str, rule: Rule, names: "Dictionary | None" = None) -> Codes:
        """Return what the rule called `name` makes of each text of a coded column; `NOTHING` where that is null.

        Where the rule gives texts, their codes in `names` are returned.
        """
        codes = texts.to_physical()
        places = (codes.cast(pl.Int64) + 1).fill_null(0).to_numpy() if codes.null_count() else codes.to_numpy() + 1
        table = self._table(name, int(places.max(initial=0)))
        read = table.take(places)
        unread = np.unique(places[read == _UNREAD])
        if len(unread):
            table[unread] = self._made(unread, rule, names)
            read = table.take(places)
        return read

    def _table(self, name: str, highest: int) -> Codes:
        """Return what a rule made so far: at 0 of no text, at n + 1 of the text with code n."""
        table = self._tables.get(name, np.empty(0, np.int64))
        if highest >= len(table):
            room = max(highest + 1, 2 * len(table))
            table = np.concatenate([table, np.full(room - len(table), _UNREAD)])
            self._tables[name] = table
        return table

    def _made(self, places: NDArray[np.int64], rule: Rule, names: "Dictionary | None") -> Codes:
        """Return what a rule makes of the texts at some places; only codes that stand in rows may be turned back."""
        coded = pl.Series(places[places > 0] - 1, dtype=pl.UInt32).cast(self.kind).cast(pl.String)
        texts = pl.concat([pl.Series([None] * int((places == 0).sum()), dtype=pl.String), coded])
        made = texts.to_frame("text").select(rule(pl.col("text")).alias("made"))["made"]
        return integers(made) if names is None else names.codes(made)


def integers(series: pl.Series) -> Codes:
    """Return a series of integers or truth values as 64-bit integers, `NOTHING` for null."""
    whole: Codes = series.cast(pl.Int64).fill_null(NOTHING).to_numpy()
    return whole
