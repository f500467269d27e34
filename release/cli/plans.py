"""`mirrors plan`."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from release.cli import wiring
from release.cli.printing import out as console_out
from release.cli.printing import print_json
from release.config import load_release
from release.errors import LedgerMissingError
from release.ledger.values import AccountState
from release.plan import PlannedLevel, PlannedMeasure, ReleasePlan
from release.privacy import amount_text, volume_interval_percent
from release.wording import amount, count, percent, unit_of


def show(file: Path, out: Path | None, *, as_json: bool) -> None:
    """Print a release's plan."""
    office, release = load_release(file)
    planned = wiring.planned(office, release, file.parent, out)
    document = _plan_document(planned, _spent(planned, file.parent))
    if as_json:
        print_json(document)
    else:
        _print_plan(planned, document)


def _spent(planned: ReleasePlan, folder: Path) -> AccountState | None:
    """Return where the release's account stands, or None when there is no ledger or account yet."""
    if not planned.office.ledger.url.startswith("postgresql") and not _ledger_file(planned, folder).exists():
        return None
    try:
        book = wiring.open_book(planned.office, folder)
    except LedgerMissingError:
        return None
    own = (planned.office.code, planned.release.source.name, planned.release.year, "uniform")
    for state in book.accounts():
        account = state.account
        if (account.office, account.source, account.year, account.tier) == own:
            return state
    return None


def _ledger_file(planned: ReleasePlan, folder: Path) -> Path:
    return Path(wiring.ledger_url(planned.office, folder).removeprefix("sqlite:///"))


def _plan_document(planned: ReleasePlan, account: AccountState | None) -> dict[str, Any]:
    from release.accounting import epsilon

    delta = planned.office.account.delta
    limit = planned.office.account.limit if account is None else account.terms.limit
    spent = Fraction(0) if account is None else account.spent
    after = spent + planned.rho
    return {
        "release": planned.release.release,
        "office": planned.office.code,
        "year": planned.release.year,
        "unit": planned.office.unit.kind,
        "loss": {
            "rho": amount_text(planned.rho),
            "epsilon": epsilon(planned.rho, delta),
            "delta": amount_text(delta),
            "p_percent": volume_interval_percent(planned.rho),
        },
        "remaining": {"rho": amount_text(limit - spent)},
        "after": {
            "rho": amount_text(after),
            "remaining": amount_text(max(limit - after, Fraction(0))),
            "fits": after <= limit,
            "p_percent": volume_interval_percent(after),
        },
        "cells": planned.cells,
        "levels": [_level_document(measure, level) for measure in planned.measures for level in measure.levels],
        "digest": planned.digest,
    }


def _level_document(measure: PlannedMeasure, level: PlannedLevel) -> dict[str, Any]:
    return {
        "level": level.level,
        "measure": measure.measure,
        "cells": level.cells,
        "noise_sd_min": float(level.sd.min()),
        "noise_sd_median": float(np.median(level.sd)),
        "noise_sd_max": float(level.sd.max()),
        "predicted_median_error": _median_noise_error(level),
        "detectable_low": None,
        "detectable_high": None,
        "p_corresponds": None,
    }


def _median_noise_error(level: PlannedLevel) -> float | None:
    """Return the median over cells with a prior of 0.6745 sd / prior: the noise's part of the relative error."""
    if level.prior is None or not (level.prior > 0).any():
        return None
    known = level.prior > 0
    return float(np.median(0.6744897501960817 * level.sd[known] / level.prior[known]))


def _print_plan(planned: ReleasePlan, document: dict[str, Any]) -> None:
    currency = planned.office.metadata.currency
    console = console_out()
    console.print(f"[bold]{planned.release.title}[/bold]", markup=True)
    console.print(
        f"{planned.office.name}, release {planned.release.release}, accounting year {planned.release.year},"
        f" unit {planned.office.unit.kind}; {count(planned.cells)} cells."
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("measure", "level", "cells", "noise sd: least", "median", "most", "median error by noise"):
        table.add_column(name, justify="left" if name in ("measure", "level") else "right")
    for level in document["levels"]:
        unit = unit_of(level["measure"], currency)
        table.add_row(
            str(level["measure"]),
            str(level["level"]),
            count(level["cells"]),
            *(amount(level[f"noise_sd_{name}"], unit) for name in ("min", "median", "max")),
            percent(level["predicted_median_error"]),
        )
    console.print(table)
    loss, after = document["loss"], document["after"]
    delta = float(planned.office.account.delta)
    console.print(
        f"\nIt costs rho {loss['rho']} (epsilon {loss['epsilon']:.2f} at delta {delta:.0e})."
        f" {document['remaining']['rho']} is left in the account now, {after['remaining']} after it."
    )
    console.print(
        "After it, someone who knows every other declaration and the mix of a fitting trader's gets no 95 % interval of"
        f" its volume narrower than ±{after['p_percent']:.0f} %."
    )
    console.print(
        "Large traders are scaled down to the bound, which lowers cells that they dominate by an amount that can't be"
        " published."
    )
    if not after["fits"]:
        console.print("It does NOT fit in what is left: `mirrors run` would refuse it.", style="bold")
    if planned.prior is None:
        console.print("No prior: each level has one noise scale for all its cells.")
    console.print(f"Plan digest {document['digest']}. No record was read.")
    sys.stdout.flush()
