"""The tables and plots of `docs/accuracy.md`, and what was asked of the figures in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import pandas as pd
from accuracy_rivals import Rival

from release.tables import Level
from release.wording import amount, percent

MARKS = ("<!-- accuracy -->", "<!-- end of accuracy -->")
MOST_PARTNER_ERROR = 0.25
AGREEMENT = 0.20
COVERAGE = (0.94, 0.96)
DETERMINED, ENOUGH_WORLDS = 0.10, 4
"""Standard error over worlds of predicted / got up to which a band decides: two of them are the 20 % asked for."""

RANGE = 0.80
ENOUGH_FOR_COVERAGE = 4000
"""Figures below which a coverage of exactly 95 % is told outside 94 to 96 % by chance: here 1 % is 2.9 deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Predicted and got figures of one level and size band, over several worlds; parts of the figure.

    Errors are means over worlds of medians over cells (and draws); `figures` is how many noisy figures there were.
    """

    traders: int
    release: str
    level: str
    low: float
    cells: int
    figures: int
    predicted: float
    got: float
    got_least: float
    got_most: float
    worlds: int
    ratio_error: float
    within_range: int
    range_least: float
    range_most: float
    bias_predicted: float
    bias_got: float
    coverage: float
    coverage_of_truth: float

    @property
    def ratio(self) -> float:
        """Predicted over got."""
        return self.predicted / self.got

    @property
    def determined(self) -> bool:
        """Whether worlds are enough to tell the ratio within 20 %, by its own standard error."""
        return self.worlds >= ENOUGH_WORLDS and self.ratio_error <= DETERMINED

    @property
    def agrees(self) -> bool:
        """Whether the prediction lies within 20 % of what was got.

        A band that isn't determined is given two standard errors more, and is counted apart.
        """
        allowed = AGREEMENT if self.determined else AGREEMENT + 2 * self.ratio_error
        return abs(self.ratio - 1) <= allowed


def write_page(found: Sequence[Line], beside: Sequence[Rival], folder: Path | None) -> int:
    """Print the tables, write them and the plots into the folder, and return 1 when a figure isn't as asked."""
    text = "\n\n".join((_table(found), _rival_table(beside), _verdicts(found, beside)))
    print(text)
    if folder is not None:
        _predicted_plot(found).save(str(folder / "accuracy-predicted.svg"))
        _rival_plot(beside).save(str(folder / "accuracy-rivals.svg"))
        page = folder / "accuracy.md"
        before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")
    kept = all(good for _, good in _checks(found, beside))
    return 0 if kept else 1


