__all__: list[str]

from .gate import GateRules as GateRules
from .gate import PromotionOutcome as PromotionOutcome
from .gate import decide_promotion as decide_promotion
from .releases import Releases as Releases
from .retraining import Retraining as Retraining
from .retraining import promote as promote
from .retraining import retrain as retrain
from .retraining import roll_back as roll_back
