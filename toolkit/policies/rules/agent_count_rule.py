"""The specification's agent-count rule (section 3), verbatim: a baseline to beat."""

import math
from dataclasses import dataclass, field

from toolkit.policies import Reason
from toolkit.policies.rules.rounding import round_half_up

__all__ = ["AgentCountAnswer", "AgentCountConstants", "AgentCountRule"]

MOST_PARTS = 1e9
"""More change no answer, and an infinite product has no ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCountConstants:
    """Every number of the specification's section 3 formula.

    The `default_*` stand in for what is missing; JavaScript's `0 || default` makes a 0
    count as missing too, and so does this rule.
    """

    default_components: float = 1.0
    default_dependencies: float = 0.0
    default_parallelizable: float = 0.5
    default_coordination_needs: float = 0.3
    overhead_weight: float = 0.5
    fewest: int = 3
    most: int = 12
    lower_share: float = 0.7
    upper_share: float = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCountAnswer:
    """A recommended number of agents with its range and reason."""

    recommended: int
    minimum: int
    maximum: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCountRule:
    """Parallelisable components, less a coordination penalty, within 3 to 12.

    Examples
    --------
    >>> answer = AgentCountRule().recommend(
    ...     components=10, dependencies=4, parallelizable=0.8, coordination_needs=0.5
    ... )
    >>> answer.recommended, answer.minimum, answer.maximum
    (8, 5, 10)
    """

    constants: AgentCountConstants = field(default_factory=AgentCountConstants)

    def recommend(
        self,
        *,
        components: float | None = None,
        dependencies: float | None = None,
        parallelizable: float | None = None,
        coordination_needs: float | None = None,
    ) -> AgentCountAnswer:
        """Recommend a number of agents.

        Parameters
        ----------
        components : float or None
            Parts of the task.
        dependencies : float or None
            Read and not used, as in the specification.
        parallelizable, coordination_needs : float or None
            0 to 1; a 0 counts as missing.

        Returns
        -------
        AgentCountAnswer
            A whole number within the rule's limits, its range, and the facts it follows
            from.
        """
        c = self.constants
        parts = components or c.default_components
        parallel = parallelizable or c.default_parallelizable
        needs = coordination_needs or c.default_coordination_needs
        base = math.ceil(min(max(parts * parallel, -MOST_PARTS), MOST_PARTS))
        adjusted = max(float(c.fewest), base - needs * c.overhead_weight)
        count = min(adjusted, float(c.most))
        facts = {
            "components": parts,
            "dependencies": dependencies or c.default_dependencies,
            "parallelizable": parallel,
            "coordination_needs": needs,
        }
        return AgentCountAnswer(
            recommended=round_half_up(count),
            minimum=max(c.fewest, round_half_up(count * c.lower_share)),
            maximum=min(c.most, round_half_up(count * c.upper_share)),
            reason=Reason(code="agent_count_rule", facts=facts),
        )
