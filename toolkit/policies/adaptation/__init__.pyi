__all__: list[str]

from .adaptation import Adaptation as Adaptation
from .adaptation import AdaptationSettings as AdaptationSettings
from .adaptive import Adaptive as Adaptive
from .belief import Belief as Belief
from .belief import spend as spend
from .correction import CorrectionSettings as CorrectionSettings
from .correction import CostCorrection as CostCorrection
from .expected_improvement import grid_middle as grid_middle
from .expected_improvement import own_runs_only as own_runs_only
from .intervals import Intervals as Intervals
from .intervals import curve_covariance as curve_covariance
from .intervals import curve_deviation as curve_deviation
from .intervals import deviation_between as deviation_between
from .intervals import error_scale as error_scale
from .measurement_prior import MeasurementPrior as MeasurementPrior
from .measurement_prior import curve_kernels as curve_kernels
from .softening import stretched as stretched
from .softening import unsoftened as unsoftened
