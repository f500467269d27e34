"""A release as a reader drafts it: its plan by the program's own planner, and what its figures would be like.

Public inputs only: the last bundle of an office serves as prior, its published loss and limits as terms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from dashboard.precedents import RHYTHMS, YEAR, LargeTier, Rhythm, estimates_of
from dashboard.sources import office_of, release_of
from release.bundle.verification import Bundle
from release.config import Office, Release
from release.config.fields import months_of
from release.config.measures import LargeTraders, LevelScale, MeasurePlan, ShapedScale
from release.config.office import AccountTerms, Attributions, LedgerPlace, MetadataSheet, Unit, Valuations
from release.config.priors import Prior
from release.config.release import KeySets
from release.config.source import Columns, Source
from release.errors import ConfigError, Fault
from release.estimates import Figures, reconciled
from release.plan import PlannedLevel, PlannedMeasure, PriorFigures, ReleasePlan, make_plan
from release.privacy import parse_delta, parse_rho
from release.tables import RESIDUAL, Flow, Layout, Level, Measure

Z95 = 1.959963984540054
ADDED_UP = "prior.csv"
"""The table that an office has to make of a bundle whose periods aren't the draft's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a reader chose: loss of each release, one of `RHYTHMS`, each level's noise, and the tier or None."""

    rho: Fraction
    rhythm: str
    scales: tuple[ShapedScale, ...]
    large: LargeTier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a level's cells can be expected to be like.

    Attributes:
        level: its name.
        cells: how many, over all periods.
        sd: median standard deviation of the published figures' noise in the first period, in the office's currency.
        part: median of 1.96 sd over the prior, over cells that have one; None where none has.
    """

    level: str
    cells: int
    sd: float
    part: float | None


def planned(draft: Draft, bundle: Bundle) -> ReleasePlan:
    """Return the plan of a draft after an earlier bundle; where a year has several releases, of the first.

    Raises:
        ConfigError: the planner refuses it, or the bundle's terms aren't those of an office.
    """
    try:
        office, release = _office(bundle), release_of_draft(draft, bundle)
    except (ValidationError, ValueError, KeyError, TypeError):
        problem = "this noise and loss don't fit together, or the last bundle's terms aren't those of an office"
        raise ConfigError([Fault(file="draft", line=None, key=release_of(bundle), problem=problem)]) from None
    return make_plan(office, release, _prior_figures(release, bundle))


def release_of_draft(draft: Draft, bundle: Bundle) -> Release:
    """Return the release's configuration; the source's columns are the office's to fill in."""
    year, rhythm = int(bundle.charge["account"]["year"]) + 1, RHYTHMS[draft.rhythm]
    periods = _periods(year, rhythm)
    named = periods[0] if rhythm.releases > 1 else str(year)
    shorter = Fraction(rhythm.months, len(months_of(bundle.plan["periods"][0])))
    return Release(
        release=f"{named}-draft",
        title=f"Trade of {named}, a draft",
        year=year,
        periods=periods,
        flows=tuple(Flow(flow) for flow in bundle.plan["flows"]),
        source=Source(
            name=str(bundle.charge["account"]["source"]),
            layout="csv",
            columns=Columns(date="date", flow="flow", partner="partner", commodity="commodity", value="value"),
        ),
        measures=(_measure(draft, shorter),),
        keys=KeySets(
            partners=tuple(code for code in bundle.plan["partners"] if code != RESIDUAL),
            chapters=tuple(code for code in bundle.plan["chapters"] if code != RESIDUAL),
            headings=tuple(bundle.plan["headings"]),
            subheadings=tuple(bundle.plan["subheadings"]),
        ),
        prior=_prior(bundle, periods),
    )


