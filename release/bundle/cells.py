"""Text in published CSV files: nothing that a spreadsheet would take for a formula begins a cell."""

import re
from collections.abc import Collection

import polars as pl

FORMULA_STARTS = r"^\s*[=+\-@\t\r\n＝＋－＠]"
"""What makes a spreadsheet compute a cell; the full-width signs do in some settings, blanks before them are skipped."""


def inert(table: pl.DataFrame, *, besides: Collection[str] = ()) -> pl.DataFrame:
    """Return a table whose text begins with no formula: such text is led by an apostrophe; numbers stay numbers.

    Codes of this program's key sets never begin so. Labels and codes of strangers may.

    Args:
        table: any table.
        besides: columns whose text is a number's, with its sign.
    """
    text = [name for name, kind in table.schema.items() if kind == pl.String and name not in besides]
    return table.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA_STARTS)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in text
    )


def inert_text(text: str) -> str:
    """Return a text for one line's CSV cell, led by an apostrophe where it would begin a formula.

    Line ends become blanks: a writer that leaves a lone carriage return unquoted would let it begin a row of its own.
    """
    told = re.sub(r"[\r\n]+", " ", text)
    return f"'{told}" if re.match(FORMULA_STARTS, told) else told
