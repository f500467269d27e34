"""What the engine streams by: batches that fail aloud, exact dictionaries, parts that keep a trader together."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.confidential.batches import batches
from release.confidential.coding import NOTHING, Dictionary
from release.confidential.leaves import LARGEST_SUM, _added, starts
from release.confidential.partitions import Partitions


def test_a_query_that_fails_at_a_row_is_not_taken_for_one_with_fewer_rows(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["1", "2", "x"] * 5000}).write_csv(tmp_path / "rows.csv")
    query = pl.scan_csv(tmp_path / "rows.csv", infer_schema=False)
    assert sum(batch.height for batch in batches(query)) == 15_000
    with pytest.raises(pl.exceptions.InvalidOperationError):
        sum(batch.height for batch in batches(query.select(pl.col("text").cast(pl.Int64, strict=True))))


def test_batches_can_be_left_before_the_end(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["1"] * 500_000}).write_csv(tmp_path / "rows.csv")
    some = batches(pl.scan_csv(tmp_path / "rows.csv"))
    assert next(some).height > 0
    some.close()  # type: ignore[attr-defined]


def test_a_dictionary_keeps_its_codes_when_no_column_is_left_that_has_them() -> None:
    dictionary = Dictionary()
    first = dictionary.codes(pl.Series(["a", None, "b"])).tolist()
    assert first == [0, NOTHING, 1]
    assert dictionary.codes(pl.Series(["c", "b", "a"])).tolist() == [2, 1, 0]


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "A", "b", "é", "\0", "z" * 30])), max_size=9)))
def test_a_rule_reads_each_text_as_if_row_by_row(columns: list[list[str | None]]) -> None:
    dictionary, names = Dictionary(), Dictionary()
    for texts in columns:
        series = pl.Series(texts, dtype=pl.String)
        coded = series.cast(dictionary.kind)
        sizes = dictionary.read(coded, "size", lambda text: text.str.len_bytes().fill_null(7))
        assert sizes.tolist() == series.str.len_bytes().fill_null(7).to_list()
        upper = dictionary.read(coded, "upper", lambda text: text.str.to_uppercase(), names)
        assert upper.tolist() == names.codes(series.str.to_uppercase()).tolist()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**33), st.integers(0, 15), st.integers(-9, 9)), max_size=300), st.booleans())
def test_parts_hold_every_line_once_and_all_of_a_trader_together(
    lines: list[tuple[int, int, int]],
    in_a_file: bool,  # noqa: FBT001
) -> None:
    partitions = Partitions(columns=2, leaf_bits=4, folder=None, held=0 if in_a_file else 10**9)
    given_lines = np.array([[trader << 4 | leaf, amount] for trader, leaf, amount in lines], np.int64).reshape(-1, 2).T
    for part in np.array_split(given_lines, 3, axis=1):
        partitions.add(part)
    blocks = list(partitions.blocks())
    partitions.close()
    found = np.concatenate(blocks, axis=1).T.tolist()
    assert sorted(found) == sorted(given_lines.T.tolist())
    homes = [set((block[0] >> 4).tolist()) for block in blocks]
    assert sum(map(len, homes)) == len(set().union(*homes))


def test_lines_that_are_written_have_no_name_and_leave_nothing(tmp_path: Path) -> None:
    partitions = Partitions(columns=2, leaf_bits=4, folder=tmp_path / "spilled", held=0)
    partitions.add(np.arange(2000, dtype=np.int64).reshape(2, 1000))
    assert list((tmp_path / "spilled").iterdir()) == []
    opened = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert any(name.startswith(str(tmp_path)) and name.endswith("(deleted)") for name in opened)
    partitions.close()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-(2**52), 2**52), min_size=1, max_size=40), min_size=1, max_size=5))
def test_sums_of_amounts_are_exact(runs: list[list[int]]) -> None:
    key = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    sums = _added(np.array([amount for run in runs for amount in run], np.int64), starts(key))
    assert sums.tolist() == [sum(run) for run in runs]


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_beyond_every_cap_stay_at_the_limit_and_never_wrap(sign: int) -> None:
    amounts = np.full(5000, sign * 2**52)
    assert _added(amounts, np.array([0])).tolist() == [sign * LARGEST_SUM]
