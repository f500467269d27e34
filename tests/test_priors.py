"""Priors: earlier public figures matched to a release's cells, from tables, Comtrade downloads and bundles."""

import hashlib
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_office import OFFICE, RELEASE

from release.config import load_release
from release.errors import ConfigError
from release.plan import PriorFigures, make_plan
from release.priors import load_prior
from release.tables import Level, Measure, cells

HEADER = "flow,period,partner,product,level,measure,value"
HEAD, _, _ = RELEASE.partition("[[measures]]")
SHAPED = (
    HEAD
    + """
[prior]
table = "2023.csv"
publisher = "us"
period = "2023"
published = "2024-01-31"
growth = "GROWTH"
[[measures]]
name = "value"
rho = "1"
levels = [
    { level = "total", relative_noise = "0.1", floor = "1000" },
    { level = "partner", relative_noise = "0.1", floor = "1000" },
    { level = "partner x chapter", relative_noise = "0.1", floor = "1000" },
]
"""
)


def loaded(folder: Path, table: str, *, release: str = SHAPED, growth: str = "1") -> PriorFigures:
    (folder / "office.toml").write_text(OFFICE)
    (folder / "2024.toml").write_text(release.replace("GROWTH", growth))
    (folder / "2023.csv").write_text(table)
    office, config = load_release(folder / "2024.toml")
    prior = load_prior(office, config, folder=folder, published=folder / "published")
    assert prior is not None
    make_plan(office, config, prior)
    return prior


def figure(prior: PriorFigures, level: Level, folder: Path, **keys: str) -> float:
    office, config = load_release(folder / "2024.toml")
    layout = make_plan(office, config, prior).layout
    (found,) = [
        value
        for cell, value in zip(cells(layout, level), prior.figures[Measure.VALUE, level], strict=True)
        if all(getattr(cell, name) == key for name, key in keys.items())
    ]
    return float(found)


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows])


def test_a_cells_prior_is_its_earlier_figure_times_the_growth(tmp_path):
    prior = loaded(
        tmp_path, table("M,2023,US,TOTAL,partner,value,5000", "X,2023,US,TOTAL,partner,value,70"), growth="3/2"
    )
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US") == 7500
    assert figure(prior, Level.PARTNER, tmp_path, flow="X", partner="US") == 105
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="GB") == 0
    assert prior.growth == Fraction(3, 2)


def test_its_digest_is_that_of_the_published_bytes(tmp_path):
    text = table("M,2023,US,TOTAL,partner,value,5000")
    assert loaded(tmp_path, text).digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_same_part_of_the_year_is_preferred_and_the_whole_year_stands_in(tmp_path):
    quarters = SHAPED.replace('periods = ["2024"]', 'periods = ["2024-Q1", "2024-Q2"]')
    rows = ("M,2023,US,TOTAL,partner,value,4000", "M,2023-Q2,US,TOTAL,partner,value,900")
    prior = loaded(tmp_path, table(*rows), release=quarters)
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US", period="2024-Q1") == 4000
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US", period="2024-Q2") == 900


@pytest.mark.parametrize("text", ["-5", "nan", "", "inf"])
def test_what_is_no_positive_figure_is_no_prior(tmp_path, text):
    prior = loaded(tmp_path, table(f"M,2023,US,TOTAL,partner,value,{text}"))
    assert not prior.figures[Measure.VALUE, Level.PARTNER].any()


