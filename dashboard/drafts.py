"""A release as a reader drafts it: its plan by the program's own planner, and its configuration as TOML.

Public inputs only: the earlier bundle of an office serves as prior, its published loss and limit as terms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from dashboard.sources import office_of, release_of
from release.bundle.verification import Bundle
from release.config import Office, Release
from release.config.office import AccountTerms, Attributions, LedgerPlace, MetadataSheet, Unit, Valuations
from release.config.release import Columns, KeySets, LevelScale, MeasurePlan, Prior, Source
from release.errors import ConfigError, Fault
from release.plan import PlannedLevel, PriorFigures, ReleasePlan, make_layout, make_plan
from release.privacy import amount_text, parse_delta, parse_rho
from release.tables import RESIDUAL, Flow, Layout, Level, Measure, cells

PARTS: Mapping[str, int] = {"year": 1, "quarter": 4, "month": 12}
"""How many periods of each kind a year has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a reader chose: loss, kind of period, and each level's noise as a part of the prior, with its floor."""

    rho: Fraction
    every: str
    levels: tuple[tuple[str, Fraction, Fraction], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a level's cells can be expected to be like.

    Attributes:
        level: its name.
        cells: how many.
        sd: median standard deviation of noise, in the office's currency.
        part: median of 1.96 sd over the prior, over cells that have one; None where none has.
        lone_trader: the most that a trader can count whose whole trade is one leaf, the median over leaves.
    """

    level: str
    cells: int
    sd: float
    part: float | None
    lone_trader: float


def usual_levels(bundle: Bundle) -> tuple[str, ...]:
    """Return the levels of an earlier release's statistical value, coarse to fine."""
    held = [one["levels"] for one in bundle.plan["measures"] if one["measure"] == Measure.VALUE]
    return tuple(str(level["level"]) for level in held[0]) if held else ()


def planned(draft: Draft, bundle: Bundle) -> ReleasePlan:
    """Return the plan of a draft after an earlier bundle.

    Raises:
        ConfigError: the planner refuses it, or the bundle's terms aren't those of an office.
    """
    try:
        office, release = _office(bundle), release_of_draft(draft, bundle)
    except (ValidationError, ValueError, KeyError, TypeError):
        problem = "holds terms that aren't those of an office, so nothing can be planned after it"
        fault = Fault(file="draft", line=None, key=release_of(bundle), problem=problem)
        raise ConfigError([fault]) from None
    return make_plan(office, release, _prior(draft, bundle, release))


def release_of_draft(draft: Draft, bundle: Bundle) -> Release:
    """Return the release's configuration; the source's columns are the office's to fill in."""
    year = int(bundle.charge["account"]["year"]) + 1
    partners = tuple(code for code in bundle.plan["partners"] if code != RESIDUAL)
    chapters = tuple(code for code in bundle.plan["chapters"] if code != RESIDUAL)
    levels = tuple(LevelScale(level=Level(name), relative_noise=r, floor=floor) for name, r, floor in draft.levels)
    return Release(
        release=f"{year}-draft",
        title=f"Trade of {year}, a draft",
        year=year,
        periods=_periods(year, draft.every),
        flows=tuple(Flow(flow) for flow in bundle.plan["flows"]),
        source=Source(
            name=str(bundle.charge["account"]["source"]),
            layout="csv",
            columns=Columns(date="date", flow="flow", partner="partner", commodity="commodity", value="value"),
        ),
        measures=(MeasurePlan(name=Measure.VALUE, rho=draft.rho, levels=levels),),
        keys=KeySets(
            partners=partners,
            chapters=chapters,
            headings=tuple(bundle.plan["headings"]),
            subheadings=tuple(bundle.plan["subheadings"]),
        ),
        prior=Prior(
            publisher=str(bundle.plan["office"]["name"]),
            period=_whole_period(bundle),
            published=str(bundle.charge["date"]),
            bundle=f"{office_of(bundle)}/{release_of(bundle)}",
            growth=Fraction(1, PARTS[draft.every]),
        ),
    )


def expected(plan: ReleasePlan) -> tuple[Expected, ...]:
    """Return what each level of a plan can be expected to be like."""
    return tuple(_expected(plan, level) for measure in plan.measures for level in measure.levels)


def _expected(plan: ReleasePlan, level: PlannedLevel) -> Expected:
    measure = plan.measures[0]
    known = np.zeros(level.cells, dtype=bool) if level.prior is None else level.prior > 0
    part = None
    if level.prior is not None and known.any():
        part = float(np.median(1.959963984540054 * level.sd[known] / level.prior[known]))
    return Expected(
        level=str(level.level),
        cells=level.cells,
        sd=float(np.median(level.sd)),
        part=part,
        lone_trader=float(np.median(measure.caps)) / measure.minor_units,
    )


def flow_to(plan: ReleasePlan, flow: str, partner: str) -> tuple[float, float] | None:
    """Return prior and noise of a partner's whole flow in the plan's first period, None where it isn't planned."""
    for level in plan.measures[0].levels:
        if level.level is Level.PARTNER and level.prior is not None:
            for number, cell in enumerate(cells(plan.layout, Level.PARTNER)):
                if cell.flow == flow and cell.partner == partner:
                    return float(level.prior[number]), float(level.sd[number])
    return None


def toml_of(plan: ReleasePlan) -> str:
    """Return the release's configuration as TOML, for an office to complete with its source."""
    release, prior = plan.release, plan.release.prior
    measure = release.measures[0]
    lines = [
        "# A draft. Complete [source] with your own file and columns; then: mirrors plan FILE",
        *(f"{key} = {_quoted(value)}" for key, value in (("release", release.release), ("title", release.title))),
        f"year = {release.year}",
        f"periods = {_list(release.periods)}",
        f"flows = {_list(release.flows)}",
        "",
        "[source]",
        f"name = {_quoted(release.source.name)}",
        'path = "declarations.csv"',
        'layout = "csv"',
        "[source.columns]",
        *(f'{name} = "{name}"' for name in ("trader", "date", "flow", "partner", "commodity", "value")),
        "",
        "[keys]",
        f"partners = {_list(release.keys.partners)}",
        f"chapters = {_list(release.keys.chapters)}",
        *(f"headings = {_list(codes)}" for codes in (release.keys.headings,) if codes),
        *(f"subheadings = {_list(codes)}" for codes in (release.keys.subheadings,) if codes),
        "",
    ]
    if prior is not None:
        lines += ["[prior]", *(f"{key} = {_quoted(str(getattr(prior, key)))}" for key in _PRIOR_TEXTS)]
        lines += [f'growth = "{amount_text(prior.growth)}"', ""]
    lines += ["[[measures]]", f'name = "{measure.name}"', f'rho = "{amount_text(measure.rho)}"', "levels = ["]
    lines += [
        f'    {{ level = "{one.level}", relative_noise = "{amount_text(one.relative_noise or Fraction(1))}",'
        f' floor = "{amount_text(one.floor or Fraction(1))}" }},'
        for one in measure.levels
    ]
    return "\n".join([*lines, "]", ""])


_PRIOR_TEXTS = ("publisher", "period", "published", "bundle")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _quoted(text: str) -> str:
    shown = "".join(letter if letter.isprintable() or letter in "\n\r\t" else "?" for letter in text)
    return f'"{shown.translate(_ESCAPES)}"'


def _list(texts: Sequence[str]) -> str:
    return _quoted(texts) if isinstance(texts, str) else f"[{', '.join(_quoted(str(text)) for text in texts)}]"


def _periods(year: int, every: str) -> tuple[str, ...]:
    if every == "year":
        return (str(year),)
    form = "{year}-Q{number}" if every == "quarter" else "{year}-{number:02d}"
    return tuple(form.format(year=year, number=number + 1) for number in range(PARTS[every]))


def _whole_period(bundle: Bundle) -> str:
    periods = bundle.plan["periods"]
    return str(periods[0]) if len(periods) == 1 else str(periods[0])[:4]


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


def _prior(draft: Draft, bundle: Bundle, release: Release) -> PriorFigures:
    """Return the bundle's estimates, never negative, as priors of the draft's cells."""
    layout = make_layout(release)
    growth = Fraction(1, PARTS[draft.every])
    table = bundle.observations.filter(pl.col("measure") == str(Measure.VALUE))
    summed = table.group_by("flow", "partner", "product", "level").agg(pl.col("estimate").sum())
    known = {tuple(row[:4]): max(0.0, row[4]) for row in summed.iter_rows()}
    return PriorFigures(
        publisher=str(bundle.plan["office"]["name"]),
        period=_whole_period(bundle),
        published=str(bundle.charge["date"]),
        digest=bundle.digest,
        growth=growth,
        same_account=False,
        figures={
            (Measure.VALUE, Level(name)): float(growth) * _figures(layout, Level(name), known)
            for name, _, _ in draft.levels
        },
    )


def _figures(layout: Layout, level: Level, known: Mapping[tuple[str, ...], float]) -> NDArray[np.float64]:
    keys = ((str(one.flow), one.partner, one.product, str(level)) for one in cells(layout, level))
    return np.asarray([known.get(key, 0.0) for key in keys])
