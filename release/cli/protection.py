"""`mirrors protect`: what a trader's protection is, from its own figures and a published policy.

Nothing leaves the trader's machine. The arithmetic is the offices' own clip, run on one trader.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import typer

from release.amounts import written
from release.bundle.verification import read_bundle
from release.cli.declared import Declared, declared_in, read_declared
from release.cli.printing import print_json
from release.confidential.excess import added_integers, excess_square
from release.errors import UsageError
from release.measurement import from_bytes
from release.plan import PlannedMeasure
from release.policy import PolicyLoss, PublishedPolicy, interval_percent, policy_loss, published_policy
from release.policy.function import added
from release.policy.published import ceiling_of
from release.privacy import GRID_BITS, amount_text
from release.tables import Measure

_STEP = Fraction(1, 100)
"""How far the volume is moved to see how far the integers move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureProtection:
    """A trader's loss in one measure; `assumed` when its file doesn't tell the measure and the ceiling was taken."""

    measure: Measure
    loss: PolicyLoss
    information: float
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Protection:
    """What one release can give away about a trader."""

    policy: PublishedPolicy
    declared: Declared
    measures: tuple[MeasureProtection, ...]

    @property
    def loss(self) -> PolicyLoss:
        """P(v) over all measures."""
        return added(tuple(one.loss for one in self.measures))

    @property
    def information(self) -> float:
        """The integers' squared relative change for a change of the volume, over all measures and tiers."""
        return sum(one.information for one in self.measures)


def show(places: Sequence[Path], declarations: Path, *, as_json: bool) -> None:
    """Tell a trader what published releases can give away about it."""
    lines = read_declared(declarations)
    policies = [policy_at(place) for place in places]
    found = [protection(policy, declared_in(lines, policy)) for policy in policies]
    accounts = {(one.policy.office, one.policy.source, one.policy.year) for one in found}
    if len(accounts) > 1:
        raise UsageError(
            "The bundles are of several offices, sources or years, whose losses are told apart: name those of one."
        )
    if len({one.policy.release for one in found}) < len(found):
        raise UsageError("A release is named twice, and costs once; nothing was computed.")
    if as_json:
        print_json({"releases": [_document(one) for one in found], "together": _loss_document(found)})
        return
    typer.echo("\n\n".join("\n".join(told(one)) for one in found))
    if len(found) > 1:
        loss = added(tuple(one.loss for one in found))
        typer.echo(f"\nTogether these releases cost you rho {_rounded_up(loss.rho)}, and the narrower figures hold:")
        typer.echo(f"  {_known(found)}")
    typer.echo("\nThis was computed on this machine from your file and the published bundle; nothing was sent or kept.")


def policy_at(place: Path) -> PublishedPolicy:
    """Return the policy of the bundle at `place`, once it is verified.

    Raises:
        BundleRefusedError: it isn't the bundle that it says it is.
    """
    bundle = read_bundle(place)
    return published_policy(bundle.plan, from_bytes((place / "measurement.parquet").read_bytes()))


def protection(policy: PublishedPolicy, declared: Declared) -> Protection:
    """Return what a release can give away about a trader with these figures."""
    return Protection(
        policy=policy,
        declared=declared,
        measures=tuple(_measure(measure, declared) for measure in policy.measures),
    )


def _measure(measure: PlannedMeasure, declared: Declared) -> MeasureProtection:
    ceiling, amounts = ceiling_of(measure), declared.amounts.get(measure.measure)
    if amounts is None:
        most = ceiling or measure.rho
        loss = PolicyLoss(uniform=measure.rho, excess=most - measure.rho, ceiling=most, binds=False)
        return MeasureProtection(measure=measure.measure, loss=loss, information=2.0 * float(most), assumed=True)
    square = 0 if measure.excess is None else excess_square(amounts, measure, measure.excess)
    return MeasureProtection(
        measure=measure.measure,
        loss=policy_loss(measure.rho, ceiling, square),
        information=_information(amounts, measure),
        assumed=False,
    )


def _information(amounts: pl.DataFrame, measure: PlannedMeasure) -> float:
    """Return the integers' squared change, in noise deviations, relative to a change of the volume up or down."""
    if measure.measure is Measure.TRADERS:
        return 0.0
    here = added_integers(amounts, measure)
    squares = []
    for factor in (1 - _STEP, 1 + _STEP):
        scaled = pl.col("amount") * factor.numerator // factor.denominator
        there = added_integers(amounts.with_columns(scaled.cast(pl.Int128)), measure)
        squares.append(
            sum((((one - other) / 2.0**GRID_BITS) ** 2).sum() for one, other in zip(here, there, strict=True))
        )
    return float(max(squares)) / float(_STEP) ** 2


