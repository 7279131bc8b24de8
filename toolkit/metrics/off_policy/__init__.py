"""What a policy would have cost, from the log of another one that explored.

Inverse propensity (`ips`), its self-normalised form (`snips`), the direct method
(`dm`), doubly robust (`dr`) and `switch`, each an `OffPolicyEstimator`; `overlap` tells
what the log can carry and `check_overlap` refuses the rest. A deterministic policy's own
log proves nothing about any other policy.
"""

from toolkit.metrics.off_policy.base import Contributions, OffPolicyEstimator
from toolkit.metrics.off_policy.direct import Direct
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.estimate import (
    ESTIMATORS,
    Sampling,
    compare_policies,
    estimate_policy,
)
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)
from toolkit.metrics.off_policy.logged import LoggedDecisions
from toolkit.metrics.off_policy.overlap import (
    Overlap,
    OverlapLimits,
    check_overlap,
    overlap,
)
from toolkit.metrics.off_policy.switch import Switch, switch_threshold

__all__ = [
    "ESTIMATORS",
    "Contributions",
    "Direct",
    "DoublyRobust",
    "InversePropensity",
    "LoggedDecisions",
    "OffPolicyEstimator",
    "Overlap",
    "OverlapLimits",
    "Sampling",
    "SelfNormalised",
    "Switch",
    "check_overlap",
    "compare_policies",
    "estimate_policy",
    "overlap",
    "switch_threshold",
]
