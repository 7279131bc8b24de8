__all__: list[str]

from .rule_tuning import RuleStudy as RuleStudy
from .studies_storage import shown_address as shown_address
from .studies_storage import studies_place as studies_place
from .workers import tune_together as tune_together
