__all__: list[str]

from .rule_tuning import rule_scores as rule_scores
from .rule_tuning import suggest_rule as suggest_rule
from .search import Tuned as Tuned
from .search import trials_of as trials_of
from .search import tune as tune