@given(values=st.lists(st.floats(0, 1e13), min_size=5, max_size=5), seed=st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_the_order_of_a_tables_rows_changes_nothing(tmp_path_factory, values, seed):
    folder = tmp_path_factory.mktemp("prior")
    rows = [
        f"M,2023,{partner},TOTAL,partner,value,{value}"
        for partner, value in zip(("US", "GB", "IT", "DE", "_X"), values, strict=True)
    ]
    shuffled = np.random.default_rng(seed).permutation(rows)
    first, second = loaded(folder, table(*rows)).figures, loaded(folder, table(*shuffled)).figures
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert first[Measure.VALUE, Level.PARTNER][:5].tolist() == values


def refused(folder: Path, text: str, **changes: str) -> str:
    with pytest.raises(ConfigError) as refusal:
        loaded(folder, text, **changes)
    return str(refusal.value)


def test_a_cell_that_stands_twice_is_refused(tmp_path):
    row = "M,2023,US,TOTAL,partner,value,5000"
    assert "stands twice" in refused(tmp_path, table(row, row))


def test_a_table_without_the_columns_or_with_words_for_figures_is_refused(tmp_path):
    assert "needs the columns" in refused(tmp_path, "flow,partner,value\nM,US,5")
    assert "needs the columns" in refused(tmp_path, table("M,2023,US,TOTAL,partner,value,many"))


def test_a_prior_of_the_accounting_year_or_later_is_refused(tmp_path):
    same = SHAPED.replace('period = "2023"', 'period = "2024"')
    later = SHAPED.replace('period = "2023"', 'period = "2025"').replace("2024-01-31", "2026-01-31")
    text = table("M,2023,US,TOTAL,partner,value,5000")
    assert "prior" in refused(tmp_path, text, release=same)
    assert "prior" in refused(tmp_path, text, release=later)


@pytest.mark.parametrize("last", ["2023", "2024"])
def test_figures_outside_the_stated_period_shape_nothing(tmp_path, last):
    rows = {
        "2023": "M,2023,US,TOTAL,partner,value,5000",
        "2024": "M,2024,US,TOTAL,partner,value,777777",
        "2024-Q1": "M,2024-Q1,US,TOTAL,partner,value,888888",
    }
    prior = loaded(tmp_path, table(*sorted(rows.values(), key=lambda row: row == rows[last])))
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US") == 5000
    assert "no figure of 2023" in refused(tmp_path, table(rows["2024"], rows["2024-Q1"]))


def test_an_absent_table_or_bundle_is_refused(tmp_path):
    absent = SHAPED.replace("2023.csv", "2022.csv")
    assert "no readable table" in refused(tmp_path, "", release=absent)
    bundle = SHAPED.replace('table = "2023.csv"', 'bundle = "NLD/2023"')
    assert "there is no bundle" in refused(tmp_path, "", release=bundle)


def test_a_parquet_table_says_the_same_as_its_csv(tmp_path):
    text = table("M,2023,US,TOTAL,partner,value,5000.5", "M,2023,US,84,partner x chapter,value,17")
    first = loaded(tmp_path, text)
    pl.read_csv(text.encode()).with_columns(pl.col("period").cast(pl.String)).write_parquet(tmp_path / "2023.parquet")
    second = loaded(tmp_path, text, release=SHAPED.replace("2023.csv", "2023.parquet"))
    assert all(np.array_equal(first.figures[key], second.figures[key]) for key in first.figures)
    assert first.digest != second.digest


COMTRADE = (
    "period,reporterISO,flowCode,partnerISO,partnerDesc,partner2Code,cmdCode,customsCode,motCode,netWgt,primaryValue"
)


def comtrade(*rows: str) -> str:
    return "\n".join([COMTRADE, *(f"{row}," for row in rows)])


def test_a_comtrade_download_is_read_as_it_comes(tmp_path):
    text = comtrade(
        "2023,NLD,M,W00,World,0,TOTAL,C00,0,,900",
        "2023,NLD,M,USA,USA,0,TOTAL,C00,0,,500",
        "2023,NLD,M,USA,USA,0,TOTAL,C01,0,,400",
        "2023,NLD,M,USA,USA,0,TOTAL,C00,1000,,300",
        "2023,NLD,M,USA,USA,0,1,C00,0,,40",
        "2023,NLD,M,USA,USA,0,8471,C00,0,,30",
        "2023,NLD,M,CIV,C\u00f4te d'Ivoire,0,TOTAL,C00,0,,60",
        "2023,NLD,M,CHN,China,0,TOTAL,C00,0,,340",
        "2023,USA,M,GBR,UK,0,TOTAL,C00,0,,7000",
    )
    prior = loaded(tmp_path, text)
    (tmp_path / "2023.csv").write_bytes(text.encode("latin-1"))
    assert figure(prior, Level.TOTAL, tmp_path, flow="M") == 900
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US") == 500
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="_X") == 400, "partners that aren't listed"
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="GB") == 0, "another reporter's"
    assert figure(prior, Level.PARTNER_CHAPTER, tmp_path, flow="M", partner="US", product="01") == 40
    office, config = load_release(tmp_path / "2024.toml")
    latin = load_prior(office, config, folder=tmp_path, published=tmp_path)
    assert latin is not None
    assert all(np.array_equal(latin.figures[key], prior.figures[key]) for key in prior.figures)