def told(found: Protection) -> list[str]:
    """Return a trader's page for one release, line by line."""
    policy, loss, declared = found.policy, found.loss, found.declared
    left = f" {declared.left_out} lines are of another flow or period and don't count." if declared.left_out else ""
    page = [
        f"Release {policy.release} of {policy.office}: what it can give away about you",
        "",
        f"Lines of yours that count: {declared.counted}.{left}",
        f"Your loss is rho {_rounded_up(loss.rho)}. Everyone has {written(loss.uniform)};"
        f" nobody has more than {written(loss.ceiling)}.",
        _likeness(loss),
        _known([found]),
        *_at_own_figures(found),
        f"Whether you are in the records at all can be told at most {_points(loss)} percentage points better than by"
        " guessing.",
    ]
    if policy.on_request:
        page.append(
            "This office keeps a list of traders who asked for protection. If you are on it, your loss is rho"
            f" {written(loss.uniform)}, whatever your size."
        )
    if any(one.assumed and one.loss.excess for one in found.measures):
        page.append("Your file doesn't tell every measure that the release has; the ceiling was taken for those.")
    page.append(
        "Figures published exactly, partner offices' releases and earlier years can give away more; your traders' ids"
        " count as one only if the office knows that they are one."
    )
    return page


def _likeness(loss: PolicyLoss) -> str:
    if loss.alike:
        return "You fit the bound: you are protected like everyone else, and no draw for large traders touches you."
    if loss.binds:
        return (
            "You are above the ceiling: what is published tells that you are about that large or larger, and not how"
            " much larger. You have no useful protection."
        )
    useful = "You have less protection than others" if loss.rho < 2 * loss.uniform else _UNPROTECTED
    return f"You don't fit the bound, so a second draw measures what it cuts off you. {useful}."


_UNPROTECTED = "You are a large trader here, and your protection isn't that of others"


def _known(found: Sequence[Protection]) -> str:
    percent = _percent(found)
    loss = added(tuple(one.loss for one in found))
    if percent > 100:  # noqa: PLR2004
        return (
            "Someone who knows every other trader's declarations and the mix of yours, and nothing else, can't tell"
            f" your volume to better than ±{math.floor(percent)} %: that is no useful figure for them."
        )
    can = "can't tell your volume to better than" if loss.alike else "can tell your volume to about"
    return (
        f"Someone who knows every other trader's declarations and the mix of yours, and nothing else, {can}"
        f" ±{_shown(percent)} % (95 %)."
    )


def _at_own_figures(found: Protection) -> list[str]:
    """Return what the bound comes to at a fitting trader's own figures, which is wider the smaller they are."""
    if not found.loss.alike or found.information <= 0:
        return []
    own = 196.0 / math.sqrt(found.information)
    return [f"That holds for the largest trader that fits. At your own figures it is about ±{_grouped(own)} %."]


def _grouped(percent: float) -> str:
    return f"{float(f'{percent:.2g}'):,.0f}" if percent >= 10 else _shown(percent)  # noqa: PLR2004


def _percent(found: Sequence[Protection]) -> float:
    return interval_percent(added(tuple(one.loss for one in found)), sum(one.information for one in found))


def _shown(percent: float) -> str:
    """Return a half-width rounded down to two digits."""
    places = max(0, 1 - math.floor(math.log10(percent)))
    return f"{math.floor(percent * 10**places) / 10**places:.{places}f}"


def _points(loss: PolicyLoss) -> int:
    return min(100, math.ceil(100 * loss.presence))


def _rounded_up(rho: Fraction) -> str:
    """Return a loss as text, rounded up to a millionth: what a trader is told is never less than what it has."""
    return written(Fraction(math.ceil(rho * 10**6), 10**6))


def _document(found: Protection) -> dict[str, Any]:
    policy = found.policy
    return {
        "office": policy.office,
        "release": policy.release,
        "year": policy.year,
        **_loss_document([found]),
        "on_request": policy.on_request,
        "lines": {"counted": found.declared.counted, "left_out": found.declared.left_out},
        "measures": [
            {
                "measure": one.measure,
                "rho": _rounded_up(one.loss.rho),
                "uniform": amount_text(one.loss.uniform),
                "ceiling": amount_text(one.loss.ceiling),
                "ceiling_binds": one.loss.binds,
                "assumed": one.assumed,
            }
            for one in found.measures
        ],
    }


def _loss_document(found: Sequence[Protection]) -> dict[str, Any]:
    loss = added(tuple(one.loss for one in found))
    return {
        "rho": _rounded_up(loss.rho),
        "uniform": amount_text(loss.uniform),
        "ceiling": amount_text(loss.ceiling),
        "ceiling_binds": loss.binds,
        "protected_alike": loss.alike,
        "p_percent": _percent(found),
        "presence_percent": _points(loss),
    }
