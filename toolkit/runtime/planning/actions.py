"""Carries out what a plan's alerts call for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from toolkit.clock import Clock
from toolkit.records import Spool
from toolkit.runtime.planning.capabilities import AgentCapabilities
from toolkit.runtime.planning.followed_workflow import FollowedWorkflow
from toolkit.runtime.planning.monitoring import MonitoringPlan
from toolkit.runtime.planning.optimizer import PredictiveWorkflowOptimizer
from toolkit.runtime.planning.plan_alert import PlanAlert
from toolkit.runtime.planning.resources import SystemResources
from toolkit.runtime.planning.task import TaskComplexity
from toolkit.runtime.planning.workflow import WorkflowPrediction

__all__ = ["PlanActions", "StandardPlanActions"]


class PlanActions(Protocol):
    """Carries out the three actions of the specification's section 3."""

    def adjust(self, alert: PlanAlert, run: FollowedWorkflow) -> MonitoringPlan | None:
        """Carry out `adaptive_workflow_adjustment`; give the plan to follow from now.

        Parameters
        ----------
        alert : PlanAlert
            What fired.
        run : FollowedWorkflow
            What is known of the run.

        Returns
        -------
        MonitoringPlan or None
            `None` keeps the plan.
        """
        ...

    def reset(self, alert: PlanAlert, run: FollowedWorkflow) -> None:
        """Carry out `emergency_coordination_reset`.

        Parameters
        ----------
        alert : PlanAlert
            What fired.
        run : FollowedWorkflow
            What is known of the run.
        """
        ...

    def capture(self, alert: PlanAlert, run: FollowedWorkflow) -> None:
        """Carry out `capture_optimization_pattern`.

        Parameters
        ----------
        alert : PlanAlert
            What fired.
        run : FollowedWorkflow
            What is known of the run.
        """
        ...


def _adopt_nothing(prediction: WorkflowPrediction) -> None:
    """Leave a new prediction to the monitoring plan alone."""
    del prediction


def _reset_nothing() -> None:
    """Leave the reset to the healing organ."""


@dataclass(frozen=True, kw_only=True)
class StandardPlanActions:
    """Plans the rest again, resets the swarm's coordination, keeps what went well.

    Parameters
    ----------
    planner : PredictiveWorkflowOptimizer
    task : TaskComplexity
        As it was planned.
    clock : Clock
    capabilities : AgentCapabilities
    resources : SystemResources
    adopt : callable
        Gets the prediction for what is left: the swarm's host takes its sizes and
        agents.
    reset_swarm : callable
        Called beside the treatment that a healing organ of the same `RuntimeLoop` gives;
        nothing unless given.
    patterns : Spool, optional
        `Spool(store / "patterns")`, which the planner reads again.
    """

    planner: PredictiveWorkflowOptimizer
    task: TaskComplexity
    clock: Clock
    capabilities: AgentCapabilities = field(default_factory=AgentCapabilities)
    resources: SystemResources = field(default_factory=SystemResources)
    adopt: Callable[[WorkflowPrediction], object] = _adopt_nothing
    reset_swarm: Callable[[], object] = _reset_nothing
    patterns: Spool | None = None

    def adjust(self, alert: PlanAlert, run: FollowedWorkflow) -> MonitoringPlan | None:
        """Predict the rest of the task from what this run has shown."""
        del alert
        left = max(self.task.components - run.tasks_completed, 1.0)
        planner = self.planner.with_patterns(run.patterns)
        prediction = planner.predict(
            replace(self.task, components=left), self.capabilities, self.resources
        )
        self.adopt(prediction)
        return prediction.monitoring

    def reset(self, alert: PlanAlert, run: FollowedWorkflow) -> None:
        """Call what was given for it."""
        del alert, run
        self.reset_swarm()

    def capture(self, alert: PlanAlert, run: FollowedWorkflow) -> None:
        """Keep the sizes of this run and what they cost."""
        if self.patterns is None:
            return
        at = self.clock.now().isoformat()
        self.patterns.append_all(
            [
                {"at": at, "alert": alert.subject, **pattern.to_json()}
                for pattern in run.patterns
            ]
        )
