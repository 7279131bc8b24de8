"""How good: pure functions on numbers, with intervals, that say when they cannot tell.

Grade decisions, not R2 (`slowdown` and its means); bound everything by groups
(`group_bootstrap`); evaluate a policy from another one's logs only where the two overlap
(`off_policy`).
"""

from toolkit.metrics.bootstrap import (
    BootstrapInterval,
    DifferenceOfRatios,
    LogRatioOfRatios,
    RatioOfTotals,
    Statistic,
    cluster_bootstrap,
    effective_degrees,
    group_bootstrap,
    group_totals,
    paired_group_bootstrap,
)
from toolkit.metrics.calibration import (
    ReliabilityBin,
    coverage,
    expected_calibration_error,
    group_coverage,
    interval_width,
    reliability,
)
from toolkit.metrics.decision import (
    geometric_mean_slowdown,
    range_normalised_regret,
    share_within,
    slowdown,
)
from toolkit.metrics.interval import ShareInterval, wilson
from toolkit.metrics.objectives import (
    OBJECTIVES,
    Burn,
    Claim,
    Objective,
    ObjectiveReport,
    Period,
    Trials,
    Verdict,
    objective_report,
)
from toolkit.metrics.regression import (
    mean_absolute_log_error,
    r_squared,
    rank_correlation,
)
from toolkit.metrics.student_t import student_t_cdf, student_t_quantile

__all__ = [
    "OBJECTIVES",
    "BootstrapInterval",
    "Burn",
    "Claim",
    "DifferenceOfRatios",
    "LogRatioOfRatios",
    "Objective",
    "ObjectiveReport",
    "Period",
    "RatioOfTotals",
    "ReliabilityBin",
    "ShareInterval",
    "Statistic",
    "Trials",
    "Verdict",
    "cluster_bootstrap",
    "coverage",
    "effective_degrees",
    "expected_calibration_error",
    "geometric_mean_slowdown",
    "group_bootstrap",
    "group_coverage",
    "group_totals",
    "interval_width",
    "mean_absolute_log_error",
    "objective_report",
    "paired_group_bootstrap",
    "r_squared",
    "range_normalised_regret",
    "rank_correlation",
    "reliability",
    "share_within",
    "slowdown",
    "student_t_cdf",
    "student_t_quantile",
    "wilson",
]
