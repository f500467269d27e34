"""Providers' files as sources: a file with a format's traps gives the very integers that a plain one gives."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from providers import CURRENT, LEGACY, Row, current, legacy, text_of, write_release

from release.confidential.engine import exact_vectors
from release.confidential.sources import columns_of, hold
from release.config import load_release
from release.config.kinds import area_translations, columns_stated, kinds
from release.config.source import Source
from release.errors import ConfigError, SchemaError
from release.plan import make_plan
from release.tables import Measure, Tier

TOTALS = 'level = "TOTAL"'
MONTHS = 'level = "TOTAL"\nfrequency = "monthly"'


def integers(release: Path, content: bytes | str) -> NDArray[np.int64]:
    """Return what a release measures before noise on a file of this content."""
    file = release.parent / "records.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    plan = make_plan(*load_release(release))
    source = plan.release.source
    held = hold(file, source.layout, source.encoding)
    return exact_vectors(held, plan)[Tier.UNIFORM, Measure.VALUE]


def same(release: Path, trapped: bytes | str, plain: str) -> bool:
    """Return whether two files measure alike, and anything at all."""
    wanted = integers(release, plain)
    return bool(wanted.any()) and bool((integers(release, trapped) == wanted).all())


PLAIN = [legacy(), legacy(**{"Trade Flow Code": "2", "Partner Code": "842", "Trade Value (US$)": "70"})]
LEGACY_TRAPS: dict[str, list[Row]] = {
    "rows of the world": [legacy(**{"Partner Code": "0", "Partner": "World", "Trade Value (US$)": "99999"})],
    "rows of the European Union": [legacy(**{"Partner Code": "97"})],
    "rows of other reporters": [legacy(**{"Reporter Code": "826"})],
    "re-exports, which exports hold": [legacy(**{"Trade Flow Code": "3"})],
    "rows of chapters beside the total": [legacy(**{"Aggregate Level": "2", "Commodity Code": "01"})],
    "rows of subheadings": [legacy(**{"Aggregate Level": "6", "Commodity Code": "10121"})],
    "another month": [legacy(Period="202204")],
    "a row without a reporter": [legacy(**{"Reporter Code": ""})],
}


@pytest.mark.parametrize("trap", LEGACY_TRAPS)
def test_legacy_rows_that_hold_other_rows_once_more_are_left_out(tmp_path: Path, trap: str) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS)
    assert same(release, text_of([*PLAIN, *LEGACY_TRAPS[trap]]), text_of(PLAIN))


def test_italy_is_italy_under_its_old_number_and_its_new_one(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS)
    assert same(release, text_of([legacy(**{"Partner Code": "380"})]), text_of([legacy(**{"Partner Code": "381"})]))
    assert {area_translations("comtrade")[code] for code in ("842", "840")} == {"US"}


def test_the_current_format_reads_as_the_legacy_one_does(tmp_path: Path) -> None:
    old = integers(write_release(tmp_path / "old", "comtrade-legacy", TOTALS), text_of([legacy()]))
    new = integers(write_release(tmp_path / "new", "comtrade", MONTHS), text_of([current()]))
    assert old.any()
    assert (old == new).all()


CURRENT_TRAPS: dict[str, list[Row]] = {
    "rows by customs procedure": [current(customsCode="C01")],
    "rows by mode of transport": [current(motCode="2100")],
    "rows by second partner": [current(partner2Code="276")],
    "years among months": [current(freqCode="A", refPeriodId="20220101")],
    "rows of the world": [current(partnerCode="0")],
    "chapters among totals": [current(aggrLevel="2", cmdCode="1")],
}


@pytest.mark.parametrize("trap", CURRENT_TRAPS)
def test_current_rows_that_are_parts_of_others_are_left_out(tmp_path: Path, trap: str) -> None:
    release = write_release(tmp_path, "comtrade", MONTHS)
    assert same(release, text_of([current(), *CURRENT_TRAPS[trap]]), text_of([current()]))


def test_a_trailing_comma_and_latin_1_text_shift_nothing(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade", MONTHS)
    accented = text_of([current(), current(partnerCode="251", partnerDesc="Cura\xe7ao")], end=",").encode("latin-1")
    assert same(release, accented, text_of([current(), current(partnerCode="251")]))


def test_totals_that_are_said_to_be_not_reported_count(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade", MONTHS)
    assert same(release, text_of([current(isReported="False")]), text_of([current(isReported="True")]))


def test_a_code_that_lost_its_leading_zero_is_in_its_chapter(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade", MONTHS.replace("TOTAL", "subheading"))
    lost = current(aggrLevel="6", cmdCode="10121")
    assert same(release, text_of([lost]), text_of([lost | {"cmdCode": "010121"}]))


def test_latin_1_ids_are_told_apart_when_the_config_says_the_encoding(tmp_path: Path) -> None:
    source = 'layout = "csv"\nencoding = "latin-1"\ncolumns = { date = "d", flow = "f", partner = "p", commodity = "c",'
    release = write_release(tmp_path, "columns", source + ' value = "v", trader = "Händler" }')
    release.parent.joinpath("office.toml").write_text(
        (tmp_path / "office.toml").read_text().replace('kind = "record"', 'kind = "trader-year"')
    )
    rows = [
        {"Händler": trader, "d": "2022-03-01", "f": "M", "p": "IT", "c": "840210", "v": "1000000"}
        for trader in ("Müller", "Möller")
    ]
    told_apart = integers(release, text_of(rows).encode("latin-1"))
    plain = integers(
        release, text_of([row | {"Händler": str(place)} for place, row in enumerate(rows)]).encode("latin-1")
    )
    one = integers(release, text_of([row | {"Händler": "M"} for row in rows]).encode("latin-1"))
    assert (told_apart == plain).all()
    assert (told_apart != one).any()


MIRROR = "exporter,importer,year,month,exports_reported_musd,imports_reported_musd\n"


def test_a_row_of_two_offices_figures_is_read_by_each_as_its_own(tmp_path: Path) -> None:
    release = write_release(tmp_path, "imf-mirror", "")
    content = MIRROR + "NLD,ITA,2022,3,0.0015,9\nITA,NLD,2022,3,8,0.0007\nUSA,GBR,2022,3,5,5\n"
    columns = 'layout = "csv"\ncolumns = { date = "d", flow = "f", partner = "p", value = "v", commodity = '
    columns += '{ constant = "99" } }'
    plain = write_release(tmp_path / "plain", "columns", columns)
    rows = [
        {"d": "2022-03-01", "f": "X", "p": "IT", "v": "1500"},
        {"d": "2022-03-01", "f": "M", "p": "IT", "v": "700"},
    ]
    assert (integers(release, content) == integers(plain, text_of(rows))).all()
    assert integers(release, content).any()


@pytest.mark.parametrize(
    ("unit", "value", "wanted"),
    [
        ("thousands", "1.2345", "1234.5"),
        ("millions", "0.000001", "1"),
        ("millions", "1e-6", "1"),
        ("millions", "123456789012", "99999999999999"),
        ("millions", "-2.5", "-2500000"),
    ],
)
def test_values_in_thousands_and_millions_are_exact_or_at_the_largest_line(
    tmp_path: Path, unit: str, value: str, wanted: str
) -> None:
    columns = 'layout = "csv"\ncolumns = { date = "d", flow = "f", partner = "p", commodity = "c", value = "v" }\n'
    row = {"d": "2022-03-01", "f": "M", "p": "IT", "c": "840210", "v": value}
    scaled = write_release(tmp_path / "scaled", "columns", columns + f'value_in = "{unit}"')
    plain = write_release(tmp_path / "plain", "columns", columns)
    assert (integers(scaled, text_of([row])) == integers(plain, text_of([row | {"v": wanted}]))).all()


def test_a_kind_states_what_a_config_may_say_itself() -> None:
    assert set(kinds()) >= {"comtrade", "comtrade-api", "comtrade-legacy", "imf-mirror", "kcs"}
    assert set(columns_stated("comtrade")) <= set(CURRENT)
    assert set(columns_stated("comtrade-legacy")) <= set(LEGACY)


def test_what_the_office_writes_goes_before_its_kind(tmp_path: Path) -> None:
    release = write_release(tmp_path, "comtrade-legacy", TOTALS + '\ndate_format = "%Y"\ncolumns = { date = "Year" }')
    source = load_release(release)[1].source
    assert (source.date_format, source.columns.date, source.columns.value) == ("%Y", "Year", "Trade Value (US$)")
    assert source.only == {"Aggregate Level": ("0",), "Reporter Code": ("528",)}
    assert "Reporter Code" in columns_of(source)
    assert isinstance(source, Source)


@pytest.mark.parametrize(
    ("kind", "choices", "told"),
    [
        ("comtrade", TOTALS, "frequency: is missing"),
        ("comtrade-legacy", "", "level: is missing"),
        ("kcs", TOTALS, "has no use for the kind kcs"),
        ("comtrad", TOTALS, "it is one of columns, comtrade"),
        ("comtrade-legacy", 'level = ["TOTAL", "chapter"]', "source.level"),
    ],
)
def test_levels_and_frequencies_are_chosen_one_and_kinds_are_known(
    tmp_path: Path, kind: str, choices: str, told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_release(write_release(tmp_path, kind, choices))
    assert told in str(refused.value)


def test_a_damaged_compressed_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.csv").write_bytes(b"\x1f\x8b\x08\x00cut")
    with pytest.raises(SchemaError):
        hold(tmp_path / "cut.csv", "csv", "latin-1")
