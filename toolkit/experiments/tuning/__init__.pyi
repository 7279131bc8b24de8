__all__: list[str]

from .correction_tuning import out_of_fold as out_of_fold
from .correction_tuning import replay_error as replay_error
from .correction_tuning import tune_correction as tune_correction
from .rule_tuning import rule_policy as rule_policy
from .rule_tuning import rule_scores as rule_scores
from .rule_tuning import suggest_rule as suggest_rule
from .rule_tuning import tuned_rule_policy as tuned_rule_policy
from .search import Tuned as Tuned
from .search import tune as tune
