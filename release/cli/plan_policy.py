"""What `mirrors plan` says of a large-trader tier: what it buys, what it costs whom, and P(v) as a table."""

import math
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.table import Table

from release.plan import PlannedMeasure, ReleasePlan
from release.planner import LevelForecast, TierLosses, predicted_losses
from release.planner.losses import RANKS
from release.planner.outlook import outlook
from release.policy import SHARES, PolicyRow, policy_sentences, policy_table, requests_sentence
from release.privacy import amount_text
from release.wording import amount, exact, percent

POPULATIONS = 4
"""How many populations predicted losses are medians over."""

SHOWN = 6
"""How many partners are printed; JSON has all."""


def conditional(planned: ReleasePlan) -> str:
    """Return in words what a plan's predictions cover, and on what they depend."""
    tiered = [measure for measure in planned.measures if measure.excess is not None]
    under = "is predicted under this assumption; nothing public bounds it."
    if not tiered:
        return (
            f"What clipping takes, and every figure that uses it, {under} Predictions are of the uniform tier, the only"
            " one here. As published, without a bound, every verdict on a mirror is: cannot tell."
        )
    names = " and ".join(str(measure.measure) for measure in tiered)
    listed = (
        " Traders who asked for protection are left out of the second tier, and what is cut off them isn't predicted."
        if planned.release.source.protected_traders is not None
        else ""
    )
    verdicts = (
        "Verdicts on a mirror are conditional on no trader being above the ceiling."
        if all(measure.beyond == "assumed none" for measure in tiered)
        else "As published, without a bound on what the ceiling cuts off, every verdict on a mirror is: cannot tell."
    )
    return (
        f"Predictions of {names} are of both tiers together: noise of both, and of clipping only what the ceiling cuts"
        f" off, which {under}{listed} {verdicts}"
    )


def policy_document(planned: ReleasePlan, forecasts: tuple[LevelForecast, ...]) -> dict[str, Any] | None:
    """Return the tier's part of a plan's document, or None where no measure has the tier."""
    if not planned.excess_rho:
        return None
    rho, ceiling = planned.rho, planned.rho + planned.excess_rho
    tiered = [measure for measure in planned.measures if measure.excess is not None]
    assumed = all(measure.beyond == "assumed none" for measure in tiered)
    names = {measure.measure for measure in tiered}
    return {
        "rho": amount_text(rho),
        "ceiling": amount_text(ceiling),
        "charge": {"rho": amount_text(planned.excess_rho)},
        "assumed_none_above": assumed,
        "on_request": planned.release.source.protected_traders is not None,
        "sentences": [
            *policy_sentences(rho, ceiling, assumed=assumed),
            requests_sentence(on_request=planned.release.source.protected_traders is not None),
        ],
        "shares": [amount_text(share) for share in SHARES],
        "policy": [_row_document(row) for row in policy_table(planned)],
        "levels": [_level_document(one) for one in forecasts if one.measure in names],
        "losses": [_losses_document(told) for told in _losses(planned, tiered)],
    }


def _row_document(row: PolicyRow) -> dict[str, Any]:
    return {
        "measure": row.measure,
        "flow": row.flow,
        "period": row.period,
        "partner": row.partner,
        "total": row.total,
        "ceiling": row.ceiling,
        "spread": list(row.spread),
        "one_chapter": list(row.one_chapter),
    }


def _level_document(told: LevelForecast) -> dict[str, Any]:
    """Return what both tiers together are predicted to be worth, beside the uniform tier alone."""
    return {
        "measure": told.measure,
        "level": told.level,
        "noise_error": None if told.whole is None else told.whole.noise_error,
        "predicted_median_error": None if told.whole is None else told.whole.median_error,
        "p_corresponds": None if told.whole is None else [one.p_corresponds for one in told.whole.mirrors],
        "uniform_alone": None
        if told.alone is None
        else {
            "predicted_median_error": told.alone.median_error,
            "p_corresponds": [one.p_corresponds for one in told.alone.mirrors],
        },
    }


def _losses(planned: ReleasePlan, tiered: list[PlannedMeasure]) -> list[TierLosses]:
    assumption = planned.release.assumption
    owns = (outlook(measure, planned.layout, assumption, populations=POPULATIONS) for measure in tiered)
    return [told for told in map(predicted_losses, owns) if told is not None]


