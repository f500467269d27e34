"""What an account's loss means, in words for people who aren't statisticians; the same in every form of the report."""

from collections.abc import Sequence
from fractions import Fraction

from release.ledger.values import AccountState
from release.privacy import presence_advantage, volume_interval_percent
from release.tables import Tier
from release.wording import exact, points_up, volume_bound

_ALL = 100
"""Above so many per cent an interval of a volume is no useful one."""


def can_not_be_told(broken: Sequence[int], at_least: str) -> str:
    """Return in a sentence why an account's sums can't be told, and what was spent at least (rho)."""
    entries = f"entry {broken[0]}" if len(broken) == 1 else f"entries {', '.join(str(one) for one in broken)}"
    return (
        f"What was spent can't be told: the ledger is broken at {entries}. By the entries that are whole and by the"
        f" bundles it was at least rho {exact(at_least)}."
    )


def guarantee(state: AccountState) -> str:
    """Return what a trader, or a record, is protected by in one account, all releases of the year together."""
    year, rho = state.account.year, state.spent
    if state.account.tier == Tier.LARGE_TRADER:
        return (
            f"Large traders of {year} lose more than others, by a published rule that each can evaluate on its own"
            " figures (mirrors protect). The figures here are ceilings. The largest firms have no useful protection."
        )
    if not rho:
        return f"Nothing of {year} has been released from this account yet."
    if state.terms.unit == "record":
        return (
            f"What is protected in {year} is a single record, and no firm: a firm with several records has less"
            f" protection. Whether one record is there can be told at most {points_up(presence_advantage(rho))}"
            " percentage points better than by guessing."
        )
    return (
        f"{_volume(year, rho)} Whether a trader is in the records at all can be told at most"
        f" {points_up(presence_advantage(rho))} percentage points better than by guessing."
    )


def _volume(year: int, rho: Fraction) -> str:
    percent = volume_interval_percent(rho)
    knows = "someone who knows every other declaration of that year and the mix of its own, and nothing else,"
    if percent > _ALL:
        return f"For a trader within the bound, in {year}: {knows} gets no useful figure of its volume from them all."
    return (
        f"For a trader within the bound, in {year}: {knows} can estimate its volume from all releases together at best"
        f" {volume_bound(percent)} (95 %)."
    )
