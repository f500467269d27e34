"""Public tables beside bundles, and how looks, absences and open sides are shown."""

from dataclasses import replace

import numpy as np
import pytest
from mirror_world import bundle, figure, two

from release.cli.comparison_tables import show
from release.errors import ConfigError
from release.mirror.alignment import Scope
from release.mirror.comparison import Agreement, compare
from release.mirror.drawing import intervals
from release.mirror.page import page_of
from release.mirror.tables import read_history, read_rates

HISTORY = "exporter,importer,period,exports,imports\n"


def written(folder, text):
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rates_and_history_are_read_as_they_stand(tmp_path):
    rates = read_rates(
        written(tmp_path, "\ufeffcurrency,period,usd_per_unit,note\nEUR,2024-03,1.1,mean\nGBP,2024,1.3,\n")
    )
    assert rates == {("EUR", "2024-03"): 1.1, ("GBP", "2024"): 1.3}
    (one,) = read_history(written(tmp_path, f"{HISTORY}NLD,ITA,2023-Q1,100,120.5\n"))
    assert (one.exporter, one.importer, one.period, one.exports, one.imports) == ("NLD", "ITA", "2023-Q1", 100, 120.5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("currency,usd\nEUR,1\n", "needs the columns currency, period, usd_per_unit"),
        ("currency,period,usd_per_unit\nEUR,2024-13,1\n", 'a period is written as "2024"'),
        ("currency,period,usd_per_unit\nEUR,2024,0\n", "a rate positive"),
        ("currency,period,usd_per_unit\nEUR,2024,nan\n", "finite"),
        ("currency,period,usd_per_unit\nEUR,2024\n", "an amount is a number"),
        ("currency,period,usd_per_unit\nEUR,2024,1\nEUR,2024,2\n", "two rates in one period"),
    ],
)
def test_a_table_of_rates_that_could_mislead_is_refused(tmp_path, text, problem):
    with pytest.raises(ConfigError, match=problem):
        read_rates(written(tmp_path, text))


def test_all_faults_of_a_history_are_told_with_their_lines(tmp_path):
    path = written(tmp_path, f"{HISTORY}NLD,ITA,2023,-1,2\nNLD,ITA,2022,1,2\nNLD,ITA,March,1,2\n")
    with pytest.raises(ConfigError) as refused:
        read_history(path)
    assert [fault.line for fault in refused.value.faults] == [2, 4]
    with pytest.raises(ConfigError, match="stands twice"):
        read_history(written(tmp_path, HISTORY + 2 * "NLD,ITA,2022,1,2\n"))


def months(flow, partner):
    return [figure(flow, partner, 100.0, sd=1, period=f"2024-{n:02}") for n in range(1, 13)]


def test_looks_and_missing_bundles_stand_on_the_page_and_in_print(capsys):
    scope = Scope(pairs=(("AAA", "BBB"), ("AAA", "ZZZ")), periods=("2024",))
    bundles = [bundle("AAA", months("X", "BBB")), bundle("BBB", months("M", "AAA"))]
    compared = compare(bundles, Agreement(scope=scope))
    page = page_of(compared, "Looks")
    assert "month by month" in page
    assert page.count("<td>corresponds</td>") == 2
    assert "AAA to ZZZ: missing: one side or both publish no figure of this flow" in page
    show(compared)
    said = capsys.readouterr().out
    for words in ("looked at after every month", "AAA>BBB  –", "AAA to ZZZ", "the sum of its 12 published periods"):
        assert words in said


def test_open_sides_are_drawn_as_arrows_and_said_in_words(capsys):
    open_x = compare(two(100, 60, exposures=(np.inf, 0.0))).cells
    open_m = compare(two(100, 600, exposures=(0.0, np.inf))).cells
    nothing = compare(two(0.5, 600, sd=1)).cells
    assert [intervals(cells).count("<path") for cells in (open_x, open_m, nothing)] == [1, 1, 1]
    far = replace(open_x[0], ratio_low=0.05, ratio_high=7.25)
    assert intervals([far]).count("<path") == 0
    assert all(f">{limit}</text>" in intervals([far]) for limit in ("0.05", "7.25"))
    assert "at most" in page_of(compare(two(100, 60, exposures=(np.inf, 0.0))), "Open")
    assert "at least" in page_of(compare(two(100, 600, exposures=(0.0, np.inf))), "Open")
    both = replace(compare(two(100, 100, exposures=(np.inf, np.inf))))
    assert "no limit" in page_of(both, "Open")
    assert "no gap is sure" in page_of(both, "Open")
    show(compare(two(0.0, 0.5, sd=1)))
    assert "no limit" in capsys.readouterr().out
