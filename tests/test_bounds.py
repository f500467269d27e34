"""How long a line of a stranger's table may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.bundle.bounds import csv_fits
from release.bundle.findings import Stop

LONGEST = 1999


@given(st.lists(st.integers(0, LONGEST), min_size=1, max_size=12))
def test_lines_up_to_the_longest_are_taken_in_any_order(lengths: list[int]) -> None:
    csv_fits(b"".join(b"1" * length + b"\n" for length in lengths), "x.csv", len(lengths) - 1)


@given(st.lists(st.integers(0, LONGEST), max_size=6), st.lists(st.integers(0, LONGEST), max_size=6))
def test_one_line_too_long_is_refused_wherever_it_stands(before: list[int], after: list[int]) -> None:
    lengths = [*before, LONGEST + 1, *after]
    with pytest.raises(Stop):
        csv_fits(b"".join(b"1" * length + b"\n" for length in lengths), "x.csv", len(lengths) - 1)
