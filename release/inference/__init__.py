"""Mirror tests: what noisy mirrors of a bilateral flow can and can't say. Pure arithmetic on values.

`judge` and `judge_cells` give verdicts, `judge_family` those of many cells, `judge_looks` those of a running
year; `foresee` what a comparison could see beforehand; `beside_history` what is unusual for a pair;
`explain_gap` which parts carry a gap. Reading, aligning and naming figures is left to others.

SciPy is imported inside the functions that need it: what only names a verdict or an adjustment starts sooner.
"""

from release.inference.asymmetry import Asymmetries, Measure, asymmetries, exact
from release.inference.bands import Band, Mirrors, mirrors
from release.inference.explaining import Amount, Explanation, Flow, combine, explain_gap, flow
from release.inference.families import Adjustment, adjusted, error_rate_each, judge_family
from release.inference.history import Unusual, beside_history
from release.inference.looks import critical_values, information_fractions, judge_looks, year_to_date
from release.inference.planning import (
    Foresight,
    chance_corresponds,
    chance_differs,
    detectable_ratios,
    expected,
    foresee,
)
from release.inference.verdicts import Judgement, Verdict, judge, judge_cells

__all__ = [
    "Adjustment",
    "Amount",
    "Asymmetries",
    "Band",
    "Explanation",
    "Flow",
    "Foresight",
    "Judgement",
    "Measure",
    "Mirrors",
    "Unusual",
    "Verdict",
    "adjusted",
    "asymmetries",
    "beside_history",
    "chance_corresponds",
    "chance_differs",
    "combine",
    "critical_values",
    "detectable_ratios",
    "error_rate_each",
    "exact",
    "expected",
    "explain_gap",
    "flow",
    "foresee",
    "information_fractions",
    "judge",
    "judge_cells",
    "judge_family",
    "judge_looks",
    "mirrors",
    "year_to_date",
]
