"""Self-healing: checks, ladders, post-conditions, and what is learned from them.

Section 4 of the specification, with `definitions` where that is open. Success is only
what was measured after an action. The room knows a swarm as a `Sight`, acts through an
`Effector`, and is composed with the rest of the runtime from outside.
"""

from toolkit.runtime.healing.backoff import AttemptLimit, Backoff, CircuitBreaker
from toolkit.runtime.healing.checks import (
    AgentResponsiveness,
    CheckPlan,
    CoordinationEfficiency,
    HealthCheck,
    MemoryConsistency,
    ResourceHeadroom,
    WorkflowProgress,
)
from toolkit.runtime.healing.chronicle import Chronicle, RecordSink
from toolkit.runtime.healing.conditions import holds
from toolkit.runtime.healing.engine import HealingEngine
from toolkit.runtime.healing.gaps import GapBook
from toolkit.runtime.healing.issues import LADDERS, IssueKind, Rung, SilenceBands
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.learnings import Learnings, wilson_bounds
from toolkit.runtime.healing.plan import HealingPlan, HealingStatistics
from toolkit.runtime.healing.prevention import (
    Forecast,
    Prevention,
    PreventionCount,
    crossing_probability,
)
from toolkit.runtime.healing.readings import Finding, Reading
from toolkit.runtime.healing.session import HealingSession, Phase

__all__ = [
    "LADDERS",
    "AgentResponsiveness",
    "AttemptLimit",
    "Backoff",
    "CheckPlan",
    "Chronicle",
    "CircuitBreaker",
    "CoordinationEfficiency",
    "Finding",
    "Forecast",
    "GapBook",
    "HealingEngine",
    "HealingPlan",
    "HealingSession",
    "HealingStatistics",
    "HealthCheck",
    "IssueKind",
    "Journal",
    "Learnings",
    "MemoryConsistency",
    "Phase",
    "Prevention",
    "PreventionCount",
    "Reading",
    "RecordSink",
    "ResourceHeadroom",
    "Rung",
    "SilenceBands",
    "WorkflowProgress",
    "crossing_probability",
    "holds",
    "wilson_bounds",
]
