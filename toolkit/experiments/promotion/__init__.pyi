__all__: list[str]

from .champion_challenger import Contest as Contest
from .drift import drift_between as drift_between
from .gate import GateRules as GateRules
from .gate import Promotion as Promotion
from .gate import PromotionOutcome as PromotionOutcome
from .gate import decide_promotion as decide_promotion
from .registry import Registry as Registry
from .releases import Releases as Releases
from .releases import ReleaseState as ReleaseState
from .retraining import Retraining as Retraining
from .retraining import promote as promote
from .retraining import retrain as retrain
