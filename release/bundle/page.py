"""A release as one page for people: `README.html`. It needs nothing else: no script, no font, no request.

Every label is escaped, and a policy at the page's head forbids browsers to run or fetch anything. The figures are those
of `observations.csv`; the words are those of `methods.md`. It can be read on paper, in light and in dark.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape

import polars as pl

from release.bundle.drawing import partner_intervals, period_intervals
from release.codelists import codelist
from release.plan import ReleasePlan
from release.tables import ALL_PARTNERS, ALL_PRODUCTS, RESIDUAL
from release.wording import amount, count, unit_of

PAGE_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>'
)
"""How every page begins; what follows can neither run nor fetch anything."""

MOST_ROWS = 20
_FLOWS = {"M": "Imports", "X": "Exports", "RM": "Re-imports", "RX": "Re-exports"}
_STYLE = """
:root { color-scheme: light dark; --ink: #16202c; --soft: #4b5866; --rule: #c9d1d9; --ground: #ffffff; --band: #f3f5f7;
--mark: #1d5f8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a9b4bf; --rule: #3b4650; --ground: #14191e;
--band: #1d242b; --mark: #7cc0ea; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 52rem;
margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.2em; border-bottom: 1px solid var(--rule); padding-bottom: .2em; }
.lead { font-size: 1.15em; } .soft { color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4em; }
th, td { padding: .3em .6em; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th[scope=row], td.text, th.text { text-align: left; white-space: normal; } tr.all { background: var(--band);
font-weight: 600; }
code { background: var(--band); padding: 0 .25em; overflow-wrap: anywhere; }
figure { margin: 1.5em 0; } figcaption { color: var(--soft); } svg { width: 100%; height: auto; }
svg text { font-size: 13px; fill: var(--ink); } svg text.tick { font-size: 11px; fill: var(--soft); }
svg .rule { stroke: var(--rule); } svg .mark { stroke: var(--mark); } svg .dot { fill: var(--mark); }
@media print { :root { --ink: #000; --soft: #333; --rule: #999; --ground: #fff; --band: #eee; --mark: #000; }
body { font-size: 10.5pt; margin: 0; max-width: none; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; } }
"""

FILES = {
    "observations.csv": "the figures of every cell, as text",
    "observations.parquet": "the same figures",
    "sdmx-data.csv": "the same estimates as SDMX-CSV 2.0",
    "sdmx-data.xml": "the same estimates as SDMX-ML 2.1",
    "sdmx-structure.xml": "their data structure and codelists, SDMX-ML 2.1",
    "sdmx-structure-3.0.xml": "the same structure, SDMX-ML 3.0",
    "measurement.parquet": "the noisy integers as they were drawn",
    "plan.json": "what was planned before any record was read",
    "charge.json": "what the budget ledger was charged",
    "ledger.json": "the public statement of that ledger, up to the charge",
    "metadata.json": "what someone who compares mirrors must know of the office",
    "methods.md": "the guarantee and the methods, in words",
    "deployments-registry.yaml": "an entry for the OpenDP registry of deployments",
    "datapackage.json": "every file with its size and SHA-256, and what the columns mean",
}


def page_of(plan: ReleasePlan, table: pl.DataFrame, methods: str, date: str) -> str:
    """Return the page of a release.

    Args:
        plan: what was released.
        table: the published table.
        methods: the text of `methods.md`.
        date: the charge's.
    """
    title = escape(plan.release.title)
    body = "".join(
        [
            f"<h1>{title}</h1>",
            *_introduction(plan, date),
            *_figures(plan, table),
            *_in_words(methods),
            *_files(),
        ]
    )
    return f"{PAGE_HEAD}{title}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"


def _introduction(plan: ReleasePlan, date: str) -> Iterator[str]:
    periods = plan.release.periods
    told = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    yield (
        f'<p class="lead">{escape(plan.office.name)} ({escape(plan.office.code)}) publishes its trade of {escape(told)}'
        " with random noise, which protects traders as far as is said below. Each figure stands with the 95 % interval"
        " of its noise; what the interval doesn't cover is said below too.</p>"
    )
    yield (
        f'<p class="soft">Release {escape(plan.release.release)}; charged to the budget ledger on {escape(date)};'
        f" {count(plan.cells)} cells. Amounts in {escape(plan.office.metadata.currency)},"
        f" {escape(plan.office.metadata.hs_edition)}."
        " Whether an office vouches for these files, <code>mirrors verify</code> tells.</p>"
    )


def _figures(plan: ReleasePlan, table: pl.DataFrame) -> Iterator[str]:
    """Yield a drawing and the main table of the release's first measure, and the totals of the others."""
    measure, *others = (str(one.measure) for one in plan.measures)
    unit = unit_of(measure, plan.office.metadata.currency)
    own = table.filter(pl.col("measure") == measure)
    period = plan.release.periods[-1]
    column = "partner" if "partner" in own["level"] else "product"
    level = next(
        (one for one in ("partner", "chapter", "section", "total") if one in own["level"]), str(own["level"][0])
    )
    rows = own.filter((pl.col("level") == level) & (pl.col("period") == period))
    shown = _largest(rows, column)
    names = _names()
    yield f"<h2>{escape(_heading(measure))} by {column}, {escape(period)}</h2>"
    if len(plan.release.periods) > 1 and "total" in own["level"]:
        for flow in plan.release.flows:
            totals = own.filter((pl.col("level") == "total") & (pl.col("flow") == str(flow)))
            yield period_intervals(totals, f"{_FLOWS[flow]}, all partners and products, by period", unit)
    for flow in plan.release.flows:
        drawn = rows.filter((pl.col("flow") == str(flow)) & pl.col(column).is_in(shown[:12]))
        labels = {code: names.get(code, code) for code in shown}
        yield partner_intervals(drawn, column, labels, f"{_FLOWS[flow]}, {period}: estimate and 95 % interval", unit)
    yield from _table(own, rows, shown, column, unit)
    left = rows[column].n_unique() - len(shown)
    if left > 0:
        yield f'<p class="soft">{count(left)} more are in <code>observations.csv</code>, as is all the detail.</p>'
    if others:
        yield from _totals(table, others, period, plan)


def _heading(measure: str) -> str:
    return "Value of trade" if measure == "value" else measure.capitalize()


def _largest(rows: pl.DataFrame, column: str) -> list[str]:
    """Return the codes with the largest estimate over the flows, at most `MOST_ROWS`."""
    largest = rows.group_by(column).agg(pl.col("estimate").max()).sort("estimate", column, descending=[True, False])
    return largest[column].head(MOST_ROWS).to_list()


def _names() -> dict[str, str]:
    areas = {row["alpha2"]: row["name"] for row in codelist("areas").rows}
    chapters = {row["code"]: f"{row['code']} {row['label']}" for row in codelist("chapters").rows}
    sections = {f"S{row['code']}": f"{row['roman']} {row['label']}" for row in codelist("sections").rows}
    everything = {ALL_PARTNERS: "All partners", ALL_PRODUCTS: "All products", RESIDUAL: "Not on the list"}
    return areas | chapters | sections | everything


def _table(own: pl.DataFrame, rows: pl.DataFrame, shown: list[str], column: str, unit: str) -> Iterator[str]:
    flows = rows["flow"].unique(maintain_order=True).to_list()
    names = _names()
    period = rows["period"][0]
    totals = own.filter((pl.col("level") == "total") & (pl.col("period") == period))
    heads = "".join(
        f'<th scope="col">{_FLOWS.get(flow, escape(flow))}</th><th scope="col">95 % interval</th>' for flow in flows
    )
    caption = f"Estimates and intervals, {escape(unit)}; a figure can be below zero: that is noise"
    first = f'<th scope="col" class="text">{column.capitalize()}</th>'
    yield f'<div class="wide"><table><caption>{caption}</caption><thead><tr>{first}{heads}</tr></thead><tbody>'
    if len(totals):
        yield _row("All", "all", (_cell(totals, "flow", flow) for flow in flows), unit)
    for code in shown:
        own_rows = rows.filter(pl.col(column) == code)
        yield _row(names.get(code, code), "", (_cell(own_rows, "flow", flow) for flow in flows), unit)
    yield "</tbody></table></div>"


def _cell(rows: pl.DataFrame, column: str, value: str) -> Mapping[str, float] | None:
    found = rows.filter(pl.col(column) == value).select("estimate", "low", "high")
    return found.row(0, named=True) if len(found) == 1 else None


def _row(label: str, kind: str, cells: Iterable[Mapping[str, float] | None], unit: str) -> str:
    told = "".join(
        "<td>–</td><td>–</td>"
        if cell is None
        else f"<td>{escape(amount(cell['estimate'], unit))}</td><td>{_span(cell)}</td>"
        for cell in cells
    )
    chosen = f' class="{kind}"' if kind else ""
    return f'<tr{chosen}><th scope="row">{escape(label)}</th>{told}</tr>'


def _span(cell: Mapping[str, float]) -> str:
    return f"{amount(cell['low'])} to {amount(cell['high'])}"


def _totals(table: pl.DataFrame, measures: list[str], period: str, plan: ReleasePlan) -> Iterator[str]:
    yield f'<h2>Other measures</h2><div class="wide"><table><caption>All partners and products, {escape(period)}'
    yield "</caption><tbody>"
    for measure in measures:
        unit = unit_of(measure, plan.office.metadata.currency)
        chosen = (pl.col("measure") == measure) & (pl.col("level") == "total") & (pl.col("period") == period)
        for row in table.filter(chosen).iter_rows(named=True):
            yield _row(f"{_heading(measure)}, {_FLOWS[row['flow']].lower()}", "", [row], unit)
    yield "</tbody></table></div>"


def _in_words(methods: str) -> Iterator[str]:
    """Yield the words of `methods.md`, whose marks are headings, blank lines, `code` and **bold**."""
    for block in methods.partition("\n## ")[2].join(["## ", ""]).split("\n\n"):
        text = _marked(escape(" ".join(block.split("\n"))))
        if block.startswith("## "):
            yield f"<h2>{text[3:]}</h2>"
        elif block.strip():
            yield f"<p>{text}</p>"


def _marked(text: str) -> str:
    for mark, element in (("**", "b"), ("`", "code")):
        parts = text.split(mark)
        if len(parts) % 2:
            text = "".join(f"<{element}>{part}</{element}>" if at % 2 else part for at, part in enumerate(parts))
    return text


def _files() -> Iterator[str]:
    yield "<h2>The files beside this page</h2><table><tbody>"
    for name, what in FILES.items():
        yield f'<tr><th scope="row"><code>{name}</code></th><td class="text">{what}</td></tr>'
    yield "</tbody></table>"
