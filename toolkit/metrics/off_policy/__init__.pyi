__all__: list[str]

from .base import OffPolicyEstimator as OffPolicyEstimator
from .common_support import Overlap as Overlap
from .common_support import OverlapLimits as OverlapLimits
from .common_support import check_overlap as check_overlap
from .common_support import overlap as overlap
from .estimate import ESTIMATORS as ESTIMATORS
from .estimate import Sampling as Sampling
from .estimate import compare_policies as compare_policies
from .estimate import estimate_policy as estimate_policy
from .logged import LoggedDecisions as LoggedDecisions
