"""R11: no malformed value or key is used silently, and none decides whether a release appears.

Each case is one row, put among good ones in a file of its own, and what the stated rules make of it: nothing (it is
dropped), or the same as a plain row. Both files have to give the same integers before noise. A run over them is
published, and the private report counts what was dropped; key lists with a fault are refused.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest
from edited_program import Edit, call, edited
from offices import (
    COLUMNS,
    PARQUET_RELEASE,
    RELEASE,
    Place,
    csv_bytes,
    line,
    plan_of,
    publish,
    records_of,
    some_lines,
    write_office,
)

from release.confidential.engine import exact_vectors
from release.confidential.sources import hold
from release.config import load_release
from release.errors import ConfigError, MirrorsError, SchemaError
from release.plan import make_plan

Figure = Callable[[str, str], None]
Same = dict[str, str] | None
"""The plain row that a malformed one counts as, by its changes; None when it is dropped."""

GOOD = some_lines(60)
RESIDUAL_PARTNER = {"partner": "ZZ"}
RESIDUAL_CHAPTER = {"commodity": "999999"}
TOP = {"value": "45035996273704.96"}
"""2^52 minor units."""

ROWS: dict[str, tuple[dict[str, str], Same]] = {
    "decimal comma": ({"value": "1,5"}, None),
    "Arabic digits": ({"value": "١٢٣"}, None),
    "full-width digits": ({"value": "１２３"}, {"value": "123"}),
    "nan": ({"value": "nan"}, None),
    "NaN": ({"value": "NaN"}, None),
    "infinity": ({"value": "inf"}, None),
    "minus infinity": ({"value": "-Infinity"}, None),
    "overflowing exponent": ({"value": "1e999"}, None),
    "large exponent": ({"value": "1e300"}, TOP),
    "four hundred digits": ({"value": "9" * 400}, TOP),
    "beyond 64 bits": ({"value": "9223372036854775808"}, TOP),
    "hexadecimal": ({"value": "0x10"}, None),
    "underscore": ({"value": "1_000"}, None),
    "inner blank": ({"value": "1 000"}, None),
    "two signs": ({"value": "--5"}, None),
    "two points": ({"value": "1.2.3"}, None),
    "formula": ({"value": "=1+1"}, None),
    "a half": ({"value": "½"}, None),
    "empty value": ({"value": ""}, None),
    "blank value": ({"value": "   "}, None),
    "half a cent": ({"value": "0.005"}, {"value": "0.01"}),
    "outer blanks": ({"value": " 7 "}, {"value": "7"}),
    "look-alike minus": ({"value": "\u22125"}, None),
    "unreadable mass": ({"mass": "nan"}, {"mass": "0"}),
    "no mass": ({"mass": ""}, {"mass": "0"}),
    "Cyrillic partner": ({"partner": "D\u0415"}, RESIDUAL_PARTNER),
    "Greek partner": ({"partner": "F\u03a1"}, RESIDUAL_PARTNER),
    "empty partner": ({"partner": ""}, RESIDUAL_PARTNER),
    "full-width partner": ({"partner": "ＤＥ"}, {"partner": "DE"}),
    "lower-case partner": ({"partner": " de"}, {"partner": "DE"}),
    "residual as written": ({"partner": "_X"}, RESIDUAL_PARTNER),
    "all partners as written": ({"partner": "W0"}, RESIDUAL_PARTNER),
    "empty commodity": ({"commodity": ""}, RESIDUAL_CHAPTER),
    "letters for a commodity": ({"commodity": "84O211"}, RESIDUAL_CHAPTER),
    "lost leading zero": ({"commodity": "10121"}, {"commodity": "010121"}),
    "dotted commodity": ({"commodity": "8402.11"}, {"commodity": "840211"}),
    "eleven digits": ({"commodity": "84021100001"}, RESIDUAL_CHAPTER),
    "no such day": ({"date": "2024-02-30"}, None),
    "another order of the date": ({"date": "03/02/2024"}, None),
    "another year": ({"date": "2023-02-03"}, None),
    "empty date": ({"date": ""}, None),
    "Greek flow": ({"flow": "\u039c"}, None),
    "empty flow": ({"flow": ""}, None),
    "other currency": ({"currency": "USD"}, None),
    "no trader": ({"trader": ""}, None),
    "unseen trader": ({"trader": "\u200b\u00ad"}, None),
    "a trader in another spelling": ({"trader": " ｔ\u200b3 "}, {"trader": "T3"}),
    "a NUL in the trader": ({"trader": "T\x003"}, {"trader": "T3"}),
}

_HEAD = csv_bytes([])
_ROW = csv_bytes([line()])[len(_HEAD) :]

BYTES: dict[str, tuple[bytes, int]] = {
    "empty lines": (b"\n\n\n", 0),
    "a short row": (b"T3,2024-02-03,M\n", 0),
    "surplus fields": (_ROW.rstrip() + b",surplus,surplus\n" + _ROW, 2),
    "invalid UTF-8": (b"\xff\xfe\x80" * 5 + b"\n", 0),
    "NUL bytes": (b"\0" * 50 + b"\n" + _ROW, 1),
    "Windows line ends": (_ROW.replace(b"\n", b"\r\n"), 1),
    "an open quotation mark": (b'"T3,2024-02-03\n' + _ROW, 1),
    "no end of line": (_ROW.rstrip(), 1),
}
"""Bytes at the beginning of the rows, and how many ordinary rows they count as."""

DOUBLES: dict[str, tuple[float | None, Same]] = {
    "a double NaN": (float("nan"), None),
    "a double infinity": (float("inf"), None),
    "a null": (None, None),
    "a double 1e300": (1e300, TOP),
    "the least double": (5e-324, {"value": "0"}),
}


def outcome(place: Place, plain: list[dict[str, str]]) -> str:
    """Return `as stated`, or what went otherwise, for a source that should count as the plain lines do."""
    plan = plan_of(place)
    expected = write_office(place.folder / "plain", lines=plain)
    try:
        got = exact_vectors(hold(place.source, plan.release.source.layout), plan)
        report = asdict(records_of(place).reasons(plan))
        if publish(place).status != "published":
            return "not published"
    except MirrorsError as error:
        return f"stopped: {type(error).__name__}"
    except pl.exceptions.PolarsError as error:
        return f"stopped: {type(error).__name__}"
    wanted = exact_vectors(hold(expected.source, "csv"), plan_of(expected))
    if any((got[measure] != wanted[measure]).any() for measure in wanted):
        return "other integers"
    return "as stated" if report["counted"] == len(plain) else "miscounted in the private report"


def row_outcomes(folder: str, *names: str) -> dict[str, str]:
    """Return how malformed rows came out: those that are named, or all."""
    found = {}
    for number, name in enumerate(names or ROWS):
        changes, same = ROWS[name]
        lines = [line(trader="T3"), *GOOD]
        place = write_office(Path(folder) / str(number), lines=[line(**({"trader": "T3"} | changes)), *GOOD])
        plain = lines[1:] if same is None else [line(**({"trader": "T3"} | same)), *GOOD]
        found[name] = outcome(place, plain)
    return found


def byte_outcomes(folder: str, *names: str) -> dict[str, str]:
    """Return how files with malformed bytes came out: those that are named, or all."""
    found = {}
    for number, name in enumerate(names or BYTES):
        content, counted = BYTES[name]
        place = write_office(Path(folder) / str(number))
        place.source.write_bytes(_HEAD + content)
        alone = outcome(place, [line()] * counted)
        ended = content if content.endswith(b"\n") else content + b"\n"
        place = write_office(Path(folder) / f"{number}-among")
        place.source.write_bytes(_HEAD + ended + csv_bytes(GOOD)[len(_HEAD) :])
        among = outcome(place, [line()] * counted + GOOD)
        found[name] = alone if alone != "as stated" else among
    return found


def double_outcomes(folder: str) -> dict[str, str]:
    """Return how each odd double in a Parquet file came out."""
    found = {}
    for number, (name, (value, same)) in enumerate(DOUBLES.items()):
        place = write_office(Path(folder) / str(number), lines=[line(), line(trader="T2")], release=PARQUET_RELEASE)
        frame = pl.read_parquet(place.source).with_columns(value=pl.Series([value, 5.0], dtype=pl.Float64))
        frame.write_parquet(place.source)
        plain = [line(trader="T2", value="5"), *([] if same is None else [line(**same)])]
        found[name] = outcome(place, plain)
    return found


@pytest.mark.slow
def test_malformed_rows_count_as_stated_and_stop_no_run(tmp_path: Path, figure: Figure) -> None:
    found = row_outcomes(str(tmp_path / "rows"))
    found |= byte_outcomes(str(tmp_path / "bytes"))
    found |= double_outcomes(str(tmp_path / "doubles"))
    assert {name: seen for name, seen in found.items() if seen != "as stated"} == {}
    assert len(found) >= 60
    dropped = sum(same is None for _, same in ROWS.values())
    figure("R11", f"{len(found)} files with malformed rows: all published, {dropped} kinds dropped, none used silently")


KINDS = {
    "binary": pl.Series([b"\xff"], dtype=pl.Binary),
    "list": pl.Series([["DE"]]),
    "struct": pl.Series([{"a": "DE"}]),
    "duration": pl.Series([1], dtype=pl.Int64).cast(pl.Duration("us")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", ["trader", "partner", "value", "date"])
def test_columns_of_a_kind_that_could_fail_at_one_row_are_refused_before_the_charge(
    kind: str, column: str, tmp_path: Path
) -> None:
    place = write_office(tmp_path, lines=[line()], release=PARQUET_RELEASE)
    pl.read_parquet(place.source).with_columns(KINDS[kind].alias(column)).write_parquet(place.source)
    with pytest.raises(SchemaError, match="isn't read"):
        records_of(place).keyed_digests(plan_of(place))


def test_a_column_that_also_stands_in_a_folders_name_is_read_from_the_file(tmp_path: Path) -> None:
    place = write_office(tmp_path, release=RELEASE.replace("records.csv", "records"))
    part = tmp_path / "records" / "date=2024-05-05"
    part.mkdir(parents=True)
    (part / "part.csv").write_bytes(csv_bytes(GOOD))
    plain = write_office(tmp_path / "plain", lines=GOOD)
    got = exact_vectors(hold(tmp_path / "records", "csv"), plan_of(place))
    wanted = exact_vectors(hold(plain.source, "csv"), plan_of(plain))
    assert all((got[measure] == wanted[measure]).all() for measure in wanted)


KEY_LISTS = {
    "empty": "[]",
    "an empty code": '["DE", ""]',
    "a blank code": '["DE", " "]',
    "twice": '["DE", "FR", "DE"]',
    "twice after normalising": '["DE", "ＤＥ"]',
    "twice but for blanks": '["DE", "DE "]',
    "Cyrillic letter": '["D\u0415", "FR"]',
    "Greek letter": '["F\u03a1"]',
    "unseen character": '["D\u200bE"]',
    "right-to-left mark": '["\u202eED"]',
    "not on the codelist": '["DE", "QQ"]',
    "the residual": '["DE", "_X"]',
    "the total": '["DE", "W0"]',
    "lower case": '["de"]',
    "a number": "[276]",
    "a formula": '["=DE"]',
}


@pytest.mark.parametrize("name", KEY_LISTS)
def test_a_key_list_with_a_fault_is_refused(name: str, tmp_path: Path) -> None:
    place = write_office(tmp_path, release=RELEASE.replace('["DE", "FR", "US"]', KEY_LISTS[name]))
    with pytest.raises(ConfigError):
        make_plan(*load_release(place.release))


ID_TABLES = {
    "another header": "a,b\nT1,T2\n",
    "no header": "T1,T2\n",
    "three fields": "alias,trader\nT1,T2,T3\n",
    "an alias twice": "alias,trader\nT1,T2\nt1,T3\n",
    "an empty id": "alias,trader\nT1,\n",
    "a chain": "alias,trader\nT1,T2\nT2,T3\n",
    "a circle": "alias,trader\nT1,T2\nT2,T1\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", ID_TABLES)
def test_a_table_of_ids_with_a_fault_is_refused_without_quoting_an_id(name: str, tmp_path: Path) -> None:
    place = write_office(tmp_path, lines=GOOD, release=RELEASE.replace("[source]", '[source]\ntrader_ids = "ids.csv"'))
    (tmp_path / "ids.csv").write_text(ID_TABLES[name])
    with pytest.raises(SchemaError) as refused:
        records_of(place).keyed_digests(plan_of(place))
    assert not any(trader in str(refused.value).upper() for trader in ("T1", "T2", "T3"))


def test_aliases_count_as_the_trader_that_the_table_names(tmp_path: Path) -> None:
    release = RELEASE.replace("[source]", '[source]\ntrader_ids = "ids.csv"')
    twins = [line(trader=name, value="1e6") for name in ("Old Name", "ｏｌｄ  name", "T1", "New Name")]
    place = write_office(tmp_path, lines=twins, release=release)
    (tmp_path / "ids.csv").write_text("alias,trader\nold name,t1\nNEW NAME,T1\n")
    records, plan = records_of(place), plan_of(place)
    records.keyed_digests(plan)
    got = exact_vectors(hold(place.source, "csv"), plan, records._ids)
    plain = write_office(tmp_path / "plain", lines=[line(trader="T1", value="1e6")] * 4)
    wanted = exact_vectors(hold(plain.source, "csv"), plan_of(plain))
    assert all((got[measure] == wanted[measure]).all() for measure in wanted)
    apart = exact_vectors(hold(place.source, "csv"), plan)
    assert any((apart[measure] != wanted[measure]).any() for measure in wanted)


NAN_STOPS = Edit(module="confidential/rules.py", old="column.fill_nan(None)  #", new="column  #")
COMMAS = Edit(
    module="confidential/rules.py",
    old="    whole = text.str.extract(",
    new='    text = text.str.replace(",", ".")\n    whole = text.str.extract(',
)
TOLD_BY_ROWS = Edit(module="confidential/rows.py", old="        schema=dict.fromkeys(names, pl.String),\n", new="")


MUTANTS = {
    "a row stops the run": (NAN_STOPS, "row_outcomes", "nan"),
    "commas are taken": (COMMAS, "row_outcomes", "decimal comma"),
    "the first row decides on columns": (TOLD_BY_ROWS, "byte_outcomes", "a short row"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_program_that_uses_or_stops_at_a_malformed_row_is_caught(name: str, tmp_path: Path, figure: Figure) -> None:
    fault, experiment, seen = MUTANTS[name]
    root = edited(tmp_path, fault)
    assert call(root, "test_r11_malformed", experiment, tmp_path / "offices", seen)[seen] != "as stated"
    figure("R11", f"mutant caught: {name}")


def test_every_column_of_the_synthetic_records_is_tried() -> None:
    tried = {name for changes, _ in ROWS.values() for name in changes}
    assert tried >= set(COLUMNS) - {"declaration", "note"}
