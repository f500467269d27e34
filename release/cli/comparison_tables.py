"""How `mirrors compare` prints: what could be seen, what was found, and what carries a pair's gap."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from release.cli.printing import out as console_out
from release.inference import Amount
from release.mirror.comparison import WHOLE_FLOWS, Comparison, MirrorCell
from release.mirror.explaining import LEADING, PairExplanation
from release.mirror.looks import Look
from release.mirror.summary import IN_WORDS, sentence
from release.mirror.sums import Total
from release.wording import amount, percent, ratio, ratio_interval

_SHOWN_PARTS = 8
_WORDS = ("flow", "period", "verdict", "step", "from", "product", "of", "first told apart")


def show(comparison: Comparison) -> None:
    """Print what could be seen of the pairs, then their verdicts, and what both rest on."""
    pairs = [cell for cell in comparison.cells if cell.level == WHOLE_FLOWS]
    console = console_out()
    _foreseen(console, pairs)
    table = _table("flow", "period", "exports X", "imports M", "M / X", "95 % by noise", "SRD", "verdict")
    for cell in pairs:
        table.add_row(*_row(cell))
    for exporter, importer in comparison.absent:
        table.add_row(escape(f"{exporter} to {importer}"), *["–"] * 6, "missing")
    console.print(table)
    console.print(
        "± is the half-width of a 95 % interval by noise. SRD: symmetric relative difference, (M - X) / ((M + X) / 2)."
    )
    for period in dict.fromkeys(cell.period for cell in pairs):
        console.print(f"\n{escape(period)}: {sentence([c for c in pairs if c.period == period], comparison.agreement)}")
    _looks(console, comparison.looks)
    _rests_on(console, comparison)


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=name not in ("from", "step"))
    return table


def _foreseen(console: Console, pairs: Sequence[MirrorCell]) -> None:
    """Print the smallest detectable ratios and P(corresponds), which no verdict had a part in."""
    console.print("What could be seen: with power 80 %, and P(corresponds) for a flow at the centre of the band\n")
    table = _table("flow", "period", "noise X", "noise M", "differs below", "differs above", "P(corresponds)")
    for cell in pairs:
        noise = [percent(sd / abs(value)) if value else "–" for sd, value in ((cell.x_sd, cell.x), (cell.m_sd, cell.m))]
        chance = "–" if cell.p_corresponds is None else f"{cell.p_corresponds:.2f}"
        seen = (ratio(cell.detectable_low), ratio(cell.detectable_high), chance)
        table.add_row(escape(f"{cell.exporter}>{cell.importer}"), escape(cell.period), *noise, *seen)
    console.print(table)
    console.print("Noise is one standard deviation, as a part of the figure.")
    console.print("\nWhat was found\n")


def _looks(console: Console, looks: Sequence[Look]) -> None:
    if not looks:
        return
    console.print(
        "\nThe year to date, looked at after every month (differs: at the error rate for all pairs' looks together)\n"
    )
    table = _table("flow", "first told apart", "last month", "M / X", "verdict")
    for way in dict.fromkeys((look.exporter, look.importer, look.period[:4]) for look in looks):
        own = [look for look in looks if (look.exporter, look.importer, look.period[:4]) == way]
        first = next((look.period for look in own if look.verdict == "differs"), "–")
        table.add_row(escape(f"{way[0]}>{way[1]}"), first, own[-1].period, ratio(own[-1].ratio), _verdict(own[-1]))
    console.print(table)


def _rests_on(console: Console, comparison: Comparison) -> None:
    agreement = comparison.agreement
    console.print(
        f"\nCorresponding means that M / X lies within {percent(agreement.tolerance)} of the CIF/FOB factor"
        f" {agreement.cif_fob:g} ({agreement.cif_fob_source}), where one applies."
    )
    for one in agreement.by_pair:
        console.print(f"For {one.exporter} to {one.importer} the factor is {one.factor:g} ({one.source}).")
    console.print(
        "The intervals are 95 % by noise alone: they don't cover what clipping took off large traders. A verdict does;"
        " where neither office bounds that, none can be given. Nothing here covers reporting practice."
    )
    assumed = dict.fromkeys(
        part for cell in comparison.cells if cell.conditional for part in cell.conditional.split(" and ")
    )
    if assumed:
        console.print(f"Verdicts on bounded figures are conditional, and nobody checked it, on: {'; '.join(assumed)}.")
    by_note: dict[str, list[str]] = {}
    for exporter, importer, notes in comparison.notes:
        for note in notes:
            by_note.setdefault(note, []).append(f"{exporter}>{importer}")
    for note, ways in by_note.items():
        console.print(escape(f"{', '.join(ways)}: {note}."))
    for exporter, importer in comparison.absent:
        console.print(f"{exporter} to {importer}: missing: one side or both publish no figure of this flow.")


def _row(cell: MirrorCell) -> tuple[str, ...]:
    return (
        escape(f"{cell.exporter} to {cell.importer}"),
        escape(cell.period),
        f"{amount(cell.x, 'USD')} ± {amount(1.96 * cell.x_sd)}",
        f"{amount(cell.m, 'USD')} ± {amount(1.96 * cell.m_sd)}",
        ratio(cell.ratio),
        ratio_interval(cell.ratio_noise_low, cell.ratio_noise_high),
        percent(cell.srd),
        _verdict(cell),
    )


def _verdict(one: MirrorCell | Look) -> str:
    return one.verdict if one.higher is None else f"{one.verdict}, {IN_WORDS[one.higher]} higher"


def show_explained(explained: Sequence[PairExplanation]) -> None:
    """Print what carries the gaps of single pairs: the bridge, and the largest contributions."""
    console = console_out()
    for one in explained:
        console.print(f"\n[bold]{one.exporter} to {one.importer}, {one.period}: what carries the gap[/bold]\n")
        console.print(f"{one.basis}. The gap M - X is {_money(one.gap)}, at {percent(one.confidence)}.")
        if one.hub:
            console.print(f"{one.hub}.")
        bridge = _table("step", "US$", "95 %", "from")
        for step in one.bridge:
            bridge.add_row(step.name, *_figures(step.amount), step.said)
        console.print()
        console.print(bridge)
        if one.parts and one.leading is not None:
            _parts(console, one, one.leading)


def _parts(console: Console, one: PairExplanation, leading: Amount) -> None:
    console.print(f"\nLargest of {len(one.parts)} contributions M - c X beyond CIF/FOB\n")
    table = _table("product", "exports X", "imports M", "M - c X", "95 %")
    for part in one.parts[:_SHOWN_PARTS]:
        table.add_row(escape(part.product), amount(part.x), amount(part.m), *_figures(part.amount))
    console.print(table)
    console.print(
        f"\nThe first {min(LEADING, len(one.parts))} together carry {_money(leading)} of {_money(one.rest)}. They were"
        " chosen after seeing them, which the interval doesn't allow for."
    )


def show_sums(sums: Sequence[Total]) -> None:
    """Print sums over offices with their intervals."""
    if not sums:
        return
    table = _table("of", "period", "exports X", "imports M", "gap M - X", "95 %")
    for one in sums:
        table.add_row(escape(one.of), escape(one.period), amount(one.x.value), amount(one.m.value), *_figures(one.gap))
    console = console_out()
    console.print("\nSums over the compared flows, US$\n")
    console.print(table)


def _figures(value: Amount | None) -> tuple[str, str]:
    if value is None:
        return "–", "–"
    return amount(value.value), f"{amount(value.low)} to {amount(value.high)}"


def _money(value: Amount) -> str:
    return f"{amount(value.value, 'USD')} ({amount(value.low)} to {amount(value.high)})"
