"""Watches a swarm as it works: five factors an agent, and what agents do to each other.

`CoordinationMonitor.track` takes in one operation and keeps everything up to date;
alerts go to the notifier at once, reports are built when somebody asks.
"""

from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority
from toolkit.runtime.coordination.counts import Counts
from toolkit.runtime.coordination.factors import FACTORS, Factors
from toolkit.runtime.coordination.monitor import AgentWatch, CoordinationMonitor
from toolkit.runtime.coordination.recommendations import Recommendation
from toolkit.runtime.coordination.report import (
    AgentEfficiency,
    CoordinationReport,
    OverallCoordination,
)
from toolkit.runtime.coordination.settings import Band, MonitorSettings

__all__ = [
    "FACTORS",
    "AgentEfficiency",
    "AgentWatch",
    "Alert",
    "AlertKind",
    "Band",
    "CoordinationMonitor",
    "CoordinationReport",
    "Counts",
    "Factors",
    "MonitorSettings",
    "OverallCoordination",
    "Priority",
    "Recommendation",
]