def test_a_comtrade_month_is_the_prior_of_the_same_month(tmp_path):
    months = SHAPED.replace('periods = ["2024"]', 'periods = ["2024-03"]')
    prior = loaded(tmp_path, comtrade("202303,NLD,M,USA,USA,0,TOTAL,C00,0,,500"), release=months)
    assert figure(prior, Level.PARTNER, tmp_path, flow="M", partner="US") == 500


def test_a_comtrade_download_without_a_needed_column_is_refused(tmp_path):
    assert "Comtrade" in refused(tmp_path, "period,reporterISO,primaryValue\n2023,NLD,5")


def test_a_comtrade_download_tells_planned_headings_and_the_rest_of_their_chapter(tmp_path):
    lists = 'chapters = ["01", "84"]\nheadings = ["8471"]\nsubheadings = ["847130"]'
    levels = "".join(
        f'{{ level = "{name}", relative_noise = "0.1", floor = "5" }},'
        for name in ("partner x chapter", "partner x heading", "partner x subheading")
    )
    head = SHAPED.split("[[measures]]", maxsplit=1)[0]
    release = re.sub(r"chapters = \[.*?\]", lists, head) + (
        f'[[measures]]\nname = "value"\nrho = "1"\nlevels = [{levels}]\n'
    )
    text = comtrade(
        "2023,NLD,M,USA,USA,0,84,C00,0,,100",
        "2023,NLD,M,USA,USA,0,8471,C00,0,,60",
        "2023,NLD,M,USA,USA,0,8473,C00,0,,25",
        "2023,NLD,M,USA,USA,0,8402,C00,0,,15",
        "2023,NLD,M,USA,USA,0,847130,C00,0,,50",
        "2023,NLD,M,USA,USA,0,847149,C00,0,,10",
        "2023,NLD,M,USA,USA,0,847330,C00,0,,25",
        "2023,NLD,M,USA,USA,0,101,C00,0,,3",
        "2023,NLD,M,USA,USA,0,9999,C00,0,,4",
    )
    prior = loaded(tmp_path, text, release=release)
    expected = {
        (Level.PARTNER_CHAPTER, "84"): 100,
        (Level.PARTNER_HEADING, "8471"): 60,
        (Level.PARTNER_HEADING, "84_X"): 40,
        (Level.PARTNER_SUBHEADING, "847130"): 50,
        (Level.PARTNER_SUBHEADING, "8471_X"): 10,
    }
    for (level, product), value in expected.items():
        assert figure(prior, level, tmp_path, flow="M", partner="US", product=product) == value


def test_the_sdmx_csv_of_an_earlier_bundle_is_the_same_prior_as_the_bundle(tmp_path):
    """A release with headings and chapters, published and read back as SDMX-CSV 2.0."""
    from offices import publish as published
    from offices import some_lines, write_office
    from test_levels import DEEP_RELEASE

    before = write_office(tmp_path / "before", lines=some_lines(200), release=DEEP_RELEASE)
    bundle = published(before).bundle
    shaped = DEEP_RELEASE.replace('noise_sd = "4000"', 'relative_noise = "0.1", floor = "1000"').replace(
        "[[measures]]",
        '[prior]\nWHERE\npublisher = "us"\nperiod = "2024-Q1"\npublished = "2024-06-30"\n[[measures]]',
        1,
    )
    found = []
    for number, where in enumerate(('bundle = "AAA/2024"', 'table = "sdmx-data.csv"')):
        place = write_office(tmp_path / str(number), release=shaped.replace("WHERE", where))
        (place.folder / "sdmx-data.csv").write_bytes((bundle / "sdmx-data.csv").read_bytes())
        office, config = load_release(place.release)
        found.append(load_prior(office, config, folder=place.folder, published=bundle.parents[1]))
    first, second = found
    for key, figures in first.figures.items():
        assert figures.max() > 0 or key[1] is Level.PARTNER_SUBHEADING
        assert np.allclose(figures, second.figures[key], rtol=1e-3, atol=1.0), key
