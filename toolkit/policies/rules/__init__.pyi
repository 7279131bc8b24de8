__all__: list[str]

from .agent_count_rule import AgentCountConstants as AgentCountConstants
from .agent_count_rule import AgentCountRule as AgentCountRule
from .batch_size_rule import OPTIMUMS as OPTIMUMS
from .batch_size_rule import BatchSizeOptimum as BatchSizeOptimum
from .batch_size_rule import BatchSizeRule as BatchSizeRule
from .complexity import coordination_complexity as coordination_complexity
from .efficiency_score import EfficiencyScore as EfficiencyScore
from .efficiency_score import EfficiencyWeights as EfficiencyWeights
from .rule_policy import AgentCountRulePolicy as AgentCountRulePolicy
from .rule_policy import BatchSizeRulePolicy as BatchSizeRulePolicy
from .rule_policy import ConstantPolicy as ConstantPolicy
from .rule_policy import RuleOfThumbPolicy as RuleOfThumbPolicy
from .strategy_rule import MemoryStructureRule as MemoryStructureRule
from .strategy_rule import StrategyRule as StrategyRule
from .table_rule import WORKERS as WORKERS
from .table_rule import TableRule as TableRule
from .tuned import named_rule as named_rule
from .tuned import rule_numbers as rule_numbers
