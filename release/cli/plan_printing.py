"""How `mirrors plan` is printed for people, from its document."""

import sys
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.table import Table

from release.amounts import written
from release.cli.plan_policy import print_policy
from release.cli.printing import out as console_out
from release.plan import ReleasePlan
from release.wording import amount, count, decimals_up, exact, holder, percent, unit_of, unit_warning, volume_bound

HALF_WIDTH = 1.96
"""Standard deviations from the middle of a 95 % interval to its end."""


def print_plan(planned: ReleasePlan, document: dict[str, Any]) -> None:
    """Print a plan's document as text."""
    console = console_out()
    console.print(f"[bold]{planned.release.title}[/bold]", markup=True)
    console.print(
        f"{planned.office.name}, release {planned.release.release}, accounting year {planned.release.year},"
        f" unit {planned.office.unit.kind}; {count(planned.cells)} cells."
    )
    _print_cost(console, planned, document)
    console.print(_levels(planned, document))
    console.print(_LEVELS_LEGEND)
    if any(level["bands"] for level in document["levels"]):
        _print_predictions(console, planned, document)
    if document["large_traders"] is not None:
        print_policy(console, planned, document["large_traders"])
    for answer in document.get("targets", []):
        _print_target(console, answer, document["levels"])
    if document.get("targets") == []:
        console.print("\nNo level with a target has a prior, so no loss can be solved for.")
    if document.get("suggested") == []:
        console.print("\nNo level has a prior, so no scales can be proposed.")
    for proposal in document.get("suggested", []):
        _print_proposal(console, proposal)
    for proposal in document.get("suggested_tiers", []):
        _print_tier_proposal(console, proposal)
    console.print(f"\nPlan digest {document['digest']}. No record was read.")
    sys.stdout.flush()


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name in {"measure", "level", "account", ""} else "right")
    return table


def _levels(planned: ReleasePlan, document: dict[str, Any]) -> Table:
    table = _table("measure", "level", "cells", "noise sd: least", "median", "most", "predicted median error")
    for level in document["levels"]:
        unit = unit_of(level["measure"], planned.office.metadata.currency)
        table.add_row(
            str(level["measure"]),
            str(level["level"]),
            count(level["cells"]),
            *(amount(level[f"noise_sd_{name}"], unit) for name in ("min", "median", "max")),
            percent(level["predicted_median_error"]),
        )
    return table


_LEVELS_LEGEND = (
    "Noise sd is that of a cell's one draw in the uniform tier, from the least cell to the most. The predicted error is"
    " that of the published estimate, after all levels were made to add up, and with both tiers where there are two."
)


def _print_predictions(console: Console, planned: ReleasePlan, document: dict[str, Any]) -> None:
    console.print("\nPredicted, by the size of a cell's prior (parts of the figure, median cell):")
    table = _table(
        "level", "prior", "cells", "error", "noise", "interval ±", "clipped", "P at 25 %", "P at 10 %", "seen"
    )
    for level in document["levels"]:
        unit = unit_of(level["measure"], planned.office.metadata.currency)
        for band in level["bands"]:
            table.add_row(f"{level['level']}", _prior(band, unit), count(band["cells"]), *_figures(band))
    console.print(table)
    told = [level for level in document["levels"] if level["bands"]]
    banded = sum(band["cells"] for level in told for band in level["bands"])
    without = sum(level["cells"] for level in told) - banded
    if without:
        console.print(
            f"{count(without)} of these levels' {count(banded + without)} cells have no prior and no row here."
        )
    _print_assumption(console, document["assumption"])


def _prior(band: dict[str, Any], unit: str) -> str:
    """Return which priors a row is about."""
    if not band["prior_low"]:
        return "all" if band["prior_high"] is None else f"below {amount(band['prior_high'], unit)}"
    return f"from {amount(band['prior_low'], unit)}"


def _figures(band: dict[str, Any]) -> tuple[str, ...]:
    chances = [f"{mirror['p_corresponds']:.2f}" for mirror in band["mirrors"]] or ["–", "–"]
    return (
        percent(band["predicted_median_error"]),
        percent(band["noise_error"]),
        percent(band["half_width"]),
        percent(band["clipping_bias"]),
        *chances,
        _seen(band["mirrors"][0]) if band["mirrors"] else "–",
    )


def _seen(mirror: dict[str, Any]) -> str:
    """Return the ratios that a mirror would be told to differ at: those beyond the two shown."""
    low, high = mirror["detectable_low"], mirror["detectable_high"]
    return f"{'–' if low is None else f'{low:.2f}'} / {'–' if high is None else f'{high:.2f}'}"


def _print_assumption(console: Console, own: dict[str, Any]) -> None:
    console.print(
        f"\nAssumed: {count(own['traders'])} traders, of whom the largest {own['top']} hold"
        f" {percent(_number(own['top_share']))} of trade, each over {own['partners']} partners and {own['chapters']}"
        f" chapters, {percent(_number(own['main_flow']))} in its main flow; a cell lies about"
        f" {percent(_number(own['prior_error']))} off its prior. Source: {own['source']}."
    )
    console.print(f"{own['conditional']} Change it under \\[assumption].")
    console.print(
        "Error is the median of noise and clipping together, the interval a 95 % one, each as a part of the figure. P"
        " is the chance of *corresponds* with a partner office as precise as this one, at a tolerance of 25 and of"
        " 10 %; *seen* are the ratios below and above which a mirror is told to differ at 25 %. Both take the predicted"
        " clipping as a bound."
    )


def _number(text: str) -> float:
    first, _, second = text.partition("/")
    return float(first) / float(second or 1)


