__all__: list[str]

from .rule_tuning import cheapest_action as cheapest_action
from .rule_tuning import mean_log_slowdown as mean_log_slowdown
from .rule_tuning import rule_scores as rule_scores
from .rule_tuning import suggest_rule as suggest_rule
from .search import Tuned as Tuned
from .search import trials_of as trials_of
from .search import tune as tune
