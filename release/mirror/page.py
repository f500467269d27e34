"""A comparison as one HTML page that needs nothing else: no script, no font, no request. Every label is escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from release.inference import Amount
from release.mirror.cells import MirrorCell
from release.mirror.comparison import WHOLE_FLOWS, Comparison
from release.mirror.drawing import COLOURS, intervals
from release.mirror.explaining import PairExplanation
from release.mirror.looks import Look
from release.mirror.summary import IN_WORDS, sentence
from release.wording import amount, probability, ratio, ratio_interval, within

_STYLE = """
:root { color-scheme: light; } body { font: 15px/1.5 system-ui, sans-serif; max-width: 1060px; margin: 2em auto;
padding: 0 1em; color: #111827; } table { border-collapse: collapse; margin: 1em 0; } th, td { padding: .35em .6em;
border: 1px solid #e5e7eb; text-align: right; vertical-align: top; } th { background: #f9fafb; } td.t, th.t {
text-align: left; } td:first-child { white-space: nowrap; }
.lead { font-size: 1.2em; } .matrix td { min-width: 8.5em; text-align: center; color: #fff; }
.matrix td.none { background: #f3f4f6; color: #6b7280; } .matrix small { display: block; } svg { width: 100%; }
svg text { font-size: 13px; } svg text.tick { fill: #6b7280; font-size: 11px; } .wide { overflow-x: auto; }
"""


def page_of(comparison: Comparison, title: str, explained: Iterable[PairExplanation] = ()) -> str:
    """Return the whole page of a comparison, with the explanations of single pairs where there are some."""
    flows = [cell for cell in comparison.cells if cell.level == WHOLE_FLOWS]
    parts: list[str] = []
    for period in dict.fromkeys(cell.period for cell in flows):
        parts += _period(period, [cell for cell in flows if cell.period == period], comparison)
    body = "".join([*parts, *_looks(comparison.looks), *(_explained(one) for one in explained), *_rests_on(comparison)])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _period(period: str, flows: Sequence[MirrorCell], comparison: Comparison) -> Iterator[str]:
    yield f"<h2>{escape(period)}</h2>"
    yield f'<p class="lead">{escape(sentence(flows, comparison.agreement))}</p>'
    yield _matrix(flows)
    yield intervals(flows)
    yield _table(flows)
    yield "<h3>In words</h3><ul>"
    for cell in flows:
        said = f" {cell.unusual}" if cell.unusual else ""
        yield f"<li><b>{escape(_way(cell))}: {escape(cell.verdict)}.</b> {escape(cell.because + said)}</li>"
    yield "</ul>"


def _matrix(flows: Sequence[MirrorCell]) -> str:
    exporters = sorted({cell.exporter for cell in flows} | {cell.importer for cell in flows})
    by_pair = {(cell.exporter, cell.importer): cell for cell in flows}
    head = "".join(f"<th>{escape(code)}</th>" for code in exporters)
    rows = "".join(
        f'<tr><th class="t">{escape(one)}</th>{"".join(_square(by_pair.get((one, other))) for other in exporters)}</tr>'
        for one in exporters
    )
    return (
        '<table class="matrix"><caption>Exporters in rows, importers in columns; M / X with the interval of the'
        f' verdict</caption><tr><th class="t">from \\ to</th>{head}</tr>{rows}</table>'
    )


def _square(cell: MirrorCell | None) -> str:
    if cell is None:
        return '<td class="none">–</td>'
    higher = "" if cell.higher is None else f", {IN_WORDS[cell.higher]} higher"
    return (
        f'<td style="background:{COLOURS[cell.verdict]}">{escape(cell.verdict)}{higher}'
        f"<small>{ratio(cell.ratio)} ({ratio_interval(cell.ratio_low, cell.ratio_high)})</small></td>"
    )


_HEADS = ("flow", "exports X", "imports M", "M / X", "interval", "band", "detectable", "P(corresponds)", "p", "verdict")


def _table(flows: Sequence[MirrorCell]) -> str:
    head = "".join(f"<th>{name}</th>" for name in _HEADS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in _row(cell))}</tr>" for cell in flows)
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _row(cell: MirrorCell) -> tuple[str, ...]:
    p = cell.p_differs if cell.p_adjusted is None else cell.p_adjusted
    return (
        _way(cell),
        f"{amount(cell.x, 'USD')} ± {amount(1.96 * cell.x_sd)}",
        f"{amount(cell.m, 'USD')} ± {amount(1.96 * cell.m_sd)}",
        ratio(cell.ratio),
        ratio_interval(cell.ratio_low, cell.ratio_high),
        f"{cell.band_low:.2f} to {cell.band_high:.2f}",
        f"below {ratio(cell.detectable_low)}, above {ratio(cell.detectable_high)}",
        "–" if cell.p_corresponds is None else f"{cell.p_corresponds:.2f}",
        probability(p),
        cell.verdict,
    )


def _looks(looks: Sequence[Look]) -> Iterator[str]:
    if not looks:
        return
    yield "<h2>The year to date, month by month</h2>"
    yield "<p>Differs holds at the stated error rate for all looks of all pairs together.</p>"
    months = list(dict.fromkeys(look.period for look in looks))
    head = "".join(f"<th>{escape(month)}</th>" for month in months)
    yield f'<div class="wide"><table><tr><th class="t">flow</th>{head}</tr>'
    for way in dict.fromkeys(_way(look) for look in looks):
        own = {look.period: look for look in looks if _way(look) == way}
        told = "".join(f"<td>{escape(own[month].verdict) if month in own else '–'}</td>" for month in months)
        yield f'<tr><td class="t">{escape(way)}</td>{told}</tr>'
    yield "</table></div>"


def _explained(one: PairExplanation) -> str:
    bridge = "".join(
        f'<tr><td class="t">{escape(step.name)}</td><td>{_money(step.amount)}</td>'
        f'<td class="t">{escape(step.said)}</td></tr>'
        for step in one.bridge
    )
    parts = "".join(
        f'<tr><td class="t">{escape(part.product)}</td><td>{amount(part.x)}</td><td>{amount(part.m)}</td>'
        f"<td>{_money(part.amount)}</td></tr>"
        for part in one.parts[:12]
    )
    hub = f"<p>{escape(one.hub)}.</p>" if one.hub else ""
    return (
        f"<h2>{escape(one.exporter)} to {escape(one.importer)}, {escape(one.period)}: what carries the gap</h2>{hub}"
        f'<table><tr><th class="t">step</th><th>US$</th><th class="t">from</th></tr>{bridge}</table>'
        f'<table><tr><th class="t">product</th><th>X</th><th>M</th><th>M - c X, 95 %</th></tr>{parts}</table>'
    )


def _rests_on(comparison: Comparison) -> Iterator[str]:
    agreement = comparison.agreement
    yield (
        f"<h2>What this rests on</h2><p>Corresponding means that M / X lies {within(agreement.tolerance)} of"
        f" the CIF/FOB factor {agreement.cif_fob:g} ({escape(agreement.cif_fob_source)}), applied only from FOB-type"
        " exports to CIF imports. Error rates cover the added noise and the stated bounds on clipping, not reporting"
        " practice.</p><ul>"
    )
    for exporter, importer, notes in comparison.notes:
        yield f"<li>{escape(exporter)} to {escape(importer)}: {escape('; '.join(notes))}.</li>"
    for exporter, importer in comparison.absent:
        way = f"{escape(exporter)} to {escape(importer)}"
        yield f"<li>{way}: missing: one side or both publish no figure of this flow.</li>"
    yield "</ul>"


def _way(one: MirrorCell | Look) -> str:
    return f"{one.exporter} to {one.importer}"


def _money(value: Amount | None) -> str:
    if value is None:
        return "–"
    return f"{amount(value.value)} ({amount(value.low)} to {amount(value.high)})"
