"""How an account's budget was used, as inline SVG: each charge on top of those before it, against the limit."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from markupsafe import Markup

from release.wording import exact

_MOST = 40
"""More charges than these are drawn as the latest ones, on top of the sum of the others."""

_LETTERS = 24
"""So much of a release's name is shown."""

_USED, _PLANNED, _LIMIT = "#1d6fa5", "#b9d4e6", "#9a3412"


def budget_chart(account: Mapping[str, Any]) -> Markup | None:
    """Return the drawing of an account's charges and planned shares; None where nothing can be drawn or added up.

    Labels are text nodes, which the drawing program escapes.
    """
    steps = _steps(account)
    if not steps or account["doubt"] is not None:
        return None
    import altair as alt
    import vl_convert

    limit = float(Fraction(account["limit"]["rho"]))
    order = [step["label"] for step in steps]
    axis = alt.Axis(title=None, labelAngle=0 if len(steps) < 9 else -50, labelLimit=140)  # noqa: PLR2004
    bars = (
        alt.Chart(alt.InlineData(values=steps))
        .mark_bar(size=min(46, 420 // len(steps)))
        .encode(
            x=alt.X("label:N", sort=order, axis=axis),
            y=alt.Y("before:Q", title="rho, added up", scale=alt.Scale(domain=[0, 1.08 * limit])),
            y2="after:Q",
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=["charged", "planned"], range=[_USED, _PLANNED]),
                legend=alt.Legend(title=None, orient="right") if account["planned"] else None,
            ),
        )
    )
    lines = alt.Chart(alt.InlineData(values=_limits(account, steps)))
    ticks = lines.mark_tick(color=_LIMIT, thickness=2, size=min(70, 500 // len(steps)))
    words = lines.mark_text(color=_LIMIT, baseline="bottom", dy=-3)
    place = alt.X("label:N", sort=order)
    drawn = (bars + ticks.encode(x=place, y="limit:Q") + words.encode(x=place, y="limit:Q", text="text:N")).properties(
        width=520, height=170, background="white"
    )
    svg = vl_convert.vegalite_to_svg(drawn.configure(font="sans-serif").to_dict())
    return Markup(_named(svg, account))  # noqa: S704 - made by the drawing program, whose text nodes are escaped


def _steps(account: Mapping[str, Any]) -> list[dict[str, Any]]:
    charges, planned = account["charges"], account["planned"]
    steps: list[dict[str, Any]] = []
    reached = Fraction(0)
    hidden = max(0, len(charges) - _MOST)
    if hidden:
        reached = Fraction(charges[hidden - 1]["after"])
        steps.append({"label": f"{hidden} earlier", "before": 0.0, "after": float(reached), "state": "charged"})
    for state, ones in (("charged", charges[hidden:]), ("planned", planned[:_MOST])):
        for one in ones:
            before, reached = reached, reached + Fraction(one["rho"])
            label = str(one["release"])[:_LETTERS]
            steps.append({"label": label, "before": float(before), "after": float(reached), "state": state})
    return steps


def _limits(account: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the limit in force at each step; it is named where it begins."""
    charged = {str(charge["release"])[:_LETTERS]: charge["limit"] for charge in account["charges"]}
    limits, before = [], ""
    for step in steps:
        limit = charged.get(step["label"], account["limit"]["rho"])
        text = "" if limit == before else f"limit {exact(limit)}"
        limits.append({"label": step["label"], "limit": float(Fraction(limit)), "text": text})
        before = limit
    return limits


def _named(svg: str, account: Mapping[str, Any]) -> str:
    """Return the drawing with a title for those who can't see it, and without a size of its own."""
    said = f"Losses of the account added up: {account['spent']['rho']} of {account['limit']['rho']} is spent"
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{said}; the table holds the same figures" ', svg, count=1)
