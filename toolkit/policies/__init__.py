"""Prediction to action: what a decision is, and the policies that take one."""

from toolkit.policies.base import (
    CostCurve,
    CostModel,
    Decision,
    Floats,
    Policy,
    Problem,
    Reason,
    Value,
)
from toolkit.policies.greedy import Greedy
from toolkit.policies.guarded import Gain, Guarded

__all__ = [
    "CostCurve",
    "CostModel",
    "Decision",
    "Floats",
    "Gain",
    "Greedy",
    "Guarded",
    "Policy",
    "Problem",
    "Reason",
    "Value",
]
