"""A release's methods and limits in words, as published in its bundle; generated from the plan alone."""

import math

from release.plan import ReleasePlan
from release.policy import policy_sentences, requests_sentence
from release.privacy import GRID_BITS, amount_text, presence_advantage, volume_interval_percent
from release.wording import decimals_up, holder, one_in, unit_warning, volume_bound

_UNIT_WORDS = {
    "trader-year": "all records of one trader in the calendar year, added or removed",
    "record": "a single record, added or removed",
}


def methods_in_words(plan: ReleasePlan, epsilon: float) -> str:
    """Return the text of `methods.md`."""
    return "\n".join(
        [
            f"# {plan.release.title}",
            "",
            f"Office: {plan.office.name} ({plan.office.code}). Release: {plan.release.release}.",
            "",
            *_protection(plan, epsilon),
            *_large_traders(plan),
            *_reading(plan),
            *_preparation(plan),
        ]
    )


def _protection(plan: ReleasePlan, epsilon: float) -> list[str]:
    delta = plan.office.account.delta
    bound = volume_bound(volume_interval_percent(plan.rho))
    advantage = math.ceil(100 * presence_advantage(plan.rho))
    return [
        "## What is protected",
        "",
        f"The unit of protection is {_UNIT_WORDS[plan.office.unit.kind]}.",
        f"How it is formed: {plan.office.unit.formed_by}",
        *([f"**{warning}**"] if (warning := unit_warning(plan.office.unit.kind)) else []),
        "",
        f"{_for_whom(plan)} costs rho = {amount_text(plan.rho)} of zero-concentrated differential privacy, which is"
        f" epsilon = {decimals_up(epsilon)} at delta = {amount_text(delta)} ({one_in(delta)}) by OpenDP's conversion.",
        "",
        f"For a {holder(plan.office.unit.kind)} whose whole vector fits the bound: someone who knows everything else"
        f" and the mix of its figures can estimate its volume from this release at best {bound} (95 %). Its presence"
        f" can be guessed at most {advantage} percentage points better than by chance. Other releases of the year add"
        " up; earlier years, partner offices and figures published exactly narrow it.",
        "",
    ]


def _for_whom(plan: ReleasePlan) -> str:
    if not plan.excess_rho:
        return "This release"
    ceiling = amount_text(plan.rho + plan.excess_rho)
    return f"For a trader above the bound this release costs more, up to rho = {ceiling}, as told below. For others it"


def _large_traders(plan: ReleasePlan) -> list[str]:
    """Return what the large-trader tier means, where there is one."""
    tiered = [measure for measure in plan.measures if measure.excess is not None]
    if not tiered:
        return []
    assumed = all(measure.beyond == "assumed none" for measure in tiered)
    on_request = plan.release.source.protected_traders is not None
    return [
        "## Large traders",
        "",
        f"Measures with a tier for large traders: {', '.join(measure.measure for measure in tiered)}.",
        *policy_sentences(plan.rho, plan.rho + plan.excess_rho, assumed=assumed),
        requests_sentence(on_request=on_request),
        "P(v) is computed from this bundle: `plan.json` names the rule, bounds and ceilings, `measurement.parquet` the"
        " weights of both tiers.",
        "",
    ]


def _exposure(plan: ReleasePlan) -> str:
    """Return what `exposure` says in this release's table, measure by measure."""
    bounded = [one.measure for one in plan.measures if one.excess is not None and one.beyond == "assumed none"]
    declared = [measure.measure for measure in plan.measures if measure.declared is not None]
    said = []
    if bounded:
        said.append(
            f"For {', '.join(bounded)} the second draw measures what is cut off. `exposure` is finite there under the"
            " office's assumption that no trader is above the ceiling, and only the grid's truncation is left in it:"
            " whatever rests on it is conditional on that assumption."
        )
    if declared:
        said.append(
            f"For {', '.join(declared)} a bound on each unit is declared publicly, within which nothing is clipped:"
            " `exposure` is finite and conditional on that bound."
        )
    others = "Elsewhere" if said else "No public quantity says by how much:"
    said.append(f"{others} `exposure` is INF, meaning that no bound is stated.")
    return " ".join(said)


def _reading(plan: ReleasePlan) -> list[str]:
    one = holder(plan.office.unit.kind)
    return [
        "## How to read the figures",
        "",
        "Each cell is a sum to which random noise was added. `measured` is that figure, `measured_sd` the noise's"
        " standard deviation; `estimate` and `sd` use all cells together; `low` to `high` is a 95 % interval for the"
        " noise alone.",
        "",
        f"**What the interval doesn't cover.** A {one} whose figures exceed the bound is scaled down as a whole, so"
        f" cells with large {one}s are understated by the uniform tier. {_exposure(plan)}"
        " A figure can be negative: that is noise. `display` is never negative and for showing only.",
        "",
        "Figures are stated to a hundred-thousandth of their noise; standard deviations, bounds and intervals are"
        f" rounded up. Amounts are in {plan.office.metadata.currency}; each row names its `unit`.",
        "",
        f"The whitened grid has 2^{GRID_BITS} steps in a standard deviation; truncation to it lowers a cell with N"
        f" traders by at most N / 2^{GRID_BITS} standard deviations, about half of that on average.",
        "",
        *([f"Scales: {plan.release.scales_from}", ""] if plan.release.scales_from else []),
    ]


def _preparation(plan: ReleasePlan) -> list[str]:
    source = plan.release.source
    missing = {
        "leave out": "Rows without a trader id are left out.",
        "own unit": "A row without a trader id counts as a trader of its own.",
    }
    duplicates = {
        "keep": "Identical rows all count.",
        "count once": "Identical rows of one trader's declaration count once.",
    }
    return [
        "## How records were prepared",
        "",
        f"{missing[source.missing_trader]} {duplicates[source.duplicates]}"
        " A row of another flow or period, in another currency, or with a value that isn't a number is left out."
        " A partner or commodity that isn't on the list goes to the residual category `_X`."
        " A trader's sum in a partner and product is floored at 0 before it counts in any total; returns are a"
        " measure of their own."
        " How many rows each rule touched isn't published.",
        "",
    ]
