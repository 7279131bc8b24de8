__all__: list[str]

from .anchor import FittedAnchor as FittedAnchor
from .boosted import FittedBoosted as FittedBoosted
from .boosted import RelativeBoosted as RelativeBoosted
from .constant import FittedConstant as FittedConstant
from .constant import RelativeConstant as RelativeConstant
from .estimator import FittedEstimator as FittedEstimator
from .estimator import RelativeEstimator as RelativeEstimator
from .estimator import estimator_parts as estimator_parts
from .law import FittedLaw as FittedLaw
from .law import RelativeLaw as RelativeLaw
from .linear import FittedLinear as FittedLinear
from .linear import RelativeLinear as RelativeLinear
from .process import FittedProcess as FittedProcess
from .process import RelativeProcess as RelativeProcess
from .quadratic import FittedQuadratic as FittedQuadratic
from .quadratic import RelativeQuadratic as RelativeQuadratic
from .single_precision import round_down as round_down
from .trees import FittedTrees as FittedTrees
from .trees import RelativeTrees as RelativeTrees
