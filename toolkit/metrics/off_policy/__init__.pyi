__all__: list[str]

from .base import OffPolicyEstimator as OffPolicyEstimator
from .common_support import Overlap as Overlap
from .common_support import OverlapLimits as OverlapLimits
from .common_support import check_overlap as check_overlap
from .common_support import overlap as overlap
from .direct import Direct as Direct
from .doubly_robust import DoublyRobust as DoublyRobust
from .estimate import ESTIMATORS as ESTIMATORS
from .estimate import Sampling as Sampling
from .estimate import compare_policies as compare_policies
from .estimate import estimate_policy as estimate_policy
from .inverse_propensity import InversePropensity as InversePropensity
from .inverse_propensity import SelfNormalised as SelfNormalised
from .logged import LoggedDecisions as LoggedDecisions
from .switch import Switch as Switch
