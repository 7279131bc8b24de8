"""The planner: predicts a workflow, and follows it while it runs.

`PredictiveWorkflowOptimizer.predict` takes a task, what agents can do and what there is
to work with; `PlanFollower.observe` compares the run with the plan and tells of what it
calls for.
"""

from toolkit.runtime.planning.capabilities import AgentCapabilities
from toolkit.runtime.planning.followed_workflow import FollowedWorkflow
from toolkit.runtime.planning.follower import PlanFollower
from toolkit.runtime.planning.frontier import time_money_frontier
from toolkit.runtime.planning.monitoring import (
    AlertRule,
    MonitoringPlan,
    MonitoringPoint,
    MonitoringSettings,
    PlanAlertKind,
    alert_rules,
)
from toolkit.runtime.planning.observation import Observation
from toolkit.runtime.planning.optimizer import (
    PredictiveWorkflowOptimizer,
    open_planner,
)
from toolkit.runtime.planning.performance import (
    Estimate,
    ExpectedPerformance,
    expected_performance,
)
from toolkit.runtime.planning.plan_alert import PlanAlert
from toolkit.runtime.planning.resources import SystemResources
from toolkit.runtime.planning.task import TaskComplexity
from toolkit.runtime.planning.workflow import (
    AgentPlan,
    Alternative,
    BatchPlan,
    WorkflowPlan,
    WorkflowPrediction,
)

__all__ = [
    "AgentCapabilities",
    "AgentPlan",
    "AlertRule",
    "Alternative",
    "BatchPlan",
    "Estimate",
    "ExpectedPerformance",
    "FollowedWorkflow",
    "MonitoringPlan",
    "MonitoringPoint",
    "MonitoringSettings",
    "Observation",
    "PlanAlert",
    "PlanAlertKind",
    "PlanFollower",
    "PredictiveWorkflowOptimizer",
    "SystemResources",
    "TaskComplexity",
    "WorkflowPlan",
    "WorkflowPrediction",
    "alert_rules",
    "expected_performance",
    "open_planner",
    "time_money_frontier",
]
