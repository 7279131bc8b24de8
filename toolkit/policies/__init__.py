"""Prediction to action: what a decision is, and the policies that take one."""

from toolkit.policies.adaptive import Adaptive
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
from toolkit.policies.belief import Belief, spend
from toolkit.policies.confidence import Confidence
from toolkit.policies.controller import Controller, SizeBounds
from toolkit.policies.correction import CorrectionSettings, CostCorrection
from toolkit.policies.expected_improvement import grid_middle, own_runs_only
from toolkit.policies.exploring import Exploring
from toolkit.policies.gradient2 import Gradient2
from toolkit.policies.greedy import Greedy
from toolkit.policies.guarded import Gain, Guarded
from toolkit.policies.measurement_prior import MeasurementPrior, curve_kernels
from toolkit.policies.offered import (
    OfferedRange,
    distinct_axes,
    offered_columns,
    with_offered_range,
)
from toolkit.policies.vegas import Vegas

__all__ = [
    "Adaptive",
    "Aimd",
    "Belief",
    "Confidence",
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
    "MeasurementPrior",
    "OfferedRange",
    "Policy",
    "Problem",
    "Reason",
    "SizeBounds",
    "Value",
    "Vegas",
    "curve_kernels",
    "distinct_axes",
    "grid_middle",
    "offered_columns",
    "own_runs_only",
    "spend",
    "with_offered_range",
]
