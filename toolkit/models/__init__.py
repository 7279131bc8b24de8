"""Learned cost models: scikit-learn estimators that predict log cost."""

from toolkit.models.boosted_cost import BoostedCost
from toolkit.models.linear_cost import LinearCost
from toolkit.models.measurement_learning import learn_measurement_prior
from toolkit.models.ratio_cost import FLOOR, RatioCost
from toolkit.models.relative_constant import FittedConstant, RelativeConstant
from toolkit.models.relative_ensemble import (
    CONSTANT,
    LAW,
    FittedEnsemble,
    RelativeEnsemble,
    Weighed,
    Weighing,
    choice_regret,
    decision_weights,
    family_of,
    group_losses,
    prior_weights,
    softmax_weights,
)
from toolkit.models.relative_law import FittedLaw, RelativeLaw
from toolkit.models.relative_process import FittedProcess
from toolkit.models.relative_quadratic import FittedQuadratic
from toolkit.models.relative_rows import RelativeLayout, RelativeRows
from toolkit.models.relative_trees import FittedTrees
from toolkit.models.scalability_curve import Coefficients, ScalabilityCurve
from toolkit.models.scaling import Scaling
from toolkit.models.shaped_cost import ShapedCost

__all__ = [
    "CONSTANT",
    "FLOOR",
    "LAW",
    "BoostedCost",
    "Coefficients",
    "FittedConstant",
    "FittedEnsemble",
    "FittedLaw",
    "FittedProcess",
    "FittedQuadratic",
    "FittedTrees",
    "LinearCost",
    "RatioCost",
    "RelativeConstant",
    "RelativeEnsemble",
    "RelativeLaw",
    "RelativeLayout",
    "RelativeRows",
    "ScalabilityCurve",
    "Scaling",
    "ShapedCost",
    "Weighed",
    "Weighing",
    "choice_regret",
    "decision_weights",
    "family_of",
    "group_losses",
    "learn_measurement_prior",
    "prior_weights",
    "softmax_weights",
]
