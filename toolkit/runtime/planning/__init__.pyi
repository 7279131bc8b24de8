__all__: list[str]

from .capabilities import AgentCapabilities as AgentCapabilities
from .costing import AgentCosting as AgentCosting
from .followed_workflow import FollowedWorkflow as FollowedWorkflow
from .follower import PlanFollower as PlanFollower
from .frontier import time_money_frontier as time_money_frontier
from .monitoring import AlertRule as AlertRule
from .monitoring import MonitoringPlan as MonitoringPlan
from .monitoring import MonitoringPoint as MonitoringPoint
from .monitoring import MonitoringSettings as MonitoringSettings
from .monitoring import PlanAlertKind as PlanAlertKind
from .monitoring import alert_rules as alert_rules
from .observation import Observation as Observation
from .optimizer import PredictiveWorkflowOptimizer as PredictiveWorkflowOptimizer
from .optimizer import open_planner as open_planner
from .performance import Estimate as Estimate
from .performance import ExpectedPerformance as ExpectedPerformance
from .performance import expected_performance as expected_performance
from .plan_alert import PlanAlert as PlanAlert
from .resources import SystemResources as SystemResources
from .task import TaskComplexity as TaskComplexity
from .workflow import AgentPlan as AgentPlan
from .workflow import Alternative as Alternative
from .workflow import BatchPlan as BatchPlan
from .workflow import WorkflowPlan as WorkflowPlan
from .workflow import WorkflowPrediction as WorkflowPrediction