def _print_target(console: Console, answer: dict[str, Any], levels: list[dict[str, Any]]) -> None:
    console.print(
        f"\nTargets of {answer['measure']} in the uniform tier alone (root mean square of noise and predicted clipping,"
        " median cell):"
    )
    tiered = {
        one["level"]: one["predicted_median_error"]
        for one in levels
        if one["measure"] == answer["measure"] and one["covers"] == "both tiers"
    }
    table = _table("level", "target", "predicted now", "noise", "clipped", *(("both tiers now",) if tiered else ()))
    for level in answer["levels"]:
        both = (percent(tiered.get(level["level"])),) if tiered else ()
        table.add_row(
            str(level["level"]), *(percent(level[key]) for key in ("target", "predicted", "noise", "clipped")), *both
        )
    console.print(table)
    if not answer["reachable"]:
        console.print(
            "No loss reaches them: clipping of large traders in the uniform tier would still exceed the target of"
            f" {answer['held_by']} at any loss that the program accepts.",
            style="bold",
        )
        return
    limit = "" if answer["fits_limit"] else " That is above the account's limit."
    console.print(
        f"rho {exact(answer['rho'])} reaches them, with all scales multiplied by {answer['scale_factor']:.2f};"
        f" {answer['held_by']} asks for the most.{limit}"
    )


def _print_proposal(console: Console, proposal: dict[str, Any]) -> None:
    console.print(
        f"\nProposed for {proposal['measure']} at rho {exact(proposal['rho'])}, for the uniform tier alone, from"
        " public inputs alone:"
    )
    _print_scales(console, proposal)


def _print_tier_proposal(console: Console, proposal: dict[str, Any]) -> None:
    if not proposal["lowers_errors"]:
        console.print(
            f"\nNo scales were found for the large-trader tier of {proposal['measure']} that lower errors at no higher"
            " loss: its own are kept."
        )
        return
    largest, now = (f"{proposal[key]:,.0f}" for key in ("largest_loss", "largest_loss_now"))
    console.print(
        f"\nProposed for the large-trader tier of {proposal['measure']} at ceiling {exact(proposal['ceiling'])}, beside"
        f" the uniform tier's scales as they are; predicted largest loss {largest}, now {now}:"
    )
    _print_scales(console, proposal)


def _print_scales(console: Console, proposal: dict[str, Any]) -> None:
    console.print(f'scales_from = "{proposal["scales_from"]}"', markup=False)
    for level in proposal["levels"]:
        console.print(
            f'    {{ level = "{level["level"]}", relative_noise = "{level["relative_noise"]}",'
            f' floor = "{level["floor"]}" }},  # median error {percent(level["predicted_median_error"])},'
            f" now {percent(level['predicted_median_error_now'])}",
            markup=False,
        )


def _print_cost(console: Console, planned: ReleasePlan, document: dict[str, Any]) -> None:
    loss, after = document["loss"], document["after"]
    one = holder(planned.office.unit.kind)
    if after["charged"]:
        console.print("\nThis release was charged already: running it costs nothing more.")
    console.print(
        f"\nIt costs rho {exact(loss['rho'])} (epsilon {decimals_up(loss['epsilon'])} at delta {exact(loss['delta'])})."
    )
    console.print(_accounts(document["accounts"]))
    console.print("Free is what is left, less what is kept for revisions and what the calendar promises to others.")
    if not after["fits"]:
        console.print(f"`mirrors run` would refuse it. {document['refusal']}", style="bold", markup=False)
    console.print(
        "\nAfter it, someone who knows everything else and the mix of a fitting"
        f" {one}'s figures can estimate its volume at best {volume_bound(after['p_percent'])} (95 %)."
    )
    warning = unit_warning(planned.office.unit.kind)
    if warning:
        console.print(warning, style="bold")
    if any(measure.excess is None and measure.declared is None for measure in planned.measures):
        console.print(
            f"Large {one}s are scaled down to the bound, which lowers cells that they dominate by an amount that can't"
            " be published."
        )
    _print_prior(console, planned, document)
    console.print()


def _accounts(accounts: list[dict[str, Any]]) -> Table:
    table = _table("account", "costs", "limit", "left", "for revisions", "promised", "free", "after", "")
    for one in accounts:
        cost, limit, left, kept, promised, free = (
            Fraction(one[name]["rho"])
            for name in ("cost", "limit", "remaining", "kept_for_revisions", "promised", "free")
        )
        after = written(left - cost) if cost <= left else "–"
        table.add_row(
            f"{one['source']} {one['year']}, {one['tier']}",
            *(written(figure) for figure in (cost, limit, left, kept, promised, free)),
            after,
            "fits" if one["fits"] else "does NOT fit",
        )
    return table


def _print_prior(console: Console, planned: ReleasePlan, document: dict[str, Any]) -> None:
    if planned.prior is not None:
        console.print(
            "Where the exact figures of this period are published elsewhere, by this office or its partners, noise"
            " protects little."
        )
        return
    console.print("No prior: each level has one noise scale for all its cells, and no error can be predicted.")
    for measure in planned.measures:
        unit = unit_of(measure.measure, planned.office.metadata.currency)
        told = ", ".join(
            f"{amount(HALF_WIDTH * level['estimate_sd_median'], unit)} ({level['level']})"
            for level in document["levels"]
            if level["measure"] == measure.measure
        )
        console.print(f"A figure of {measure.measure} can't be told from zero below about {told}.", style="bold")
    console.print(
        "If your public totals are of that size, lower noise_sd, which clips more, or add a \\[prior]: see"
        " docs/how-to/choosing-a-budget.md and docs/how-to/priors.md."
    )
