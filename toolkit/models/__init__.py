"""Learned cost models: scikit-learn estimators that predict log cost."""

from toolkit.models.boosted_cost import BoostedCost
from toolkit.models.linear_cost import LinearCost
from toolkit.models.ratio_cost import FLOOR, RatioCost
from toolkit.models.scalability_curve import Coefficients, ScalabilityCurve
from toolkit.models.scaling import Scaling

__all__ = [
    "FLOOR",
    "BoostedCost",
    "Coefficients",
    "LinearCost",
    "RatioCost",
    "ScalabilityCurve",
    "Scaling",
]
