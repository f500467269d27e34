"""Priors from SDMX-ML: messages written by another library say what SDMX-CSV says, and hostile ones are refused."""

from pathlib import Path

import polars as pl
import pysdmx.io
import pytest
from polars.testing import assert_frame_equal
from pysdmx.io.format import Format

from release.config import load_release
from release.errors import ConfigError
from release.priors import load_prior
from release.priors.sdmx import sdmx_csv_figures, sdmx_ml_figures

ORDER = ("flow", "period", "partner", "product", "level", "measure")
KEY = 'REF_AREA="NL" TRADE_FLOW="M" COUNTERPART_AREA_1="US" COMMODITY_1="HS22_TOTAL" MEASURE="VALUE"'
SERIES = f'<Series {KEY} UNIT_MULT="3"><Obs TIME_PERIOD="2023" OBS_VALUE="7"/></Series>'
PRIOR = '[prior]\ntable = "2023.xml"\npublisher = "us"\nperiod = "2023"\npublished = "2024-01-31"\n[[measures]]'


def message(series: str, head: str = "") -> str:
    return f'<?xml version="1.0"?>{head}<m><DataSet>{series}</DataSet></m>'


def ordered(figures: pl.DataFrame) -> pl.DataFrame:
    return figures.sort(ORDER)


@pytest.fixture(scope="module")
def datasets(bundle: Path):
    return pysdmx.io.get_datasets(bundle / "sdmx-data.xml", bundle / "sdmx-structure.xml")


@pytest.mark.parametrize(
    ("kind", "by_series"),
    [
        (Format.DATA_SDMX_ML_2_1_GEN, True),
        (Format.DATA_SDMX_ML_2_1_GEN, False),
        (Format.DATA_SDMX_ML_3_0, False),
        (None, True),
    ],
)
def test_what_another_library_writes_is_the_same_prior_as_sdmx_csv(bundle: Path, datasets, tmp_path, kind, by_series):
    data = bundle / "sdmx-data.xml"
    if kind is not None:
        data = tmp_path / "data.xml"
        series = {part.short_urn: "TIME_PERIOD" for part in datasets} if by_series else None
        pysdmx.io.write_sdmx(datasets, kind, data, dimension_at_observation=series)
    found = sdmx_ml_figures(data.read_bytes(), "NL")
    assert found["value"].abs().sum() > 0
    expected = sdmx_csv_figures((bundle / "sdmx-data.csv").read_bytes(), "NL")
    assert_frame_equal(ordered(found), ordered(expected))


def test_amounts_are_multiplied_out_and_other_reporters_left_out():
    other = SERIES.replace('REF_AREA="NL"', 'REF_AREA="IT"').replace('"7"', '"8"')
    found = sdmx_ml_figures(message(SERIES + other).encode(), "NL")
    assert found.rows() == [("M", "2023", "US", "TOTAL", "partner", "value", 7000.0)]


def refused(folder: Path, text: str | bytes) -> str:
    from small_office import RELEASE, write_office

    place = write_office(folder, lines=1, release=RELEASE.replace("[[measures]]", PRIOR, 1))
    (place.parent / "2023.xml").write_bytes(text if isinstance(text, bytes) else text.encode())
    office, release = load_release(place)
    with pytest.raises(ConfigError) as refusal:
        load_prior(office, release, folder=place.parent, published=folder)
    return str(refusal.value)


BOMB = "<!DOCTYPE m [<!ENTITY a '7'>" + "".join(
    f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (message(SERIES.replace('"7"', '"&h;"'), head=f"{BOMB}]>"), "a document type is declared"),
        (message("&b;", head='<!DOCTYPE m [<!ENTITY b SYSTEM "file:///etc/hostname">]>'), "a document type"),
        (message(SERIES, head='<!DOCTYPE m SYSTEM "http://localhost/a.dtd">'), "a document type"),
        (message(SERIES)[:-4], "isn't XML"),
        (message(SERIES).replace('version="1.0"', 'version="1.0" encoding="utf-7"'), "encodings are not supported"),
        (message(""), "holds no figure"),
        ("<m/>", "holds no data set"),
        (message(SERIES.replace('COMMODITY_1="HS22_TOTAL"', "")), "observations lack COMMODITY_1"),
        (message(SERIES).replace("<DataSet>", '<DataSet action="Delete">'), "deletes data"),
        (message('<Group UNIT_MULT="6"/>' + SERIES), "groups of series"),
        (message(SERIES.replace('"7"', '"seven"')), "needs the columns"),
        (message(SERIES + SERIES), "stands twice"),
    ],
)
def test_a_message_that_is_hostile_or_says_too_little_is_refused_in_words(tmp_path, text, said):
    assert said in refused(tmp_path, text)
