"""Prediction to action: what a decision is, and the policies that take one."""

from toolkit.policies.aimd import Aimd
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
from toolkit.policies.controller import Controller, SizeBounds
from toolkit.policies.correction import CorrectionSettings, CostCorrection
from toolkit.policies.exploring import Exploring
from toolkit.policies.gradient2 import Gradient2
from toolkit.policies.greedy import Greedy
from toolkit.policies.guarded import Gain, Guarded
from toolkit.policies.vegas import Vegas

__all__ = [
    "Aimd",
    "Controller",
    "CorrectionSettings",
    "CostCorrection",
    "CostCurve",
    "CostModel",
    "Decision",
    "Exploring",
    "Floats",
    "Gain",
    "Gradient2",
    "Greedy",
    "Guarded",
    "Policy",
    "Problem",
    "Reason",
    "SizeBounds",
    "Value",
    "Vegas",
]
