__all__: list[str]

from .agent_count_rule import AgentCountAnswer as AgentCountAnswer
from .agent_count_rule import AgentCountConstants as AgentCountConstants
from .agent_count_rule import AgentCountRule as AgentCountRule
from .batch_size_rule import OPTIMUMS as OPTIMUMS
from .batch_size_rule import BatchSizeAnswer as BatchSizeAnswer
from .batch_size_rule import BatchSizeOptimum as BatchSizeOptimum
from .batch_size_rule import BatchSizeRule as BatchSizeRule
from .batch_size_rule import BatchSizeThresholds as BatchSizeThresholds
from .batch_size_rule import system_load as system_load
from .complexity import coordination_complexity as coordination_complexity
from .efficiency_score import EfficiencyScore as EfficiencyScore
from .efficiency_score import EfficiencyWeights as EfficiencyWeights
from .rounding import round_half_up as round_half_up
from .rule_policy import AgentCountRulePolicy as AgentCountRulePolicy
from .rule_policy import BatchSizeRulePolicy as BatchSizeRulePolicy
from .rule_policy import ConstantPolicy as ConstantPolicy
from .rule_policy import RuleOfThumbPolicy as RuleOfThumbPolicy
from .rule_policy import nearest_action as nearest_action
from .rule_policy import nearest_point as nearest_point
from .rules_of_thumb import agents_by_tier as agents_by_tier
from .rules_of_thumb import agents_from_tasks as agents_from_tasks
from .rules_of_thumb import half_the_cores as half_the_cores
from .rules_of_thumb import tool_call_cap as tool_call_cap
from .strategy_rule import MemoryStructureRule as MemoryStructureRule
from .strategy_rule import StrategyRule as StrategyRule
