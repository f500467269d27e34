"""What `mirrors plan` says of a large-trader tier: what it buys, what it costs whom, and P(v) as a table."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from release.inference import Band, chance_corresponds, expected
from release.plan import PlannedMeasure, ReleasePlan
from release.planner import LevelForecast
from release.planner.outlook import outlook, reconciled_sd
from release.policy import SHARES, PolicyRow, policy_sentences, policy_table, requests_sentence
from release.privacy import amount_text
from release.tables import Level
from release.wording import amount, percent

MEDIAN = 0.6744897501960817
"""The median of |Z|, Z standard normal."""

TOLERANCES = (0.25, 0.10)
SHOWN = 6
"""How many partners are printed; JSON has all."""


def policy_document(planned: ReleasePlan, forecasts: tuple[LevelForecast, ...]) -> dict[str, Any] | None:
    """Return the tier's part of a plan's document, or None where no measure has the tier."""
    if not planned.excess_rho:
        return None
    rho, ceiling = planned.rho, planned.rho + planned.excess_rho
    tiered = [measure for measure in planned.measures if measure.excess is not None]
    assumed = all(measure.beyond == "assumed none" for measure in tiered)
    own = {(one.measure, one.level): one for one in forecasts}
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
        "levels": [one for measure in tiered for one in _levels(planned, measure, own)],
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


def _levels(
    planned: ReleasePlan, measure: PlannedMeasure, forecasts: dict[tuple[Any, Level], LevelForecast]
) -> list[dict[str, Any]]:
    """Return what both tiers are worth where no trader is above the ceiling, beside the uniform tier alone."""
    tier = measure.excess
    if tier is None:
        return []
    sds = [np.hypot(one.sd, two.sd) for one, two in zip(measure.levels, tier.levels, strict=True)]
    found = reconciled_sd(outlook(measure, planned.layout, planned.release.assumption, populations=0), sds)
    told = []
    for level, sd in zip(measure.levels, found, strict=True):
        whole = forecasts[measure.measure, level.level].whole
        known = np.zeros(0) if level.prior is None else level.prior
        parts = sd[known > 0] / known[known > 0] if level.prior is not None else known
        part = float(np.median(parts)) if len(parts) else None
        told.append(
            {
                "measure": measure.measure,
                "level": level.level,
                "noise_error": None if part is None else MEDIAN * part,
                "p_corresponds": None if part is None else [_chance(part, tolerance) for tolerance in TOLERANCES],
                "uniform_alone": None
                if whole is None
                else {
                    "predicted_median_error": whole.median_error,
                    "p_corresponds": [one.p_corresponds for one in whole.mirrors],
                },
            }
        )
    return told


def _chance(part: float, tolerance: float) -> float:
    """Return P(corresponds) at the band's centre, with a partner office as precise, for a relative sd."""
    flow = expected(x=1.0, x_sd=part, m_sd=part, ratio=1.0)
    return float(chance_corresponds(flow, Band(tolerance=tolerance, cif_fob=1.0))[0])


def print_policy(console: Console, planned: ReleasePlan, document: dict[str, Any]) -> None:
    """Print the tier's part of a plan's document."""
    currency = planned.office.metadata.currency
    console.print(f"\n[bold]Large traders[/bold]: a second charge of rho {document['charge']['rho']} to their account.")
    for sentence in document["sentences"]:
        console.print(sentence, markup=False)
    console.print("\nWhat it buys, at the median cell (noise alone; no trader above the ceiling):")
    console.print(_bought(document))
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


def _of(rows: list[dict[str, Any]]) -> str:
    more = f", the {SHOWN} largest of {len(rows)}" if len(rows) > SHOWN else ""
    return f"spread as the partner's trade is – all in its largest chapter{more}"


def _bought(document: dict[str, Any]) -> Table:
    table = _table("level", "error, both tiers", "uniform alone", "t 25 %: P", "alone", "t 10 %: P", "alone ")
    for level in document["levels"]:
        alone = level["uniform_alone"] or {"predicted_median_error": None, "p_corresponds": []}
        chances = list(zip(level["p_corresponds"] or [], alone["p_corresponds"], strict=False))
        cells = [_plain(chance) for pair in chances for chance in pair] or ["–"] * 4
        table.add_row(
            str(level["level"]), percent(level["noise_error"]), percent(alone["predicted_median_error"]), *cells
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
    said = f"{rho:,.0f}" if rho >= 100 else f"{rho:.3g}"  # noqa: PLR2004
    return f"{said} (ceiling)" if rho >= ceiling else said


def _plain(chance: float | None) -> str:
    return "–" if chance is None else f"{chance:.2f}"
