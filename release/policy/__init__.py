"""The policy function of the large-trader tier: published, and evaluated by anyone on its own figures.

`function` is the formula, `table` its values at shares of a partner's total, `published` reads a policy from a bundle,
and `words` says it in sentences. Nothing here reads a record or spends anything.
"""

from release.policy.function import PolicyLoss, interval_percent, policy_loss
from release.policy.published import PublishedPolicy, published_policy
from release.policy.table import SHARES, PolicyRow, modelled_loss, policy_table
from release.policy.words import policy_sentences, requests_sentence

__all__ = [
    "SHARES",
    "PolicyLoss",
    "PolicyRow",
    "PublishedPolicy",
    "interval_percent",
    "modelled_loss",
    "policy_loss",
    "policy_sentences",
    "policy_table",
    "published_policy",
    "requests_sentence",
]