def _losses_document(told: TierLosses) -> dict[str, Any]:
    return {
        "measure": told.measure,
        "by_rank": [{"rank": rank, "rho": loss} for rank, loss in zip(RANKS, told.by_rank, strict=False)],
        "fitting": told.fitting,
        "at_ceiling": told.at_ceiling,
    }


def print_policy(console: Console, planned: ReleasePlan, document: dict[str, Any]) -> None:
    """Print the tier's part of a plan's document."""
    currency = planned.office.metadata.currency
    console.print(
        f"\n[bold]Large traders[/bold]: a second charge of rho {exact(document['charge']['rho'])} to their account."
    )
    for sentence in document["sentences"]:
        console.print(sentence, markup=False)
    if any(level["predicted_median_error"] is not None for level in document["levels"]):
        console.print("\nWhat it buys, predicted under the assumption (median cell; what a ceiling cuts off counts):")
        console.print(_bought(document))
        console.print("Alone: what the uniform tier alone would be worth. P: as above.")
    for losses in document["losses"]:
        _print_losses(console, losses)
    rows = document["policy"]
    if not rows:
        console.print("There is no prior of partners' totals, so P(v) can't be shown at shares of them.")
        return
    console.print(f"\nWhat it costs: P(v) of a trader with 1, 10 or 30 % of a partner's total ({_of(rows)}).")
    console.print(_cost(rows, currency))
    console.print(
        "Without the tier: coarser cells, a wider band or a larger rho for everyone; `mirrors plan` of a config without"
        " \\[measures.large_traders] shows what those reach."
    )


def _print_losses(console: Console, losses: dict[str, Any]) -> None:
    told = ", ".join(f"{_ordinal(one['rank'])} {_rho(one['rho'])}" for one in losses["by_rank"])
    console.print(
        f"\nWhom it costs, predicted under the assumption, {losses['measure']}: largest losses P(v) {told};"
        f" {percent(losses['fitting'])} of traders fit and have the uniform loss; the ceiling binds for"
        f" {losses['at_ceiling']:.0f}. Realised losses are published nowhere."
    )


def _ordinal(rank: int) -> str:
    return "1st" if rank == 1 else f"{rank}th"


def _of(rows: list[dict[str, Any]]) -> str:
    more = f", the {SHOWN} largest of {len(rows)}" if len(rows) > SHOWN else ""
    return f"spread as the partner's trade is – all in its largest chapter{more}"


def _bought(document: dict[str, Any]) -> Table:
    table = _table("level", "error, both tiers", "uniform alone", "P at 25 %", "alone", "P at 10 %", "alone ")
    for level in document["levels"]:
        alone = level["uniform_alone"] or {"predicted_median_error": None, "p_corresponds": []}
        chances = list(zip(level["p_corresponds"] or [], alone["p_corresponds"], strict=False))
        cells = [_plain(chance) for pair in chances for chance in pair] or ["–"] * 4
        table.add_row(
            str(level["level"]),
            percent(level["predicted_median_error"]),
            percent(alone["predicted_median_error"]),
            *cells,
        )
    return table


def _cost(rows: list[dict[str, Any]], currency: str) -> Table:
    table = _table("flow, period, partner", "its total", "1 %", "10 %", "30 %")
    for row in rows[:SHOWN]:
        told = [
            f"{_loss(one, row['ceiling'])} – {_loss(two, row['ceiling'])}"
            for one, two in zip(row["spread"], row["one_chapter"], strict=True)
        ]
        table.add_row(f"{row['flow']} {row['period']} {row['partner']}", amount(row["total"], currency), *told)
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(names):
        table.add_column(name, justify="right" if number else "left")
    return table


def _loss(rho: float, ceiling: float) -> str:
    return f"{_rho(rho)} (ceiling)" if rho >= ceiling else _rho(rho)


def _rho(rho: float) -> str:
    """Return a predicted loss in three digits or more, rounded up."""
    places = 0 if rho >= 100 else 2 - math.floor(math.log10(rho))  # noqa: PLR2004
    return exact(amount_text(Fraction(math.ceil(Fraction(repr(float(rho))) * 10**places), 10**places)))


def _plain(chance: float | None) -> str:
    return "–" if chance is None else f"{chance:.2f}"
