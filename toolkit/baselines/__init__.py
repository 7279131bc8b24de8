"""The rules: the specification's own numbers, and what people use instead of a model.

They are baselines to beat, verbatim, not truth. Each rule is a plain class; `*Policy`
wraps it so that it answers a problem with the nearest action on offer.
"""

from toolkit.baselines.agent_count_rule import (
    AgentCountAnswer,
    AgentCountConstants,
    AgentCountRule,
)
from toolkit.baselines.batch_size_rule import (
    OPTIMUMS,
    BatchSizeAnswer,
    BatchSizeOptimum,
    BatchSizeRule,
    BatchSizeThresholds,
    system_load,
)
from toolkit.baselines.coordination_complexity import coordination_complexity
from toolkit.baselines.efficiency_score import EfficiencyScore, EfficiencyWeights
from toolkit.baselines.rounding import round_half_up
from toolkit.baselines.rule_policy import (
    AgentCountRulePolicy,
    BatchSizeRulePolicy,
    ConstantPolicy,
    RuleOfThumbPolicy,
    nearest_action,
    nearest_point,
)
from toolkit.baselines.rules_of_thumb import (
    agents_by_tier,
    agents_from_tasks,
    half_the_cores,
    tool_call_cap,
)
from toolkit.baselines.strategy_rule import MemoryStructureRule, StrategyRule

__all__ = [
    "OPTIMUMS",
    "AgentCountAnswer",
    "AgentCountConstants",
    "AgentCountRule",
    "AgentCountRulePolicy",
    "BatchSizeAnswer",
    "BatchSizeOptimum",
    "BatchSizeRule",
    "BatchSizeRulePolicy",
    "BatchSizeThresholds",
    "ConstantPolicy",
    "EfficiencyScore",
    "EfficiencyWeights",
    "MemoryStructureRule",
    "RuleOfThumbPolicy",
    "StrategyRule",
    "agents_by_tier",
    "agents_from_tasks",
    "coordination_complexity",
    "half_the_cores",
    "nearest_action",
    "nearest_point",
    "round_half_up",
    "system_load",
    "tool_call_cap",
]