def _measure(draft: Draft, shorter: Fraction) -> MeasurePlan:
    """Return the measure; floors are of the last release's periods, and `shorter` by so much for this one's."""
    large = draft.large
    kept = {scale.level for scale in draft.scales}
    tier = None
    if large is not None:
        own = tuple(scale for scale in large.scales if scale.level in kept)
        tier = LargeTraders(ceiling=large.ceiling, beyond=large.beyond, levels=_level_scales(own, shorter))
    levels = _level_scales(draft.scales, shorter)
    return MeasurePlan(name=Measure.VALUE, rho=draft.rho, levels=levels, large_traders=tier)


def _level_scales(scales: Sequence[ShapedScale], shorter: Fraction) -> tuple[LevelScale, ...]:
    return tuple(
        LevelScale(
            level=one.level,
            relative_noise=one.relative_noise,
            floor=Fraction(f"{float(one.floor * shorter):.2g}"),
        )
        for one in scales
    )


def _periods(year: int, rhythm: Rhythm) -> tuple[str, ...]:
    if rhythm.months == YEAR:
        return (str(year),)
    form = "{year}-{number:02d}" if rhythm.months == 1 else "{year}-Q{number}"
    last = 1 if rhythm.releases > 1 else YEAR // rhythm.months
    return tuple(form.format(year=year, number=number) for number in range(1, last + 1))


def _prior(bundle: Bundle, periods: Sequence[str]) -> Prior:
    """Return the bundle as a prior, as the program reads one: the same part of the year, or one figure times growth."""
    own = [str(period) for period in bundle.plan["periods"]]
    growth, table = Fraction(1), None
    if len(own) == 1:
        growth = Fraction(len(months_of(periods[0])), len(months_of(own[0])))
    elif not _same_parts(own, periods):
        growth, table = Fraction(len(months_of(periods[0])), _months(own)), ADDED_UP
    return Prior(
        publisher=str(bundle.plan["office"]["name"]),
        period=own[0] if len(own) == 1 else own[0][:4],
        published=str(bundle.charge["date"]),
        bundle=f"{office_of(bundle)}/{release_of(bundle)}" if table is None else None,
        table=table,
        growth=growth,
    )


def _same_parts(own: Sequence[str], periods: Sequence[str]) -> bool:
    return {period[4:] for period in periods} <= {period[4:] for period in own}


def _months(periods: Sequence[str]) -> int:
    return len(frozenset[int]().union(*(months_of(period) for period in periods)))


def _prior_figures(release: Release, bundle: Bundle) -> PriorFigures:
    """Return the bundle's estimates, never negative, as priors of the draft's cells."""
    prior = release.prior or _prior(bundle, release.periods)
    levels = [scale.level for scale in release.measures[0].levels]
    return PriorFigures(
        publisher=prior.publisher,
        period=prior.period,
        published=prior.published,
        digest=bundle.digest,
        growth=prior.growth,
        same_account=False,
        figures={(Measure.VALUE, level): _figures(release, bundle, prior, level) for level in levels},
    )


def _figures(release: Release, bundle: Bundle, prior: Prior, level: Level) -> NDArray[np.float64]:
    """Return a level's priors in published order: flows, periods, and then the same partners and products as before."""
    own = [str(period)[4:] for period in bundle.plan["periods"]]
    known = estimates_of(bundle, level).reshape(len(bundle.plan["flows"]), len(own), -1)
    parts = [period[4:] for period in release.periods]
    if prior.table is None and len(own) > 1:
        found = known[:, [own.index(part) for part in parts]]
    else:
        found = np.repeat(known.sum(axis=1, keepdims=True), len(parts), axis=1)
    return np.asarray(float(prior.growth) * found.reshape(-1))


Noise = Mapping[Level, NDArray[np.float64]]
"""The standard deviation of each level's published figures in the plan's first period; shape (flows, cells of one)."""


def noise_of(plan: ReleasePlan) -> Noise:
    """Return the noise of the figures as they are published: of all tiers, and after all levels are fitted together.

    The first period stands for all: the others' noise differs from its only as their figures do.
    """
    measure, layout = plan.measures[0], plan.layout
    measured = {level.level: _raw(measure, level, layout) for level in measure.levels}
    fitted = reconciled(replace(layout, periods=layout.periods[:1]), measured)
    return {level: one.sd.reshape(len(layout.flows), -1) for level, one in fitted.items()}


