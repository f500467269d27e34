"""`mirrors plan`: what a release would publish, what it is predicted to be worth, and what it costs."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from release.charging import Cost, Rehearsal, rehearse
from release.cli import plan_printing, wiring
from release.cli.plan_policy import conditional, policy_document
from release.cli.printing import print_json, say
from release.config.measures import ShapedScale
from release.errors import InvalidAmountError, LedgerMissingError, UsageError
from release.ledger.book import Book
from release.ledger.memory import MemoryStore
from release.plan import PlannedLevel, PlannedMeasure, ReleasePlan
from release.planner import (
    Forecast,
    LevelForecast,
    MirrorForecast,
    Proposal,
    TargetAnswer,
    TierProposal,
    forecast,
    reach_targets,
    suggest,
    suggest_tiers,
)
from release.privacy import amount_text, parse_amount, volume_interval_percent
from release.tables import Level

PLOT_ENDINGS = (".svg", ".png", ".html", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked beside the plan itself: a loss for targets (`LEVEL=PART` or `PART`), scales, a plot."""

    target: bool = False
    targets: tuple[str, ...] = ()
    suggest: bool = False
    plot: Path | None = None


def show(file: Path, out: Path | None, asked: Asked, *, as_json: bool) -> None:
    """Print a release's plan."""
    targets = _targets(asked.targets)
    if asked.plot is not None and asked.plot.suffix not in PLOT_ENDINGS:
        raise UsageError(f"{asked.plot} can't be drawn: it must end in {', '.join(PLOT_ENDINGS)}. Nothing was written.")
    _, _, planned = wiring.planned_file(file, out)
    forecasts = forecast(planned)
    document = _plan_document(planned, _rehearsed(planned, file.parent, out), forecasts)
    if asked.target:
        document["targets"] = [_target_document(answer) for answer in reach_targets(planned, targets)]
    if asked.suggest:
        document["suggested"] = [_proposal_document(planned, proposal) for proposal in suggest(planned)]
        document["suggested_tiers"] = [_tier_document(planned, proposal) for proposal in suggest_tiers(planned)]
    if asked.plot is not None:
        _draw(planned, forecasts, asked.plot)
    if as_json:
        print_json(document)
    else:
        plan_printing.print_plan(planned, document)


def _targets(texts: tuple[str, ...]) -> Mapping[Level, Fraction] | None:
    """Return targets from the command line, or None when it names none.

    Raises:
        UsageError: a target isn't a level and a part.
    """
    found: dict[Level, Fraction] = {}
    for text in texts:
        name, _, part = text.rpartition("=")
        try:
            levels = (Level(name),) if name else tuple(Level)
            target = parse_amount(part, low=Fraction(1, 10**4), high=Fraction(100))
        except (ValueError, InvalidAmountError):
            known = ", ".join(Level)
            raise UsageError(f'{text!r} is no target: write "partner=0.1", with a level of {known}.') from None
        found |= dict.fromkeys(levels, target)
    return found or None


def _draw(planned: ReleasePlan, forecasts: tuple[LevelForecast, ...], file: Path) -> None:
    from release.planner.charts import write_chart

    if not any(level.bands for level in forecasts):
        raise UsageError("There is nothing to draw: no level has a prior. Nothing was written.")
    if file.suffix in {".svg", ".png"} and find_spec("vl_convert") is None:
        raise UsageError(f"{file} needs the package vl-convert-python; .html and .json don't. Nothing was written.")
    write_chart(forecasts, file, title=planned.release.title, unit=planned.office.metadata.currency)
    say(f"drew {file}")


def _rehearsed(planned: ReleasePlan, folder: Path, out: Path | None) -> Rehearsal:
    """Return what the office's ledger would answer to the release, or a new one where a run would make it."""
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    try:
        return rehearse(planned, wiring.existing_book(planned.office, folder, published=out), date=date)
    except LedgerMissingError as missing:
        fresh = rehearse(planned, Book(MemoryStore()), date=date)
        return fresh if wiring.makes_ledger(planned.office, folder) else replace(fresh, refusal=str(missing))


def _plan_document(planned: ReleasePlan, rehearsal: Rehearsal, forecasts: tuple[LevelForecast, ...]) -> dict[str, Any]:
    from release.accounting import epsilon

    delta = planned.office.account.delta
    own = rehearsal.costs[0]
    after = own.account.spent + own.rho
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
        "remaining": {"rho": amount_text(own.account.remaining)},
        "after": {
            "rho": amount_text(after),
            "remaining": amount_text(max(own.account.terms.limit - after, Fraction(0))),
            "fits": rehearsal.refusal is None,
            "charged": rehearsal.charged,
            "p_percent": volume_interval_percent(after),
        },
        "accounts": [_cost_document(cost) for cost in rehearsal.costs],
        "refusal": rehearsal.refusal,
        "cells": planned.cells,
        "levels": [
            _level_document(measure, level, told)
            for (measure, level), told in zip(
                ((measure, level) for measure in planned.measures for level in measure.levels), forecasts, strict=True
            )
        ],
        "assumption": _assumption_document(planned),
        "large_traders": policy_document(planned, forecasts),
        "digest": planned.digest,
    }


