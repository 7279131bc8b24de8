__all__: list[str]

from .level_shape import ShapedCost as ShapedCost
from .measurement_learning import learn_measurement_prior as learn_measurement_prior
from .ratio_cost import FLOOR as FLOOR
from .ratio_cost import RatioCost as RatioCost
from .rows import RelativeLayout as RelativeLayout
from .rows import RelativeRows as RelativeRows
from .rows import centred as centred
from .rows import group_folds as group_folds
from .rows import softened as softened
from .rows import unsoftened as unsoftened
from .scaling import Scaling as Scaling
from .scaling import checked_weights as checked_weights
from .stack import CONSTANT as CONSTANT
from .stack import LAW as LAW
from .stack import FittedEnsemble as FittedEnsemble
from .stack import RelativeEnsemble as RelativeEnsemble
from .stack import RelativeMember as RelativeMember
from .stack import Weighed as Weighed
from .stack import Weighing as Weighing
from .stack import choice_regret as choice_regret
from .stack import decision_weights as decision_weights
from .stack import family_of as family_of
from .stack import group_losses as group_losses
from .stack import prior_weights as prior_weights
from .stack import softmax_weights as softmax_weights
