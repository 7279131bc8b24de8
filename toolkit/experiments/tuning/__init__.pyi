__all__: list[str]

from .rule_tuning import RuleStudy as RuleStudy
from .rule_tuning import cheapest_action as cheapest_action
from .rule_tuning import mean_log_slowdown as mean_log_slowdown
from .search import Tuned as Tuned
from .search import trials_of as trials_of
from .studies_storage import shown_address as shown_address
from .studies_storage import studies_place as studies_place
from .studies_storage import with_driver as with_driver
from .workers import tune_together as tune_together
