"""Learned cost models: scikit-learn estimators that predict log cost."""

from toolkit.models.boosted_cost import BoostedCost
from toolkit.models.linear_cost import LinearCost
from toolkit.models.measurement_learning import learn_measurement_prior
from toolkit.models.ratio_cost import FLOOR, RatioCost
from toolkit.models.relative_ensemble import FittedEnsemble, RelativeEnsemble
from toolkit.models.relative_process import FittedProcess
from toolkit.models.relative_quadratic import FittedQuadratic
from toolkit.models.relative_rows import RelativeLayout, RelativeRows
from toolkit.models.relative_trees import FittedTrees
from toolkit.models.scalability_curve import Coefficients, ScalabilityCurve
from toolkit.models.scaling import Scaling
from toolkit.models.shaped_cost import ShapedCost

__all__ = [
    "FLOOR",
    "BoostedCost",
    "Coefficients",
    "FittedEnsemble",
    "FittedProcess",
    "FittedQuadratic",
    "FittedTrees",
    "LinearCost",
    "RatioCost",
    "RelativeEnsemble",
    "RelativeLayout",
    "RelativeRows",
    "ScalabilityCurve",
    "Scaling",
    "ShapedCost",
    "learn_measurement_prior",
]
