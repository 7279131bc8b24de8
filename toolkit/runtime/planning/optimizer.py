"""Predicts a workflow: agents, batches, coordination (specification, section 3).

Longer than our files are: one class whose steps share what one prediction knows.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.clock import Clock
from toolkit.errors import UsageError
from toolkit.policies import Decision, Reason, Value
from toolkit.policies.adaptation import AdaptationSettings, CorrectionSettings
from toolkit.policies.rules import (
    OPTIMUMS,
    AgentCountRulePolicy,
    coordination_complexity,
)
from toolkit.records import Workflow
from toolkit.runtime.advice import LadderAdvisor, open_advisor
from toolkit.runtime.planning.capabilities import AgentCapabilities
from toolkit.runtime.planning.coordination_rules import CoordinationRules
from toolkit.runtime.planning.costing import AgentCosting
from toolkit.runtime.planning.frontier import time_money_frontier
from toolkit.runtime.planning.monitoring import (
    MonitoringPlan,
    MonitoringSettings,
    alert_rules,
)
from toolkit.runtime.planning.observed_runs import ObservedRuns
from toolkit.runtime.planning.pattern import Pattern, adapted_size, observed_cost_s
from toolkit.runtime.planning.performance import Estimate, ExpectedPerformance
from toolkit.runtime.planning.resources import SystemResources
from toolkit.runtime.planning.task import TaskComplexity
from toolkit.runtime.planning.workflow import (
    AgentPlan,
    Alternative,
    BatchPlan,
    WorkflowPlan,
    WorkflowPrediction,
)

__all__ = ["PredictiveWorkflowOptimizer", "open_planner"]

LEARNED = frozenset({"learned_better", "rule_and_learned_agree"})
"""Reasons of decisions that a model stands behind."""

UNKNOWN_CAPABILITIES = AgentCapabilities()
UNKNOWN_RESOURCES = SystemResources()
COORDINATION = CoordinationRules()
SETTINGS = MonitoringSettings()


class PredictiveWorkflowOptimizer:
    """Predicts how to work on a task: learned where the bundles support it, else ruled.

    Safe to share between threads: predicting changes no state. Runs that `observe` was
    given move the number of agents through the same posterior as batch sizes.

    Parameters
    ----------
    agents, batches : LadderAdvisor
        They decide `agent_count` and `batch_size`.
    coordination : CoordinationRules
    settings : MonitoringSettings
    patterns : sequence of Pattern
        Sizes of earlier runs and what they cost, in the order of time: they correct
        the batch sizes, and are the predicted costs where no model has one.

    Raises
    ------
    UsageError
        An advisor decides something else.

    Examples
    --------
    >>> from toolkit.clock import SystemClock
    >>> planner = open_planner(clock=SystemClock())
    >>> task = TaskComplexity(components=10, parallelizable=0.8, coordination_needs=0.5)
    >>> plan = planner.predict(task).plan
    >>> plan.agents.recommended, plan.strategy, plan.memory_structure
    (8, 'hybrid', 'shared')
    """

    def __init__(
        self,
        *,
        agents: LadderAdvisor,
        batches: LadderAdvisor,
        coordination: CoordinationRules = COORDINATION,
        settings: MonitoringSettings = SETTINGS,
        patterns: Sequence[Pattern] = (),
    ) -> None:
        if (agents.decision, batches.decision) != ("agent_count", "batch_size"):
            raise UsageError(
                "the planner needs advisors of `agent_count` and `batch_size`; got "
                f"`{agents.decision}` and `{batches.decision}`"
            )
        self.agents = agents
        self.batches = batches
        self.coordination = coordination
        self.settings = settings
        self.patterns = tuple(patterns)
        self.runs = ObservedRuns(agents)

    def with_patterns(
        self, patterns: Sequence[Pattern]
    ) -> "PredictiveWorkflowOptimizer":
        """Make a planner that knows of more patterns, and of the same runs.

        Parameters
        ----------
        patterns : sequence of Pattern
            Added to those it has.

        Returns
        -------
        PredictiveWorkflowOptimizer
        """
        planner = PredictiveWorkflowOptimizer(
            agents=self.agents,
            batches=self.batches,
            coordination=self.coordination,
            settings=self.settings,
            patterns=(*self.patterns, *patterns),
        )
        planner.runs = self.runs
        return planner

    def observe(self, record: Workflow) -> None:
        """Learn from a run that ended what its number of agents cost.

        Parameters
        ----------
        record : Workflow
        """
        self.runs.observe(record)

    def predict(
        self,
        task: TaskComplexity,
        capabilities: AgentCapabilities = UNKNOWN_CAPABILITIES,
        resources: SystemResources = UNKNOWN_RESOURCES,
    ) -> WorkflowPrediction:
        """Predict the workflow of least expected cost.

        Parameters
        ----------
        task : TaskComplexity
        capabilities : AgentCapabilities
        resources : SystemResources

        Returns
        -------
        WorkflowPrediction
            With its alternatives and the plan for watching it.
        """
        decision, costing = self._decide(task, resources)
        agents = self._agent_plan(decision, costing, task, resources)
        count = agents.recommended
        expected = None if costing is None else costing.expect(decision.index)
        chosen = self.coordination.recommend(count, task, capabilities)
        batches = self._batch_plans(count, task, resources)
        why = "no_model" if self.agents.bundle is None else decision.reason.code
        notes = _notes(agents, task, capabilities, resources)
        if expected is None:
            unknown: dict[str, Value] = {"because": why}
            notes += (Reason(code="performance_not_known", facts=unknown),)
        elif expected.makespan_s is None:
            notes += (Reason(code="price_exponent_not_known"),)
        plan = WorkflowPlan(
            agents=agents,
            batches=batches,
            strategy=chosen.strategy,
            memory_structure=chosen.memory_structure,
            expected=expected,
            reasons=(agents.reason, *chosen.reasons, *notes),
        )
        return WorkflowPrediction(
            plan=plan,
            confidence=decision.confidence if agents.learned else None,
            alternatives=self._alternatives(decision, costing, task, capabilities),
            monitoring=self._monitoring(plan, task),
        )

    def _decide(
        self, task: TaskComplexity, resources: SystemResources
    ) -> tuple[Decision, AgentCosting | None]:
        context: dict[str, Value] = {
            **task.context(),
            **resources.load(),
            "cpu_cores": resources.cpu_cores,
        }
        offered = self._offered(task, resources)
        decision = self.runs.adapted(self.agents.decide(context, offered), offered)
        bundle, model = self.agents.bundle, self.agents.policy.model
        if bundle is None or model is None or decision.expected_cost is None:
            return decision, None
        problem = self.agents.problem(context, offered)
        costing = AgentCosting(
            bundle=bundle,
            problem=problem,
            curve=model.predict(problem),
            components=task.components,
            price_per_agent_s=resources.price_per_agent_s,
        )
        return decision, costing

    def _offered(
        self, task: TaskComplexity, resources: SystemResources
    ) -> tuple[float, ...]:
        """Offer the bundle's counts, and the rule's own so that it stays verbatim."""
        most = resources.most_agents
        rule = float(self._rule_range(task)[0])
        if most is None:
            return tuple(sorted({*self.agents.offered, rule}))
        offered = {count for count in self.agents.offered if count <= most}
        return tuple(sorted({*offered, min(rule, float(most))}))

    def _rule_range(self, task: TaskComplexity) -> tuple[int, int, int]:
        rule = self.agents.rule
        if not isinstance(rule, AgentCountRulePolicy):
            count = int(rule.decide(self.agents.problem(task.context())).action[0])
            return count, count, count
        answer = rule.rule.recommend(
            components=task.components,
            dependencies=task.dependencies,
            parallelizable=task.parallelizable,
            coordination_needs=task.coordination_needs,
        )
        return answer.recommended, answer.minimum, answer.maximum

    def _agent_plan(
        self,
        decision: Decision,
        costing: AgentCosting | None,
        task: TaskComplexity,
        resources: SystemResources,
    ) -> AgentPlan:
        count = int(decision.action[0])
        rule, low, high = self._rule_range(task)
        learned = decision.reason.code in LEARNED
        if learned and costing is not None:
            low, high = costing.equivalent(decision.index)
        most = resources.most_agents
        if most is not None:
            low, high = min(low, most), min(high, most)
        low, high = _kept(decision, self._offered(task, resources), low, high)
        return AgentPlan(
            recommended=count,
            minimum=min(low, count),
            maximum=max(high, count),
            rule=rule,
            learned=learned,
            reason=decision.reason,
            support=decision.support,
            policy=decision.policy,
            version=decision.version,
            propensity=decision.propensity,
        )

    def _batch_plans(
        self, agents: int, task: TaskComplexity, resources: SystemResources
    ) -> tuple[BatchPlan, ...]:
        shared: dict[str, Value] = {
            **resources.load(),
            "active_agents": float(agents),
            "coordination_complexity": _complexity(task, agents),
        }
        return tuple(
            self._batch_plan(name, task.operations.get(name), shared)
            for name in sorted(task.operations or OPTIMUMS)
        )

    def _batch_plan(
        self, operation_type: str, operations: int | None, shared: Mapping[str, Value]
    ) -> BatchPlan:
        decision = self.batches.decide({**shared, "operation_type": operation_type})
        known = [p for p in self.patterns if p.operation_type == operation_type]
        size, reason = self._size(decision, known)
        baseline = decision.label if decision.baseline is None else decision.baseline
        learned = reason.code in LEARNED
        return BatchPlan(
            operation_type=operation_type,
            size=size,
            rule_size=int(float(baseline)),
            operations=operations,
            batches=None if operations is None else math.ceil(operations / size),
            cost_s=_cost_of(decision, known, size),
            confidence=decision.confidence if learned else None,
            reason=reason,
        )

    def _size(
        self, decision: Decision, patterns: Sequence[Pattern]
    ) -> tuple[int, Reason]:
        """Correct a decided size by what patterns of its operation type cost."""
        decided = decision.action[0]
        sizes = np.asarray(self.batches.offered, dtype=np.float64)
        curve = None if decision.curve is None else decision.curve.log_cost
        history = curve if curve is not None and len(curve) == len(sizes) else None
        size = adapted_size(
            patterns,
            sizes,
            decided,
            settings=AdaptationSettings(every=_adjustment(self.batches).every),
            history=history,
        )
        allowed = decision.allowed
        kept = allowed is None or bool(allowed[np.flatnonzero(sizes == size)].all())
        if size == decided or not kept:
            return int(decided), decision.reason
        facts: dict[str, Value] = {
            "decided": decided,
            "batches": float(sum(pattern.batches for pattern in patterns)),
        }
        return int(size), Reason(code="own_patterns", facts=facts)

    def _alternatives(
        self,
        decision: Decision,
        costing: AgentCosting | None,
        task: TaskComplexity,
        capabilities: AgentCapabilities,
    ) -> tuple[Alternative, ...]:
        if costing is None:
            return ()
        options = [
            costing.expect(index)
            for index in costing.supported()
            if decision.allowed is None or decision.allowed[index]
        ]
        frontier = time_money_frontier([o for o in options if o is not None])
        return tuple(
            self._alternative(option, task, capabilities)
            for option in frontier
            if option.agents != int(decision.action[0])
        )

    def _alternative(
        self,
        option: ExpectedPerformance,
        task: TaskComplexity,
        capabilities: AgentCapabilities,
    ) -> Alternative:
        coordination = self.coordination.recommend(option.agents, task, capabilities)
        return Alternative(
            agents=option.agents,
            strategy=coordination.strategy,
            memory_structure=coordination.memory_structure,
            expected=option,
        )

    def _monitoring(self, plan: WorkflowPlan, task: TaskComplexity) -> MonitoringPlan:
        costs = {
            batch.operation_type: batch.cost_s.expected
            for batch in plan.batches
            if batch.cost_s is not None
        }
        return MonitoringPlan(
            baseline=plan.expected,
            components=task.components,
            batch_costs_s=costs,
            alerts=alert_rules(self.settings),
            adjustment=_adjustment(self.agents),
            batch_adjustment=_adjustment(self.batches),
            spawn_window_s=self.settings.spawn_window_s,
        )


def open_planner(
    *,
    clock: Clock,
    agent_bundle: Path | None = None,
    batch_bundle: Path | None = None,
    settings: MonitoringSettings = SETTINGS,
    patterns: Sequence[Pattern] = (),
) -> PredictiveWorkflowOptimizer:
    """Load the bundles and make a planner; a refused bundle leaves the rule.

    Parameters
    ----------
    clock : Clock
        Tells when a bundle has expired.
    agent_bundle, batch_bundle : path or None
        `None` means the rule.
    settings : MonitoringSettings
    patterns : sequence of Pattern
        As `read_patterns` gives those of a store.

    Returns
    -------
    PredictiveWorkflowOptimizer
    """
    return PredictiveWorkflowOptimizer(
        agents=open_advisor(agent_bundle, decision="agent_count", clock=clock),
        batches=open_advisor(batch_bundle, decision="batch_size", clock=clock),
        settings=settings,
        patterns=patterns,
    )


def _kept(
    decision: Decision, offered: Sequence[float], low: int, high: int
) -> tuple[int, int]:
    """Narrow a range to the counts that keep the constraints."""
    if decision.allowed is None:
        return low, high
    kept = [
        int(count)
        for count, allowed in zip(offered, decision.allowed, strict=True)
        if allowed and low <= count <= high
    ] or [int(decision.action[0])]
    return min(kept), max(kept)


def _complexity(task: TaskComplexity, agents: int) -> float | None:
    """Tell how entangled the task is; `None` where one of the parts is not known."""
    if task.shared_key_share is None or task.dependencies is None:
        return None
    return coordination_complexity(
        shared_key_share=task.shared_key_share,
        dependencies=task.dependencies,
        operations=task.components,
        agents=agents,
    )


def _cost_of(
    decision: Decision, patterns: Sequence[Pattern], size: int
) -> Estimate | None:
    """Take what was observed at about this size, else the model's prediction."""
    if (observed_s := observed_cost_s(patterns, size)) is not None:
        return Estimate(expected=observed_s, low=observed_s, high=observed_s)
    costs = (decision.expected_cost, decision.cost_low, decision.cost_high)
    known = [cost for cost in costs if cost is not None and 0 < cost < math.inf]
    if len(known) < len(costs):
        return None
    return Estimate(expected=known[0], low=known[1], high=known[2])


def _adjustment(advisor: LadderAdvisor) -> CorrectionSettings:
    """Take rate and interval from the bundle, else the specification's."""
    if advisor.bundle is None:
        return CorrectionSettings()
    manifest = advisor.bundle.manifest
    return CorrectionSettings(
        rate=manifest.adaptation_rate, every=manifest.adaptation_every
    )


def _notes(
    agents: AgentPlan,
    task: TaskComplexity,
    capabilities: AgentCapabilities,
    resources: SystemResources,
) -> tuple[Reason, ...]:
    """Say what stands out: a limit, agents to spawn, operations that no agent can do."""
    notes = []
    most = resources.most_agents
    if most is not None and agents.rule > most:
        facts: dict[str, Value] = {"limit": float(most), "rule": float(agents.rule)}
        notes.append(Reason(code="agent_limit", facts=facts))
    named = len(capabilities.agents)
    if 0 < named < agents.recommended:
        spawn = float(agents.recommended - named)
        notes.append(Reason(code="agents_to_spawn", facts={"agents": spawn}))
    notes.extend(
        Reason(code="no_agent_can", facts={"operation_type": name})
        for name in capabilities.missing(tuple(task.operations))
    )
    return tuple(notes)
