"""Exact generalised least squares for noisy measurements of grouped sums: one release, flow and period.

`reconcile` takes a table (total, partner and chapter margins, partner x chapter leaves, trees below the
leaves) and `reconcile_tree` a plain hierarchy; any cell may be unmeasured. Estimates satisfy all sums, and
their variances, and those of any linear combination, are exact for independent noise of known standard
deviations. Nothing is clamped at 0. The package draws no noise, knows no privacy loss, and leaves intervals
and verdicts to others.
"""

from release.reconciliation.cells import Cells, Combination, Level, Measurements
from release.reconciliation.table import Estimates, covariance, reconcile, variance_of
from release.reconciliation.trees import TreeEstimates, reconcile_tree, tree_covariance, tree_variance

__all__ = [
    "Cells",
    "Combination",
    "Estimates",
    "Level",
    "Measurements",
    "TreeEstimates",
    "covariance",
    "reconcile",
    "reconcile_tree",
    "tree_covariance",
    "tree_variance",
    "variance_of",
]
