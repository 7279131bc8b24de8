__all__: list[str]

from .actions import PlanActions as PlanActions
from .actions import StandardPlanActions as StandardPlanActions
from .capabilities import AgentCapabilities as AgentCapabilities
from .follower import PlanFollower as PlanFollower
from .monitoring import MonitoringPlan as MonitoringPlan
from .monitoring import MonitoringSettings as MonitoringSettings
from .optimizer import PredictiveWorkflowOptimizer as PredictiveWorkflowOptimizer
from .optimizer import open_planner as open_planner
from .pattern import read_patterns as read_patterns
from .performance import Estimate as Estimate
from .performance import ExpectedPerformance as ExpectedPerformance
from .resources import SystemResources as SystemResources
from .task import TaskComplexity as TaskComplexity
from .workflow import BatchPlan as BatchPlan
from .workflow import WorkflowPrediction as WorkflowPrediction
