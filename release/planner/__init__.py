"""Predictions of a release's worth from public inputs alone, and scales and losses that fit them.

`forecast` tells what a plan can be expected to reach, `reach_targets` the loss that reaches a release's targets,
`suggest` scales for a loss. No record is read, nothing is charged, and no figure of a release depends on a prediction.
"""

from release.planner.forecast import Forecast, LevelForecast, MirrorForecast, forecast
from release.planner.losses import TierLosses, predicted_losses
from release.planner.scales import Proposal, suggest
from release.planner.targets import LevelTarget, TargetAnswer, reach_targets
from release.planner.tier_scales import TierProposal, suggest_tiers

__all__ = [
    "Forecast",
    "LevelForecast",
    "LevelTarget",
    "MirrorForecast",
    "Proposal",
    "TargetAnswer",
    "TierLosses",
    "TierProposal",
    "forecast",
    "predicted_losses",
    "reach_targets",
    "suggest",
    "suggest_tiers",
]
