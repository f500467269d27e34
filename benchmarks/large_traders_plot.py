"""The plot of P(v) in `docs/large-traders.md`: `python benchmarks/large_traders_plot.py docs`."""

import sys
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from accuracy_world import Asked, planned
from heavy_world import heavy_world
from large_traders import SETTINGS, TRADERS, plan_of

from release.plan import ReleasePlan
from release.policy import modelled_loss
from release.tables import Level

SHARES = np.geomspace(1e-4, 1.0, 81)
SIZE = {"width": 330, "height": 260}
INTERVALS = {"±100 %": 1.92, "±10 %": 192.0, "±1 %": 19208.0}
"""The losses at which p = 196 / sqrt(2 P) takes round values."""


def main() -> None:
    """Write the SVG into the folder that is named."""
    setting = next(one for one in SETTINGS if one.name == "both tiers")
    years = heavy_world(traders=TRADERS, seed=1)
    plan = plan_of(setting, planned(years, Asked(rho=setting.rho, scales=setting.uniform, assumption="")))
    frame = pd.concat([_curves(plan, 0, "largest partner"), _curves(plan, 30, "median partner")])
    lines = (
        alt.Chart(frame)
        .mark_line()
        .encode(
            x=alt.X("share:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~%"), title="share of its total"),
            y=alt.Y("loss:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"), title="policy loss P(v), rho"),
            color=alt.Color("partner:N", legend=alt.Legend(orient="right", title=None)),
            strokeDash=alt.StrokeDash("mix:N", legend=alt.Legend(orient="right", title=None)),
        )
    )
    marks = pd.DataFrame({"loss": list(INTERVALS.values()), "p": [f"known to {name}" for name in INTERVALS]})
    rules = alt.Chart(marks).mark_rule(color="#969696", strokeDash=[2, 3]).encode(y="loss:Q")
    texts = (
        alt.Chart(marks).mark_text(align="left", dy=-5, color="#555555").encode(y="loss:Q", x=alt.value(4), text="p:N")
    )
    chart = alt.layer(lines, rules, texts).properties(**SIZE).configure_view(strokeOpacity=0)
    chart.save(Path(sys.argv[1]) / "large-traders-policy.svg")


def _curves(plan: ReleasePlan, rank: int, name: str) -> pd.DataFrame:
    """Return P at shares of a partner's total, for both mixes."""
    measure, chapters = plan.measures[0], len(plan.layout.chapters)
    priors = {level.level: level.prior for level in measure.levels}
    partners, leaves = priors[Level.PARTNER], priors[Level.PARTNER_CHAPTER]
    if partners is None or leaves is None:
        raise TypeError("the plan has no prior")
    place = int(np.argsort(-partners)[rank])
    own = np.arange(place * chapters, (place + 1) * chapters)
    spread = leaves[own] / leaves[own].sum()
    alone = (np.arange(chapters) == spread.argmax()).astype(float)
    rows = [
        {
            "share": share,
            "loss": modelled_loss(measure, own, whole * share),
            "mix": words,
            "partner": name,
        }
        for words, whole in (
            ("spread as the partner's trade is", spread * partners[place]),
            ("all in its largest chapter", alone * partners[place]),
        )
        for share in SHARES
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