def _cost_document(cost: Cost) -> dict[str, Any]:
    """Return what the release costs one account; amounts are rho."""
    state = cost.account
    return {
        "source": state.account.source,
        "year": state.account.year,
        "tier": state.account.tier,
        "cost": {"rho": amount_text(cost.rho)},
        "limit": {"rho": amount_text(state.terms.limit)},
        "remaining": {"rho": amount_text(state.remaining)},
        "promised": {"rho": amount_text(state.outstanding)},
        "kept_for_revisions": {"rho": amount_text(state.kept)},
        "free": {"rho": amount_text(cost.free)},
        "fits": cost.fits,
    }


def _level_document(measure: PlannedMeasure, level: PlannedLevel, told: LevelForecast) -> dict[str, Any]:
    """Return a level's entry; what is predicted of mirrors is at the first tolerance, 0.25."""
    whole = None if told.whole is None else _forecast_document(told.whole)
    mirrors: list[dict[str, Any]] = [] if whole is None else whole["mirrors"]
    first = mirrors[0] if mirrors else {}
    return {
        "level": level.level,
        "measure": measure.measure,
        "cells": level.cells,
        "noise_sd_min": float(level.sd.min()),
        "noise_sd_median": float(np.median(level.sd)),
        "noise_sd_max": float(level.sd.max()),
        "estimate_sd_median": float(np.median(told.sd)),
        "covers": "uniform tier" if measure.excess is None else "both tiers",
        "predicted_median_error": None if told.whole is None else told.whole.median_error,
        "detectable_low": first.get("detectable_low"),
        "detectable_high": first.get("detectable_high"),
        "p_corresponds": first.get("p_corresponds"),
        "whole": whole,
        "bands": [_forecast_document(band) for band in told.bands],
    }


def _forecast_document(told: Forecast) -> dict[str, Any]:
    return {
        "prior_low": told.low,
        "prior_high": told.high if np.isfinite(told.high) else None,
        "cells": told.cells,
        "prior_median": told.median_prior,
        "predicted_median_error": told.median_error,
        "predicted_median_error_range": [told.luckiest, told.unluckiest],
        "noise_error": told.noise_error,
        "half_width": told.half_width,
        "clipping_bias": told.clipping_bias,
        "clipped_share": told.clipped_share,
        "mirrors": [_mirror_document(mirror) for mirror in told.mirrors],
    }


def _mirror_document(told: MirrorForecast) -> dict[str, Any]:
    return {
        "tolerance": told.tolerance,
        "detectable_low": told.detectable_low,
        "detectable_high": told.detectable_high,
        "p_corresponds": told.p_corresponds,
    }


def _assumption_document(planned: ReleasePlan) -> dict[str, Any]:
    own = planned.release.assumption
    return {
        "traders": own.traders,
        "top": own.top,
        "top_share": amount_text(own.top_share),
        "further": [{"top": one.top, "share": amount_text(one.share)} for one in own.further],
        "partners": amount_text(own.partners),
        "chapters": amount_text(own.chapters),
        "narrowing": amount_text(own.narrowing),
        "prior_error": amount_text(own.prior_error),
        "source": own.source,
        "main_flow": amount_text(own.main_flow),
        "conditional": conditional(planned),
    }


def _target_document(answer: TargetAnswer) -> dict[str, Any]:
    return {
        "measure": answer.measure,
        "covers": "uniform tier",
        "reachable": answer.rho is not None,
        "rho": None if answer.rho is None else amount_text(answer.rho),
        "scale_factor": answer.scale_factor,
        "fits_limit": answer.fits,
        "held_by": answer.held_by,
        "rho_with_clipping_as_now": answer.only_noise,
        "levels": [
            {
                "level": level.level,
                "target": level.target,
                "predicted": level.reached,
                "noise": level.noise,
                "clipped": level.clipped,
            }
            for level in answer.targets
        ],
    }


def _proposal_document(planned: ReleasePlan, proposal: Proposal) -> dict[str, Any]:
    return {
        "measure": proposal.measure,
        "covers": "uniform tier",
        "rho": amount_text(proposal.rho),
        "scales_from": _scales_from(planned, f"at rho {amount_text(proposal.rho)}"),
        "levels": _scales_document(proposal.scales, proposal.before, proposal.after),
    }


def _tier_document(planned: ReleasePlan, proposal: TierProposal) -> dict[str, Any]:
    return {
        "measure": proposal.measure,
        "covers": "both tiers",
        "ceiling": amount_text(proposal.ceiling),
        "scales_from": _scales_from(planned, f"at ceiling {amount_text(proposal.ceiling)}"),
        "largest_loss": proposal.largest_after,
        "largest_loss_now": proposal.largest_before,
        "lowers_errors": proposal.helps,
        "levels": _scales_document(proposal.scales, proposal.before, proposal.after),
    }


def _scales_from(planned: ReleasePlan, where: str) -> str:
    prior = "" if planned.prior is None else planned.prior.digest
    return f"mirrors plan --suggest {where}, prior {prior[:16]}, assumption from: {planned.release.assumption.source}"


def _scales_document(
    scales: tuple[ShapedScale, ...], before: tuple[float, ...], after: tuple[float, ...]
) -> list[dict[str, Any]]:
    return [
        {
            "level": scale.level,
            "relative_noise": amount_text(scale.relative_noise),
            "floor": amount_text(scale.floor),
            "predicted_median_error": reached,
            "predicted_median_error_now": now,
        }
        for scale, now, reached in zip(scales, before, after, strict=True)
    ]
