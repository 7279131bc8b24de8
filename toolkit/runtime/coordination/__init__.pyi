__all__: list[str]

from .alerts import AlertKind as AlertKind
from .monitor import CoordinationMonitor as CoordinationMonitor
from .names import agent_name as agent_name
from .report import CoordinationReport as CoordinationReport
from .report import OverallCoordination as OverallCoordination
from .settings import MonitorSettings as MonitorSettings