def _raw(measure: PlannedMeasure, level: PlannedLevel, layout: Layout) -> Figures:
    """Return the noise of a level's first period as it is drawn."""
    excess = measure.excess
    own = [] if excess is None else [one.sd for one in excess.levels if one.level is level.level]
    sd = _of_first_period(np.hypot(level.sd, own[0]) if own else level.sd, layout).reshape(-1)
    return Figures(values=np.zeros(len(sd)), sd=sd)


def _of_first_period(cells: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    return np.asarray(cells).reshape(len(layout.flows), len(layout.periods), -1)[:, 0]


def expected(plan: ReleasePlan, noise: Noise) -> tuple[Expected, ...]:
    """Return what each level of a plan can be expected to be like."""
    return tuple(_expected(level, noise[level.level], plan.layout) for level in plan.measures[0].levels)


def _expected(level: PlannedLevel, sd: NDArray[np.float64], layout: Layout) -> Expected:
    part = None
    if level.prior is not None:
        prior = _of_first_period(level.prior, layout)
        known = prior > 0
        part = float(np.median(Z95 * sd[known] / prior[known])) if known.any() else None
    return Expected(level=str(level.level), cells=level.cells, sd=float(np.median(sd)), part=part)


def lone_trader(plan: ReleasePlan) -> float:
    """Return what a trader counts at most in the uniform tier whose whole trade is one leaf: the median."""
    measure = plan.measures[0]
    return float(np.median(measure.caps)) / measure.minor_units


def flow_to(plan: ReleasePlan, noise: Noise, flow: Flow, partner: str) -> tuple[float, float] | None:
    """Return prior and noise of a partner's whole flow in the plan's first period, None where it isn't planned."""
    layout = plan.layout
    for level in plan.measures[0].levels:
        if level.level is Level.PARTNER and level.prior is not None:
            place = (layout.flows.index(flow), layout.partners.index(partner))
            return float(_of_first_period(level.prior, layout)[place]), float(noise[level.level][place])
    return None


def notes_on(release: Release, bundle: Bundle, draft: Draft) -> tuple[str, ...]:
    """Return what the configuration's reader has to know of a draft."""
    rhythm = RHYTHMS[draft.rhythm]
    notes = []
    if rhythm.releases > 1:
        notes.append(f"The first of {rhythm.releases} releases of the year; the others differ in release and periods.")
    if release.prior is not None and release.prior.table == ADDED_UP:
        source = f"{office_of(bundle)}/{release_of(bundle)}"
        notes.append(f"{ADDED_UP}: the estimates of {source} added up over its periods, which aren't this draft's.")
    return tuple(notes)


def _office(bundle: Bundle) -> Office:
    """Return the office as far as its bundle states it; the ledger and folders play no part in a plan."""
    plan, sheet = bundle.plan, bundle.metadata
    words = ("re_exports", "thresholds", "rate_source", "confidentiality", "territory", "date_basis", "vintage")
    return Office(
        code=plan["office"]["code"],
        name=plan["office"]["name"],
        area=plan["office"]["area"],
        unit=Unit(kind=plan["unit"]["kind"], formed_by=plan["unit"]["formed_by"]),
        account=AccountTerms(limit=parse_rho(bundle.charge["limit"]), delta=parse_delta(bundle.charge["delta"])),
        ledger=LedgerPlace(url="sqlite:///state/ledger.sqlite"),
        metadata=MetadataSheet(
            trade_system=sheet["trade_system"],
            valuation=Valuations(**sheet["valuation"]),
            partner=Attributions(**sheet["partner"]),
            currency=sheet["currency"],
            usd_per_unit=sheet["usd_per_unit"],
            hs_edition=sheet["hs_edition"],
            **{word: sheet[word] for word in words},
        ),
    )