def _rows(head: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    ruled = [head, ["---"] * left + ["---:"] * (len(head) - left), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _table(found: Sequence[Line]) -> str:
    head = (
        "traders", "release", "level", "prior from", "cells", "predicted", "range", "got", "worlds",
        "in range", "predicted / got",
        "clipped, predicted", "clipped, got", "coverage", "of the truth",
    )  # fmt: skip
    rows = [
        (
            f"{line.traders:,}",
            line.release,
            line.level,
            amount(line.low),
            str(line.cells),
            percent(line.predicted),
            f"{percent(line.range_least)} to {percent(line.range_most)}",
            percent(line.got),
            f"{percent(line.got_least)} to {percent(line.got_most)}",
            f"{line.within_range} of {line.worlds}",
            _ratio(line),
            percent(line.bias_predicted),
            percent(line.bias_got),
            f"{line.coverage:.3f}",
            f"{line.coverage_of_truth:.2f}",
        )
        for line in found
    ]
    return _rows(head, 3, rows)


def _ratio(line: Line) -> str:
    told = f"{line.ratio:.2f} ± {line.ratio_error:.2f}"
    told = told if line.determined else f"({told})"
    return told if line.agrees else f"**{told}**"


def _rival_table(beside: Sequence[Rival]) -> str:
    levels = (Level.TOTAL, Level.PARTNER, Level.CHAPTER, Level.PARTNER_CHAPTER)
    head = ("traders", "way", *(f"{level}" for level in levels))
    rows = [
        (f"{rival.traders:,}", rival.way, *(percent(rival.errors.get(level)) for level in levels)) for rival in beside
    ]
    return _rows(head, 2, rows)


def _checks(found: Sequence[Line], beside: Sequence[Rival]) -> list[tuple[str, bool]]:
    two = [rival for rival in beside if rival.way == "this program; totals and partners"]
    covered = [line for line in found if line.figures >= ENOUGH_FOR_COVERAGE]
    worst = max(rival.errors[Level.PARTNER] for rival in two)
    decided = [line for line in found if line.determined]
    open_ = [line for line in found if not line.determined]
    agreeing, bearable = sum(line.agrees for line in decided), sum(line.agrees for line in open_)
    held, tried = sum(line.within_range for line in found), sum(line.worlds for line in found)
    pooled = sum(line.coverage * line.cells for line in found) / sum(line.cells for line in found)
    low, high = min(line.coverage for line in covered), max(line.coverage for line in covered)
    return [
        (f"median error of partner totals at most 25 %: {percent(worst)}", worst <= MOST_PARTNER_ERROR),
        (
            "coverage around the clipped expectation 94 to 96 %:"
            f" {pooled:.4f} over all, {low:.3f} to {high:.3f} by band of {ENOUGH_FOR_COVERAGE:,} figures or more",
            COVERAGE[0] <= pooled <= COVERAGE[1] and low >= COVERAGE[0] and high <= COVERAGE[1],
        ),
        (
            f"prediction within 20 % of what was got, mean over worlds: {agreeing} of {len(decided)} levels and bands"
            f" whose ratio has a standard error of {DETERMINED:.2f} at most over worlds",
            agreeing == len(decided),
        ),
        (
            f"within 20 % and two standard errors where it is larger: {bearable} of {len(open_)}",
            bearable == len(open_),
        ),
        (
            f"the predicted range holds what a single world got in 80 % of cases or more: {held} of {tried}",
            held >= RANGE * tried,
        ),
    ]


def _verdicts(found: Sequence[Line], beside: Sequence[Rival]) -> str:
    return "\n".join(f"- {'kept' if good else '**not kept**'}: {text}" for text, good in _checks(found, beside))


def _predicted_plot(found: Sequence[Line]) -> alt.Chart:
    rows = pd.DataFrame(
        [{"got": line.got, "predicted": line.predicted, "level": line.level, "cells": line.cells} for line in found]
    )
    ends = pd.DataFrame({"got": [0.05, 2.0]})
    points = (
        alt.Chart(rows)
        .mark_point(filled=True, opacity=0.8)
        .encode(
            x=alt.X("got:Q", scale=alt.Scale(type="log", domain=[0.05, 2]), axis=alt.Axis(format="~%"), title="got"),
            y=alt.Y(
                "predicted:Q",
                scale=alt.Scale(type="log", domain=[0.05, 2]),
                axis=alt.Axis(format="~%"),
                title="predicted median error",
            ),
            color=alt.Color("level:N", legend=alt.Legend(orient="right", title=None)),
        )
    )
    rules = [
        alt.Chart(ends.assign(edge=ends["got"] * factor))
        .mark_line(color="grey", strokeDash=dash, clip=True)
        .encode(x="got:Q", y="edge:Q")
        for factor, dash in ((1.0, [1, 0]), (1.2, [4, 3]), (0.8, [4, 3]))
    ]
    return alt.layer(*rules, points).properties(width=320, height=320).configure_view(strokeOpacity=0)


def _rival_plot(beside: Sequence[Rival]) -> alt.Chart:
    rows = pd.DataFrame(
        [
            {"way": rival.way, "error": error, "level": str(level), "traders": f"{rival.traders:,} traders"}
            for rival in beside
            for level, error in rival.errors.items()
            if level in (Level.PARTNER, Level.PARTNER_CHAPTER)
        ]
    )
    order = list(dict.fromkeys(rival.way for rival in beside))
    return (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            y=alt.Y("way:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X(
                "error:Q", axis=alt.Axis(format="~%"), scale=alt.Scale(domain=[0, 1], clamp=True), title="median error"
            ),
            row=alt.Row("traders:N", title=None),
            column=alt.Column("level:N", title=None),
        )
        .properties(width=240, height=130)
        .configure_view(strokeOpacity=0)
    )
