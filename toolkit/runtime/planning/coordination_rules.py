"""How agents coordinate and share memory, with the facts behind the choice."""

from dataclasses import dataclass, field

from toolkit.policies import Reason, Value
from toolkit.policies.rules import (
    AgentCountConstants,
    MemoryStructureRule,
    StrategyRule,
)
from toolkit.runtime.planning.capabilities import AgentCapabilities
from toolkit.runtime.planning.task import TaskComplexity

__all__ = ["Coordination", "CoordinationRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordination:
    """A strategy and a memory structure, with their reasons."""

    strategy: str
    memory_structure: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationRules:
    """The two rules of definitions, section 3, on what a planner knows.

    Examples
    --------
    >>> rules = CoordinationRules()
    >>> rules.recommend(8, TaskComplexity(components=9), AgentCapabilities()).strategy
    'hybrid'
    """

    strategy_rule: StrategyRule = field(default_factory=StrategyRule)
    memory_rule: MemoryStructureRule = field(default_factory=MemoryStructureRule)

    def recommend(
        self, agents: int, task: TaskComplexity, capabilities: AgentCapabilities
    ) -> Coordination:
        """Choose strategy and memory structure; unknown numbers are the count rule's."""
        defaults = AgentCountConstants()
        needs, dependencies = task.coordination_needs, task.dependencies
        experts = capabilities.sole_experts(tuple(task.operations))
        strategy = self.strategy_rule.recommend(
            agents=agents,
            coordination_needs=(
                defaults.default_coordination_needs if needs is None else needs
            ),
            components=task.components,
            dependencies=(
                defaults.default_dependencies if dependencies is None else dependencies
            ),
            has_sole_expert=bool(experts),
        )
        memory = self.memory_rule.recommend(
            strategy=strategy, shared_key_share=task.shared_key_share, agents=agents
        )
        facts: dict[str, Value] = {
            "strategy": strategy,
            "agents": float(agents),
            "coordination_needs": needs,
            "dependencies": dependencies,
            "sole_expert": experts[0] if experts else None,
        }
        sharing: dict[str, Value] = {
            "memory_structure": memory,
            "shared_key_share": task.shared_key_share,
        }
        return Coordination(
            strategy=strategy,
            memory_structure=memory,
            reasons=(
                Reason(code="strategy_rule", facts=facts),
                Reason(code="memory_structure_rule", facts=sharing),
            ),
        )
