"""Every published cell: filter, search, order, and take away what is shown."""

import math

import polars as pl
import streamlit as st

from dashboard import figures, markup, names
from dashboard.choices import choice, words
from dashboard.figures import amount
from dashboard.mirrored import PAIRS, periods_of
from dashboard.reading import cells_published
from dashboard.tables import (
    ANY,
    COLUMNS,
    ORDERS,
    Wanted,
    csv_of,
    described,
    file_name,
    ordered,
    parquet_of,
    wanted_cells,
    with_verdicts,
)
from dashboard.views.page import Page, has_bundles, heading
from release.mirror.alignment import LEVELS
from release.wording import count, unit_of

ROWS = 50
_NO_MIRROR = "no mirror"
_VERDICTS = (ANY, "differs", "corresponds", "cannot tell", _NO_MIRROR)


def show(page: Page) -> None:
    """Write the page."""
    heading("Every published figure", page)
    if not has_bundles(page):
        return
    cells = cells_published(page.published)
    wanted, order, verdict = _filters(page, cells)
    found = ordered(_judged(page, wanted_cells(cells, wanted), wanted, verdict), order)
    if found.is_empty():
        st.html(markup.paragraph("No published figure fits. Widen a filter, or clear the search.", "lead"))
        return
    st.html(markup.paragraph(f"{count(len(found))} of {count(len(cells))} published figures fit.", "lead"))
    _rows(page, found)
    _downloads(described(found), file_name(wanted))


def _filters(page: Page, cells: pl.DataFrame) -> tuple[Wanted, str, str]:
    def held(column: str) -> tuple[str, ...]:
        return tuple(cells[column].unique(maintain_order=True).to_list())

    periods, levels, measures = periods_of(page.published.bundles), held("level"), held("measure")
    upper, lower = st.columns(4), st.columns(4)
    with upper[0]:
        office = choice("Office", (ANY, *page.published.offices), "office", proposal=ANY, words=names.office)
    with upper[1]:
        flow = choice("Flow", (ANY, *held("flow")), "flow", proposal=ANY, words=names.flow)
    with upper[2]:
        proposal = PAIRS if PAIRS in levels else levels[0]
        level = choice("Detail", (ANY, *levels), "level", proposal=proposal, words=names.level)
    with upper[3]:
        period = choice("Period", (ANY, *periods), "period", proposal=periods[-1])
    with lower[0]:
        search = words("Search partner or product", "q", tip="A name or the beginning of a code: fuel, 27, Italy.")
    with lower[1]:
        verdict = choice("Verdict", _VERDICTS, "verdict", proposal=ANY)
    with lower[2]:
        order = choice("Order", tuple(ORDERS), "order", proposal="as published")
    with lower[3]:
        measure = choice("Measure", measures, "measure", proposal=measures[0])
    return Wanted(office=office, period=period, flow=flow, level=level, measure=measure, search=search), order, verdict


def _judged(page: Page, found: pl.DataFrame, wanted: Wanted, verdict: str) -> pl.DataFrame:
    """Return the cells with their verdicts, where one period and one level with partners are chosen."""
    judged = wanted.level in LEVELS and wanted.period != ANY and len(page.published.offices) > 1
    mirrors = page.mirrors(wanted.level, wanted.period) if judged and wanted.measure == "value" else ()
    table = with_verdicts(found, mirrors)
    if verdict == ANY:
        return table
    return table.filter(pl.col("verdict").is_null() if verdict == _NO_MIRROR else pl.col("verdict") == verdict)


def _rows(page: Page, found: pl.DataFrame) -> None:
    pages = -(-len(found) // ROWS)
    number = 1
    if pages > 1:
        with st.columns(4)[0]:
            number = choice(
                "Page", tuple(range(1, pages + 1)), "page", proposal=1, words=lambda one: f"{one} of {pages}"
            )
    first = (number - 1) * ROWS
    shown = found.slice(first, ROWS)
    currencies = {bundle.plan["office"]["code"]: bundle.metadata["currency"] for bundle in page.published.bundles}
    columns = (
        "Office",
        "Flow",
        "Partner",
        "Product",
        "Period",
        "Estimate",
        "95 % by noise",
        "Clipped at most",
        "Verdict",
    )
    caption = (
        f"Figures {count(first + 1)} to {count(first + len(shown))}, each in the office's own currency. A figure can be"
        " negative: that is noise"
    )
    rows = [_row(cell, currencies) for cell in shown.iter_rows(named=True)]
    st.html(markup.table(caption, columns, rows, numbers=columns[5:8], short=("Period", "Flow")))


def _row(cell: dict[str, object], currencies: dict[str, str]) -> tuple[str, ...]:
    unit = unit_of(str(cell["measure"]), currencies[str(cell["office"])])
    estimate, sd = float(str(cell["estimate"])), float(str(cell["sd"]))
    return (
        str(cell["office"]),
        names.flow(str(cell["flow"])),
        names.area(str(cell["partner"])),
        names.product_with_code(str(cell["product"])),
        str(cell["period"]),
        figures.with_error(estimate, sd, unit),
        f"{amount(float(str(cell['low'])))} to {amount(float(str(cell['high'])))}",
        _clipping(float(str(cell["exposure"])), unit),
        str(cell["verdict"]) if cell["verdict"] is not None else figures.NONE,
    )


def _clipping(bound: float, unit: str) -> str:
    return "no bound" if math.isinf(bound) else f"≤ {amount(bound, unit)}"


def _downloads(found: pl.DataFrame, name: str) -> None:
    st.html(
        markup.paragraph(
            "Take away all figures that fit, not only this page. Verdicts stand beside figures of one period and one"
            " detail with partners. In the CSV, text that a spreadsheet would take for a formula begins with ’.",
            "quiet",
        )
    )
    left, right, _ = st.columns([1, 1, 3])
    with left:
        st.download_button("Download CSV", lambda: csv_of(found), f"{name}.csv", "text/csv", on_click="ignore")
    with right:
        kind = "application/vnd.apache.parquet"
        st.download_button("Download Parquet", lambda: parquet_of(found), f"{name}.parquet", kind, on_click="ignore")
    with st.expander("What the columns of the files mean"):
        st.html(markup.table("Columns of CSV and Parquet", ("Columns", "Meaning"), COLUMNS.items()))
